package dossiers_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

const application = "HoSo"

// jsonPackages reads packages that are JSON.
type jsonPackages struct{}

func (jsonPackages) Read(r io.Reader) (p hub.DossierPackage, err error) {
	if err = json.NewDecoder(r).Decode(&p); err != nil {
		err = hub.Invalid("HoSo", "well_formed", "%v", err)
	}
	return p, err
}

func (jsonPackages) Element(event int, field string) string {
	if event < 0 {
		return "HoSo/" + field
	}
	return fmt.Sprintf("HoSo[%d]/%s", event, field)
}

func (jsonPackages) PaperElement(paper int, field string) string {
	return fmt.Sprintf("TepTin[%d]/%s", paper, field)
}

func (d *desk) DispatchItem(_ context.Context, id hub.DispatchID) (hub.SentItem, error) {
	found, ok := d.dispatches[id]
	if !ok {
		return hub.SentItem{}, hub.Errorf(hub.KindNotFound, "dispatch", "", "none")
	}
	return hub.SentItem{Dispatch: found}, nil
}

func (d *desk) SignatureReports(_ context.Context, id hub.DispatchID) (reports []hub.SignatureReport, err error) {
	for _, part := range d.dispatches[id].Parts {
		if !d.unjudged {
			reports = append(reports, hub.SignatureReport{Part: part.ID, SHA256: part.Digest, Indication: hub.NoSignatureFound, Policy: "at the acceptance"})
		}
	}
	return reports, nil
}

// head is that of a package which registers the dossier of wish.
func head(number string) hub.DossierWish {
	w := wish()
	w.Number = number
	return w
}

func event(key string, act hub.DossierAct, at hub.DossierMoment, change ...func(*hub.DossierPackageEvent)) hub.DossierPackageEvent {
	e := hub.DossierPackageEvent{DossierOrder: hub.DossierOrder{Key: key, Act: act, At: at}}
	for _, c := range change {
		c(&e)
	}
	return e
}

func to(code string, role hub.DossierRole) func(*hub.DossierPackageEvent) {
	return func(e *hub.DossierPackageEvent) { e.ToCode, e.Role = code, role }
}

// sending is a package on its way.
type sending struct {
	from  hub.AgencyID
	to    []hub.AgencyID
	p     hub.DossierPackage
	files map[string]string
	id    hub.DispatchID
}

func (d *desk) submission(t *testing.T, s *sending) hub.Submission {
	t.Helper()
	content, err := json.Marshal(s.p)
	if err != nil {
		t.Fatal(err)
	}
	part := func(name string, text []byte) hub.Part {
		return hub.Part{ID: name, Role: hub.RoleAttachment, Name: name, MediaType: "application/pdf", Size: int64(len(text)), Digest: d.Blobs.Put(text)}
	}
	sub := hub.Submission{Operation: hub.OperationNew, Document: hub.Document{Application: application}, Parts: []hub.Part{part("HoSo.XML", content)}}
	for name, text := range s.files {
		sub.Parts = append(sub.Parts, part(name, []byte(text)))
	}
	return sub
}

// check is what is wrong with a package.
func (d *desk) check(t *testing.T, s *sending) error {
	t.Helper()
	sub := d.submission(t, s)
	return d.CheckPackage(t.Context(), of(s.from), s.from, &sub, s.to)
}

// accept has a package accepted, without putting it into its dossier.
func (d *desk) accept(t *testing.T, s *sending) *hub.Dispatch {
	t.Helper()
	if err := d.check(t, s); err != nil {
		t.Fatal(err)
	}
	d.ids++
	s.id = hub.DispatchID(fmt.Sprintf("p%04d", d.ids))
	sub := d.submission(t, s)
	dispatch := hub.Dispatch{ID: s.id, Sender: s.from, Operation: sub.Operation, Document: sub.Document, Parts: sub.Parts, AcceptedAt: d.now}
	if err := d.AwaitPackage(t.Context(), of(s.from), &dispatch); err != nil {
		t.Fatal(err)
	}
	if d.dispatches == nil {
		d.dispatches = map[hub.DispatchID]hub.Dispatch{}
	}
	d.dispatches[s.id] = dispatch
	return &dispatch
}

