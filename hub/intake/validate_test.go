package intake_test

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
)

// TestRules has one row for each rule that a submission can break.
func TestRules(t *testing.T) {
	f := newFixture(func(o *intake.Options) { o.MaxParts = 3 })
	long := func(n int) string { return strings.Repeat("ậ", n) } // three bytes, one character
	doc := func(change func(*hub.Document)) func(*hub.Submission) {
		return func(s *hub.Submission) { change(&s.Document) }
	}
	part := func(change func(*hub.Part)) func(*hub.Submission) {
		return func(s *hub.Submission) { change(&s.Parts[0]) }
	}
	for _, tt := range []struct {
		rules  string
		change func(*hub.Submission)
	}{
		{"external_id required", func(s *hub.Submission) { s.ExternalID = "" }},
		{"external_id required", func(s *hub.Submission) { s.ExternalID = " \t" }},
		{"external_id max_length", func(s *hub.Submission) { s.ExternalID = long(201) }},
		{"external_id control_character", func(s *hub.Submission) { s.ExternalID = "a\nb" }},
		{"external_id utf8", func(s *hub.Submission) { s.ExternalID = "a\xff" }},
		{"idempotency_key max_length", func(s *hub.Submission) { s.Key = long(201) }},
		{"operation code_list", func(s *hub.Submission) { s.Operation = "" }},
		{"operation code_list", func(s *hub.Submission) { s.Operation = "delete" }},
		{"trace[0].agency max_length", func(s *hub.Submission) { s.Trace = []hub.Hop{{Agency: long(201)}} }},

		{"document.code_number required", doc(func(d *hub.Document) { d.CodeNumber = "" })},
		{"document.code_number max_length", doc(func(d *hub.Document) { d.CodeNumber = long(12) })},
		{"document.code_notation required", doc(func(d *hub.Document) { d.CodeNotation = "" })},
		{"document.code_notation max_length", doc(func(d *hub.Document) { d.CodeNotation = long(31) })},
		{"document.type_name max_length", doc(func(d *hub.Document) { d.TypeName = long(101) })},
		{"document.subject required", doc(func(d *hub.Document) { d.Subject = "" })},
		{"document.subject max_length", doc(func(d *hub.Document) { d.Subject = long(501) })},
		{"document.subject control_character", doc(func(d *hub.Document) { d.Subject = "hai\ndòng" })},
		{"document.content max_length", doc(func(d *hub.Document) { d.Content = long(501) })},
		{"document.content control_character", doc(func(d *hub.Document) { d.Content = "a\x00" })},
		{"document.place max_length", doc(func(d *hub.Document) { d.Place = long(101) })},
		{"document.promulgated required", doc(func(d *hub.Document) { d.Promulgated = "" })},
		{"document.promulgated date", doc(func(d *hub.Document) { d.Promulgated = "2014-02-30" })},
		{"document.promulgated date", doc(func(d *hub.Document) { d.Promulgated = "10/01/2020" })},
		{"document.due_date date", doc(func(d *hub.Document) { d.DueDate = "2023-02-29" })},
		{"document.signer.competence max_length", doc(func(d *hub.Document) { d.Signer.Competence = long(101) })},
		{"document.signer.position max_length", doc(func(d *hub.Document) { d.Signer.Position = long(101) })},
		{"document.signer.full_name max_length", doc(func(d *hub.Document) { d.Signer.FullName = long(51) })},
		{"document.priority code_list", doc(func(d *hub.Document) { d.Priority = 5 })},
		{"document.priority code_list", doc(func(d *hub.Document) { d.Priority = -1 })},
		{"document.page_amount minimum", doc(func(d *hub.Document) { d.PageAmount = -1 })},
		{"document.issued_amount minimum", doc(func(d *hub.Document) { d.IssuedAmount = -1 })},
		{"document.to_places[1] max_length", doc(func(d *hub.Document) { d.ToPlaces = []string{"", long(1001)} })},
		{"document.to_places max_items", doc(func(d *hub.Document) { d.ToPlaces = make([]string, 1001) })},
		{"document.appendixes[0] max_length", doc(func(d *hub.Document) { d.Appendixes = []string{long(501)} })},
		{"document.response_for[0].promulgated date", doc(func(d *hub.Document) { d.ResponseFor = []hub.Reference{{Promulgated: "x"}} })},
		{"document.response_for[0].agency max_length", doc(func(d *hub.Document) { d.ResponseFor = []hub.Reference{{Agency: long(36)}} })},
		{"document.staff.email max_length", doc(func(d *hub.Document) { d.Staff = &hub.Staff{Email: long(201)} })},
		{"document.confidential state_secret", doc(func(d *hub.Document) { d.Confidential = "Mật" })},
		{"document.subject state_secret", doc(func(d *hub.Document) { d.Subject = "(TUYỆT MẬT) Về việc" })},

		{"document.business.earlier_id required", func(s *hub.Submission) { s.Operation = hub.OperationUpdate }},
		{"document.business.replacements required", func(s *hub.Submission) { s.Operation = hub.OperationReplace }},
		{"document.business.earlier_id max_length", doc(func(d *hub.Document) { d.Business.EarlierID = long(201) })},
		{"document.business.reason max_length", doc(func(d *hub.Document) { d.Business.Reason = long(1001) })},
		{"document.business.receivers[0].agency required", doc(func(d *hub.Document) { d.Business.Receivers = make([]hub.ReceiverChange, 1) })},
		{"document.business.replacements[0].external_id required", doc(func(d *hub.Document) { d.Business.Replacements = make([]hub.ReplacementInfo, 1) })},

		{"parts required", func(s *hub.Submission) { s.Parts = nil }},
		{"parts required", part(func(p *hub.Part) { p.Size = 0 })},
		{"parts max_items", func(s *hub.Submission) { s.Parts = slices.Repeat(s.Parts, 4) }},
		{"parts[0].size minimum, parts required", part(func(p *hub.Part) { p.Size = -1 })},
		{"parts[0].id required", part(func(p *hub.Part) { p.ID = "" })},
		{"parts[0].id unique", part(func(p *hub.Part) { p.ID = "envelope" })},
		{"parts[1].id unique", func(s *hub.Submission) { s.Parts = append(s.Parts, s.Parts[0]) }},
		{"parts[0].role code_list", part(func(p *hub.Part) { p.Role = hub.RoleEnvelope })},
		{"parts[0].media_type required", part(func(p *hub.Part) { p.MediaType = "" })},
		{"parts[0].description max_length", part(func(p *hub.Part) { p.Description = long(501) })},
		{"parts[0].name required", part(func(p *hub.Part) { p.Name = "" })},
		{"parts[0].name max_length", part(func(p *hub.Part) { p.Name = long(86) })}, // 258 bytes
		{"parts[0].name control_character", part(func(p *hub.Part) { p.Name = "a\u202efdp.exe" })},
		{"parts[0].name control_character", part(func(p *hub.Part) { p.Name = "a\x7f.pdf" })},
		{"parts[0].name utf8", part(func(p *hub.Part) { p.Name = "\xc3.pdf" })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = "../a.pdf" })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = `..\a.pdf` })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = "/etc/passwd" })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = "C:a.pdf" })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = ".." })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = "." })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = "a.pdf " })},
		{"parts[0].name file_name", part(func(p *hub.Part) { p.Name = "a.pdf." })},
	} {
		t.Run(tt.rules, func(t *testing.T) {
			sub := f.Submission("1", office)
			tt.change(&sub)
			_, err := f.Submit(t.Context(), f.actor, sub)
			if r := f.rejected(t, err); rules(r) != tt.rules {
				t.Errorf("got %s", rules(r))
			}
		})
	}
	if len(f.sent(t)) != 0 {
		t.Error("one of them was accepted")
	}
}

