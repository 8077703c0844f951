package relay_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/relay"
)

// TestAskedBeforeSentAgain: a handing over whose answer was lost is looked for on the axis
// before it is repeated; what is not surely the same goes again, with the same bytes.
func TestAskedBeforeSentAgain(t *testing.T) {
	lost := hub.Errorf(hub.KindUnavailable, "", "", "the answer was lost")
	row := func(change func(*hub.AxisSent)) func(*hub.Dispatch) []hub.AxisSent {
		return func(d *hub.Dispatch) []hub.AxisSent {
			r := hub.AxisSent{ID: "there", From: string(d.SenderCode), To: far, Number: d.Document.Number(), Subject: d.Document.Subject, At: d.AcceptedAt}
			change(&r)
			return []hub.AxisSent{r}
		}
	}
	for name, tt := range map[string]struct {
		rows  func(*hub.Dispatch) []hub.AxisSent
		fault error
		again bool
	}{
		"there":             {rows: row(func(*hub.AxisSent) {})},
		"no time":           {rows: row(func(r *hub.AxisSent) { r.At = time.Time{} }), again: true},
		"not there":         {rows: func(*hub.Dispatch) []hub.AxisSent { return nil }, again: true},
		"another number":    {rows: row(func(r *hub.AxisSent) { r.Number = "999/KH" }), again: true},
		"another subject":   {rows: row(func(r *hub.AxisSent) { r.Subject = "khác" }), again: true},
		"another recipient": {rows: row(func(r *hub.AxisSent) { r.To = farther }), again: true},
		"of last year":      {rows: row(func(r *hub.AxisSent) { r.At = r.At.AddDate(-1, 0, 0) }), again: true},
		"two such": {rows: func(d *hub.Dispatch) []hub.AxisSent {
			one := row(func(*hub.AxisSent) {})(d)
			return append(one, row(func(r *hub.AxisSent) { r.ID = "other" })(d)...)
		}, again: true},
		"does not tell": {rows: func(*hub.Dispatch) []hub.AxisSent { return nil }, fault: hub.Errorf(hub.KindNotFound, "", "axis", "no such operation"), again: true},
	} {
		f := newFixture(t)
		a := f.send(t, "d1", far)
		f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
			if call == "send" {
				return lost
			}
			return nil
		}
		if err := f.carry(t, &a, 0); err == nil {
			t.Fatalf("%s: carried", name)
		}
		f.axis.sent, f.axis.listed = nil, tt.rows(&a.Dispatch)
		f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
			if call == "sent list" {
				return tt.fault
			}
			return nil
		}
		if err := f.carry(t, &a, 0); err != nil || (len(f.axis.sent) == 1) != tt.again {
			t.Errorf("%s: %d packages sent again, %v", name, len(f.axis.sent), err)
		}
	}
	f := newFixture(t)
	a := f.send(t, "d1", far)
	f.axis.refuse = func(string, *hub.AxisPackage) error { return lost }
	for range 2 {
		f.axis.sent = nil
		if err := f.carry(t, &a, 0); hub.KindOf(err) != hub.KindUnavailable || len(f.axis.sent) > 0 {
			t.Errorf("while the axis does not say: %v", err)
		}
	}
	// One that never tells costs nobody a document, while one that is away is waited for.
	none := hub.Errorf(hub.KindUnavailable, "", relay.RuleAnswer, "the axis answers 500")
	for _, why := range []error{lost, none} {
		f.axis.refuse = func(call string, _ *hub.AxisPackage) error {
			if call == "sent list" {
				return why
			}
			return nil
		}
		for tries := 0; tries < 12 && f.carry(t, &a, 0) != nil; tries++ {
		}
		if sent := len(f.axis.sent) == 1; sent != errors.Is(why, none) {
			t.Errorf("after %v it was sent: %v", why, sent)
		}
	}
}
