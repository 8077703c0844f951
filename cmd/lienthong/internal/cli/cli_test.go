package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

// run runs one command line.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs strings.Builder
	code = Main(t.Context(), Environment{Args: args, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, Version: "test"})
	return code, out.String(), errs.String()
}

func model(t *testing.T) *kong.Application {
	t.Helper()
	var c commands
	parser, err := kong.New(&c, kong.Name("lienthong"), kong.BindTo(context.Background(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model
}

// TestShownSettings: every setting of serve has a source and what it means in the texts of
// the pages, in English as --help has it; and no address shows a password.
func TestShownSettings(t *testing.T) {
	var c commands
	parser, err := kong.New(&c, kong.Name("lienthong"), kong.BindTo(context.Background(), (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	k, err := parser.Parse([]string{"serve", "--max-recipients", "7", "--traces", "http://me:secret@example.vn:4318"})
	if err != nil {
		t.Fatal(err)
	}
	list := shown(k, &c.Serve.Config, "")
	if len(list) < 40 {
		t.Errorf("%d settings", len(list))
	}
	help := map[string]string{}
	for _, flag := range k.Flags() {
		help[flag.Name] = flag.Help
	}
	vi, en := pageTexts(t, "vi"), pageTexts(t, "en")
	shown := map[string]bool{}
	for _, s := range list {
		shown["setting."+s.Name] = true
		if s.From == "" || strings.Contains(s.Value, "secret") {
			t.Errorf("%+v", s)
		}
		if meaning := en["setting."+s.Name]; meaning != help[s.Name] || vi["setting."+s.Name] == "" {
			t.Errorf("the pages say of %s %q in English and %q in Vietnamese, --help says %q", s.Name, meaning, vi["setting."+s.Name], help[s.Name])
		}
		if s.Name == "max-recipients" && (s.Value != "7" || s.From != "flag") {
			t.Errorf("%+v", s)
		}
	}
	for name := range vi {
		if strings.HasPrefix(name, "setting.") && !shown[name] {
			t.Errorf("the text %s is of no setting", name)
		}
	}
}

// pageTexts are the texts of the pages in a language.
func pageTexts(t *testing.T, language string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile("../../../../adapters/web/messages/" + language + ".json")
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	if err := json.Unmarshal(raw, &texts); err != nil {
		t.Fatal(err)
	}
	return texts
}

// Help texts are the documentation: every command and every flag has one, and
// prints it.
func TestEverythingHasHelp(t *testing.T) {
	var visit func(node *kong.Node, path []string)
	visit = func(node *kong.Node, path []string) {
		for _, child := range node.Children {
			command := append(path[:len(path):len(path)], child.Name)
			if child.Help == "" {
				t.Errorf("%v has no help", command)
			}
			for _, flag := range child.Flags {
				if flag.Help == "" {
					t.Errorf("%v --%s has no help", command, flag.Name)
				}
			}
			code, stdout, stderr := run(t, append(command, "--help")...)
			if code != exitOK || !strings.Contains(stdout, "Usage: lienthong "+strings.Join(command, " ")) || stderr != "" {
				t.Errorf("%v --help: %d\n%s%s", command, code, stdout, stderr)
			}
			visit(child, command)
		}
	}
	visit(model(t).Node, nil)
}

func TestNoFlagTakesASecret(t *testing.T) {
	// Named as if they did: files, the address of a key in a token, the id of an act.
	harmless := []string{"tls-key", "portal-tls-key", "lienthong key rotate-secrets --token", "lienthong forward --key"}
	var visit func(node *kong.Node)
	visit = func(node *kong.Node) {
		for _, flag := range node.Flags {
			for _, word := range []string{"password", "secret", "token", "key"} {
				if strings.Contains(flag.Name, word) && !strings.HasSuffix(flag.Name, "-file") && !slices.Contains(harmless, flag.Name) && !slices.Contains(harmless, node.FullPath()+" --"+flag.Name) && !flag.IsBool() {
					t.Errorf("%s --%s: secrets on a command line are seen by everybody on the machine", node.FullPath(), flag.Name)
				}
			}
		}
		for _, child := range node.Children {
			visit(child)
		}
	}
	visit(model(t).Node)
}

// The settings that config show prints and the file may hold are the flags.
func TestSettingsAreTheFlagsOfServe(t *testing.T) {
	flags := map[string]bool{}
	for _, node := range model(t).Children {
		for _, flag := range node.Flags {
			flags[flag.Name] = node.Name == "serve" || flags[flag.Name]
		}
	}
	for name := range effective(&app.Config{}) {
		if !flags[name] {
			t.Errorf("the setting %q is no flag of serve", name)
		}
	}
}

func TestEveryKindHasAnExitCode(t *testing.T) {
	for kind, want := range map[hub.ErrorKind]int{
		hub.KindInvalid: 4, hub.KindDenied: 5, hub.KindUntrusted: 5, hub.KindNotFound: 6, hub.KindUnknownAgency: 6,
		hub.KindConflict: 7, hub.KindBusy: 8, hub.KindUnavailable: 8, hub.KindTooLarge: 9, hub.KindUnsupported: 9,
		hub.KindInternal: 10, "": 10, "unheard of": 10,
	} {
		if got := exitOf(kind); got != want {
			t.Errorf("%q ends with %d, want %d", kind, got, want)
		}
	}
	help := exitCodeHelp()
	for code := exitOK; code <= exitInternal; code++ {
		if !strings.Contains(help, fmt.Sprintf("%d ", code)) {
			t.Errorf("the help does not explain the code %d", code)
		}
	}
}

func TestReportSaysWhatFieldRuleAndNextStep(t *testing.T) {
	var out strings.Builder
	err := fmt.Errorf("send: %w", hub.Violations{
		hub.Errorf(hub.KindUnknownAgency, "recipients[1]", "unknown_agency", "no agency has the code H99"),
		hub.Invalid("document.subject", "required", "a subject is required"),
	})
	if code := report(&out, false, err); code != exitNotFound {
		t.Errorf("code %d", code)
	}
	const want = "lienthong: recipients[1] [unknown_agency]: no agency has the code H99\n" +
		"lienthong: document.subject [required]: a subject is required\n" +
		"next: look the code up with `lienthong agency search NAME`\n"
	if out.String() != want {
		t.Errorf("got\n%s", &out)
	}
	out.Reset()
	report(&out, false, hub.Errorf(hub.KindDenied, "key_dir", "permissions", "key is open to others; run: chmod 700 key"))
	if strings.Contains(out.String(), "next:") {
		t.Errorf("the permissions of a file are no matter of keys:\n%s", &out)
	}
	out.Reset()
	if code := report(&out, true, errors.New("disk on fire")); code != exitInternal {
		t.Errorf("code %d", code)
	}
	var parsed struct{ Errors []map[string]string }
	if err := json.Unmarshal([]byte(out.String()), &parsed); err != nil || parsed.Errors[0]["kind"] != "internal" {
		t.Errorf("%v: %s", err, &out)
	}
}
