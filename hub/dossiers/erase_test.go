package dossiers_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func (d *desk) EraseDossier(ctx context.Context, f hub.DossierFile, note hub.LogNote, rules int64, gone []hub.RetentionNote) error {
	if version, err := d.RulesVersion(ctx); err != nil || version != rules {
		return hub.Errorf(hub.KindConflict, "", "version", "other rules")
	}
	return d.AddDossierEvent(ctx, f, note, gone...)
}

func (d *desk) EndedDossiers(context.Context, hub.EndedDossiers) ([]hub.Dossier, error) {
	return nil, nil
}

// TestErase: of a dossier whose time is over nothing of persons stays, neither there nor in
// the log; what happened does, each event under the digest that it had.
func TestErase(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Key = "k"
	v := d.register(t, w)
	ctx := t.Context()
	rules, err := d.RulesVersion(ctx)
	if err != nil {
		t.Fatal(err)
	}
	why := hub.DossierErasure{At: d.now, Class: "hs", Rules: 3, LegalBasis: "x"}
	wrong(t, "an open dossier", d.Erase(ctx, v.ID, why, rules), "conflict dossier open")
	paper := hub.DossierPaper{Kind: hub.DossierFiled, Name: "Trần Thị Mẫu.pdf", MediaType: "application/pdf", Digest: d.Blobs.Put([]byte("x"))}
	if v, err = d.Attach(ctx, of("u"), v.ID, hub.DossierOrder{Key: "f"}, paper); err != nil {
		t.Fatal(err)
	}
	stop := hub.DossierOrder{Act: hub.DossierStop, Text: "bà Trần Thị Mẫu rút", Key: "s"}
	v = d.act(t, "u", v.ID, stop)
	wrong(t, "by other rules", d.Erase(ctx, v.ID, why, rules+1), "conflict version")
	if f := d.files[0]; f.Owner == nil || f.Events[3].Text == "" {
		t.Error("what was refused took something away")
	}
	for range 2 {
		if err := d.Erase(ctx, v.ID, why, rules); err != nil {
			t.Fatal(err)
		}
	}
	f := d.files[0]
	if said := fmt.Sprintf("%+v %+v", f.Dossier, f.Events); strings.Contains(said, "Mẫu") || f.Owner != nil || f.Erased == nil || len(f.Events) != 5 {
		t.Errorf("what is left: %s", said)
	}
	previous := hub.Digest{}
	for i, e := range f.Events {
		digest, err := e.SHA256()
		if err != nil || e.Previous != previous || string(d.logged[i].Body) != digest.String() || e.Seq <= v.Version && e.Erased != digest {
			t.Errorf("event %d has another digest than it had: %v", e.Seq, err)
		}
		previous = digest
	}
	if f.Digest != previous || f.Events[4].Act != hub.DossierErase || f.Events[2].Paper.Digest != paper.Digest || f.Events[2].Paper.Report != nil {
		t.Errorf("%+v", f.Events)
	}
	if last := d.keeps[len(d.keeps)-1]; len(d.keeps) != 2 || last.Name != d.keeps[0].Name || last.Body != nil {
		t.Errorf("the content is kept by %v", d.keeps)
	}

	// The same again is known, anything else comes too late.
	if again, err := d.Act(ctx, of("u"), v.ID, stop); err != nil || again.Version != 5 || again.Status != hub.DossierStopped {
		t.Errorf("%+v %v", again, err)
	}
	if again, made, err := d.Register(ctx, of("u"), w); err != nil || made || again.ID != v.ID {
		t.Errorf("registered again: %v %v", made, err)
	}
	_, err = d.Act(ctx, of("u"), v.ID, hub.DossierOrder{Act: hub.DossierGiveBack})
	wrong(t, "something more", err, "conflict dossier erased")
	_, _, err = d.Open(ctx, of("u"), v.ID, 3)
	wrong(t, "a file that is gone", err, "not_found event erased")
}
