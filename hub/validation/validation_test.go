package validation_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/validation"
)

// counted counts what is written.
type counted struct {
	*hubtest.World
	saved int
	err   error
}

func (c *counted) SaveNotes(ctx context.Context, notes ...hub.RetentionNote) error {
	if c.err != nil {
		return c.err
	}
	c.saved += len(notes)
	return c.World.SaveNotes(ctx, notes...)
}

type reports []hub.SignatureReport

func (r reports) SignatureReports(_ context.Context, actor hub.Actor, _ hub.DispatchID) ([]hub.SignatureReport, error) {
	if actor.Name == "stranger" {
		return nil, hub.Errorf(hub.KindNotFound, "dispatch", "", "no such dispatch")
	}
	return r, nil
}

func TestMaterialIsKeptOnceAndComesBack(t *testing.T) {
	store := &counted{World: hubtest.NewWorld()}
	first, second := hub.NewMaterial(hub.MaterialCertificate, []byte{1}), hub.NewMaterial(hub.MaterialCRL, []byte{2})
	s := validation.New(store, nil, nil)
	for range 3 {
		refs, err := s.Keep(t.Context(), []hub.Material{first, second})
		if err != nil || len(refs) != 2 || refs[0] != first.Ref() || refs[1] != second.Ref() {
			t.Fatalf("%v %v", refs, err)
		}
	}
	if store.saved != 2 {
		t.Errorf("%d pieces were written, want each once", store.saved)
	}
	s = validation.New(store, reports{{Part: "p1", Material: []hub.MaterialRef{first.Ref(), second.Ref()}}, {Part: "p2", Material: []hub.MaterialRef{first.Ref()}}}, nil)
	a, err := s.Archive(t.Context(), hub.Actor{}, "d1")
	if err != nil || a.Dispatch != "d1" || len(a.Reports) != 2 || len(a.Material) != 2 || string(a.Material[1].DER) != "\x02" {
		t.Errorf("%+v %v", a, err)
	}
	if _, err := s.Archive(t.Context(), hub.Actor{Name: "stranger"}, "d1"); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a stranger sees %v", err)
	}
}

// What was not made durable is not taken for kept.
func TestFailedKeepIsTriedAgain(t *testing.T) {
	store := &counted{World: hubtest.NewWorld(), err: hub.Errorf(hub.KindUnavailable, "", "", "away")}
	s := validation.New(store, nil, nil)
	piece := []hub.Material{hub.NewMaterial(hub.MaterialOCSP, []byte{1})}
	if _, err := s.Keep(t.Context(), piece); hub.KindOf(err) != hub.KindUnavailable {
		t.Fatal(err)
	}
	store.err = nil
	if _, err := s.Keep(t.Context(), piece); err != nil || store.saved != 1 {
		t.Errorf("%d written, %v", store.saved, err)
	}
}

func TestDamagedMaterialIsNotHandedOut(t *testing.T) {
	piece, other := hub.NewMaterial(hub.MaterialCRL, []byte{1}), hub.NewMaterial(hub.MaterialCRL, []byte{2})
	for name, body := range map[string]any{"missing": nil, "other bytes": other, "other kind": hub.Material{Kind: hub.MaterialOCSP, SHA256: piece.SHA256, DER: piece.DER}, "no piece": 5} {
		w := hubtest.NewWorld()
		if body != nil {
			raw, err := json.Marshal(body)
			if err != nil {
				t.Fatal(err)
			}
			if err := w.SaveNotes(t.Context(), hub.RetentionNote{Name: "material/" + piece.SHA256.String(), Body: raw}); err != nil {
				t.Fatal(err)
			}
		}
		s := validation.New(w, reports{{Material: []hub.MaterialRef{piece.Ref()}}}, nil)
		if _, err := s.Archive(t.Context(), hub.Actor{}, "d1"); hub.KindOf(err) != hub.KindInternal {
			t.Errorf("%s: %v", name, err)
		}
	}
}
