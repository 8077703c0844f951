package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

// deskSystem is the one-stop system of an agency: it sends packages, as badly as such systems
// do, and follows what happens to the dossiers of its agency.
type deskSystem struct {
	*testing.T
	client *hubclient.Client
	code   string
	sent   int
	after  int64
	heard  []string // "number event act" in the order in which it was told
}

// pack is a package about a dossier; each has an id of its own.
func (s *deskSystem) pack(to, content string, files ...string) []byte {
	s.Helper()
	s.sent++
	sub := hub.Submission{
		Sender: s.code, Recipients: []string{to}, ExternalID: fmt.Sprint(s.code, " ", s.sent), Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "1", CodeNotation: "HS", TypeName: "Hồ sơ liên thông", Subject: "Hồ sơ", Promulgated: "2026-03-02", Application: "HS"},
		Parts:    []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "hoso.xml", MediaType: "application/xml"}},
	}
	texts := map[string]string{"p1": content}
	for i, name := range files {
		id := hub.PartName(i + 2)
		sub.Parts = append(sub.Parts, hub.Part{ID: id, Role: hub.RoleAttachment, Name: name, MediaType: "text/plain"})
		texts[id] = "nội dung " + name
	}
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(s.Context(), &out, sub, nil, func(_ context.Context, p hub.Part) (hub.Blob, error) {
		return hub.BlobOf([]byte(texts[p.ID])), nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return out.Bytes()
}

// send sends a package and returns what is wrong with it, "" for nothing.
func (s *deskSystem) send(pkg []byte) string {
	s.Helper()
	_, err := s.client.SubmitPackage(s.Context(), hubclient.Package{
		Key: hub.Digest(sha256.Sum256(pkg)).String(), Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pkg)), nil }, Size: int64(len(pkg)),
	}, nil)
	if err == nil {
		return ""
	}
	var all []string
	for _, v := range hub.ViolationsOf(err) {
		all = append(all, strings.TrimSpace(v.Field+" "+v.Rule))
	}
	return strings.Join(all, ", ")
}

// cutOff sends a package and hears no answer.
func (s *deskSystem) cutOff(pkg []byte) {
	s.Helper()
	ctx, hangUp := context.WithCancel(s.Context())
	defer hangUp()
	_, _ = s.client.SubmitPackage(ctx, hubclient.Package{
		Key: "cut", Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(bytes.NewReader(pkg), endOf(hangUp))), nil
		},
	}, nil)
}

// endOf ends a body by hanging up.
type endOf context.CancelFunc

func (hangUp endOf) Read([]byte) (int, error) {
	hangUp()
	return 0, io.EOF
}

// follow asks what happened, in small pages, and checks that nothing is left out.
func (s *deskSystem) follow() {
	s.Helper()
	for {
		news, last, err := s.client.DossierNews(s.Context(), "", s.after, 2)
		if err != nil {
			s.Fatal(err)
		}
		if len(news) == 0 {
			return
		}
		for i := range news {
			if s.after++; news[i].Seq != s.after {
				s.Fatalf("told of %d behind %d", news[i].Seq, s.after-1)
			}
			s.heard = append(s.heard, fmt.Sprint(news[i].Number, " ", news[i].Event.Seq, " ", news[i].Event.Act))
		}
		if last != s.after {
			s.Fatalf("the page ends with %d, not %d", last, s.after)
		}
	}
}

func dossierXML(number, head, events string) string {
	return "<HoSo><MaHoSo>" + number + "</MaHoSo>" + head + events + "</HoSo>"
}

func eventXML(key, at, rest string) string {
	return "<SuKien><MaSuKien>" + key + "</MaSuKien><ThoiDiemXuLy>" + at + "</ThoiDiemXuLy>" + rest + "</SuKien>"
}

