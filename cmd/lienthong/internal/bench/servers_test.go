package bench_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/bench"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// TestOnServers runs the command line in LIENTHONG_ON_SERVERS with servers of its
// own, one of each kind, named by the variables that serve and bench read. It is how
// `make bench` measures the production mode; without the variable it does nothing.
func TestOnServers(t *testing.T) {
	command := os.Getenv("LIENTHONG_ON_SERVERS")
	if command == "" {
		t.Skip("LIENTHONG_ON_SERVERS names no command")
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-c", command)
	cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Dir = os.Environ(), os.Stdout, os.Stderr, "../../../.."
	for flag, value := range startServers(t) {
		cmd.Env = append(cmd.Env, "LIENTHONG_"+strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))+"="+value)
	}
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}

// The same in production: hub and floor start again on what they have left in the
// servers, also where nobody collected.
func TestSmallMeasurementOnServers(t *testing.T) {
	t.Parallel()
	o := options(t, "mix")
	o.Mode, o.Scenario, o.Size = bench.ModeProduction, []string{"peak", "edxml"}, 30_000
	for flag, value := range startServers(t) {
		o.Settings = append(o.Settings, "--"+flag+"="+value)
	}
	result, err := bench.Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range result.Runs {
		checkMeasure(t, &result.Runs[i], i > 0, true)
	}
}

// startServers starts PostgreSQL, RabbitMQ and an object store, and returns the
// flags of a hub on them.
func startServers(t *testing.T) map[string]string {
	t.Helper()
	objects := server.S3(t)
	broker, password := withoutPassword(t, server.RabbitMQ(t).URL())
	return map[string]string{
		"database": server.PostgreSQL(t).Database(t),
		"broker":   broker, "broker-password-file": password,
		"objects": objects.Bucket(t), "objects-key-file": objects.KeyFile(t),
	}
}

// withoutPassword moves the password of an address into a file.
func withoutPassword(t *testing.T, address string) (without, file string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	file = filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	u.User = url.User(u.User.Username())
	return u.String(), file
}