// TestLongestValuesPass: the limits count characters, and are the last good value.
func TestLongestValuesPass(t *testing.T) {
	f := newFixture()
	long := func(n int) string { return strings.Repeat("ậ", n) }
	sub := f.Submission(long(200), office)
	sub.Operation, sub.Key = hub.OperationUpdate, long(200)
	sub.Document = hub.Document{
		CodeNumber: long(11), CodeNotation: long(30), TypeName: long(100), Subject: long(500), Content: long(498) + "\n\t",
		Place: long(100), Promulgated: "2024-02-29", Priority: hub.PriorityTimed,
		Signer:   hub.Signer{Competence: long(100), Position: long(100), FullName: long(50)},
		Business: hub.BusinessInfo{EarlierID: long(200), Reason: long(1000)},
	}
	sub.Parts[0].Name = strings.Repeat("a", 251) + ".pdf"
	f.submit(t, sub)
}

func TestGoodNames(t *testing.T) {
	f := newFixture()
	for i, name := range []string{"173.pdf", "Công văn số 173 (bản ký).pdf", "a..b.pdf", ".hidden", "văn bản", "phụ lục 1.tar.gz"} {
		sub := f.Submission(fmt.Sprint(i), office)
		sub.Parts[0].Name = name
		f.submit(t, sub)
	}
}