// TestOneStopSystems: the systems of two agencies hand dossiers to each other and behave as
// badly as they do: they send twice, late, out of order, without hearing the answer, with
// dates and words that do not exist. Nothing is lost, nothing is there twice, and what is
// wrong is said or shown.
func TestOneStopSystems(t *testing.T) {
	h, decision := deciding(t, func(c *app.Config) { c.DossierApplications = []string{"HS"} })
	operator := h.client(t, h.operatorKey(t))
	system := func(code string) *deskSystem {
		issued, err := operator.IssueKey(t.Context(), hubclient.NewKey{Name: "desk " + code, Kind: hub.ActorSystem, Agencies: []string{code}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}})
		must(t, err)
		return &deskSystem{T: t, client: h.client(t, issued.Secret), code: code}
	}
	unit, other, stranger := system(sender), system(recipient), system("000.00.13.H47")
	list := "code,name,field,levels,agency,limit\n1.001193,Đăng ký khai sinh,Hộ tịch,xã," + sender + ",3 ngày làm việc\n"
	_, err := unit.client.ImportProcedures(t.Context(), hub.ProcedureWish{Decision: decision, From: time.Date(2025, 1, 1, 0, 0, 0, 0, hub.Vietnam())}, strings.NewReader(list))
	must(t, err)

	const number, second = sender + "-260302-0001", sender + "-260302-0002"
	head := "<MaTTHC>1.001193</MaTTHC><ChuHoSo>Trần Thị Mẫu</ChuHoSo><NgayTiepNhan>20260302080000</NgayTiepNhan><NgayHenTra>20260305</NgayHenTra>"
	accept := eventXML("e1", "20260302081000", "<HanhDong>accept</HanhDong>")
	handOver := eventXML("e2", "20260302090000", "<HanhDong>hand_over</HanhDong><DonViNhan>"+recipient+"</DonViNhan><VaiTro>lead</VaiTro>")
	whole := dossierXML(number, head, accept+handOver)

	// What is wrong is said by element and rule, and nothing is recorded of it.
	for content, want := range map[string]string{
		dossierXML(number, "", ""): "HoSo/MaHoSo unknown_dossier",
		dossierXML(number, strings.Replace(head, "20260302080000", "20260230080000", 1), ""):      "HoSo/NgayTiepNhan date_time",
		dossierXML(number, strings.Replace(head, "1.001193", "9.9", 1), ""):                       "HoSo/MaTTHC in_force",
		dossierXML(number, head, eventXML("e1", "20260301080000", "<HanhDong>accept</HanhDong>")): "HoSo/SuKien[0]/ThoiDiemXuLy before_receipt, recipients[0] party",
		dossierXML(number, head, eventXML("e1", "20260302081000", "<HanhDong>bay</HanhDong>")):    "HoSo/SuKien[0]/HanhDong code_list",
		dossierXML(number, head, eventXML("e1", "20260302081000", "<TrangThai>11</TrangThai>")):   "HoSo/SuKien[0]/TrangThai code_list",
		dossierXML(number, head, accept):                      "recipients[0] party",
		strings.Replace(whole, recipient, "000.00.77.H47", 1): "HoSo/SuKien[1]/DonViNhan unknown_agency, recipients[0] party",
	} {
		if got := unit.send(unit.pack(recipient, content)); got != want {
			t.Errorf("%s: %q, want %q", content, got, want)
		}
	}
	if unit.follow(); len(unit.heard) > 0 {
		t.Fatalf("something was recorded: %v", unit.heard)
	}

	// Sent without hearing the answer, and again: once.
	first := unit.pack(recipient, whole, "đơn.txt")
	unit.cutOff(first)
	for range 2 {
		if got := unit.send(first); got != "" {
			t.Fatal(got)
		}
	}
	// The same events in another package, with one that is new, and happened before the others.
	if got := unit.send(unit.pack(recipient, dossierXML(number, head, accept+handOver+eventXML("e3", "20260302080500", "<TrangThai>4</TrangThai>")), "đơn.txt")); got != "" {
		t.Fatal(got)
	}
	// The other side: what it does not know, its own words, and the end before the middle.
	answers := []string{
		dossierXML(number, "", eventXML("r3", "20260305090000", "<HanhDong>result</HanhDong>")),
		dossierXML(number, "", eventXML("r1", "20260303090000", "<TrangThaiRieng>Lạ</TrangThaiRieng>")+eventXML("r2", "20260304090000", "<HanhDong>process</HanhDong>")),
	}
	for _, content := range answers {
		if got := other.send(other.pack(sender, content)); got != "" {
			t.Error(got)
		}
	}
	if got := other.send(other.pack(sender, dossierXML(second, head, ""))); got != "HoSo/MaHoSo unit_code" {
		t.Error("a number of others:", got)
	}
	if got := stranger.send(stranger.pack(sender, dossierXML(number, "", ""))); got != "HoSo/MaHoSo unknown_dossier" {
		t.Error("a dossier of others:", got)
	}

	unit.follow()
	other.follow()
	stranger.follow()
	want := []string{"1 register", "2 accept", "3 hand_over", "4 attach", "5 report", "6 result", "7 report", "8 process"}
	for i := range want {
		want[i] = number + " " + want[i]
	}
	if got := strings.Join(unit.heard, "; "); got != strings.Join(want, "; ") {
		t.Errorf("the unit was told %s", got)
	}
	if got := strings.Join(other.heard, "; "); got != strings.Join(want[2:], "; ") {
		t.Errorf("the other agency was told %s", got)
	}
	if len(stranger.heard) > 0 {
		t.Errorf("a stranger was told %v", stranger.heard)
	}
	v, err := other.client.Dossier(t.Context(), number)
	must(t, err)
	if v.Status != hub.DossierDone || !v.Has(hub.FindingOutOfOrder) || !v.Has(hub.FindingUnknownWord) || v.Clock.Late {
		t.Errorf("status %d, late %v, %+v", v.Status, v.Clock.Late, v.Findings)
	}
	for _, s := range []*deskSystem{unit, other} {
		if waiting, err := s.client.DossierPackages(t.Context(), "", false); err != nil || len(waiting) > 0 {
			t.Errorf("%+v wait, %v", waiting, err)
		}
	}
}