func (d *desk) sends(t *testing.T, s *sending) {
	t.Helper()
	d.TakePackage(t.Context(), d.accept(t, s))
}

func (d *desk) takings(t *testing.T, agency hub.AgencyID) []hub.DossierTaking {
	t.Helper()
	list, err := d.Takings(t.Context(), of(agency), agency, false)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

const number = "H47.12-260302-0007"

// course tells what stands in a dossier, as one of its agencies sees it.
func (d *desk) course(t *testing.T, agency hub.AgencyID) string {
	t.Helper()
	v, err := d.Show(t.Context(), of(agency), number)
	if err != nil {
		return err.Error()
	}
	var list []string
	for _, e := range v.Events {
		said := string(e.Act)
		if e.Paper != nil {
			said += ":" + string(e.Paper.Kind) + ":" + e.Paper.Name
		}
		list = append(list, said)
	}
	return strings.Join(list, " ")
}

// TestPackages: a dossier is registered, handed over and reported on by packages of two
// one-stop systems; what comes twice, and late, changes nothing and loses nothing.
func TestPackages(t *testing.T) {
	d := newDesk()
	first := &sending{from: "u", to: []hub.AgencyID{"l"}, files: map[string]string{"đơn.pdf": "đơn", "khác.pdf": "khác"}, p: hub.DossierPackage{
		Head: head(number),
		Events: []hub.DossierPackageEvent{
			event("e0", hub.DossierRegister, "2026-03-02T08:00"),
			event("e1", hub.DossierAccept, "2026-03-02T08:10", func(e *hub.DossierPackageEvent) { e.Due = "2026-03-12" }),
			event("e2", hub.DossierHandOver, "2026-03-02T09:00", to("H47.l", hub.DossierLead)),
		},
		Papers: []hub.DossierPackagePaper{{Name: "đơn.pdf", Kind: hub.DossierFiled, Key: "f1"}},
	}}
	d.sends(t, first)
	course := d.course(t, "l")
	if !strings.HasPrefix(course, "register accept hand_over attach:") || !strings.Contains(course, "attach:filed:đơn.pdf") || !strings.Contains(course, "attach:other:khác.pdf") {
		t.Fatal(course)
	}
	v, err := d.Show(t.Context(), of("u"), number)
	if err != nil || v.Lead != "l" || v.Owner.Name != wish().Owner.Name || v.Status != hub.DossierAccepted || v.Appointed.IsZero() {
		t.Fatalf("%+v, %v", v.Dossier, err)
	}
	if e := v.Events[1]; e.Dispatch != first.id || e.By != "of u" || e.Agency != "u" {
		t.Errorf("the event does not say from where it came: %+v", e)
	}

	// The same events by another package, and more of them, out of order.
	second := *first
	second.p.Events = append(slices.Clone(first.p.Events), event("e3", hub.DossierProcess, "2026-03-02T08:30"))
	d.sends(t, &second)
	if got := d.course(t, "u"); got != course+" process" {
		t.Error(got)
	}

	// The other side says no more than the number; a status by its number or in words of its own.
	answer := &sending{from: "l", to: []hub.AgencyID{"u"}, files: map[string]string{"kết quả.pdf": "kq"}, p: hub.DossierPackage{
		Head: hub.DossierWish{Number: number},
		Events: []hub.DossierPackageEvent{
			event("r1", hub.DossierReport, "2026-03-03T09:00", func(e *hub.DossierPackageEvent) { e.Local = "Trình ký" }),
			event("r2", hub.DossierReport, "2026-03-05T09:00", func(e *hub.DossierPackageEvent) { e.Status = hub.DossierDone }),
			event("r3", hub.DossierProcess, "2026-03-06T09:00"),
		},
		Papers: []hub.DossierPackagePaper{{Name: "kết quả.pdf", Kind: hub.DossierResult}},
	}}
	d.sends(t, answer)
	if v, err = d.Show(t.Context(), of("u"), number); err != nil || v.Status != hub.DossierDone || !v.Has(hub.FindingUnknownWord) || !v.Has(hub.FindingOutOfOrder) {
		t.Fatalf("status %d, findings %+v, %v", v.Status, v.Findings, err)
	}
	if waiting := slices.Concat(d.takings(t, "u"), d.takings(t, "l")); len(waiting) > 0 {
		t.Errorf("packages wait though all is done: %+v", waiting)
	}
	for _, e := range v.Events {
		if e.Paper != nil && (e.Paper.Report == nil || e.Paper.Report.Policy != "at the acceptance" || e.Paper.Report.Part != e.Paper.Part().ID || e.Paper.Report.SHA256 != e.Paper.Digest) {
			t.Errorf("%s has not the verdict of the acceptance: %+v", e.Paper.Name, e.Paper.Report)
		}
	}
	if d.judged != 0 {
		t.Errorf("%d files were judged again", d.judged)
	}
	if len(d.keeps) != 3 {
		t.Errorf("%d files are kept", len(d.keeps))
	}
}

// TestPackageRefused: what is wrong with a package is named by its elements, and nothing of
// it is recorded.
func TestPackageRefused(t *testing.T) {
	d := newDesk()
	v := d.register(t, head(number))
	due := func(m hub.DossierMoment) func(*hub.DossierPackageEvent) {
		return func(e *hub.DossierPackageEvent) { e.Due = m }
	}
	for what, c := range map[string]struct {
		s    sending
		want string
	}{
		"an unknown dossier":       {sending{from: "u", p: hub.DossierPackage{Head: hub.DossierWish{Number: "H47.12-260302-0009"}}}, "invalid HoSo/number unknown_dossier"},
		"a dossier of others":      {sending{from: "x", p: hub.DossierPackage{Head: hub.DossierWish{Number: number}}}, "invalid HoSo/number unknown_dossier"},
		"the number of others":     {sending{from: "x", p: hub.DossierPackage{Head: head("H47.12-260302-0009")}}, "invalid HoSo/number unit_code"},
		"another day":              {sending{from: "u", p: hub.DossierPackage{Head: head("H47.12-260303-0009")}}, "invalid HoSo/number day"},
		"no receipt":               {sending{from: "u", p: hub.DossierPackage{Head: func() hub.DossierWish { w := head("H47.12-260302-0009"); w.Received = ""; return w }()}}, "invalid HoSo/received_at required"},
		"another owner":            {sending{from: "u", p: hub.DossierPackage{Head: func() hub.DossierWish { w := head(number); w.Owner.Name = "Người khác"; return w }()}}, "invalid HoSo/owner.name taken"},
		"another procedure":        {sending{from: "u", p: hub.DossierPackage{Head: func() hub.DossierWish { w := head(number); w.Procedure = "9"; return w }()}}, "invalid HoSo/procedure taken"},
		"before the receipt":       {sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e", hub.DossierProcess, "2026-03-01T08:00")}}}, "invalid HoSo[0]/at before_receipt"},
		"in the future":            {sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e", hub.DossierProcess, "2027-03-01T08:00")}}}, "invalid HoSo[0]/at range"},
		"no reason":                {sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e", hub.DossierStop, "2026-03-03T08:00")}}}, "invalid HoSo[0]/text required"},
		"an unknown agency":        {sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e", hub.DossierHandOver, "2026-03-03T08:00", to("H47.làng", ""))}}}, "invalid HoSo[0]/to"},
		"an end before":            {sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e", hub.DossierHandOver, "2026-03-03T08:00", to("H47.l", ""), due("2026-03-02"))}}}, "invalid HoSo[0]/due_at range"},
		"a stranger's recipient":   {sending{from: "u", to: []hub.AgencyID{"u", "x"}, p: hub.DossierPackage{Head: head(number)}}, "invalid recipients[1] party"},
		"a file that is not there": {sending{from: "u", p: hub.DossierPackage{Head: head(number), Papers: []hub.DossierPackagePaper{{Name: "a.pdf", Kind: hub.DossierFiled}}}}, "invalid TepTin[0]/name attachment"},
	} {
		wrong(t, what, d.check(t, &c.s), c.want)
	}
	if got := d.course(t, "u"); got != "register accept" || len(d.logged) != 2 {
		t.Errorf("something was recorded: %s, %d notes", got, len(d.logged))
	}

	// The same key with something else, and what nobody may.
	d.sends(t, &sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e1", hub.DossierProcess, "2026-03-03T08:00"), event("e2", hub.DossierHandOver, "2026-03-03T09:00", to("H47.c", ""))}}})
	wrong(t, "the key of another event", d.check(t, &sending{from: "u", p: hub.DossierPackage{Head: head(number), Events: []hub.DossierPackageEvent{event("e1", hub.DossierPay, "2026-03-03T08:00")}}}), "invalid HoSo[0]/key taken")
	wrong(t, "a result of who does not lead", d.check(t, &sending{from: "c", p: hub.DossierPackage{Head: hub.DossierWish{Number: number}, Events: []hub.DossierPackageEvent{event("e1", hub.DossierFinish, "2026-03-03T08:00")}}}), "invalid HoSo[0]/agency party")

	sub := d.submission(t, &sending{from: "u", p: hub.DossierPackage{Head: head(number)}})
	sub.Operation = hub.OperationUpdate
	wrong(t, "an update", d.CheckPackage(t.Context(), of("u"), "u", &sub, nil), "invalid operation package")
	sub.Operation, sub.Parts = hub.OperationNew, nil
	wrong(t, "no content", d.CheckPackage(t.Context(), of("u"), "u", &sub, nil), "invalid parts required")
	sub.Operation = hub.OperationRecall
	wrong(t, "a recall", d.CheckPackage(t.Context(), of("u"), "u", &sub, nil), "")
	sub.Operation, sub.Document.Application = hub.OperationNew, "Khác"
	wrong(t, "another document", d.CheckPackage(t.Context(), of("u"), "u", &sub, nil), "")
	sub.Document.Application, sub.Parts = application, []hub.Part{{ID: "p", Name: "hoso.xml", Digest: d.Blobs.Put(bytes.Repeat([]byte("<"), 9))}}
	wrong(t, "no package", d.CheckPackage(t.Context(), of("u"), "u", &sub, nil), "invalid HoSo well_formed")
	if v.Number != number {
		t.Error(v.Number)
	}
}

// TestPackageInterrupted: a hub that ends at whatever step puts the package into its dossier
// afterwards, once; and what never was accepted is forgotten.
func TestPackageInterrupted(t *testing.T) {
	d := newDesk()
	s := &sending{from: "u", to: []hub.AgencyID{"l"}, files: map[string]string{"đơn.pdf": "đơn"}, p: hub.DossierPackage{
		Head: head(number), Events: []hub.DossierPackageEvent{event("e1", hub.DossierAccept, "2026-03-02T08:10"), event("e2", hub.DossierHandOver, "2026-03-02T09:00", to("H47.l", ""))},
	}}
	want := "register accept hand_over attach:other:đơn.pdf"
	dispatch := d.accept(t, s)
	if list := d.takings(t, "u"); len(list) != 1 || list[0].Number != number || list[0].Dispatch != s.id {
		t.Fatalf("%+v waits", list)
	}
	if list := d.takings(t, "l"); len(list) != 0 {
		t.Error("another agency is shown", list)
	}
	for writes := range 5 { // each time one write more gets through
		ctx, stop := context.WithCancel(t.Context())
		d.fails = writes + 1
		d.TakePackage(ctx, dispatch)
		stop()
	}
	d.fails = 0
	if err := d.TakePackages(t.Context()); err != nil || d.course(t, "l") != want || len(d.takings(t, "u")) != 0 {
		t.Fatalf("%s, %v", d.course(t, "l"), err)
	}
	d.TakePackage(t.Context(), dispatch)
	if got := d.course(t, "l"); got != want {
		t.Error("once more:", got)
	}

	// A file of which the acceptance knows no verdict gets one.
	d.unjudged = true
	more := *s
	more.files = map[string]string{"thêm.pdf": "thêm"}
	if d.sends(t, &more); d.judged != 1 {
		t.Errorf("%d verdicts on a file without one", d.judged)
	}

	// Nothing came of it.
	lost := *s
	lost.p.Events = nil
	delete(d.dispatches, d.accept(t, &lost).ID)
	waiting := func() int {
		notes, err := d.World.Notes(t.Context(), hub.NotesQuery{Prefix: "dossier-package/", Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		return len(notes)
	}
	if err := d.TakePackages(t.Context()); err != nil || waiting() != 1 || len(d.takings(t, "u")) != 0 {
		t.Errorf("what may come still is forgotten, or shown: %d, %v", waiting(), err)
	}
	d.now = d.now.Add(2 * time.Hour)
	if err := d.TakePackages(t.Context()); err != nil || waiting() != 0 {
		t.Errorf("what never came waits for ever: %d, %v", waiting(), err)
	}

	// What became impossible meanwhile is shown with its reason, and tried no more.
	late := &sending{from: "l", p: hub.DossierPackage{Head: hub.DossierWish{Number: number}, Events: []hub.DossierPackageEvent{event("x1", hub.DossierReport, "2026-03-04T08:00", func(e *hub.DossierPackageEvent) { e.Status = hub.DossierProcessing })}}}
	d.accept(t, late)
	_, err := d.SettleTaking(t.Context(), of("l"), late.id, "x")
	wrong(t, "one that waits", err, "conflict dispatch waits")
	d.files[0].Erased = &hub.DossierErasure{At: d.now}
	if err := d.TakePackages(t.Context()); err != nil {
		t.Fatal(err)
	}
	if list := d.takings(t, "l"); len(list) != 1 || len(list[0].Refused) != 1 || list[0].Refused[0].Rule != "erased" {
		t.Errorf("%+v", list)
	}
	d.settles(t, late.id)
}

// settles has a package settled that can't be put into its dossier.
func (d *desk) settles(t *testing.T, id hub.DispatchID) {
	t.Helper()
	settle := func(actor hub.Actor, dispatch hub.DispatchID, reason string) error {
		_, err := d.SettleTaking(t.Context(), actor, dispatch, reason)
		return err
	}
	looker := of("l")
	looker.Scopes = []hub.Scope{hub.ScopeRead}
	wrong(t, "by others", settle(of("u"), id, "x"), "not_found dispatch")
	wrong(t, "by who only looks", settle(looker, id, "x"), "denied scope")
	wrong(t, "no reason", settle(of("l"), id, " "), "invalid reason required")
	wrong(t, "no such package", settle(of("l"), id[:len(id)-1], "x"), "not_found dispatch")
	d.fails = 1
	if err := settle(of("l"), id, "x"); err == nil || len(d.takings(t, "l")) != 1 {
		t.Error("settled without a note in the log", err)
	}
	d.fails = 0
	for _, reason := range []string{"đã gửi lại", "khác"} {
		if err := settle(of("l"), id, reason); err != nil {
			t.Fatal(err)
		}
	}
	if len(d.settled) != 1 || d.settled[0].Dispatch != id || d.settled[0].Actor != "of l" || d.settled[0].SHA256 != sha256.Sum256([]byte("đã gửi lại")) {
		t.Errorf("the log got %+v", d.settled)
	}
	told := func() []hub.DossierTaking {
		if err := d.TakePackages(t.Context()); err != nil {
			t.Fatal(err)
		}
		list, err := d.Takings(t.Context(), of("l"), "l", true)
		if err != nil {
			t.Fatal(err)
		}
		return list
	}
	if list := told(); len(d.takings(t, "l")) != 0 || len(list) != 1 || list[0].Settled.Reason != "đã gửi lại" || list[0].Settled.By != "of l" || len(list[0].Refused) != 1 {
		t.Errorf("%+v", list)
	}
	d.now = d.now.Add(90 * 24 * time.Hour)
	if list := told(); len(list) != 0 {
		t.Errorf("shown for ever: %+v", list)
	}
	wrong(t, "afterwards", settle(of("l"), id, "x"), "not_found dispatch")
}

// TestNews: a system follows the dossiers of its own agency, in pages that are bounded.
func TestNews(t *testing.T) {
	d := newDesk()
	for limit, want := range map[int]string{0: "100", 7: "7", 9999: "500"} {
		news, err := d.News(t.Context(), of("u"), "u", 3, limit)
		if err != nil || len(news) != 1 || news[0].Seq != 4 || news[0].Number != want {
			t.Errorf("%d: %+v, %v", limit, news, err)
		}
	}
	_, err := d.News(t.Context(), of("c"), "u", 0, 1)
	wrong(t, "the dossiers of others", err, "denied agency")
	clerk := of("u")
	clerk.Kind = hub.ActorClerk
	_, err = d.News(t.Context(), clerk, "u", 0, 1)
	wrong(t, "a person", err, "denied system")
}
