package app_test

import (
	"bytes"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// packet is a document as its recipient gets it: what it is called and what it does.
type packet struct{ id, about, operation string }

// office is an agency behind a door of its own.
type office interface {
	outbound
	inbound
}

type outbound interface {
	code() string
	send(t *testing.T, sub hub.Submission)
	// heard takes the status messages that came: "agency code".
	heard(t *testing.T) []string
}

type inbound interface {
	// take fetches and acknowledges everything that waits.
	take(t *testing.T) []packet
	readable(t *testing.T, l packet) bool
	say(t *testing.T, to string, l packet, code hub.StatusCode)
}

var (
	documentID = regexp.MustCompile(`<edXML:DocumentId>([^<]+)<`)
	docType    = regexp.MustCompile(`BussinessDocType>(\d)<`)
	fromCode   = regexp.MustCompile(`(?s)<edXML:From>.*?OrganId>([^<]+)<`)
	statusCode = regexp.MustCompile(`StatusCode>(\d\d)<`)
)

func group(re *regexp.Regexp, text []byte) string {
	if m := re.FindSubmatch(text); m != nil {
		return string(m[1])
	}
	return ""
}

func packetOf(id string, file []byte) packet {
	operation := map[string]string{"1": "recall", "2": "update", "3": "replace"}[group(docType, file)]
	return packet{id, group(documentID, file), operation}
}

// statusPackage is the message in which an agency reports on a document.
func statusPackage(t *testing.T, from, to string, l packet, code hub.StatusCode) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeStatus(&out, hub.StatusMessage{
		From: from, Code: code, Description: "Thử", StatedAt: time.Date(2026, 1, 5, 1, 0, 0, 0, time.UTC), For: hub.Reference{Agency: to, ExternalID: l.about},
	}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

type axisParty struct {
	*vxp.Client
	agency string
}

func (o *axisParty) code() string { return o.agency }

func (o *axisParty) send(t *testing.T, sub hub.Submission) {
	t.Helper()
	_, err := o.Send(t.Context(), "edoc", o.agency, encoded(t, sub))
	must(t, err)
}

func (o *axisParty) take(t *testing.T) (all []packet) {
	t.Helper()
	rows, err := o.Received(t.Context(), "edoc")
	must(t, err)
	for _, row := range rows {
		file, err := o.Fetch(t.Context(), row.DocID)
		must(t, err)
		must(t, o.Update(t.Context(), row.DocID, "done"))
		all = append(all, packetOf(row.DocID, file))
	}
	return all
}

func (o *axisParty) readable(t *testing.T, l packet) bool {
	_, err := o.Fetch(t.Context(), l.id)
	return err == nil
}

func (o *axisParty) say(t *testing.T, to string, l packet, code hub.StatusCode) {
	t.Helper()
	_, err := o.Send(t.Context(), "status", o.agency, statusPackage(t, o.agency, to, l, code))
	must(t, err)
}

func (o *axisParty) heard(t *testing.T) (all []string) {
	t.Helper()
	rows, err := o.Received(t.Context(), "status")
	must(t, err)
	for _, row := range rows {
		file, err := o.Fetch(t.Context(), row.DocID)
		must(t, err)
		must(t, o.Update(t.Context(), row.DocID, "done"))
		all = append(all, group(fromCode, file)+" "+group(statusCode, file))
	}
	return all
}

type provinceParty struct {
	*lgsp.Client
	agency string
}

func (o *provinceParty) code() string { return o.agency }

func (o *provinceParty) send(t *testing.T, sub hub.Submission) {
	t.Helper()
	_, err := o.Send(t.Context(), "edoc", encoded(t, sub))
	must(t, err)
}

func (o *provinceParty) rows(t *testing.T, kind string, do func(id string, file []byte)) {
	t.Helper()
	rows, err := o.Received(t.Context())
	must(t, err)
	for _, row := range rows {
		if row.MessageType == kind {
			file, err := o.Fetch(t.Context(), row.DocID)
			must(t, err)
			must(t, o.Update(t.Context(), row.DocID, "DONE"))
			do(row.DocID, file)
		}
	}
}

func (o *provinceParty) take(t *testing.T) (all []packet) {
	t.Helper()
	o.rows(t, "edoc", func(id string, file []byte) { all = append(all, packetOf(id, file)) })
	return all
}

func (o *provinceParty) readable(t *testing.T, l packet) bool {
	_, err := o.Fetch(t.Context(), l.id)
	return err == nil
}

func (o *provinceParty) say(t *testing.T, to string, l packet, code hub.StatusCode) {
	t.Helper()
	_, err := o.Send(t.Context(), "status", statusPackage(t, o.agency, to, l, code))
	must(t, err)
}

func (o *provinceParty) heard(t *testing.T) (all []string) {
	t.Helper()
	o.rows(t, "status", func(_ string, file []byte) { all = append(all, group(fromCode, file)+" "+group(statusCode, file)) })
	return all
}

type restParty struct {
	*hubclient.Client
	agency string
	codes  map[hub.AgencyID]string
	sent   []hub.DispatchID
	told   map[string]bool
}

func (o *restParty) code() string { return o.agency }

func (o *restParty) send(t *testing.T, sub hub.Submission) {
	t.Helper()
	var files []hubclient.File
	for _, p := range sub.Parts {
		p.Size = int64(len("%PDF-1.7\n"))
		files = append(files, hubclient.File{Part: p, Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("%PDF-1.7\n")), nil }})
	}
	accepted, err := o.Submit(t.Context(), sub, files, nil)
	must(t, err)
	o.sent = append(o.sent, accepted.Dispatch.ID)
}

