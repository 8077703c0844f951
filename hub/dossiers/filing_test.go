package dossiers_test

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// online is a desk whose unit takes a procedure on the portal, and what somebody hands in there.
func online(t *testing.T) (*desk, hub.DossierFiling) {
	t.Helper()
	d := newDesk()
	if _, err := d.SetOnline(t.Context(), of("u"), "u", []string{"1.001"}); err != nil {
		t.Fatal(err)
	}
	content := []byte("%PDF tờ khai")
	return d, hub.DossierFiling{
		Form: strings.Repeat("ab", 16), Procedure: "1.001", Unit: "H47.u", Owner: hub.DossierOwner{Name: "Trần Thị Mẫu", Contact: "0900"}, Consent: true,
		Papers: []hub.FiledPaper{{For: "Tờ khai", Name: "a.pdf", MediaType: "application/pdf", Size: 99, Digest: d.Blobs.Put(content)}, {Name: "b.png", MediaType: "image/png", Digest: d.Blobs.Put([]byte("b"))}},
	}
}

// TestFiling: what is handed in on the portal is a dossier that waits for its unit, with its
// files, the verdicts on their signatures and what keeps them, all at once; its owner finds it
// by what the answer says, and the same form again is the same dossier.
func TestFiling(t *testing.T) {
	d, said := online(t)
	p := d.Filings()
	got, err := p.File(t.Context(), said)
	if err != nil || got.Number == "" || got.Secret == "" || got.Unit != "Đơn vị u" || !slices.Equal(got.Papers, []string{"a.pdf", "b.png"}) || got.Progress != "https://p.vn/dossiers?number="+got.Number+"#"+string(got.Secret) {
		t.Fatalf("%+v %v", got, err)
	}
	v, err := d.Show(t.Context(), of("u"), got.Number)
	if err != nil || v.Status != hub.DossierNew || v.Channel != hub.ChannelOnline || !v.Received.Equal(d.now) || len(v.Events) != 3 || !v.Events[0].Consent || v.Events[0].By != "portal" || v.Owner.Name != "Trần Thị Mẫu" {
		t.Fatalf("%+v %v", v, err)
	}
	if e := v.Events[1]; e.Act != hub.DossierAttach || e.Text != "Tờ khai" || e.Paper.Kind != hub.DossierFiled || e.Paper.Report == nil || e.Paper.Size != int64(len("%PDF tờ khai")) || e.Agency != "u" {
		t.Errorf("%+v", e)
	}
	if len(d.keeps) != 2 || len(d.logged) != 3 {
		t.Errorf("%d files are kept, %d notes", len(d.keeps), len(d.logged))
	}
	if progress, err := d.Owners().Progress(t.Context(), got.Number, got.Secret.String()); err != nil || progress.Status != hub.DossierNew {
		t.Errorf("%+v %v", progress, err)
	}
	raw, err := json.Marshal(d.files)
	if err != nil || strings.Contains(string(raw), string(got.Secret)) || strings.Contains(string(raw), said.Form) {
		t.Errorf("the secret or the form is kept: %v", err)
	}

	again, err := p.File(t.Context(), said)
	if err != nil || again.Number != got.Number || again.Secret != got.Secret || len(d.files) != 1 {
		t.Errorf("twice: %+v %v", again, err)
	}
	other := said
	other.Owner.Name = "Khổng Sa"
	_, err = p.File(t.Context(), other)
	wrong(t, "the form with another owner", err, "conflict form taken")
	if strings.Contains(err.Error(), got.Number) {
		t.Errorf("it is told a number: %v", err)
	}
	if _, err := d.RenewSecret(t.Context(), of("u"), v.ID, ""); err != nil {
		t.Fatal(err)
	}
	if again, err = p.File(t.Context(), said); err != nil || again.Number != got.Number || again.Secret != "" || strings.Contains(again.Progress, "#") {
		t.Errorf("with another secret since: %+v %v", again, err)
	}
}

// TestFilingOneFileTwice: one file for two papers stands in both events and is kept once.
func TestFilingOneFileTwice(t *testing.T) {
	d, said := online(t)
	said.Papers[1].Digest = said.Papers[0].Digest
	if got, err := d.Filings().File(t.Context(), said); err != nil || len(got.Papers) != 2 || len(d.keeps) != 1 {
		t.Errorf("%+v, kept %v, %v", got, d.keeps, err)
	}
}

// TestFilingTwiceAtOnce: presses at the same moment are one dossier.
func TestFilingTwiceAtOnce(t *testing.T) {
	d, said := online(t)
	first := hub.FilingReceipt{}
	d.race = func() {
		var err error
		if first, err = d.Filings().File(t.Context(), said); err != nil {
			t.Error(err)
		}
	}
	second, err := d.Filings().File(t.Context(), said)
	if err != nil || second.Number != first.Number || second.Secret != first.Secret || len(d.files) != 1 {
		t.Errorf("%+v and %+v, %v", first, second, err)
	}
}

