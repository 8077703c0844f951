package dossiers_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// seals seals for who has the scope, unless it is away.
type seals struct{ d *desk }

func (s seals) MaySeal(actor hub.Actor, order hub.SealOrder) error {
	return actor.SpeaksFor(order.Agency, hub.ScopeSeal)
}

func (s seals) Seal(_ context.Context, _ hub.Actor, _ hub.SealOrder, in hub.Blob, out io.Writer) (hub.SealFact, error) {
	if s.d.sealAway {
		return hub.SealFact{}, errors.New("away")
	}
	_, err := io.Copy(out, io.MultiReader(in, strings.NewReader(" sealed")))
	return hub.SealFact{}, err
}

// TestLetters: the last day of an apology in time is told, an apology has its letter, sealed
// where that may be, and the owner is to get it; figures count what came too late.
func TestLetters(t *testing.T) {
	d := newDesk()
	d.now = at("03-04 08:00")
	v := d.register(t, func() hub.DossierWish { w := wish(); w.Due = "2026-03-06T10:00"; return w }())
	look := func() string {
		t.Helper()
		shown, err := d.Show(t.Context(), of("u"), string(v.ID))
		if err != nil {
			t.Fatal(err)
		}
		return fmt.Sprint(shown.Findings)
	}
	if got := look(); got != "[]" {
		t.Errorf("two days before: %s", got)
	}
	d.now = at("03-05 08:00")
	if got := look(); got != "[{letter_due 0 }]" {
		t.Errorf("the day before: %s", got)
	}
	apology := hub.DossierOrder{Act: hub.DossierApologise, Text: "Chờ xác minh", Due: "2026-03-12", Key: "a"}
	d.race = func() { d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierProcess}) }
	v = d.act(t, "u", v.ID, apology)
	v = d.act(t, "u", v.ID, apology)
	letter := v.Events[3].Paper
	if len(v.Events) != 4 || letter == nil || letter.Kind != hub.DossierLetterOf || letter.Report == nil || len(d.keeps) != 1 || d.letters != 1 {
		t.Fatalf("%+v, kept by %v, %d written", v.Events, d.keeps, d.letters)
	}
	_, blob, err := d.Open(t.Context(), of("u"), v.ID, 4)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(blob)
	if want := "Đơn vị u|Trần Thị Mẫu|" + v.Number + "|Chờ xác minh|2026-03-06 10:00|2026-03-12 17:30"; err != nil || string(raw) != want {
		t.Errorf("the letter says %q %v, want %q", raw, err, want)
	}
	if got := look(); got != "[{letter_waits 0 }]" {
		t.Errorf("with a letter: %s", got)
	}
	_, err = d.Act(t.Context(), of("u"), v.ID, hub.DossierOrder{Act: hub.DossierDeliver})
	wrong(t, "delivered without saying how", err, "invalid text required")
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierDeliver, Text: "Tại quầy"})
	if got := look(); got != "[]" {
		t.Errorf("delivered: %s", got)
	}

	// Under the seal, unless that is away.
	sealer := of("u")
	sealer.Scopes = append(sealer.Scopes, hub.ScopeSeal)
	d.now = at("03-10 08:00")
	for _, away := range []bool{false, true} {
		d.sealAway = away
		v, err := d.Act(t.Context(), sealer, v.ID, hub.DossierOrder{Act: hub.DossierApologise, Text: "Lại chờ", Due: "2026-03-20"})
		if err != nil {
			t.Fatal(err)
		}
		_, blob, err := d.Open(t.Context(), sealer, v.ID, v.Version)
		if err != nil {
			t.Fatal(err)
		}
		if raw, err := io.ReadAll(blob); err != nil || bytes.HasSuffix(raw, []byte(" sealed")) == away {
			t.Errorf("away %v: %q %v", away, raw, err)
		}
	}
	if got := look(); !strings.Contains(got, "letter_waits") {
		t.Errorf("with letters after the one that was delivered: %s", got)
	}
	late := d.register(t, func() hub.DossierWish { w := wish(); w.Due = "2026-03-03"; return w }())
	d.act(t, "u", late.ID, apology)
	f, err := d.Figures(t.Context(), of("u"), hub.DossierFigureQuery{Unit: "u", Period: "2026-03"})
	if err != nil || f.Late != 2 || f.Letters != 2 || f.Missing != 0 || f.Tardy != 1 {
		t.Errorf("%+v %v", f, err)
	}
}
