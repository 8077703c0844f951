package hub_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	if text == "" {
		return time.Time{}
	}
	v, err := time.ParseInLocation("2006-01-02 15:04", text, hub.Vietnam())
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func lawTerms() *hub.LegalTerms {
	return &hub.LegalTerms{Terms: []hub.LegalTerm{
		{ID: "old", Duty: hub.DutySend, From: "2018-09-06", To: "2026-01-01", Days: 3, Source: "x"},
		{ID: "send", Duty: hub.DutySend, From: "2026-01-01", Days: 1, By: "12:00", Source: "x"},
		{ID: "now", Duty: hub.DutySend, Urgent: true, From: "2026-01-01", Within: "1h", Source: "x"},
		{ID: "notice", Duty: hub.DutyNotice, From: "2026-01-01", Source: "x"},
		{ID: "register", Duty: hub.DutyRegister, From: "2026-01-01", Days: 1, Source: "x"},
	}}
}

// TestClocks: every state of a clock at its edges, over weekends and holidays, by the rule
// of the day on which the time began.
func TestClocks(t *testing.T) {
	calendar := hub.NewCalendar(hub.CalendarYear{Year: 2026, Days: []hub.CalendarDay{{Date: "2026-12-28", Kind: hub.DayOff}}})
	for name, tt := range map[string]struct {
		duty            hub.Duty
		urgent          bool
		since, met, now string
		term, due       string
		state           hub.ClockState
	}{
		"noon of the next working day": {hub.DutySend, false, "2026-11-26 09:00", "", "2026-11-26 10:00", "send", "2026-11-27 12:00", hub.ClockRunning},
		"on the last day":              {hub.DutySend, false, "2026-11-26 09:00", "", "2026-11-27 00:00", "send", "2026-11-27 12:00", hub.ClockSoon},
		"at the last moment":           {hub.DutySend, false, "2026-11-26 09:00", "2026-11-27 12:00", "2026-11-29 10:00", "send", "2026-11-27 12:00", hub.ClockInTime},
		"a minute later":               {hub.DutySend, false, "2026-11-26 09:00", "2026-11-27 12:01", "2026-11-29 10:00", "send", "2026-11-27 12:00", hub.ClockLate},
		"not yet, and over":            {hub.DutySend, false, "2026-11-26 09:00", "", "2026-11-27 12:01", "send", "2026-11-27 12:00", hub.ClockOverdue},
		"over a weekend":               {hub.DutySend, false, "2026-11-27 16:00", "", "2026-11-27 17:00", "send", "2026-11-30 12:00", hub.ClockRunning},
		"over a holiday":               {hub.DutySend, false, "2026-12-25 16:00", "", "2026-12-25 17:00", "send", "2026-12-29 12:00", hub.ClockRunning},
		"the rule of then":             {hub.DutySend, false, "2025-12-31 16:00", "", "2026-01-01 08:00", "old", "2026-01-06 00:00", hub.ClockRunning},
		"at once":                      {hub.DutySend, true, "2026-11-28 23:30", "", "2026-11-29 00:31", "now", "2026-11-29 00:30", hub.ClockOverdue},
		"the same day":                 {hub.DutyNotice, false, "2026-11-27 23:00", "", "2026-11-27 23:30", "notice", "2026-11-28 00:00", hub.ClockSoon},
		"a day off":                    {hub.DutyNotice, false, "2026-11-28 08:00", "", "2026-11-28 09:00", "notice", "2026-12-01 00:00", hub.ClockRunning},
		"midnight in Vietnam":          {hub.DutyRegister, false, "2026-11-26 00:00", "2026-11-28 00:00", "2026-11-28 01:00", "register", "2026-11-28 00:00", hub.ClockInTime},
	} {
		c, ok := lawTerms().Clock(calendar, tt.duty, tt.urgent, at(t, tt.since).UTC(), at(t, tt.met), at(t, tt.now))
		if !ok || c.Term != tt.term || c.State != tt.state || !c.Due.Equal(at(t, tt.due)) || c.Open() != (tt.met == "") {
			t.Errorf("%s: %+v %v", name, c, ok)
		}
	}
	if c, ok := lawTerms().Clock(calendar, hub.DutyNotice, true, at(t, "2026-11-27 08:00"), time.Time{}, at(t, "2026-11-27 09:00")); ok {
		t.Errorf("a clock without a rule: %+v", c)
	}
}

