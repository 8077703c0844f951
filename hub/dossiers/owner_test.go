package dossiers_test

import (
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestOwners: who has the number and the secret of a dossier sees how it stands, and nothing
// that agencies say to each other; a wrong number and a wrong secret are the same.
func TestOwners(t *testing.T) {
	d := newDesk()
	d.now = at("03-02 12:00")
	w := wish()
	w.Key, w.Owner.Contact, w.Local, w.Channel = "k", "0900", "NỘI BỘ", hub.ChannelOnline
	v := d.register(t, w)
	if v.Secret == "" || !v.Lookup.IsZero() {
		t.Fatalf("registering gives %q, and shows %v", v.Secret, v.Lookup)
	}
	again, _, err := d.Register(t.Context(), of("u"), w)
	if err != nil || again.Secret != "" {
		t.Errorf("the secret is told twice: %q %v", again.Secret, err)
	}
	if raw, err := json.Marshal(d.files); err != nil || strings.Contains(string(raw), string(v.Secret)) {
		t.Errorf("the secret is kept: %v", err)
	}
	attach := func(kind hub.DossierPaperKind, content string) {
		t.Helper()
		paper := hub.DossierPaper{Kind: kind, Name: content + ".pdf", MediaType: "application/pdf", Digest: d.Blobs.Put([]byte(content))}
		if _, err := d.Attach(t.Context(), of("u"), v.ID, hub.DossierOrder{}, paper); err != nil {
			t.Fatal(err)
		}
	}
	attach(hub.DossierFiled, "filed") // event 3
	attach(hub.DossierOther, "other")
	attach(hub.DossierResult, "result") // 5
	attach(hub.DossierLetterOf, "letter")
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c", Text: "NỘI BỘ"})
	d.act(t, "c", v.ID, hub.DossierOrder{Act: hub.DossierReport, Status: hub.DossierProcessing, Local: "NỘI BỘ"})
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierAsk, Text: "NỘI BỘ"})
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierApologise, Text: "NỘI BỘ", Due: "2026-03-12"})

	owners := d.Owners()
	look := func(number, secret string) (hub.DossierProgress, error) {
		return owners.Progress(t.Context(), number, secret)
	}
	p, err := look(" "+strings.ToLower(v.Number)+" ", strings.ToLower(v.Secret.String()))
	if err != nil {
		t.Fatal(err)
	}
	if p.Number != v.Number || p.Status != hub.DossierSupplement || p.Unit != "Đơn vị u" || p.Apologised.IsZero() || p.Anew.IsZero() || p.Due.IsZero() || len(p.Files) != 0 || p.Late {
		t.Errorf("%+v", p)
	}
	var acts []hub.DossierAct
	for _, s := range p.Steps {
		acts = append(acts, s.Act)
	}
	if want := []hub.DossierAct{hub.DossierRegister, hub.DossierAccept, hub.DossierHandOver, hub.DossierAsk, hub.DossierApologise}; !slices.Equal(acts, want) {
		t.Errorf("the steps are %v, want %v", acts, want)
	}
	raw, err := json.Marshal(p)
	if said := string(raw); err != nil || strings.Contains(said, "NỘI BỘ") || strings.Contains(said, "Mẫu") || strings.Contains(said, "0900") || strings.Contains(said, "sha256") {
		t.Errorf("the owner is told %s %v", said, err)
	}

	// Whatever is wrong, the answer is the same.
	var first error
	for _, c := range [][2]string{{v.Number, "0000000000000000"}, {"H47.12-260302-0009", string(v.Secret)}, {v.Number, ""}, {"", ""}, {v.Number, "x"}, {string(v.ID), string(v.Secret)}} {
		_, err := look(c[0], c[1])
		if first == nil {
			first = err
		}
		if hub.KindOf(err) != hub.KindNotFound || err.Error() != first.Error() {
			t.Errorf("%q: %v, want %v", c, err, first)
		}
		if _, _, err := owners.File(t.Context(), c[0], c[1], 5); err == nil || err.Error() != first.Error() {
			t.Errorf("a file with %q: %v", c, err)
		}
	}

	// Files: the result from when there is one, a letter where it is signed; each reading is noted.
	file := func(event int64) (string, error) {
		_, blob, err := owners.File(t.Context(), v.Number, string(v.Secret), event)
		if err != nil {
			return "", err
		}
		raw, err := io.ReadAll(blob)
		return string(raw), errors.Join(err, blob.Close())
	}
	d.read = nil
	if _, err := file(5); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("a result before there is one: %v", err)
	}
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierFinish})
	for event, want := range map[int64]string{3: "", 4: "", 5: "result", 6: "", 0: "", 99: ""} {
		if got, err := file(event); got != want || want == "" && (err == nil || err.Error() != first.Error()) {
			t.Errorf("the file of event %d: %q %v", event, got, err)
		}
	}
	if want := []string{"portal " + string(v.ID)}; !slices.Equal(d.read, want) {
		t.Errorf("noted as read: %q, want %q", d.read, want)
	}
	if p, err := look(v.Number, string(v.Secret)); err != nil || len(p.Files) != 1 || p.Files[0].Event != 5 || p.Files[0].Name != "result.pdf" {
		t.Errorf("%+v %v", p.Files, err)
	}
}

