package dossiers_test

import (
	"io"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestPapers: files are kept byte for byte with the verdict on them, for the agencies of the
// dossier alone; that a person reads one is noted; the same again changes nothing.
func TestPapers(t *testing.T) {
	d := newDesk()
	v := d.register(t, wish())
	v = d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", At: "2026-03-02T09:00"})
	paper := func(content string) hub.DossierPaper {
		return hub.DossierPaper{Kind: hub.DossierFiled, Name: "Giấy chứng sinh.pdf", MediaType: "application/pdf", Digest: d.Blobs.Put([]byte(content))}
	}
	ctx, order := t.Context(), hub.DossierOrder{Key: "f1", At: "2026-03-02T10:00"}
	for _, agency := range []hub.AgencyID{"c", "u", "u"} {
		var err error
		if v, err = d.Attach(ctx, of(agency), v.ID, order, paper("của "+string(agency))); err != nil {
			t.Fatal(agency, err)
		}
	}
	if len(v.Events) != 5 || v.Status != hub.DossierAccepted || len(d.keeps) != 2 || d.keeps[0].Name != hub.KeepNote(paper("của c").Digest, 5, "dossier-"+string(v.ID)).Name {
		t.Fatalf("%d events, status %d, kept by %v", len(v.Events), v.Status, d.keeps)
	}
	if p := v.Events[3].Paper; p == nil || p.Size != int64(len("của c")) || p.Report == nil || p.Report.Indication != hub.NoSignatureFound || v.Events[3].Agency != "c" {
		t.Errorf("%+v", v.Events[3])
	}
	_, err := d.Attach(ctx, of("u"), v.ID, order, paper("khác"))
	wrong(t, "another file under the key", err, "conflict key taken")

	clerk := of("c")
	clerk.Kind = hub.ActorClerk
	part, blob, err := d.Open(ctx, clerk, v.ID, 5)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(blob)
	if err != nil || string(raw) != "của u" || part.Name != "Giấy chứng sinh.pdf" || part.Digest != v.Events[4].Paper.Digest || len(d.read) != 1 {
		t.Errorf("%q %+v %v, read by %v", raw, part, err, d.read)
	}
	_, _, err = d.Open(ctx, clerk, v.ID, 1)
	wrong(t, "an event without a file", err, "not_found event")
	_, _, err = d.Open(ctx, of("x"), v.ID, 5)
	wrong(t, "a file of others", err, "not_found dossier")
	_, err = d.Attach(ctx, of("x"), v.ID, order, paper("x"))
	wrong(t, "a file for a dossier of others", err, "not_found dossier")
	reader := of("u")
	reader.Scopes = []hub.Scope{hub.ScopeRead}
	wrong(t, "a file of who only reads", d.MayAttach(ctx, reader, v.ID, ""), "denied scope")
	_, err = d.Act(ctx, of("u"), v.ID, hub.DossierOrder{Act: hub.DossierAttach})
	wrong(t, "no file", err, "invalid act code_list")

	for what, c := range map[string]struct {
		change func(*hub.DossierPaper)
		want   string
	}{
		"no name":           {func(p *hub.DossierPaper) { p.Name = " " }, "invalid name required"},
		"control character": {func(p *hub.DossierPaper) { p.Name = "a\x00" }, "invalid name control_character"},
		"a long name":       {func(p *hub.DossierPaper) { p.Name = strings.Repeat("a", 201) }, "invalid name max_length"},
		"no kind":           {func(p *hub.DossierPaper) { p.Kind = "x" }, "invalid kind code_list"},
		"no content":        {func(p *hub.DossierPaper) { p.Digest = hub.Digest{1} }, "not_found sha256"},
	} {
		p := paper("x")
		c.change(&p)
		_, err := d.Attach(ctx, of("u"), v.ID, hub.DossierOrder{}, p)
		wrong(t, what, err, c.want)
	}
	d.broken = true
	if _, err := d.Attach(ctx, of("u"), v.ID, hub.DossierOrder{}, paper("y")); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("without a verdict: %v", err)
	}
	if got, err := d.Show(ctx, of("u"), string(v.ID)); err != nil || len(got.Events) != 5 {
		t.Errorf("%d events, %v", len(got.Events), err)
	}
}
