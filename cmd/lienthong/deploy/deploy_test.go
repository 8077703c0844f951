package deploy_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// settings are the flags of serve and the variables that set them.
func settings() (flags, variables map[string]bool) {
	flags = map[string]bool{"--config": true}
	variables = map[string]bool{"LIENTHONG_CONFIG": true}
	var visit func(reflect.Type)
	visit = func(of reflect.Type) {
		for i := range of.NumField() {
			field := of.Field(i)
			if field.Anonymous {
				visit(field.Type)
				continue
			}
			variable := field.Tag.Get("env")
			variables[variable] = true
			flags["--"+strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(variable, "LIENTHONG_")), "_", "-")] = true
		}
	}
	visit(reflect.TypeFor[app.Config]())
	return flags, variables
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documents reads all documents of a YAML file.
func documents(t *testing.T, name string) []map[string]any {
	t.Helper()
	decoder := yaml.NewDecoder(strings.NewReader(read(t, name)))
	var all []map[string]any
	for {
		var d map[string]any
		err := decoder.Decode(&d)
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		all = append(all, d)
	}
}

// at follows a path through maps and lists ("0" is the first of a list).
func at(t *testing.T, v any, path ...string) any {
	t.Helper()
	for i, step := range path {
		switch node := v.(type) {
		case map[string]any:
			v = node[step]
		case []any:
			v = node[0]
		}
		if v == nil {
			t.Fatalf("there is no %s", strings.Join(path[:i+1], "."))
		}
	}
	return v
}

// TestOnlyRealSettings: every flag and variable in these files is one of serve.
func TestOnlyRealSettings(t *testing.T) {
	flags, variables := settings()
	variable, flag := regexp.MustCompile(`LIENTHONG_[A-Z_]+`), regexp.MustCompile(`--[a-z-]+`)
	for _, name := range []string{"compose/compose.yaml", "kubernetes/lienthong.yaml", "systemd/lienthong.service", "Containerfile"} {
		text := read(t, name)
		for _, found := range variable.FindAllString(text, -1) {
			if !variables[found] {
				t.Errorf("%s: serve has no variable %s", name, found)
			}
		}
		for line := range strings.Lines(text) {
			if !strings.Contains(line, "serve") || strings.HasPrefix(strings.TrimSpace(line), "#") && !strings.Contains(line, "lienthong serve") {
				continue
			}
			for _, found := range flag.FindAllString(line, -1) {
				if !flags[found] {
					t.Errorf("%s: serve has no flag %s", name, found)
				}
			}
		}
	}
}

// TestConsumerIsShort: the consumer to begin with is read in one go.
func TestConsumerIsShort(t *testing.T) {
	if n := strings.Count(read(t, "amqpconsumer/main.go"), "\n"); n >= 100 {
		t.Errorf("the consumer has %d lines, want fewer than 100", n)
	}
}

func duration(t *testing.T, text any) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text.(string))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// stopLimit is the default of serve.
const stopLimit = 30 * time.Second

// TestCompose: a node is given the time that it needs to stop, and every secret it
// names is there.
func TestCompose(t *testing.T) {
	file := documents(t, "compose/compose.yaml")[0]
	for _, node := range []string{"hub-a", "hub-b"} {
		service := at(t, file, "services", node)
		if limit := duration(t, at(t, service, "stop_grace_period")); limit < 10*time.Second+stopLimit {
			t.Errorf("%s is killed after %v while it may drain and stop for longer", node, limit)
		}
		for name, value := range at(t, service, "environment").(map[string]any) {
			secret, ok := strings.CutPrefix(value.(string), "/run/secrets/")
			if _, declared := at(t, file, "secrets").(map[string]any)[secret]; ok && !declared {
				t.Errorf("%s names the secret %s, which is not declared", name, secret)
			}
		}
	}
	balancer := read(t, "compose/haproxy.cfg")
	if !strings.Contains(balancer, "GET /readyz") {
		t.Error("the load balancer does not ask whether a node is ready")
	}
}