// TestRenewSecret: another secret takes the place of the one before, is an event, and is for
// who may report.
func TestRenewSecret(t *testing.T) {
	d := newDesk()
	v := d.register(t, wish())
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c"})
	for agency, want := range map[hub.AgencyID]string{"c": "denied agency party", "x": "not_found dossier"} {
		_, err := d.RenewSecret(t.Context(), of(agency), v.ID, "")
		wrong(t, string(agency), err, want)
	}
	_, err := d.Act(t.Context(), of("u"), v.ID, hub.DossierOrder{Act: hub.DossierRenew})
	wrong(t, "as an act like others", err, "invalid act code_list")
	renewed, err := d.RenewSecret(t.Context(), of("u"), v.ID, "")
	if err != nil || renewed.Secret == "" || renewed.Secret == v.Secret || renewed.Events[3].Act != hub.DossierRenew || renewed.Status != v.Status {
		t.Fatalf("%+v %v", renewed, err)
	}
	owners := d.Owners()
	if _, err := owners.Progress(t.Context(), v.Number, string(v.Secret)); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("the secret before: %v", err)
	}
	if _, err := owners.Progress(t.Context(), v.Number, string(renewed.Secret)); err != nil {
		t.Error(err)
	}

	// What is erased is found by nobody.
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierStop, Text: "x"})
	rules, err := d.RulesVersion(t.Context())
	if err == nil {
		err = d.Erase(t.Context(), v.ID, hub.DossierErasure{At: d.now, Class: "hs"}, rules)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := owners.Progress(t.Context(), v.Number, string(renewed.Secret)); hub.KindOf(err) != hub.KindNotFound || !d.files[0].Lookup.IsZero() {
		t.Errorf("an erased dossier: %v", err)
	}
	for i := range d.files[0].Events {
		if !d.files[0].Events[i].Lookup.IsZero() {
			t.Errorf("event %d still holds by what it is found", i+1)
		}
	}
}

// TestReceipt: the receipt is for who may report, of what was accepted, and has the secret of
// the owner alone.
func TestReceipt(t *testing.T) {
	d := newDesk()
	w := wish()
	w.Waits = true
	v := d.register(t, w)
	get := func(agency hub.AgencyID, kind hub.ActorKind, secret string) (string, error) {
		actor := of(agency)
		actor.Kind = kind
		var to strings.Builder
		err := d.Receipt(t.Context(), actor, v.ID, "", secret, &to)
		return to.String(), err
	}
	_, err := get("u", hub.ActorSystem, "")
	wrong(t, "of what waits", err, "conflict dossier not_accepted")
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierAccept})
	d.act(t, "u", v.ID, hub.DossierOrder{Act: hub.DossierHandOver, To: "c"})
	paper := hub.DossierPaper{Kind: hub.DossierFiled, Name: "tờ khai.pdf", MediaType: "application/pdf", Digest: d.Blobs.Put([]byte("x"))}
	if _, err := d.Attach(t.Context(), of("u"), v.ID, hub.DossierOrder{}, paper); err != nil {
		t.Fatal(err)
	}
	for agency, want := range map[hub.AgencyID]string{"c": "denied agency party", "x": "not_found dossier"} {
		_, err := get(agency, hub.ActorSystem, "")
		wrong(t, string(agency), err, want)
	}
	for _, secret := range []string{"0000000000000000", "x"} {
		_, err = get("u", hub.ActorSystem, secret)
		wrong(t, "with another secret", err, "invalid secret unknown")
	}
	head := "Đơn vị u|Trần Thị Mẫu|H47.12-260302-0001|Khai sinh|[tờ khai.pdf]|"
	if got, err := get("u", hub.ActorSystem, ""); err != nil || got != head+"|https://p.vn/dossiers?number=H47.12-260302-0001" {
		t.Errorf("%q %v", got, err)
	}
	if len(d.read) != 0 {
		t.Errorf("a system is noted as a reader: %q", d.read)
	}
	if got, err := get("u", hub.ActorClerk, v.Secret.String()); err != nil || got != head+v.Secret.String()+"|https://p.vn/dossiers?number=H47.12-260302-0001#"+string(v.Secret) || len(d.read) != 1 {
		t.Errorf("%q %v, read by %q", got, err, d.read)
	}
}
