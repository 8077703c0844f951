package dossiers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func portalOf(name string, units ...hub.AgencyID) hub.Actor {
	return hub.Actor{Name: name, Kind: hub.ActorSystem, Agencies: units, Scopes: []hub.Scope{hub.ScopePortal}}
}

// TestPortalHandsIn: what a portal hands in comes online, now, and waits for the unit; what
// is the unit's to say is refused, and so is another unit.
func TestPortalHandsIn(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Received, w.Channel, w.Key = "", "", "k"
	v, made, err := d.Register(t.Context(), portalOf("p", "u"), w)
	if err != nil || !made || v.Secret == "" || v.Channel != hub.ChannelOnline || v.Status != hub.DossierNew || len(v.Events) != 1 || v.Events[0].By != "p" || !v.Clock.Start.IsZero() {
		t.Fatalf("%+v %v", v, err)
	}
	for field, change := range map[string]func(*hub.DossierWish){
		"channel":     func(w *hub.DossierWish) { w.Channel = hub.ChannelCounter },
		"number":      func(w *hub.DossierWish) { w.Number = "H47.12-260310-0099" },
		"received_at": func(w *hub.DossierWish) { w.Received = "2026-03-02T08:00" },
		"due_at":      func(w *hub.DossierWish) { w.Due = "2026-04-02" },
		"local":       func(w *hub.DossierWish) { w.Local = "xong" },
	} {
		said := w
		said.Key = ""
		change(&said)
		_, _, err := d.Register(t.Context(), portalOf("p", "u"), said)
		wrong(t, field, err, "denied "+field+" portal")
	}
	w.Unit = "l"
	_, _, err = d.Register(t.Context(), portalOf("p", "u"), w)
	wrong(t, "another unit", err, "denied agency")
}

// TestPortalSeesItsOwn: a portal adds files to what it handed in itself and is told how that
// stands; what agencies did and said of it, and every other dossier, does not exist for it.
func TestPortalSeesItsOwn(t *testing.T) {
	d := newDesk()
	p := portalOf("p", "u")
	w := wish()
	w.Received, w.Key = "", "k"
	v, _, err := d.Register(t.Context(), p, w)
	if err != nil {
		t.Fatal(err)
	}
	paper := func(kind hub.DossierPaperKind) hub.DossierPaper {
		return hub.DossierPaper{Kind: kind, Name: "a.pdf", MediaType: "application/pdf", Digest: d.Blobs.Put([]byte("a"))}
	}
	if v, err = d.Attach(t.Context(), p, v.ID, hub.DossierOrder{Key: "f"}, paper(hub.DossierFiled)); err != nil || len(v.Events) != 2 || v.Events[1].Agency != "u" || v.Events[1].By != "p" {
		t.Fatalf("%+v %v", v, err)
	}
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierAccept})
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", Text: "NỘI BỘ"})
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierStop, Text: "NỘI BỘ"})

	again, made, err := d.Register(t.Context(), p, w)
	if err != nil || made || again.ID != v.ID || again.Secret != "" || again.Status != hub.DossierNew || len(again.Events) != 2 || !slices.Equal(again.Parties, []hub.AgencyID{"u"}) || !again.Ended.IsZero() || len(again.Shares) != 0 {
		t.Errorf("the same again: %+v %v", again, err)
	}
	if raw, err := json.Marshal(again); err != nil || strings.Contains(string(raw), "NỘI BỘ") {
		t.Errorf("a portal is told %s %v", raw, err)
	}
	for _, name := range []string{string(v.ID), v.Number} {
		if got, err := d.ProgressOf(t.Context(), p, name); err != nil || got.Status != hub.DossierStopped || got.Number != v.Number {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	if got, err := d.ProgressOf(t.Context(), of("c"), v.Number); err != nil || got.Status != hub.DossierStopped {
		t.Errorf("an agency of it: %+v %v", got, err)
	}

	counter := d.register(t, wish())
	for name, actor := range map[string]hub.Actor{"another portal": portalOf("q", "u"), "its key at another unit": portalOf("p", "l"), "an agency without a part in it": of("x")} {
		_, err := d.ProgressOf(t.Context(), actor, v.Number)
		wrong(t, name, err, "not_found dossier")
		_, err = d.Attach(t.Context(), actor, v.ID, hub.DossierOrder{}, paper(hub.DossierFiled))
		wrong(t, name, err, "not_found dossier")
	}
	_, err = d.ProgressOf(t.Context(), p, counter.Number)
	wrong(t, "a dossier of the counter", err, "not_found dossier")
	_, err = d.Attach(t.Context(), p, counter.ID, hub.DossierOrder{}, paper(hub.DossierFiled))
	wrong(t, "a file to one of the counter", err, "not_found dossier")
	_, err = d.Attach(t.Context(), p, v.ID, hub.DossierOrder{}, paper(hub.DossierResult))
	wrong(t, "a result", err, "denied kind portal")
	_, err = d.Attach(t.Context(), p, v.ID, hub.DossierOrder{At: "2026-03-10T09:00"}, paper(hub.DossierFiled))
	wrong(t, "a file of before", err, "denied kind portal")
	_, _, err = d.Register(t.Context(), portalOf("q", "u"), w)
	wrong(t, "its key taken by another portal", err, "conflict key taken")
	if strings.Contains(err.Error(), v.Number) {
		t.Errorf("another portal is told the number: %v", err)
	}
}

// TestPortalDoesNothingElse: each other call of the service refuses a portal, also about what
// it handed in.
func TestPortalDoesNothingElse(t *testing.T) {
	d := newDesk()
	p := portalOf("p", "u")
	w := wish()
	w.Received = ""
	v, _, err := d.Register(t.Context(), p, w)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	for name, call := range map[string]func() error{
		"list":    func() error { _, err := d.List(ctx, p, hub.DossierQuery{Agency: "u"}); return err },
		"show":    func() error { _, err := d.Show(ctx, p, v.Number); return err },
		"act":     func() error { _, err := d.Act(ctx, p, v.ID, hub.DossierOrder{Act: hub.DossierAccept}); return err },
		"secret":  func() error { _, err := d.RenewSecret(ctx, p, v.ID, ""); return err },
		"receipt": func() error { return d.Receipt(ctx, p, v.ID, "", "", nil) },
		"open":    func() error { _, _, err := d.Open(ctx, p, v.ID, 1); return err },
		"news":    func() error { _, err := d.News(ctx, p, "u", 0, 10); return err },
		"takings": func() error { _, err := d.Takings(ctx, p, "u", false); return err },
		"words":   func() error { _, err := d.Words(ctx, p, "u"); return err },
		"set words": func() error {
			_, err := d.SetWords(ctx, p, "u", map[string]hub.DossierStatus{"x": hub.DossierDone})
			return err
		},
		"figures": func() error {
			_, err := d.Figures(ctx, p, hub.DossierFigureQuery{Unit: "u", Period: "2026-03"})
			return err
		},
		"counted": func() error {
			_, err := d.Counted(ctx, p, hub.DossierFigureQuery{Unit: "u", Period: "2026-03"})
			return err
		},
	} {
		if err := call(); hub.KindOf(err) != hub.KindDenied && hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%s: %v", name, err)
		}
	}
}