// TestKubernetes: probes ask the right questions, a node may drain, nothing runs with
// more rights than it needs.
func TestKubernetes(t *testing.T) {
	kinds := map[string]map[string]any{}
	for _, d := range documents(t, "kubernetes/lienthong.yaml") {
		kinds[d["kind"].(string)] = d
	}
	pod := at(t, kinds["Deployment"], "spec", "template", "spec")
	container := at(t, pod, "containers", "0")
	for probe, path := range map[string]string{"livenessProbe": "/healthz", "readinessProbe": "/readyz", "startupProbe": "/healthz"} {
		if got := at(t, container, probe, "httpGet", "path"); got != path {
			t.Errorf("the %s asks %s, want %s", probe, got, path)
		}
	}
	drain := duration(t, at(t, kinds["ConfigMap"], "data", "LIENTHONG_DRAIN_FOR"))
	readiness := at(t, container, "readinessProbe").(map[string]any)
	if unseen := seconds(readiness["periodSeconds"].(int) * readiness["failureThreshold"].(int)); drain < 2*unseen {
		t.Errorf("a node drains for %v, its absence is seen after %v", drain, unseen)
	}
	if grace := seconds(at(t, pod, "terminationGracePeriodSeconds").(int)); grace < drain+stopLimit {
		t.Errorf("a node is killed after %v while it may drain and stop for longer", grace)
	}
	if at(t, pod, "securityContext", "runAsNonRoot") != true || at(t, container, "securityContext", "readOnlyRootFilesystem") != true ||
		at(t, container, "securityContext", "allowPrivilegeEscalation") != false {
		t.Error("the container has more rights than it needs")
	}
	rolling := at(t, kinds["Deployment"], "spec", "strategy", "rollingUpdate").(map[string]any)
	if rolling["maxUnavailable"] != 0 || kinds["PodDisruptionBudget"] == nil || kinds["NetworkPolicy"] == nil {
		t.Error("nodes may all be away at once, or be reached by anybody")
	}
}

// TestNodesShareTheirKeys: a node makes a key that it was not given in its own folder, where
// no other finds it and which goes with the node.
func TestNodesShareTheirKeys(t *testing.T) {
	kubernetes := documents(t, "kubernetes/lienthong.yaml")[0]
	compose := documents(t, "compose/compose.yaml")[0]
	for name, given := range map[string]any{
		"kubernetes": at(t, kubernetes, "data"), "hub-a": at(t, compose, "services", "hub-a", "environment"), "hub-b": at(t, compose, "services", "hub-b", "environment"),
	} {
		for _, key := range []string{"LIENTHONG_HUB_KEY_FILE", "LIENTHONG_LOG_KEY_FILE", "LIENTHONG_SECRETS_KEY_FILE"} {
			if given.(map[string]any)[key] == nil {
				t.Errorf("%s: nodes are not given %s", name, key)
			}
		}
	}
}

// TestUnits has systemd itself check the units, and how exposed the service is.
func TestUnits(t *testing.T) {
	analyze := server.Program(t, "apt-get install systemd", "systemd-analyze")
	units, err := filepath.Glob("systemd/lienthong*.[st]*[er]")
	if err != nil || len(units) != 4 {
		t.Fatalf("units %v, %v", units, err)
	}
	dir := t.TempDir()
	for i, unit := range units {
		// The program is not installed on the machine that builds.
		text := strings.ReplaceAll(read(t, unit), "/usr/local/bin/lienthong", "/bin/true")
		units[i] = filepath.Join(dir, filepath.Base(unit))
		if err := os.WriteFile(units[i], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.CommandContext(t.Context(), analyze, append([]string{"verify", "--man=no"}, units...)...).CombinedOutput()
	if err != nil || len(bytes.TrimSpace(out)) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	for _, unit := range []string{"lienthong.service", "lienthong-witness.service"} {
		out, err = exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--threshold=20", filepath.Join(dir, unit)).CombinedOutput()
		if err != nil {
			t.Errorf("%s is more exposed than it needs to be: %v\n%s", unit, err, out)
		}
	}
}