func TestStateSecrets(t *testing.T) {
	f := newFixture()
	for subject, secret := range map[string]bool{
		"MẬT": true,
		"TỐI MẬT - Về việc phòng thủ dân sự": true,
		"Về việc phòng thủ (TUYỆT MẬT)":      true,
		"Độ MẬT: về việc":                    true,
		"BÁO CÁO TUYỆT MẬT VỀ BÍ MẬT":        true,
		"MA\u0323\u0302T":                    true, // decomposed
		"Mật ong rừng Quảng Nam":             false,
		"Về công tác bảo vệ bí mật nhà nước": false,
		"VỀ VIỆC BẢO VỆ BÍ MẬT NHÀ NƯỚC":     false,
		"TĂNG CƯỜNG BẢO MẬT, ĐỔI MẬT KHẨU":   false,
		"MẬT ĐỘ DÂN CƯ":                      false,
		"ỦY BAN MẶT TRẬN TỔ QUỐC":            false,
		"MẤT ĐIỆN":                           false,
	} {
		t.Run(subject, func(t *testing.T) {
			sub := f.Submission(subject, office)
			sub.Document.Subject = subject
			_, err := f.Submit(t.Context(), f.actor, sub)
			if !secret {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if r := f.rejected(t, err); rules(r) != "document.subject state_secret" || r.Receipt.Evidence.Reasons[0].Code != hub.ReasonStateSecret {
				t.Errorf("got %s", rules(r))
			}
		})
	}
	sub := f.Submission("1", office)
	sub.Document.CodeNotation, sub.Document.TypeName = "UBND-MẬT", "Công điện MẬT"
	_, err := f.Submit(t.Context(), f.actor, sub)
	if r := f.rejected(t, err); rules(r) != "document.code_notation state_secret, document.type_name state_secret" {
		t.Errorf("got %s", rules(r))
	}
}

// TestNoTextIsUnchecked puts a mark that reorders text into every string of a
// submission, one after the other: each must be refused, or else a field was
// added and its check forgotten.
func TestNoTextIsUnchecked(t *testing.T) {
	f := newFixture()
	full := func() *hub.Submission {
		sub := f.Submission("1", office)
		sub.Operation, sub.Key, sub.Trace = hub.OperationUpdate, "k", []hub.Hop{{}}
		d := &sub.Document
		d.Appendixes, d.ToPlaces, d.ResponseTasks = []string{""}, []string{""}, []string{""}
		d.ResponseFor, d.Staff = []hub.Reference{{}}, &hub.Staff{}
		d.Business = hub.BusinessInfo{
			EarlierID: "0", Receivers: []hub.ReceiverChange{{Agency: office, Added: true}},
			Replacements: []hub.ReplacementInfo{{ExternalID: "0", Agencies: []string{""}}},
		}
		return &sub
	}
	if sub := full(); rulesOf(f, t, *sub) != "" {
		t.Fatalf("the full submission is refused: %s", rulesOf(f, t, *sub))
	}
	n := len(texts(reflect.ValueOf(full()).Elem(), "Submission"))
	for i := range n {
		f, sub := newFixture(), full()
		f.Blobs.Put([]byte("signed original of 1"))
		text := texts(reflect.ValueOf(sub).Elem(), "Submission")[i]
		if slices.Contains([]string{"Submission.TraceID", "Submission.Format"}, text.path) {
			continue // made by the hub, not by the sender
		}
		text.value.SetString("a\u202eb")
		if _, err := f.Submit(t.Context(), f.actor, *sub); err == nil {
			t.Errorf("%s is not checked", text.path)
		}
	}
	if n < 40 {
		t.Errorf("only %d texts found", n)
	}
}

func rulesOf(f *fixture, t *testing.T, sub hub.Submission) string {
	_, err := f.Submit(t.Context(), f.actor, sub)
	return rules(err)
}

type text struct {
	path  string
	value reflect.Value
}

// texts finds every string in a value.
func texts(v reflect.Value, path string) []text {
	var found []text
	switch v.Kind() {
	case reflect.String:
		return []text{{path, v}}
	case reflect.Pointer:
		if !v.IsNil() {
			return texts(v.Elem(), path)
		}
	case reflect.Slice:
		for i := range v.Len() {
			found = append(found, texts(v.Index(i), path)...)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() {
				found = append(found, texts(v.Field(i), path+"."+field.Name)...)
			}
		}
	}
	return found
}

func FuzzTexts(f *testing.F) {
	f.Add("173.pdf", "Về việc")
	f.Add("..", "MẬT")
	f.Fuzz(func(t *testing.T, name, subject string) {
		w := newFixture()
		sub := w.Submission("1", office)
		sub.Parts[0].Name, sub.Document.Subject = name, subject
		_, err := w.Submit(t.Context(), w.actor, sub)
		if err != nil {
			if _, err := hub.ParseReceipt(hub.MarshalReceipt(w.rejected(t, err).Receipt)); err != nil {
				t.Errorf("the rejection cannot be read: %v", err)
			}
			return
		}
		if strings.ContainsAny(name, "/\\\x00\n\r") || name == ".." || len(name) > 255 || len([]rune(subject)) > 500 {
			t.Errorf("%q, %q were accepted", name, subject)
		}
	})
}

func TestHubtestAgreesOnTheSample(t *testing.T) {
	f := newFixture()
	if got := f.submit(t, f.Submission("1", office)); got.Deliveries[0].Recipient != hubtest.Office {
		t.Errorf("%s is %s", office, got.Deliveries[0].Recipient)
	}
}

// bigLists are all of one member more often than others may have recipients.
type bigLists struct{ reads int }

func (b *bigLists) Members(context.Context, hub.AgencyID, string) ([]string, error) {
	b.reads++
	return slices.Repeat([]string{office}, 20), nil
}

// TestListsOverAndOver: lists that overlap are fine, and one that is named over and over
// does not have the hub look up its members without end.
func TestListsOverAndOver(t *testing.T) {
	lists := &bigLists{}
	f := newFixture(func(o *intake.Options) { o.Lists, o.MaxRecipients = lists, 100 })
	sub := f.Submission("1", slices.Repeat([]string{"list:a"}, 50)...)
	if got := f.submit(t, sub); len(got.Deliveries) != 1 {
		t.Errorf("%d deliveries", len(got.Deliveries))
	}
	lists.reads = 0
	sub = f.Submission("2", slices.Repeat([]string{"list:a"}, 100)...)
	_, err := f.Submit(t.Context(), f.actor, sub)
	if f.rejected(t, err); rules(err) != "recipients[50] max_items" || lists.reads != 51 {
		t.Errorf("%v after %d lists", err, lists.reads)
	}
}
