package bundletest

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestOpensInOtherTools: programs that know nothing of this hub read a bundle as the
// container that it is, and believe the signatures in it: zipinfo, unzip, openssl, xmllint
// and xmlsec1, as deploy/bundles.md shows them. Each refuses what was changed.
func TestOpensInOtherTools(t *testing.T) {
	for _, program := range []string{"zipinfo", "unzip", "openssl", "xmllint", "xmlsec1"} {
		if _, err := exec.LookPath(program); err != nil {
			if os.Getenv("CI") == "true" {
				t.Fatal(err)
			}
			t.Skip(err)
		}
	}
	file := must(filepath.Abs(filepath.Join(golden, "good-xml.asice")))(t)
	roots := must(filepath.Abs(filepath.Join(golden, "anchors.pem")))(t)
	goldenSeconds := strconv.FormatInt(must(time.Parse(time.RFC3339, goldenTime))(t).Unix(), 10)
	schemas := must(filepath.Abs("../../../../schemas"))(t)
	manifestSchema := must(filepath.Abs("testdata/asic-manifest.xsd"))(t)
	dir := t.TempDir()
	tool := func(stdin []byte, program string, arguments ...string) (string, error) {
		cmd := exec.CommandContext(t.Context(), program, arguments...)
		cmd.Dir, cmd.Stdin, cmd.Env = dir, bytes.NewReader(stdin), append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	accepts := func(program string, arguments ...string) string {
		t.Helper()
		out, err := tool(nil, program, arguments...)
		if err != nil {
			t.Errorf("%s %s: %v\n%s", program, strings.Join(arguments, " "), err, out)
		}
		return out
	}
	refuses := func(program string, arguments ...string) {
		t.Helper()
		out, err := tool(nil, program, arguments...)
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) {
			t.Errorf("%s %s: accepted, %v\n%s", program, strings.Join(arguments, " "), err, out)
		}
	}

	// EN 319 162-1, A.1: mimetype is first, stored, and without an extra field ("-").
	entries := strings.Split(accepts("zipinfo", file), "\n")
	if first := regexp.MustCompile(` b- stor .* mimetype$`); len(entries) < 4 || !first.MatchString(entries[2]) {
		t.Errorf("the first entry is %q", entries)
	}
	accepts("unzip", "-tqq", file)
	accepts("unzip", "-qq", file)
	if mime := must(os.ReadFile(filepath.Join(dir, "mimetype")))(t); string(mime) != "application/vnd.etsi.asic-e+zip" {
		t.Errorf("mimetype is %q", mime)
	}

	manifest, seal := "META-INF/ASiCManifest.xml", "META-INF/signature.p7s"
	accepts("xmllint", "--noout", "--nonet", "--schema", manifestSchema, manifest)
	// The seal has the certificate of the hub alone; openssl takes what lies between it and
	// the root from the file of roots, where it makes nobody trusted without -partial_chain.
	known := slices.Concat(must(os.ReadFile(roots))(t), must(os.ReadFile(filepath.Join(dir, "trust/hub-chain.pem")))(t))
	write(t, filepath.Join(dir, "known.pem"), string(known))
	cms := func(content string) []string {
		return []string{"cms", "-verify", "-binary", "-inform", "DER", "-in", seal, "-content", content,
			"-CAfile", "known.pem", "-purpose", "any", "-attime", goldenSeconds, "-out", "out"}
	}
	accepts("openssl", cms(manifest)...)

	checkpoint := "checkpoint"
	stamped := func(data, token string) []string {
		return []string{"ts", "-verify", "-data", data, "-in", token, "-token_in", "-CAfile", roots, "-untrusted", "trust/tsa-chain.pem", "-attime", goldenSeconds}
	}
	proof := must(os.ReadFile(filepath.Join(dir, "receipts/003-ConsignmentRejection.tlog-proof")))(t)
	_, note, _ := strings.Cut(string(proof), "\n\n")
	size := strings.Split(note, "\n")[1]
	write(t, filepath.Join(dir, checkpoint), note)
	accepts("openssl", stamped(checkpoint, "log/2026-"+size+".tst")...)

	for _, form := range must(fs.Glob(os.DirFS(dir), "receipts/*.xml"))(t) {
		accepts("xmllint", "--noout", "--nonet", "--schema", filepath.Join(schemas, "evidence.xsd"), form)
		signed := []string{"--verify", "--trusted-pem", roots, "--verification-time", "2026-11-24 12:00:00", "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"}
		accepts("xmlsec1", append(signed, form)...)
		text := string(must(os.ReadFile(filepath.Join(dir, form)))(t))
		write(t, filepath.Join(dir, "changed.xml"), strings.Replace(text, "2026-", "2025-", 1))
		refuses("xmlsec1", append(signed, "changed.xml")...)
	}

	write(t, filepath.Join(dir, "changed"), strings.Replace(note, size, size+"0", 1))
	refuses("openssl", stamped("changed", "log/2026-"+size+".tst")...)
	write(t, filepath.Join(dir, "changed"), strings.Replace(string(must(os.ReadFile(filepath.Join(dir, manifest)))(t)), "001-", "002-", 1))
	refuses("openssl", cms("changed")...)
	refuses("xmllint", "--noout", "--nonet", "--schema", manifestSchema, "receipts/001-SubmissionAcceptance.xml")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