// TestDeliveryClocks: what counts as arrival and as done, by state and channel.
func TestDeliveryClocks(t *testing.T) {
	calendar, noon := hub.NewCalendar(), at(t, "2026-11-26 12:00")
	d := &hub.Dispatch{Operation: hub.OperationNew, AcceptedAt: noon}
	for name, tt := range map[string]struct {
		v    hub.Delivery
		want string
	}{
		"queued":                         {hub.Delivery{State: hub.StateQueued, Channel: hub.ChannelAMQP, Registers: true}, ""},
		"in the box":                     {hub.Delivery{State: hub.StateConsigned, Channel: hub.ChannelPull, ConsignedAt: noon, Registers: true}, "notice overdue register due_soon "},
		"in an old box":                  {hub.Delivery{State: hub.StateConsigned, Channel: hub.ChannelPull, Registers: true}, "notice overdue register due_soon "},
		"with another axis":              {hub.Delivery{State: hub.StateConsigned, Channel: hub.ChannelAxis, ConsignedAt: noon, Registers: true}, ""},
		"collected over another axis":    {hub.Delivery{State: hub.StateHandedOver, Channel: hub.ChannelAxis, ConsignedAt: noon.Add(-72 * time.Hour), HandedOverAt: noon, Registers: true}, "notice in_time register due_soon "},
		"collected":                      {hub.Delivery{State: hub.StateHandedOver, ConsignedAt: noon, HandedOverAt: noon.Add(time.Hour), Registers: true}, "notice in_time register due_soon "},
		"registered late":                {hub.Delivery{State: hub.StateAccepted, ConsignedAt: noon.Add(-72 * time.Hour), HandedOverAt: noon, RegisteredAt: noon, Registers: true}, "notice late register late "},
		"refused":                        {hub.Delivery{State: hub.StateRefused, ConsignedAt: noon, UpdatedAt: noon.Add(time.Hour), Registers: true}, "notice in_time register in_time "},
		"refused, and reported on later": {hub.Delivery{State: hub.StateRefused, ConsignedAt: noon, RefusedAt: noon.Add(time.Hour), UpdatedAt: noon.Add(72 * time.Hour), Registers: true}, "notice in_time register in_time "},
		"expired":                        {hub.Delivery{State: hub.StateExpired, ConsignedAt: noon, UpdatedAt: noon.Add(time.Hour), Registers: true}, "notice overdue register due_soon "},
		"withdrawn":                      {hub.Delivery{State: hub.StateWithdrawn, ConsignedAt: noon, Registers: true}, ""},
		"does not register":              {hub.Delivery{State: hub.StateHandedOver, ConsignedAt: noon, HandedOverAt: noon}, "notice in_time "},
		"for information":                {hub.Delivery{State: hub.StateConsigned, ConsignedAt: noon, Registers: true, ForInformation: true}, "notice overdue "},
		"before this was kept":           {hub.Delivery{State: hub.StateAccepted, Channel: hub.ChannelPull, UpdatedAt: noon, Registers: true}, "notice in_time register in_time "},
	} {
		tt.v.ID = "v1"
		got := ""
		for _, c := range lawTerms().DeliveryClocks(calendar, d, &tt.v, at(t, "2026-11-27 08:00")) {
			got += string(c.Duty) + " " + string(c.State) + " "
			if c.Delivery != "v1" {
				t.Errorf("%s: of the delivery %q", name, c.Delivery)
			}
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

func TestSendClock(t *testing.T) {
	calendar, now := hub.NewCalendar(), at(t, "2026-11-30 08:00")
	d := hub.Dispatch{Operation: hub.OperationNew, AcceptedAt: at(t, "2026-11-27 13:00"), SignedAt: at(t, "2026-11-26 10:00")}
	if c, ok := lawTerms().SendClock(calendar, &d, now); !ok || c.State != hub.ClockLate || c.Printed {
		t.Errorf("%+v %v", c, ok)
	}
	d.SignedAt, d.Document.Promulgated = time.Time{}, "2026-11-26"
	if c, ok := lawTerms().SendClock(calendar, &d, now); !ok || c.State != hub.ClockLate || !c.Printed {
		t.Errorf("by the printed day: %+v %v", c, ok)
	}
	for name, other := range map[string]hub.Dispatch{
		"a recall": {Operation: hub.OperationRecall, Document: d.Document}, "what is forwarded": {Operation: hub.OperationNew, Document: d.Document, Origin: &hub.Origin{}},
		"no date": {Operation: hub.OperationNew},
	} {
		if c, ok := lawTerms().SendClock(calendar, &other, now); ok {
			t.Errorf("%s has a clock: %+v", name, c)
		}
	}
	reports := []hub.SignatureReport{{Signatures: []hub.SignatureVerdict{{ClaimedAt: now}, {ProvenAt: now.Add(-time.Hour), ClaimedAt: now.Add(time.Hour)}}}}
	if last := hub.SignedLast(reports); !last.Equal(now) {
		t.Errorf("signed last at %s", last)
	}
}

func TestCheckLegalTerms(t *testing.T) {
	good := hub.LegalTerm{ID: "a", Duty: hub.DutySend, From: "2026-01-01", Days: 1, By: "12:00", Source: "x"}
	with := func(change func(*hub.LegalTerm)) []hub.LegalTerm {
		other := good
		other.ID, other.Urgent = "b", true
		change(&other)
		return []hub.LegalTerm{good, other}
	}
	if err := hub.CheckLegalTerms(with(func(*hub.LegalTerm) {})); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		terms       []hub.LegalTerm
		field, rule string
	}{
		{nil, "terms", "required"},
		{make([]hub.LegalTerm, 201), "terms", "max_items"},
		{with(func(l *hub.LegalTerm) { l.ID = "a" }), "terms[1].id", "unique"},
		{with(func(l *hub.LegalTerm) { l.ID = "" }), "terms[1].id", "required"},
		{with(func(l *hub.LegalTerm) { l.Source = " " }), "terms[1].source", "required"},
		{with(func(l *hub.LegalTerm) { l.Note = "a\x00" }), "terms[1].note", "control_character"},
		{with(func(l *hub.LegalTerm) { l.Duty = "pay" }), "terms[1].duty", "code_list"},
		{with(func(l *hub.LegalTerm) { l.From = "2026-02-30" }), "terms[1].from", "date"},
		{with(func(l *hub.LegalTerm) { l.To = "soon" }), "terms[1].to", "date"},
		{with(func(l *hub.LegalTerm) { l.To = "2026-01-01" }), "terms[1].to", "period"},
		{with(func(l *hub.LegalTerm) { l.Days = -1 }), "terms[1].days", "range"},
		{with(func(l *hub.LegalTerm) { l.By = "25:00" }), "terms[1].by", "time"},
		{with(func(l *hub.LegalTerm) { l.Within = "1h" }), "terms[1].within", "either"},
		{with(func(l *hub.LegalTerm) { l.Days, l.By, l.Within = 0, "", "1s" }), "terms[1].within", "duration"},
		{with(func(l *hub.LegalTerm) { l.Urgent, l.From = false, "2026-06-01" }), "terms[1].from", "overlap"},
	} {
		err := hub.CheckLegalTerms(tt.terms)
		if v := hub.ViolationsOf(err); err == nil || v[0].Field != tt.field || v[0].Rule != tt.rule {
			t.Errorf("%s %s: %v", tt.field, tt.rule, err)
		}
	}
}
