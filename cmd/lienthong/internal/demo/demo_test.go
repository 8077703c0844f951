package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/demo"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// startHub returns the Start of a real hub in this process that stops with the
// test; front may put something between it and the demonstration.
func startHub(t *testing.T, front func(t *testing.T, hubURL string) string) func(context.Context, string, string) (demo.Hub, error) {
	return func(ctx context.Context, dataDir, anchors string) (demo.Hub, error) {
		config := app.Config{
			DataDir: dataDir, Listen: "127.0.0.1:0", Name: "lienthong-demo", TrustSettings: app.TrustSettings{Anchors: anchors},
			SignaturePolicy: string(hub.PolicyEnforce), TimeToLive: hub.NewTerms(time.Hour), MaxRecipients: 100, VXPPath: demo.AxisPath, StopLimit: time.Minute,
			TimeSettings: app.TimeSettings{StampEvery: time.Second},
		}
		a, err := app.New(ctx, config, "test", slog.New(slog.DiscardHandler))
		if err != nil {
			return demo.Hub{}, err
		}
		running, end := context.WithCancel(context.WithoutCancel(ctx))
		ended := make(chan error, 1)
		go func() { ended <- a.Run(running) }()
		t.Cleanup(func() {
			end()
			if err := <-ended; err != nil {
				t.Errorf("the hub ended with: %v", err)
			}
			if err := a.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
		address := a.URL()
		if front != nil {
			address = front(t, address)
		}
		key, err := os.ReadFile(config.OperatorKeyFile())
		return demo.Hub{URL: address, OperatorKey: strings.TrimSpace(string(key)), CertificateFile: config.CertificateFile(), TimestampAnchors: config.TimestampAnchorsFile()}, err
	}
}

// folderFile is demo.json as a script reads it.
type folderFile struct {
	URL, API, Docs, Anchors string
	Accounts                *json.RawMessage
	Hub                     struct {
		Operator struct {
			KeyFile string `json:"key_file"`
			Key     string
		}
	}
	Agencies []struct {
		ID, Name, Level string
		Codes           []string
		Credentials     map[string]struct {
			KeyFile string `json:"key_file"`
			Key     string
		}
	}
	Dispatches []struct {
		ID                   string
		Receipts, Recipients int
	}
	VXP struct {
		Endpoint, Package string
		Systems           []struct {
			ID       string `json:"system_id"`
			Secret   string
			Agencies []string
		}
	}
}

// TestRun plays the whole demonstration once, looks at what it left, and then
// damages copies of it in every way that must be noticed.
func TestRun(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "demo")
	var board, progress bytes.Buffer
	result, err := demo.Run(t.Context(), demo.Options{Dir: dir, Start: startHub(t, nil), Out: &board, Err: &progress})
	if err != nil {
		t.Fatalf("%v\n%s", err, progress.String())
	}
	if len(result.Failed) > 0 || result.Checks < 1000 || result.Receipts < 150 || len(result.Board) != 5 {
		t.Errorf("%d checks, %d failed, %d receipts, %d documents", result.Checks, len(result.Failed), result.Receipts, len(result.Board))
	}
	t.Run("files", func(t *testing.T) { checkFiles(t, dir) })
	t.Run("demo.json", func(t *testing.T) { checkManifest(t, dir) })
	t.Run("outcome", func(t *testing.T) { checkOutcome(t, &result) })
	t.Run("board", func(t *testing.T) { checkBoard(t, board.String()) })
	t.Run("verify again", func(t *testing.T) {
		proof, err := demo.VerifyFolder(t.Context(), dir)
		if err != nil || len(proof.Failed) > 0 || proof.Receipts != result.Receipts {
			t.Errorf("%d receipts, failed: %v, %v", proof.Receipts, proof.Failed, err)
		}
	})
	t.Run("tampered", func(t *testing.T) { checkTampered(t, dir) })
}

func checkFiles(t *testing.T, dir string) {
	for pattern, least := range map[string]int{
		"anchors.pem": 1, "demo.json": 1, "hub-data/hub.db": 1,
		"documents/173-UBND-KSTTHC.pdf": 1, "documents/unsigned/173-UBND-KSTTHC.pdf": 1, "documents/*.pdf": 8,
		"documents/collected/*": 20, "documents/collected/000.05.31.H47/*.pdf": 2,
		"edxml/*.edxml": 2, "edxml/status/*.edxml": 3, "edxml/collected/*/*.edxml": 1,
		"receipts/*": 5, "receipts/*/001-SubmissionAcceptance.receipt.json": 5,
		"receipts/*/*-ConsignmentRejection.receipt.json": 1, "keys/*.key": 22,
		"log/*.tst": 1, "log/*.checkpoint": 1, "bundles/*.asice": 3,
	} {
		found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
		if err != nil || len(found) < least {
			t.Errorf("%s: %d files, want %d (%v)", pattern, len(found), least, err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || filepath.Ext(path) != ".key" && filepath.Base(path) != "demo.json" {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm() != 0o600 {
			t.Errorf("%s holds a secret and has mode %o", path, info.Mode().Perm())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// checkManifest uses every credential of demo.json on the running hub.
func checkManifest(t *testing.T, dir string) {
	raw, err := os.ReadFile(filepath.Join(dir, "demo.json"))
	if err != nil {
		t.Fatal(err)
	}
	var m folderFile
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	if m.Accounts != nil {
		t.Error("accounts are promised although there is no page to use them on")
	}
	if len(m.Agencies) != 21 || len(m.Dispatches) != 5 || m.Hub.Operator.Key == "" {
		t.Errorf("%d agencies, %d dispatches, operator %q", len(m.Agencies), len(m.Dispatches), m.Hub.Operator.Key)
	}
	checkAxis(t, &m)
	for _, a := range m.Agencies {
		rest := a.Credentials["rest"]
		file, err := os.ReadFile(rest.KeyFile)
		if err != nil || strings.TrimSpace(string(file)) != rest.Key {
			t.Errorf("%s: the key file does not hold the key (%v)", a.Name, err)
		}
		c, err := hubclient.New(hubclient.Options{URL: m.URL, Key: rest.Key})
		if err != nil {
			t.Fatal(err)
		}
		me, err := c.Me(t.Context())
		c.CloseIdle()
		if err != nil || len(me.Agencies) != 1 || string(me.Agencies[0].ID) != a.ID || len(a.Codes) != 2 {
			t.Errorf("%s: the key speaks for %v (%v)", a.Name, me.Agencies, err)
		}
	}
}

// checkAxis sends the package that waits in the folder from the first system to the second.
func checkAxis(t *testing.T, m *folderFile) {
	if len(m.VXP.Systems) < 2 {
		t.Fatalf("systems of the axis: %+v", m.VXP)
	}
	client := func(i int) *vxp.Client {
		s := m.VXP.Systems[i]
		return &vxp.Client{
			HTTP: &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}, Now: time.Now,
			Endpoint: m.VXP.Endpoint, System: s.ID, Secret: s.Secret,
		}
	}
	first, second := client(0), client(1)
	file, err := os.ReadFile(m.VXP.Package)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := first.Send(t.Context(), "edoc", m.VXP.Systems[0].Agencies[0], file); err != nil {
		t.Fatal(err)
	}
	rows, err := second.Received(t.Context(), "edoc")
	if err != nil || len(rows) != 1 || rows[0].To != m.VXP.Systems[1].Agencies[0] {
		t.Fatalf("the second system receives %+v, %v", rows, err)
	}
	if got, err := second.Fetch(t.Context(), rows[0].DocID); err != nil || !bytes.Equal(got, file) {
		t.Errorf("the second system fetches something else: %v", err)
	}
	for _, c := range []*vxp.Client{first, second} {
		if rows, err := c.Received(t.Context(), "status"); err != nil || len(rows) != 0 {
			t.Errorf("status messages were left: %+v, %v", rows, err)
		}
	}
}

func checkOutcome(t *testing.T, r *demo.Result) {
	states := map[hub.DeliveryState]int{}
	for _, sheet := range r.Board {
		for _, row := range sheet.Rows {
			states[row.State]++
			if !row.Verified || row.Receipts < 3 {
				t.Errorf("%s at %s: %d receipts, verified %v", sheet.Number, row.Name, row.Receipts, row.Verified)
			}
		}
	}
	if states[hub.StateAccepted] != 25 || states[hub.StateRefused] != 1 || states[hub.StateHandedOver] != 2 {
		t.Errorf("states: %v", states)
	}
	if answer := r.Board[4]; answer.Number != "97/SNV-CCHC" || answer.Rows[0].Name != "UBND tỉnh Quảng Nam" {
		t.Errorf("the answer is %+v", answer)
	}
}

func checkBoard(t *testing.T, board string) {
	for _, want := range []string{
		"173/UBND-KSTTHC  V/v đẩy mạnh công tác cải cách hành chính năm 2020",
		"từ chối: sai nơi nhận  từ chối     –       –       3 ✓",
		"20 nơi nhận: 2 đã nhận, 17 đã vào sổ, 1 từ chối;", "Total: 5 documents, 28 deliveries (28 ✓)",
	} {
		if !strings.Contains(board, want) {
			t.Errorf("the board lacks %q", want)
		}
	}
	if strings.ContainsAny(board, "\x1b✗") {
		t.Error("the board has colours although it is no terminal, or something is wrong on it")
	}
	if t.Failed() {
		t.Log(board)
	}
}

// checkTampered damages a copy of the folder and names what must be noticed.
func checkTampered(t *testing.T, dir string) {
	for name, c := range map[string]struct {
		damage func(t *testing.T, dir string)
		want   string // in one of the failed checks
	}{
		"a word in a receipt":             {edit("*-ConsignmentRejection*", `wrong_addressee`, `other`), "-ConsignmentRejection.receipt.json of 173/UBND-KSTTHC verifies"},
		"the signature of a receipt":      {edit("*-ContentHandover*", `"jws": ?"(.)`, `"jws":"${1}A`), "-ContentHandover.receipt.json of "},
		"a receipt that is no JSON":       {edit("*-ContentHandover*", `^\{`, ``), "-ContentHandover.receipt.json of "},
		"a member that was not signed":    {edit("*-ContentHandover*", `"evidence": ?\{`, `"evidence":{"extra":1,`), "-ContentHandover.receipt.json of "},
		"a receipt in the middle is gone": {remove("receipts/*/*-ContentConsignment.receipt.json"), "form one whole chain"},
		"the last receipt is gone":        {removeLast("receipts/*/*.receipt.json"), "(44/STP-VP) has its 7 receipts (6)"},
		"all receipts of a dispatch gone": {removeAll("receipts/*"), "dispatches of demo.json"},
		"a receipt of another dispatch":   {swap("receipts/*/001-SubmissionAcceptance.receipt.json"), "form one whole chain"},
		"an original":                     {grow("documents/173-UBND-KSTTHC.pdf"), "names the digest of the real 173-UBND-KSTTHC.pdf"},
		"a byte inside an original":       {flip("documents/42-STP-VP.pdf"), "42-STP-VP.pdf has two valid signatures"},
		"the unsigned file instead":       {unsign("97-SNV-CCHC.pdf"), "97-SNV-CCHC.pdf has two valid signatures"},
		"two originals exchanged":         {swapFiles("documents/42-STP-VP.pdf", "documents/97-SNV-CCHC.pdf"), "names the digest of the real 42-STP-VP.pdf"},
		"the package":                     {grow("edxml/173-UBND-KSTTHC.edxml"), "names the digest of the real"},
		"a collected file":                {grow("documents/collected/000.05.31.H47/173-phu-luc.pdf"), "000.05.31.H47 collected 173-phu-luc.pdf byte for byte"},
		"a collected package":             {grow("edxml/collected/000.00.33.H47/173-UBND-KSTTHC.edxml"), "000.00.33.H47 collected 173-UBND-KSTTHC.edxml byte for byte"},
		"a byte of the time-stamp":        {flip("log/*.tst"), "stands over its checkpoint"},
		"the time-stamped checkpoint":     {grow("log/*.checkpoint"), "stands over its checkpoint"},
		"a byte of a bundle":              {flip("bundles/refused.asice"), "the bundle refused.asice passes"},
		"no bundle":                       {remove("bundles/*.asice"), "there are three evidence bundles"},
		"no time-stamp":                   {removeAll("log"), "there are time-stamps over the log"},
		"the anchors of somebody else":    {strangersAnchors, "-SubmissionAcceptance.receipt.json of 173/UBND-KSTTHC verifies"},
	} {
		t.Run(name, func(t *testing.T) {
			copied := t.TempDir()
			for _, part := range []string{"documents", "edxml", "receipts", "log", "bundles", "anchors.pem", "demo.json"} {
				link(t, filepath.Join(dir, part), filepath.Join(copied, part))
			}
			c.damage(t, copied)
			proof, err := demo.VerifyFolder(t.Context(), copied)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(strings.Join(proof.Failed, "\n"), c.want) {
				t.Errorf("nothing says %q:\n%s", c.want, strings.Join(proof.Failed, "\n"))
			}
		})
	}
}

func read(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// link makes a copy that shares the files; write replaces them.
func link(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		if d.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		return os.Link(path, target)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// match returns the files of a pattern, at least one.
func match(t *testing.T, dir, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, filepath.FromSlash(pattern)))
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: %v files (%v)", pattern, found, err)
	}
	return found
}

type damage = func(t *testing.T, dir string)

// edit changes the first match in the first receipt of a name.
func edit(name, pattern, replacement string) damage {
	return func(t *testing.T, dir string) {
		path := match(t, dir, "receipts/*/"+name)[0]
		before := read(t, path)
		after := regexp.MustCompile(pattern).ReplaceAll(before, []byte(replacement))
		if bytes.Equal(before, after) {
			t.Fatalf("%q does not occur in %s", pattern, before)
		}
		write(t, path, after)
	}
}

func remove(pattern string) damage {
	return func(t *testing.T, dir string) { os.Remove(match(t, dir, pattern)[0]) }
}

func removeAll(pattern string) damage {
	return func(t *testing.T, dir string) { os.RemoveAll(match(t, dir, pattern)[0]) }
}

func removeLast(pattern string) damage {
	return func(t *testing.T, dir string) {
		files := match(t, dir, pattern)
		os.Remove(files[len(files)-1])
	}
}

// swap exchanges the first two files of a pattern.
func swap(pattern string) damage {
	return func(t *testing.T, dir string) {
		files := match(t, dir, pattern)
		a, b := read(t, files[0]), read(t, files[1])
		write(t, files[0], b)
		write(t, files[1], a)
	}
}

func swapFiles(first, second string) damage {
	return func(t *testing.T, dir string) {
		a, b := read(t, filepath.Join(dir, first)), read(t, filepath.Join(dir, second))
		write(t, filepath.Join(dir, first), b)
		write(t, filepath.Join(dir, second), a)
	}
}

func grow(name string) damage {
	return func(t *testing.T, dir string) {
		path := match(t, dir, name)[0]
		write(t, path, append(read(t, path), '\n'))
	}
}

func flip(name string) damage {
	return func(t *testing.T, dir string) {
		path := match(t, dir, name)[0]
		content := read(t, path)
		content[len(content)/4] ^= 1
		write(t, path, content)
	}
}

func unsign(name string) damage {
	return func(t *testing.T, dir string) {
		write(t, filepath.Join(dir, "documents", name), read(t, filepath.Join(dir, "documents", "unsigned", name)))
	}
}

func strangersAnchors(t *testing.T, dir string) {
	other, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "anchors.pem"), other.AnchorsPEM())
}

// lie replaces a word in the answers whose path ends so.
type lie struct{ path, is, becomes string }

// TestRunNoticesALyingHub puts a hub in between that changes what it hands out.
func TestRunNoticesALyingHub(t *testing.T) {
	front := func(t *testing.T, hubURL string) string {
		return liar(t, hubURL,
			lie{"/evidence", "wrong_addressee", "incomplete"},
			lie{"/sent", `"state":"handed_over"`, `"state":"accepted"`})
	}
	var board bytes.Buffer
	dir := filepath.Join(t.TempDir(), "demo")
	result, err := demo.Run(t.Context(), demo.Options{Dir: dir, Start: startHub(t, front), Out: &board, Err: io.Discard})
	if err == nil {
		t.Fatal("nothing was noticed")
	}
	for _, want := range []string{
		"-ConsignmentRejection.receipt.json of 173/UBND-KSTTHC verifies",
		`UBND huyện Bắc Trà My (hư cấu) prove the state accepted (they prove "handed_over")`,
		"173/UBND-KSTTHC ends as handed_over 01 at UBND huyện Bắc Trà My (hư cấu)",
	} {
		if !strings.Contains(strings.Join(result.Failed, "\n"), want) {
			t.Errorf("nothing says %q: %v", want, err)
		}
	}
	if !strings.Contains(board.String(), "✗") {
		t.Error("the board shows nothing wrong")
	}
}

// liar is a proxy that lies.
func liar(t *testing.T, hubURL string, lies ...lie) string {
	target, err := url.Parse(hubURL)
	if err != nil {
		t.Fatal(err)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	server := httptest.NewServer(&httputil.ReverseProxy{
		Transport: transport,
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			for _, l := range lies {
				if strings.HasSuffix(r.Request.URL.Path, l.path) {
					return l.tell(r)
				}
			}
			return nil
		},
	})
	t.Cleanup(func() {
		server.Close()
		transport.CloseIdleConnections()
	})
	return server.URL
}

func (l lie) tell(r *http.Response) error {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return err
	}
	body = bytes.ReplaceAll(body, []byte(l.is), []byte(l.becomes))
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.Header.Del("Content-Length")
	return nil
}

// TestRunFails: what cannot start or is not allowed ends the run with its reason.
func TestRunFails(t *testing.T) {
	for name, c := range map[string]struct {
		start func(t *testing.T) func(context.Context, string, string) (demo.Hub, error)
		want  string
	}{
		"no hub": {func(*testing.T) func(context.Context, string, string) (demo.Hub, error) {
			return func(context.Context, string, string) (demo.Hub, error) {
				return demo.Hub{}, hub.Invalid("listen", "address", "the address is taken")
			}
		}, "the address is taken"},
		"a wrong operator key": {func(t *testing.T) func(context.Context, string, string) (demo.Hub, error) {
			start := startHub(t, nil)
			return func(ctx context.Context, dataDir, anchors string) (demo.Hub, error) {
				h, err := start(ctx, dataDir, anchors)
				h.OperatorKey = "lt_nobody_" + strings.Repeat("A", 43)
				return h, err
			}
		}, "starting the hub and the sample province"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := demo.Run(t.Context(), demo.Options{
				Dir: filepath.Join(t.TempDir(), "demo"), Start: c.start(t), Out: io.Discard, Err: io.Discard,
			})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestVerifyFolderUnreadable(t *testing.T) {
	if _, err := demo.VerifyFolder(t.Context(), t.TempDir()); err == nil {
		t.Error("an empty folder verifies")
	}
}