func (o *restParty) take(t *testing.T) (all []packet) {
	t.Helper()
	items, err := o.Lease(t.Context(), hubclient.LeaseRequest{Max: 10, For: time.Minute})
	must(t, err)
	for i := range items {
		d, v := &items[i].Dispatch, &items[i].Delivery
		digests := map[string]hub.Digest{}
		for _, p := range d.Parts {
			digests[p.ID] = p.Digest
		}
		_, err := o.Acknowledge(t.Context(), v.ID, v.Lease.Fence, digests)
		must(t, err)
		operation := strings.TrimSuffix(string(d.Operation), "new")
		all = append(all, packet{string(v.ID), d.ExternalID, operation})
	}
	return all
}

func (o *restParty) readable(t *testing.T, l packet) bool {
	item, err := o.Delivery(t.Context(), hub.DeliveryID(l.id))
	return err == nil && len(item.Dispatch.Parts) > 0
}

func (o *restParty) say(t *testing.T, _ string, l packet, code hub.StatusCode) {
	t.Helper()
	_, err := o.ReportStatus(t.Context(), hub.DeliveryID(l.id), hubclient.Status{Code: code, Description: "Thử"})
	must(t, err)
}

func (o *restParty) heard(t *testing.T) (all []string) {
	t.Helper()
	for _, id := range o.sent {
		reports, err := o.StatusReports(t.Context(), id)
		must(t, err)
		for _, r := range reports {
			if !o.told[r.ID] && o.codes[r.Reporter] != o.agency { // what it asked itself stands there too
				o.told[r.ID] = true
				all = append(all, o.codes[r.Reporter]+" "+string(r.Code))
			}
		}
	}
	return all
}

