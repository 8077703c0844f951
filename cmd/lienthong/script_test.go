package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubbuild"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/signing/asic"
	"github.com/lienthong/lienthong/signing/cms"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// program is what users run: without the race detector, under which every command takes a
// quarter of a second to start. The hubs of the scripts run with it if these tests do.
var program hubbuild.Once //nolint:gochecknoglobals // built once for all tests

// The scripts run the program as its users do: as a process, against a hub that
// is a process of its own. See testdata/script/README.md for their commands.
func TestMain(m *testing.M) {
	testscript.Main(cleaned{m}, map[string]func(){"lienthong": main})
}

// cleaned are tests after which what was built for them is removed.
type cleaned struct{ *testing.M }

// Run runs the tests.
func (m cleaned) Run() int {
	defer program.Done()
	return m.M.Run()
}

func TestScripts(t *testing.T) {
	t.Parallel()
	runScripts(t, nil)
}

// runScripts runs all scripts; servers gives each script what its hubs run on instead
// of the embedded defaults, as variables of serve.
func runScripts(t *testing.T, servers func() map[string]string) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(e *testscript.Env) error {
			users, err := program.Program()
			if err != nil {
				return err
			}
			e.Setenv("PATH", filepath.Dir(users)+string(filepath.ListSeparator)+e.Getenv("PATH"))
			e.Setenv("DOC", filepath.Join(e.WorkDir, "doc"))
			e.Setenv("DATA", filepath.Join(e.WorkDir, "data"))
			e.Setenv("TOMORROW", time.Now().Add(24*time.Hour).UTC().Format(time.RFC3339))
			// Under the race detector a process sleeps a second before it ends.
			e.Setenv("GORACE", "atexit_sleep_ms=0 "+os.Getenv("GORACE"))
			if servers != nil {
				e.Values[serverSettings{}] = servers()
			}
			return writeDocuments(filepath.Join(e.WorkDir, "doc"))
		},
		Condition: func(name string) (bool, error) {
			if name != "embedded" {
				return false, fmt.Errorf("there is no condition %q", name)
			}
			return servers == nil, nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"hub": hubCommand, "office": officeCommand, "parties": partiesCommand, "set": setCommand, "exits": exitsCommand, "edit": editCommand,
			"samefile": sameFileCommand, "recover": recoverCommand,
		},
	})
}

// serverSettings is the place of the servers among the values of a script.
type serverSettings struct{}

// serverEnv are the variables of serve that name a script's servers.
func serverEnv(ts *testscript.TestScript) []string {
	env := []string{"HOME=" + ts.Getenv("HOME")}
	settings, _ := ts.Value(serverSettings{}).(map[string]string)
	for name, value := range settings {
		env = append(env, name+"="+value)
	}
	return env
}

// raced is the path of the program that has the race detector if these tests have it.
func raced(ts *testscript.TestScript) string {
	path, err := exec.LookPath("lienthong") // testscript.Main puts it into the path of this process
	ts.Check(err)
	return path
}

// hubCommand: "hub start [flags]", "hub stop", "hub kill".
func hubCommand(ts *testscript.TestScript, _ bool, args []string) {
	switch args[0] {
	case "start":
		p, err := hubproc.Start(context.Background(), hubproc.Options{
			Bin: raced(ts), DataDir: ts.Getenv("DATA"), Args: args[1:],
			Env: serverEnv(ts),
		})
		ts.Check(err)
		hubs.Store(ts, p)
		ts.Defer(p.Kill)
		ts.Setenv("LIENTHONG_URL", p.URL)
		ts.Setenv("PORTAL_URL", p.Portal)
	case "stop":
		ts.Check(hubOf(ts).Stop(server.Patience))
	case "kill":
		hubOf(ts).Kill()
	default:
		ts.Fatalf("hub: start, stop or kill, not %q", args[0])
	}
}

