package badinput

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

const (
	senderCode    = "000.00.00.H47"
	recipientCode = "000.00.12.H47"
	agencies      = `id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors
h47,000.00.00.H47,UBND tỉnh (thử nghiệm),province,,,,,true,,,H47,
snv,000.00.12.H47,Sở Nội vụ (hư cấu),department,,000.00.00.H47,,,true,,,H47.12,
stc,000.00.13.H47,Sở Tài chính (hư cấu),department,,000.00.00.H47,,,true,,,H47.13,
cu,000.00.14.H47,Sở cũ đã đóng (hư cấu),department,,000.00.00.H47,2010-01-01,2020-01-01,true,,,,
tach,000.00.15.H47,Sở đã tách (hư cấu),department,,000.00.00.H47,2010-01-01,2020-01-01,true,,,,000.00.12.H47|000.00.13.H47
`
)

// testHub is a real hub that enforces signatures, with the keys of the parties.
type testHub struct {
	url   string
	keys  map[string]string // by who: sender, recipient, closed, operator, reader, none, wrong
	pdf   func(name string) ([]byte, error)
	seals map[string]xmldsig.Maker // that sign envelopes
}

func newHub(t *testing.T) *testHub {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	anchors := filepath.Join(dir, "anchors.pem")
	if err := os.WriteFile(anchors, authority.AnchorsPEM(), 0o600); err != nil {
		t.Fatal(err)
	}
	config := app.Config{
		DataDir: filepath.Join(dir, "data"), Listen: "127.0.0.1:0", Name: "test", TrustSettings: app.TrustSettings{Anchors: anchors},
		SignaturePolicy: string(hub.PolicyEnforce), TimeToLive: hub.NewTerms(time.Hour), MaxRecipients: 5, StopLimit: time.Minute,
	}
	a, err := app.New(t.Context(), config, "test", slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	h := &testHub{url: a.URL(), keys: map[string]string{"none": "", "wrong": "lt_aaaaaaaaaaaaaaaa_" + strings.Repeat("A", 43)}}
	h.files(t, authority)
	h.prepare(t, config.OperatorKeyFile())
	return h
}

func (h *testHub) prepare(t *testing.T, operatorKey string) {
	t.Helper()
	secret, err := os.ReadFile(operatorKey)
	if err != nil {
		t.Fatal(err)
	}
	h.keys["operator"] = strings.TrimSpace(string(secret))
	if status, _, body := h.request(t, http.MethodPost, "/v1/agencies/import", h.keys["operator"], "text/csv", []byte(agencies), nil); status != http.StatusOK {
		t.Fatalf("import: %d %s", status, body)
	}
	all := []string{"submit", "collect", "read", "verify"}
	h.issue(t, "sender", senderCode, all)
	h.issue(t, "recipient", recipientCode, all)
	h.issue(t, "reader", senderCode, []string{"read"})
	// A certificate of the sender that signed nothing here.
	status, _, body := h.request(t, http.MethodPost, "/v1/agencies/"+senderCode+"/certificates", h.keys["operator"], "application/json",
		[]byte(`{"issuer":"Cấp phát thử nghiệm","subject":["CN=UBND khác"],"role":"seal"}`), nil)
	if status != http.StatusCreated {
		t.Fatalf("bind: %d %s", status, body)
	}
	// A first document, so that duplicates have something to collide with.
	status, _, body = h.send(t, row{Submission: json.RawMessage(`{"external_id": "first"}`), Header: map[string]string{"Idempotency-Key": "first-key"}})
	if status != http.StatusCreated {
		t.Fatalf("the good submission is refused: %d %s", status, body)
	}
	status, _, body = h.send(t, row{EdXML: []string{"<edXML:DocumentId>good<", "<edXML:DocumentId>first-package<"}})
	if status != http.StatusCreated {
		t.Fatalf("the good package is refused: %d %s", status, body)
	}
	h.awaitConsigned(t, 2)
}

// awaitConsigned waits by long poll until the box of the recipient has settled.
func (h *testHub) awaitConsigned(t *testing.T, count int) {
	t.Helper()
	deadline := time.Now().Add(server.Patience)
	for len(h.list(t, h.keys["recipient"], "/v1/mailbox?limit=200&wait=1")) < count {
		if time.Now().After(deadline) {
			t.Fatal("the good documents did not arrive")
		}
	}
}

func (h *testHub) issue(t *testing.T, who, agency string, scopes []string) {
	t.Helper()
	body, err := json.Marshal(map[string]any{"name": who, "kind": "system", "agencies": []string{agency}, "scopes": scopes})
	if err != nil {
		t.Fatal(err)
	}
	status, _, answer := h.request(t, http.MethodPost, "/v1/keys", h.keys["operator"], "application/json", body, nil)
	var issued struct {
		Secret string `json:"secret"`
	}
	if status != http.StatusCreated || json.Unmarshal(answer, &issued) != nil {
		t.Fatalf("issue a key: %d %s", status, answer)
	}
	h.keys[who] = issued.Secret
}

func (h *testHub) goodSubmission() []byte {
	return []byte(`{"sender": "000.00.00.H47", "recipients": ["000.00.12.H47"], "external_id": "good", "operation": "new",
		"document": {"code_number": "173", "code_notation": "UBND-KSTTHC", "type_name": "Công văn",
			"subject": "V/v cải cách hành chính", "promulgated": "2020-01-10"},
		"parts": [{"id": "p1", "role": "original", "name": "173.pdf", "media_type": "application/pdf"}]}`)
}

// goodPackage is a package with one signed PDF whose content stands in the text
// as BASE64-CONTENT, to be replaced.
func (h *testHub) goodPackage(t *testing.T) string {
	t.Helper()
	sub := hub.Submission{
		Sender: senderCode, Recipients: []string{recipientCode}, ExternalID: "good", Operation: hub.OperationNew,
		Document: hub.Document{
			CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeCode: 18, TypeName: "Công văn",
			Subject: "V/v cải cách hành chính", Promulgated: "2020-01-10", SteeringType: 1,
			Signer: hub.Signer{FullName: "Nguyễn Văn Ví Dụ"},
		},
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf"}},
		Trace: []hub.Hop{{Agency: senderCode, Time: time.Date(2020, 1, 10, 8, 0, 0, 0, hub.Vietnam())}},
	}
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(t.Context(), &out, sub, nil, func(context.Context, hub.Part) (hub.Blob, error) {
		return hub.BlobOf(h.file(t, "signed.pdf")), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// content marks where the attachment's text stands in the good package.
func contentOf(text string) (begin, end int) {
	const open = `QCVN_102_2016">`
	begin = strings.LastIndex(text, open) + len(open)
	return begin, begin + strings.Index(text[begin:], "<")
}

func (h *testHub) file(t *testing.T, name string) []byte {
	t.Helper()
	content, err := h.pdf(name)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func (h *testHub) base64File(t *testing.T, name string) string {
	return base64.StdEncoding.EncodeToString(h.file(t, name))
}

// files makes the seals and the files that rows name, each once.
func (h *testHub) files(t *testing.T, authority *pki.Authority) {
	t.Helper()
	leader, err := authority.Person("Nguyễn Văn Ví Dụ", "UBND tỉnh (thử nghiệm)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	seal, err := authority.Agency("UBND tỉnh (thử nghiệm)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	unknown, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	stranger, err := unknown.Agency("UBND tỉnh (thử nghiệm)", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	h.seals = map[string]xmldsig.Maker{
		"agency":     {Key: seal.Key, Chain: seal.Chain},
		"unknown-ca": {Key: stranger.Key, Chain: stranger.Chain},
	}
	letter := sample.Letter{Issuer: "UBND TỈNH", Number: "173/UBND-KSTTHC", Subject: "thử", To: []string{"Sở Nội vụ"}, Body: []string{"Nội dung."}, Date: time.Now()}
	signed := sync.OnceValues(func() ([]byte, error) {
		pdf, err := letter.PDF()
		if err != nil {
			return nil, err
		}
		return sample.Signers{Leader: leader, Agency: seal}.Sign(context.Background(), pdf, time.Now())
	})
	h.pdf = func(name string) ([]byte, error) {
		good, err := signed()
		if err != nil {
			return nil, err
		}
		switch name {
		case "signed.pdf":
			return good, nil
		case "unsigned.pdf":
			return letter.PDF()
		case "leader.pdf":
			return signedBy(&letter, leader)
		case "unknown-ca.pdf":
			return signedBy(&letter, stranger)
		case "tampered.pdf":
			return bytes.Replace(good, []byte("/MediaBox"), []byte("/MediaBix"), 1), nil
		case "appended.pdf":
			return append(bytes.Clone(good), "\nadded behind the signatures"...), nil
		case "truncated.pdf":
			return good[:len(good)*2/3], nil
		case "exe.pdf":
			return append([]byte("MZ\x90\x00"), good...), nil
		case "empty":
			return nil, nil
		}
		return zipFile(name)
	}
}

// signedBy makes a letter that one person or agency signed.
func signedBy(letter *sample.Letter, by pki.Identity) ([]byte, error) {
	pdf, err := letter.PDF()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = pdfsig.Sign(context.Background(), bytes.NewReader(pdf), int64(len(pdf)), &out, pdfsig.SignRequest{Key: by.Key, Chain: by.Chain, Time: time.Now()})
	return out.Bytes(), err
}

// zipFile makes the ZIP files of attachments.
func zipFile(name string) ([]byte, error) {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	var entries []string
	size := 10
	switch name {
	case "two.zip":
		entries = []string{"a.txt", "b.txt"}
	case "dotdot.zip":
		entries = []string{"../../etc/passwd"}
	case "folder.zip":
		entries = []string{"dir/a.txt"}
	case "bomb.zip":
		entries, size = []string{"a.txt"}, 64<<20
	case "none.zip":
	}
	for _, e := range entries {
		f, err := w.Create(e)
		if err != nil {
			return nil, err
		}
		if _, err := io.CopyN(f, zeros{}, int64(size)); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

type zeros struct{}

// Read implements io.Reader.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
