package retention_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/retention"
)

// desks keeps dossiers in memory.
type desks struct {
	dossiers []hub.Dossier
	erased   []string
	onErase  func() error
}

func (d *desks) Ended(_ context.Context, q hub.EndedDossiers) ([]hub.Dossier, error) {
	var found []hub.Dossier
	for _, o := range d.dossiers { // by their end
		behind := o.Ended.After(q.After) || o.Ended.Equal(q.After) && o.ID > q.AfterDossier
		if behind && !o.Ended.After(q.Until) && len(found) < q.Limit {
			found = append(found, o)
		}
	}
	return found, nil
}

func (d *desks) Erase(_ context.Context, id hub.DossierID, why hub.DossierErasure, rules int64) error {
	if race := d.onErase; race != nil {
		d.onErase = nil
		return race()
	}
	for i := range d.dossiers {
		if d.dossiers[i].ID == id {
			d.dossiers = append(d.dossiers[:i:i], d.dossiers[i+1:]...)
			d.erased = append(d.erased, fmt.Sprint(id, " ", why.Class, " ", why.Rules, " ", why.LegalBasis, " ", rules > 0))
			return nil
		}
	}
	return hub.Errorf(hub.KindNotFound, "dossier", "", "none")
}

// TestErasesDossiers: classes of dossiers decide about them by their agencies, from their
// end on; a hold keeps one, and rules that change meanwhile are followed.
func TestErasesDossiers(t *testing.T) {
	d := &desks{}
	w := newWorld(t, func(o *retention.Options) { o.Desks, o.Batch = d, 2 })
	now := w.Clock.Now()
	for i, days := range []int{900, 800, 500, 500, 400, 300} {
		d.dossiers = append(d.dossiers, hub.Dossier{
			ID: hub.DossierID(fmt.Sprint("d", i)), Number: fmt.Sprint("H47.12-260302-000", i), Ended: now.Add(-time.Duration(days) * day), Parties: []hub.AgencyID{"u", hub.AgencyID(fmt.Sprint("p", i))},
		})
	}
	document := w.ended("1", nil)
	w.Clock.Advance(day)
	w.purge()
	if len(d.erased) > 0 {
		t.Fatal("without classes", d.erased)
	}
	keep := func(days int) hub.RetentionPeriod {
		var p hub.RetentionPeriod
		if err := p.UnmarshalText([]byte(fmt.Sprintf("P%dD", days))); err != nil {
			t.Fatal(err)
		}
		return p
	}
	held, err := w.service.PlaceHold(w.ctx, operator(), hub.LegalHold{Number: "260302-0002", Reason: "khiếu nại"})
	w.must(err)
	d.onErase = func() error { return hub.Errorf(hub.KindConflict, "", "version", "other rules") }
	w.activate(
		hub.RetentionClass{ID: "hs", Name: "Hồ sơ", Dossiers: true, Keep: keep(350), LegalBasis: "x"},
		hub.RetentionClass{ID: "hs-p1", Name: "Lâu hơn", Dossiers: true, Agencies: []hub.AgencyID{"p1"}, Keep: keep(850), LegalBasis: "y"},
		hub.RetentionClass{ID: "hs-p3", Name: "Luôn luôn", Dossiers: true, Agencies: []hub.AgencyID{"p3"}},
	)
	run := w.purge()
	if got := fmt.Sprint(d.erased); got != "[d0 hs 1 x true d4 hs 1 x true]" {
		t.Errorf("erased %s", got)
	}
	if run.Erased != 2 || run.Held != 1 || run.Purged != 0 || run.ByClass["hs"] != 2 {
		t.Errorf("%+v", run)
	}
	if item, err := w.DispatchItem(w.ctx, document.ID); err != nil || item.Dispatch.Purged != nil {
		t.Errorf("a class of dossiers purged a document: %v", err)
	}
	_, err = w.service.ReleaseHold(w.ctx, operator(), held.ID, "xong")
	w.must(err)
	w.Clock.Advance(60 * day)
	w.purge()
	if got := fmt.Sprint(d.erased); got != "[d0 hs 1 x true d4 hs 1 x true d1 hs-p1 1 y true d2 hs 1 x true d5 hs 1 x true]" {
		t.Errorf("later erased %s", got)
	}
	_, err = w.service.SetClasses(w.ctx, operator(), hub.RetentionClasses{Classes: []hub.RetentionClass{{ID: "a", Name: "A", Dossiers: true, Types: []int{1}}}})
	if v := hub.ViolationsOf(err); len(v) != 1 || v[0].Field != "classes[0].types" || v[0].Rule != "exclusive" {
		t.Errorf("dossiers with types of documents: %v", err)
	}
}