// TestFilingRefused: what is not said, not taken or not in force any more makes no dossier, and
// neither does a failure.
func TestFilingRefused(t *testing.T) {
	for want, change := range map[string]func(*desk, *hub.DossierFiling){
		"invalid name required":             func(_ *desk, f *hub.DossierFiling) { f.Owner.Name = " " },
		"invalid contact required":          func(_ *desk, f *hub.DossierFiling) { f.Owner.Contact = "" },
		"invalid contact max_length":        func(_ *desk, f *hub.DossierFiling) { f.Owner.Contact = strings.Repeat("0", 201) },
		"invalid consent required":          func(_ *desk, f *hub.DossierFiling) { f.Consent = false },
		"invalid form form":                 func(_ *desk, f *hub.DossierFiling) { f.Form = "1" },
		"invalid unit offline":              func(_ *desk, f *hub.DossierFiling) { f.Unit = "H47.x" },
		"invalid procedure in_force":        func(_ *desk, f *hub.DossierFiling) { f.Procedure = "9.9" },
		"too_large papers max_items":        func(_ *desk, f *hub.DossierFiling) { f.Papers = make([]hub.FiledPaper, 251) },
		"not_found":                         func(_ *desk, f *hub.DossierFiling) { f.Papers[1].Digest = hub.Digest{1} },
		"unavailable file":                  func(d *desk, _ *hub.DossierFiling) { d.broken = true },
		"internal":                          func(d *desk, _ *hub.DossierFiling) { d.fails = 1 },
		"invalid procedure in_force before": func(d *desk, _ *hub.DossierFiling) { d.now = d.now.AddDate(-1, 0, 0) },
	} {
		d, said := online(t)
		change(d, &said)
		if _, err := d.Filings().File(t.Context(), said); err == nil || !strings.HasPrefix(want, string(hub.KindOf(err))) {
			t.Errorf("%v, want %s", err, want)
		} else if e := hub.ViolationsOf(err)[0]; strings.Count(want, " ") > 1 && !strings.HasPrefix(want, string(e.Kind)+" "+e.Field+" "+e.Rule) {
			t.Errorf("%v, want %s", err, want)
		}
		if len(d.files) > 0 || len(d.keeps) > 0 {
			t.Errorf("%s: %d dossiers, %d files", want, len(d.files), len(d.keeps))
		}
	}
}

// TestOnline: an agency says itself what it takes on the portal, which is nothing before.
func TestOnline(t *testing.T) {
	d := newDesk()
	p := d.Filings()
	units := func() []hub.FilingUnit {
		t.Helper()
		list, err := p.Units(t.Context(), "1.001")
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if got := units(); len(got) > 0 {
		t.Errorf("before: %v", got)
	}
	if on, err := d.Online(t.Context(), of("u"), "u"); err != nil || len(on.Procedures) > 0 {
		t.Errorf("before: %+v %v", on, err)
	}
	_, err := d.SetOnline(t.Context(), of("x"), "u", []string{"1.001"})
	wrong(t, "another agency", err, "denied agency")
	_, err = d.SetOnline(t.Context(), portalOf("p", "u"), "u", []string{"1.001"})
	wrong(t, "a portal", err, "denied scope")
	_, err = d.Online(t.Context(), of("x"), "u")
	wrong(t, "another agency looks", err, "denied agency")
	_, err = d.SetOnline(t.Context(), of("u"), "u", []string{"1.001", "9.9"})
	wrong(t, "what is not in force", err, "invalid procedures in_force")
	var many sync.WaitGroup
	for range 4 {
		many.Go(func() {
			if _, err := d.SetOnline(t.Context(), of("u"), "u", []string{"1.001", "1.001"}); err != nil {
				t.Error(err)
			}
		})
	}
	many.Wait()
	if _, err := d.SetOnline(t.Context(), of("l"), "l", []string{"1.001"}); err != nil {
		t.Fatal(err)
	}
	if got := units(); len(got) != 2 || got[0].Name != "Đơn vị l" || got[1].Name != "Đơn vị u" || got[1].Code == "" {
		t.Errorf("%v", got)
	}
	if on, err := d.Online(t.Context(), of("u"), "u"); err != nil || !slices.Equal(on.Procedures, []string{"1.001"}) || on.SetBy == "" {
		t.Errorf("%+v %v", on, err)
	}
	if _, err := d.SetOnline(t.Context(), of("u"), "u", nil); err != nil {
		t.Fatal(err)
	}
	if got := units(); len(got) != 1 {
		t.Errorf("when one takes it no more: %v", got)
	}
	if got, err := p.Units(t.Context(), "9.9"); err != nil || len(got) > 0 {
		t.Errorf("what is not in force: %v %v", got, err)
	}
}