// lifeOffices are an agency of the national axis, one of the provincial API and one of
// the REST API.
func lifeOffices(t *testing.T) []office {
	t.Helper()
	w := startProvince(t, "")
	must(t, w.Admit(t.Context(), "axis", axisSecret, "g22"))
	key, err := w.client(t, w.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{
		Name: "rest", Kind: hub.ActorSystem, Agencies: []string{"h41"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	must(t, err)
	axis := (&axisWorld{testHub: w.testHub}).system("axis")
	return []office{
		&axisParty{axis, provinceOffice},
		&provinceParty{w.application("app", "snv"), provinceUnit},
		&restParty{
			Client: w.client(t, key.Secret), agency: "000.00.00.H41", told: map[string]bool{},
			codes: map[hub.AgencyID]string{"g22": provinceOffice, "snv": provinceUnit, "h41": "000.00.00.H41"},
		},
	}
}

// TestLifeOverAllDoors: what becomes of a document after it was sent, between a system of
// the national axis, an application of the provincial API and one of the REST API, each
// of them once as the sender and twice as a recipient.
func TestLifeOverAllDoors(t *testing.T) {
	t.Parallel()
	offices := lifeOffices(t)
	for i, sender := range offices {
		others := slices.Delete(slices.Clone(offices), i, i+1)
		l := &life{T: t, sender: sender, others: others, number: 100 * (i + 1)}
		l.statuses()
		l.changes()
		l.recalls()
	}
}

type life struct {
	*testing.T
	sender office
	others []office
	number int
}

func (l *life) submission(id string, operation hub.Operation) hub.Submission {
	l.number++
	sub := hub.Submission{
		Sender: l.sender.code(), ExternalID: l.sender.code() + "," + id, Operation: operation,
		Document: hub.Document{CodeNumber: fmt.Sprint(l.number), CodeNotation: "TEST", TypeName: "Công văn", Subject: "Văn bản thử", Promulgated: "2026-01-05"},
		Parts:    []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "van-ban.pdf", MediaType: "application/pdf"}},
	}
	for _, o := range l.others {
		sub.Recipients = append(sub.Recipients, o.code())
	}
	return sub
}

// taken sends a document and has both others take it; it is the only one that waits.
func (l *life) taken(sub hub.Submission, operation string) []packet {
	l.Helper()
	l.sender.send(l.T, sub)
	var got []packet
	for _, o := range l.others {
		waiting := o.take(l.T)
		if len(waiting) != 1 || waiting[0].about != sub.ExternalID || waiting[0].operation != operation {
			l.Fatalf("%s -> %s: %v, want %s of %s", l.sender.code(), o.code(), waiting, operation, sub.ExternalID)
		}
		got = append(got, waiting[0])
	}
	return got
}

// say has each of the others report one code, and the sender hear exactly that.
func (l *life) say(packets []packet, codes ...hub.StatusCode) {
	l.Helper()
	var want []string
	for i, o := range l.others {
		o.say(l.T, l.sender.code(), packets[i], codes[i])
		want = append(want, o.code()+" "+string(codes[i]))
	}
	got := l.sender.heard(l.T)
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		l.Errorf("%s hears %q, want %q", l.sender.code(), got, want)
	}
}

func (l *life) statuses() {
	packets := l.taken(l.submission("life", hub.OperationNew), "")
	for _, code := range []hub.StatusCode{"01", "03", "04", "05", "06"} {
		l.say(packets, code, code)
	}
	l.say(l.taken(l.submission("refused", hub.OperationNew), ""), "02", "02")
}

// changes updates and replaces a document that both have.
func (l *life) changes() {
	old := l.submission("old", hub.OperationNew)
	l.taken(old, "")
	update := l.submission("update", hub.OperationUpdate)
	update.Document.Business = hub.BusinessInfo{EarlierID: old.ExternalID, InfoChanged: true, Reason: "Sai số liệu"}
	l.say(l.taken(update, "update"), "15", "16")
	replace := l.submission("replace", hub.OperationReplace)
	replace.Document.Business = hub.BusinessInfo{
		Reason: "Thay thế", Replacements: []hub.ReplacementInfo{{ExternalID: old.ExternalID, Agencies: replace.Recipients}},
	}
	l.say(l.taken(replace, "replace"), "16", "15")
}

// recalls takes a document back that nobody has collected, and one that both have: of
// them one gives it back, and its copy is gone, and the other keeps it.
func (l *life) recalls() {
	recall := func(sub hub.Submission) hub.Submission {
		sub.Operation = hub.OperationRecall
		if _, rest := l.sender.(*restParty); !rest { // a recall in edXML needs no file
			sub.Parts = nil
		}
		sub.Document.Business = hub.BusinessInfo{EarlierID: sub.ExternalID, Reason: "Ban hành nhầm"}
		return sub
	}
	early := l.submission("early", hub.OperationNew)
	l.sender.send(l.T, early)
	l.taken(recall(early), "recall") // and nothing else waits
	late := l.submission("late", hub.OperationNew)
	packets := l.taken(late, "")
	l.taken(recall(late), "recall")
	for i, o := range l.others {
		if _, rest := o.(*restParty); !rest {
			l.asked(o)
		}
		if !o.readable(l.T, packets[i]) {
			l.Errorf("%s cannot read what it was only asked for", o.code())
		}
	}
	l.say(packets, "15", "16")
	if l.others[0].readable(l.T, packets[0]) || !l.others[1].readable(l.T, packets[1]) {
		l.Errorf("of %s: who agreed reads on, or who refused does not", l.sender.code())
	}
}

// asked checks that a recipient which speaks edXML hears that a document is asked back.
func (l *life) asked(o office) {
	l.Helper()
	got := o.heard(l.T)
	if len(got) == 0 || slices.ContainsFunc(got, func(s string) bool { return s != l.sender.code()+" 13" }) {
		l.Errorf("%s is asked by %q, want 13 of %s", o.code(), got, l.sender.code())
	}
}