// officeCommand: "office [flags]" plays the operator of the post with the token of
// post.token, as a process of its own; sets $POST.
func officeCommand(ts *testscript.TestScript, _ bool, args []string) {
	args = append([]string{"post", "operator", "--listen", "127.0.0.1:0", "--token-file", ts.MkAbs("post.token")}, args...)
	cmd := exec.Command(raced(ts), args...)
	cmd.Env = append(os.Environ(), serverEnv(ts)...)
	out, err := cmd.StdoutPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	ts.Defer(func() {
		_ = cmd.Process.Kill() // it may have ended by itself
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	ts.Check(err)
	ts.Setenv("POST", strings.TrimSpace(line))
}

// recoverCommand: "recover" writes a new operator key beside the servers of the script.
func recoverCommand(ts *testscript.TestScript, _ bool, _ []string) {
	cmd := exec.Command(raced(ts), "key", "recover", "--data-dir", ts.Getenv("DATA"))
	cmd.Env = append(os.Environ(), serverEnv(ts)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		ts.Fatalf("recover: %v\n%s", err, out)
	}
}

// hubs are the running hubs by script.
var hubs sync.Map //nolint:gochecknoglobals // scripts have no place of their own for values

func hubOf(ts *testscript.TestScript) *hubproc.Process {
	p, ok := hubs.Load(ts)
	if !ok {
		ts.Fatalf("no hub was started")
	}
	return p.(*hubproc.Process)
}

// province are the agencies of the scripts.
const province = `id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors
h47,000.00.00.H47,UBND tỉnh Quảng Nam,province,,,,,true,,,H47,
snv,000.00.12.H47,Sở Nội vụ (hư cấu),department,,000.00.00.H47,,,true,,,H47.12,
stp,000.00.14.H47,Sở Tư pháp (hư cấu),department,,000.00.00.H47,,,true,,,H47.14,
cu,000.00.20.H47,Sở Cũ (hư cấu),department,,000.00.00.H47,2010-01-01,2020-01-01,true,,,,000.00.14.H47
dong,000.00.21.H47,Sở Đã Đóng (hư cấu),department,,000.00.00.H47,2010-01-01,2020-01-01,true,,,,
tt,000.00.41.H47,Trung tâm thử nghiệm (hư cấu),unit,,000.00.00.H47,,,false,,,H47.41,
`

// partiesCommand imports the agencies and writes a key file for each of them,
// for the operator and for an auditor: $H47, $SNV, $STP, $TT, $OPERATOR, $AUDITOR.
func partiesCommand(ts *testscript.TestScript, _ bool, _ []string) {
	operator, err := hubOf(ts).OperatorKey()
	ts.Check(err)
	client, err := hubclient.New(hubclient.Options{URL: hubOf(ts).URL, Key: operator})
	ts.Check(err)
	defer client.CloseIdle()
	_, err = client.ImportAgencies(context.Background(), strings.NewReader(province), false)
	ts.Check(err)
	ts.Setenv("OPERATOR", filepath.Join(ts.Getenv("DATA"), "operator.key"))
	all := []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify}
	for name, key := range map[string]hubclient.NewKey{
		"H47": {Agencies: []string{"H47"}, Kind: hub.ActorSystem, Scopes: all},
		"SNV": {Agencies: []string{"000.00.12.H47"}, Kind: hub.ActorSystem, Scopes: all},
		"STP": {Agencies: []string{"000.00.14.H47"}, Kind: hub.ActorSystem, Scopes: all},
		"TT":  {Agencies: []string{"000.00.41.H47"}, Kind: hub.ActorSystem, Scopes: all},

		"AUDITOR": {Kind: hub.ActorAuditor, Scopes: []hub.Scope{hub.ScopeAudit}},
	} {
		key.Name = name
		issued, err := client.IssueKey(context.Background(), key)
		ts.Check(err)
		path := filepath.Join(ts.Getenv("WORK"), name+".key")
		ts.Check(os.WriteFile(path, []byte(issued.Secret+"\n"), 0o600))
		ts.Setenv(name, path)
	}
}

// setCommand: "set NAME FILE PATH" takes a value out of JSON ("0.delivery.id").
func setCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 3 {
		ts.Fatalf("set NAME FILE PATH")
	}
	var value any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[1])), &value))
	for step := range strings.SplitSeq(args[2], ".") {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i >= len(v) {
				ts.Fatalf("%s: there is no element %s", args[2], step)
			}
			value = v[i]
		default:
			ts.Fatalf("%s: nothing at %s", args[2], step)
		}
	}
	switch v := value.(type) {
	case string:
		ts.Setenv(args[0], v)
	case float64:
		ts.Setenv(args[0], strconv.FormatFloat(v, 'f', -1, 64))
	default:
		ts.Fatalf("%s is %v", args[2], value)
	}
}

