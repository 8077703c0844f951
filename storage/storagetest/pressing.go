package storagetest

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// pressingTerms are two versions of rules, urgent and not.
func pressingTerms() *hub.LegalTerms {
	return &hub.LegalTerms{Terms: []hub.LegalTerm{
		{ID: "n1", Duty: hub.DutyNotice, From: "2025-01-01", To: "2026-02-20", Days: 3, Source: "x"},
		{ID: "n2", Duty: hub.DutyNotice, From: "2026-02-20", Source: "x"},
		{ID: "n3", Duty: hub.DutyNotice, Urgent: true, From: "2026-02-01", Within: "1h", Source: "x"},
		{ID: "r1", Duty: hub.DutyRegister, From: "2025-01-01", Days: 1, Source: "x"},
		{ID: "r2", Duty: hub.DutyRegister, Urgent: true, From: "2026-02-25", Days: 1, By: "10:00", Source: "x"},
	}}
}

// testPressing: the lists of what presses are those whose clocks and tasks say so, at any
// instant, whatever was done to the deliveries: what has a deadline of a task first, then what
// arrived first, urgent ones before. Nothing twice, in pages of any size, in a copy, too.
func testPressing(t *testing.T, back Backend) {
	b := newBench(t, back)
	r := rand.New(rand.NewPCG(7, 2026))
	end := b.Clock
	for range 60 {
		b.Clock = end.Add(-time.Duration(r.IntN(25*24*60)) * time.Minute).Truncate(time.Millisecond)
		b.somehow(r)
	}
	law, calendar := pressingTerms(), hub.NewCalendar()
	copied := newBench(t, back)
	b.must(copied.store.Import(b.ctx, reading(b.export())))
	states := append([]hub.DeliveryState{hub.StateConsigned}, hub.DeliveryStates()...)
	counts := map[hub.Timeliness]int{}
	for range 6 {
		now := end.Add(time.Duration(r.IntN(6*24*60)-24*60) * time.Minute)
		for _, wanted := range [][]hub.Timeliness{{hub.Overdue}, {hub.DueSoon}, {hub.DueSoon, hub.Overdue}} {
			query := hub.MailboxQuery{Agency: "r1", States: states, Timeliness: wanted, Pressed: law.Pressed(calendar, wanted, now), Now: now}
			want := b.pressing(law, calendar, wanted, now)
			counts[wanted[0]] += len(want)
			for _, limit := range []int{1, 3, 500} {
				same(t, fmt.Sprintf("%v at %v, pages of %d", wanted, now, limit), deliveryIDs(b.mailbox(query, limit)), want)
			}
			same(t, "in the copy", deliveryIDs(copied.mailbox(query, 500)), want)
			query.Text = "CAI cach"
			same(t, "searched", deliveryIDs(b.mailbox(query, 7)), want)
			query.Text = "khong co"
			same(t, "searched in vain", len(b.mailbox(query, 7)), 0)
		}
	}
	if counts[hub.Overdue] < 30 || counts[hub.DueSoon] < 30 {
		t.Errorf("too little pressed to tell anything: %v", counts)
	}
	query := hub.MailboxQuery{Agency: "r1", Pressed: law.Pressed(calendar, []hub.Timeliness{hub.Overdue}, end)}
	for _, after := range []string{"x", "AA"} {
		query.Page = hub.Page{Limit: 1, After: after}
		_, err := b.store.Mailbox(b.ctx, query)
		b.wants(hub.KindInvalid, err)
	}
}

