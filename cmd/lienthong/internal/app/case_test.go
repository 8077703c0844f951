package app_test

import (
	"archive/zip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestEvidenceOfACase: an auditor gets the bundles of several documents with an index,
// each verifies by itself, and what is wrong with an id stands beside the field.
func TestEvidenceOfACase(t *testing.T) {
	t.Parallel()
	h := start(t, trustingItself(t))
	senderKey, _ := h.enroll(t)
	var ids []string
	for _, name := range []string{"v-1", "v-2"} {
		sent, err := h.client(t, senderKey).Submit(t.Context(), submission(name), original("Nội dung "+name+"."), nil)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, string(sent.Dispatch.ID))
	}
	p := h.signIn(t, "kiem.toan", member("", hub.RoleAuditor))
	p.post("/trail/case", "case", " ").shows(t, `id="wrong-case"`, "Ghi ít nhất một mã")
	p.post("/trail/case", "case", ids[0]+"\nkhong-co").shows(t, `id="wrong-case"`, "khong-co: Không có lượt gửi", ids[0])
	p.post("/trail/case", "case", "a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25").shows(t, `id="wrong-case"`, "Quá nhiều")
	var got page
	for { // the log proves them after its next checkpoint
		if got = p.post("/trail/case", "case", strings.Join(append(ids, ids[0]), "\r\n")); got.status != http.StatusServiceUnavailable {
			break
		}
	}
	z, err := zip.NewReader(strings.NewReader(got.text), int64(len(got.text)))
	if err != nil {
		t.Fatalf("%d: %v: %.300s", got.status, err, got.text)
	}
	read := func(name string) []byte {
		f, err := z.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		raw, err := io.ReadAll(f)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	var index struct {
		Documents []struct {
			Dispatch, Number string
			Bundles          []struct{ File, SHA256 string }
		}
	}
	if err := json.Unmarshal(read("index.json"), &index); err != nil || len(index.Documents) != 2 {
		t.Fatalf("%+v, %v", index, err)
	}
	files := 1
	for i, d := range index.Documents {
		if d.Dispatch != ids[i] || d.Number != "173/UBND-KSTTHC" || len(d.Bundles) == 0 {
			t.Errorf("document %d is %+v", i, d)
		}
		for _, b := range d.Bundles {
			files++
			raw := read(b.File)
			if sum := sha256.Sum256(raw); hex.EncodeToString(sum[:]) != b.SHA256 {
				t.Errorf("%s has another digest", b.File)
			}
			p.upload("x.asice", raw).shows(t, "Gói bằng chứng")
			if strings.Contains(string(raw), "Nội dung v-") {
				t.Error("an auditor gets content")
			}
		}
	}
	if len(z.File) != files {
		t.Errorf("%d files, %d in the index", len(z.File), files)
	}
	clerk := h.signIn(t, "van.thu", member("000.00.12.H47", hub.RoleClerk))
	if got := clerk.post("/trail/case", "case", ids[0]); got.status != http.StatusForbidden {
		t.Errorf("a clerk gets %d", got.status)
	}
}
