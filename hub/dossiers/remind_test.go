package dossiers_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

func (d *desk) DossiersToRemind(_ context.Context, now time.Time, limit int) ([]hub.DossierFile, error) {
	var due []hub.DossierFile
	for _, f := range d.files {
		if f.Open() && !f.Remind.After(now) {
			due = append(due, f)
		}
	}
	slices.SortStableFunc(due, func(a, b hub.DossierFile) int {
		return cmp.Or(a.Remind.Compare(b.Remind), strings.Compare(string(a.ID), string(b.ID)))
	})
	return due[:min(len(due), limit)], nil
}

func (d *desk) RemindLater(_ context.Context, id hub.DossierID, version int64, at time.Time) error {
	for i := range d.files {
		if d.files[i].ID == id && d.files[i].Version == version {
			d.files[i].Remind = at
		}
	}
	return nil
}

// reminders are those of a dossier, each as "day finding end".
func (d *desk) reminders(t *testing.T, id hub.DossierID) string {
	t.Helper()
	v, err := d.Show(t.Context(), of("u"), string(id))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range v.Events {
		if e.Act == hub.DossierRemind {
			list = append(list, fmt.Sprint(e.At.In(hub.Vietnam()).Format("02 "), e.Finding, " ", e.Due.In(hub.Vietnam()).Format("02")))
		}
	}
	return strings.Join(list, "; ")
}

// pass has the hub look at each hour of some days of March.
func (d *desk) pass(t *testing.T, from, to int) {
	t.Helper()
	for day := from; day <= to; day++ {
		for hour := range 24 {
			d.now = at(fmt.Sprintf("03-%02d %02d:30", day, hour))
			if _, err := d.Remind(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// TestRemind: the hub reminds before the end, once for each finding, again where the end has
// moved, of nothing that is over or late, and tells those who can do something.
func TestRemind(t *testing.T) {
	d := newDesk()
	d.now = at("03-02 09:00")
	w := wish()
	w.Due = "2026-03-20"
	v := d.register(t, w)
	ended := d.register(t, w)
	d.act(t, "u", ended.ID, hub.DossierOrder{Act: hub.DossierFinish, At: "2026-03-02T08:30"})
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "l", Role: hub.DossierLead, At: "2026-03-02T08:30", Due: "2026-03-23"})
	d.pass(t, 2, 2)
	if got := d.reminders(t, v.ID); got != "" { // the evening is no time for it
		t.Errorf("%q on the day of the receipt", got)
	}
	d.pass(t, 3, 16)
	want := "03 foreseen 20"
	if got := d.reminders(t, v.ID); got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if last := d.told[len(d.told)-1]; last.Act != hub.DossierRemind || last.Finding != hub.FindingForeseen || fmt.Sprint(last.Tell) != "[u l]" {
		t.Errorf("told %+v", last)
	}
	d.pass(t, 17, 18)
	want += "; 17 due_soon 20"
	if got := d.reminders(t, v.ID); got != want {
		t.Errorf("%q, want %q", got, want)
	}

	// A supplement moves the end; what was said of the first one is said of the other.
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierAsk, Text: "giấy", At: "2026-03-18T13:30"})
	d.pass(t, 19, 22)
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierSupply, At: "2026-03-20T13:30"})
	d.pass(t, 23, 31)
	v, err := d.Show(t.Context(), of("u"), string(v.ID))
	if err != nil {
		t.Fatal(err)
	}
	end := v.Clock.Due.In(hub.Vietnam()).Format("02")
	want += "; 23 letter_due " + end
	if got := d.reminders(t, v.ID); end != "24" || !strings.HasPrefix(got, want) || strings.Count(got, "letter_due") != 1 {
		t.Errorf("%q, want %q", got, want)
	}
	if got := d.reminders(t, ended.ID); got != "" {
		t.Errorf("reminded of what has ended: %q", got)
	}
	if n, err := d.Remind(t.Context()); n != 0 || err != nil {
		t.Error(n, err)
	}
}

// TestRemindRace: who does something at the same moment is not disturbed, and the hub looks
// again.
func TestRemindRace(t *testing.T) {
	d := newDesk()
	d.now = at("03-02 09:00")
	w := wish()
	w.Due = "2026-03-04"
	v := d.register(t, w)
	d.now = at("03-03 09:00")
	d.race = func() {
		d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierApologise, Text: "xin lỗi", Due: "2026-03-09", At: "2026-03-03T08:30"})
	}
	if n, err := d.Remind(t.Context()); n != 0 || err != nil {
		t.Error(n, err)
	}
	if got := d.reminders(t, v.ID); got != "" {
		t.Errorf("reminded of an apology that was there: %q", got)
	}
}

// TestForeseenBeforeTheBegin: where no time runs yet, none is foreseen to end too late.
func TestForeseenBeforeTheBegin(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Waits = true
	v := d.register(t, w)
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", At: "2026-03-02T09:00", Due: "2026-03-20"})
	if v.Has(hub.FindingForeseen) {
		t.Errorf("%+v", v.Findings)
	}
}