// exitsCommand: "exits CODE COMMAND ..." runs a command that must end with the code.
func exitsCommand(ts *testscript.TestScript, _ bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	got := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// editCommand: "edit FILE OLD NEW OUT" replaces the first occurrence; there must be one.
func editCommand(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 4 {
		ts.Fatalf("edit FILE OLD NEW OUT")
	}
	before := ts.ReadFile(args[0])
	after := strings.Replace(before, args[1], args[2], 1)
	if before == after {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[3]), []byte(after), 0o600))
}

// sameFileCommand: "samefile A B" compares bytes; cmp would print them.
func sameFileCommand(ts *testscript.TestScript, neg bool, args []string) {
	if same := ts.ReadFile(args[0]) == ts.ReadFile(args[1]); same == neg {
		ts.Fatalf("%s and %s have equal bytes: %v", args[0], args[1], same)
	}
}

// documents are made once, for all scripts.
var documents = sync.OnceValues(makeDocuments) //nolint:gochecknoglobals // keys and signatures cost time

// writeDocuments gives a script its files:
//
//	anchors.pem      what the signatures lead to
//	seal.pem         key and certificates of the agency
//	signed.pdf       signed by a leader and by the agency
//	second.pdf       another one
//	tampered.pdf     signed, then changed
//	unsigned.pdf
//	directive.edxml  signed.pdf from H47 to SNV and STP, id "173"
//	dossier.edxml    a dossier with signed.pdf, handed over by H47 to SNV
//	sealed.edxml     directive.edxml, its envelope signed by the agency
//	wrapped.xml      that below another root
//	bundle.asice     a container with signed.pdf, signed by the agency
//	added.asice      the same with a file that nobody signed
func writeDocuments(dir string) error {
	files, err := documents()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			return err
		}
	}
	return nil
}

func makeDocuments() (map[string][]byte, error) {
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		return nil, err
	}
	leader, err := authority.Person("Nguyễn Văn Ví Dụ", "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		return nil, err
	}
	seal, err := authority.Agency("UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(seal.Key)
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{
		"anchors.pem": authority.AnchorsPEM(),
		"seal.pem":    append(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), seal.PEM()...),
	}
	series := sample.NewSeries(sample.Signers{Leader: leader, Agency: seal}, 60<<10)
	for i, name := range []string{"signed.pdf", "second.pdf"} {
		if files[name], err = series.Document(context.Background(), i+1); err != nil {
			return nil, err
		}
	}
	files["tampered.pdf"] = bytes.Replace(files["signed.pdf"], []byte("lienthong sample 0"), []byte("lienthong sample 1"), 1)
	if files["unsigned.pdf"], err = unsignedPDF(); err != nil {
		return nil, err
	}
	if files["directive.edxml"], err = directive(files["signed.pdf"]); err != nil {
		return nil, err
	}
	if files["dossier.edxml"], err = dossierPackage(files["signed.pdf"]); err != nil {
		return nil, err
	}
	return files, addSealed(files, seal)
}