// somehow makes a delivery to r1 and does this and that with it.
func (b *bench) somehow(r *rand.Rand) {
	a := b.Acceptance("r1", "r2")
	d := &a.Deliveries[0]
	if r.IntN(3) == 0 {
		a.Dispatch.Document.Priority = hub.PriorityUrgent
		a.Deliveries[0].Urgent, a.Deliveries[1].Urgent = true, true
	}
	d.Registers, d.ForInformation = r.IntN(3) > 0, r.IntN(5) == 0
	if r.IntN(4) == 0 {
		d.Channel = hub.ChannelAMQP
	}
	for i := range r.IntN(3) {
		id := hub.TaskID(b.ID())
		due := []hub.Date{"", hub.DateOf(b.Clock).Plus(r.IntN(20))}[r.IntN(2)]
		a.Dispatch.Tasks = append(a.Dispatch.Tasks, hub.Task{ID: id, Number: i + 1, Content: "Việc", Assignees: []hub.Assignee{{Agency: "r1", Role: hub.RoleEach, Due: due}}})
		task := hub.Assignment{Task: id, Role: hub.RoleEach, State: hub.TaskStates()[r.IntN(len(hub.TaskStates()))], Due: due, LastAt: b.Clock.UTC()}
		if task.State == hub.TaskAwaiting || task.State.Closed() {
			task.EndedOn = hub.DateOf(b.Clock)
		}
		if r.IntN(6) == 0 {
			task.Holder = "r9"
		}
		d.Tasks = append(d.Tasks, task)
	}
	now := b.acceptThis(a).Deliveries[0]
	ways := [][]hub.DeliveryState{
		{}, {hub.StateConsigned}, {hub.StateConsigned}, {hub.StateConsigned, hub.StateHandedOver}, {hub.StateConsigned, hub.StateHandedOver},
		{hub.StateConsigned, hub.StateHandedOver, hub.StateAccepted}, {hub.StateConsigned, hub.StateRefused}, {hub.StateConsigned, hub.StateExpired},
		{hub.StateConsigned, hub.StateWithdrawn}, {hub.StateFailed},
	}
	if d.Channel == hub.ChannelAMQP {
		ways = append(ways, []hub.DeliveryState{hub.StateHandedOver}, []hub.DeliveryState{hub.StateHandedOver, hub.StateExpired}, []hub.DeliveryState{hub.StateExpired})
	}
	for _, state := range ways[r.IntN(len(ways))] {
		if now.Final() || !now.State.MayBecome(state) {
			return
		}
		b.Clock = b.Clock.Add(time.Duration(r.IntN(300)) * time.Minute)
		step := b.Step(now, state)
		next := &step.Delivery
		switch state {
		case hub.StateConsigned:
			next.ConsignedAt = b.Clock.UTC()
		case hub.StateHandedOver:
			next.HandedOverAt = b.Clock.UTC()
		case hub.StateAccepted:
			next.RegisteredAt = b.Clock.UTC()
		case hub.StateRefused:
			next.RefusedAt = b.Clock.UTC()
		}
		b.must(b.apply(step))
		now = step.Next()
	}
}

// pressing is what the list should have: as the clocks of each delivery stand.
func (b *bench) pressing(law *hub.LegalTerms, calendar *hub.Calendar, wanted []hub.Timeliness, now time.Time) []hub.DeliveryID {
	today := hub.DateOf(now)
	soon := calendar.Soon(today)
	pressed := law.Pressed(calendar, wanted, now)
	type place struct {
		calm, late int
		due        hub.Date
		arrived    int64
		id         hub.DeliveryID
	}
	var places []place
	for _, item := range b.mailbox(hub.MailboxQuery{Agency: "r1", States: hub.DeliveryStates()}, 500) {
		d := &item.Delivery
		if !d.TakenBack() {
			item.Clocks = law.DeliveryClocks(calendar, &item.Dispatch, d, now)
		}
		if !slices.Contains(wanted, item.Pressing(today, soon)) {
			continue
		}
		p := place{calm: 1, late: 1, arrived: d.Arrived(&item.Dispatch).UnixMicro(), id: d.ID}
		if d.Urgent {
			p.calm = 0
		}
		if due := d.FirstDue(); due != "" && due <= pressed.DueUntil {
			p.late, p.due, p.arrived = 0, due, 0
		}
		places = append(places, p)
	}
	slices.SortFunc(places, func(x, y place) int {
		return cmp.Or(x.calm-y.calm, x.late-y.late, cmp.Compare(x.due, y.due), cmp.Compare(x.arrived, y.arrived), cmp.Compare(x.id, y.id))
	})
	ids := make([]hub.DeliveryID, len(places))
	for i := range places {
		ids[i] = places[i].id
	}
	return ids
}