// addSealed adds what the agency signs besides PDF files.
func addSealed(files map[string][]byte, seal pki.Identity) error {
	envelopes := xmldsig.Maker{Key: seal.Key, Chain: seal.Chain}
	var err error
	if files["sealed.edxml"], err = envelopes.SignEnvelope(context.Background(), files["directive.edxml"], time.Now()); err != nil {
		return err
	}
	_, root, _ := bytes.Cut(files["sealed.edxml"], []byte("?>"))
	files["wrapped.xml"] = bytes.Join([][]byte{[]byte("<evil>"), root, []byte("</evil>")}, nil)
	var out bytes.Buffer
	err = asic.Write(context.Background(), &out, []asic.File{asic.Bytes("signed.pdf", "application/pdf", files["signed.pdf"])},
		func(ctx context.Context, manifest []byte) ([]byte, error) {
			sum := sha256.Sum256(manifest)
			return cms.Maker{Key: seal.Key, Chain: seal.Chain}.Sign(ctx, sum[:], time.Now())
		})
	if err != nil {
		return err
	}
	files["bundle.asice"] = out.Bytes()
	files["added.asice"], err = withFile(out.Bytes())
	return err
}

// withFile adds a file to a container.
func withFile(container []byte) ([]byte, error) {
	r, err := zip.NewReader(bytes.NewReader(container), int64(len(container)))
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range r.File {
		if err := w.Copy(f); err != nil {
			return nil, err
		}
	}
	added, err := w.CreateHeader(&zip.FileHeader{Name: "added.txt", Method: zip.Store})
	if err != nil {
		return nil, err
	}
	if _, err := added.Write([]byte("not signed")); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func unsignedPDF() ([]byte, error) {
	p := fpdf.New("P", "mm", "A4", "")
	p.AddPage()
	var out bytes.Buffer
	err := p.Output(&out)
	return out.Bytes(), err
}

func directive(pdf []byte) ([]byte, error) {
	sub := hub.Submission{
		Sender: "000.00.00.H47", Recipients: []string{"000.00.12.H47", "H47.14"}, ExternalID: "173",
		Operation: hub.OperationNew,
		Document: hub.Document{
			CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeCode: 18, TypeName: "Công văn",
			Subject: "V/v đẩy mạnh cải cách hành chính", Promulgated: "2020-01-10", Place: "Quảng Nam", SteeringType: 1,
			Signer: hub.Signer{FullName: "Nguyễn Văn Ví Dụ"},
		},
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "173.pdf", MediaType: "application/pdf"}},
		Trace: []hub.Hop{{Agency: "000.00.00.H47", Time: time.Date(2020, 1, 10, 8, 0, 0, 0, hub.Vietnam())}},
	}
	return packed(&sub, map[string][]byte{"p1": pdf})
}

// dossierPackage is the example of a package by which one-stop systems hand dossiers to each
// other.
func dossierPackage(pdf []byte) ([]byte, error) {
	content, err := os.ReadFile("../../adapters/onestop/testdata/hoso.xml")
	if err != nil {
		return nil, err
	}
	sub := hub.Submission{
		Sender: "000.00.00.H47", Recipients: []string{"000.00.12.H47"}, ExternalID: "hs1", Operation: hub.OperationNew,
		Document: hub.Document{
			CodeNumber: "1", CodeNotation: "HS", TypeName: "Hồ sơ liên thông", Subject: "Hồ sơ đăng ký khai sinh", Promulgated: "2026-03-02", Application: "HoSoLienThong",
		},
		Parts: []hub.Part{
			{ID: "p1", Role: hub.RoleOriginal, Name: "giay-chung-sinh.pdf", MediaType: "application/pdf"},
			{ID: "p2", Role: hub.RoleAttachment, Name: "hoso.xml", MediaType: "application/xml"},
		},
	}
	return packed(&sub, map[string][]byte{"p1": pdf, "p2": content})
}

// packed is a package with parts of such content.
func packed(sub *hub.Submission, parts map[string][]byte) ([]byte, error) {
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(context.Background(), &out, *sub, nil, func(_ context.Context, p hub.Part) (hub.Blob, error) {
		return hub.BlobOf(parts[p.ID]), nil
	})
	if err != nil {
		return nil, fmt.Errorf("encode the package %s: %w", sub.ExternalID, err)
	}
	return out.Bytes(), nil
}
