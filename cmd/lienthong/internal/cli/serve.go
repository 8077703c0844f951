package cli

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
)

type serveCommand struct {
	hubSettings `embed:""`
}

// Help says what the first start leaves behind.
func (serveCommand) Help() string {
	return "Prints one line, \"lienthong: ready url=...\", when it answers, and before it \"lienthong: portal url=...\" where there is a portal; logs go to standard error. " +
		"The first start makes the hub's key and writes a key for the operator to DATA-DIR/operator.key, " +
		"the certificate that receipts are verified with to DATA-DIR/hub-certificate.pem, " +
		"the key of the log to DATA-DIR/key/log.pem, and what audit and verify take as --policy to DATA-DIR/policy.tlog. " +
		"The certificates that time-stamps of the log lead to lie in DATA-DIR/tsa-certificate.pem. " +
		"SIGTERM or Ctrl-C stops: open requests may finish; a second one ends at once."
}

// Run serves until the context ends.
func (c *serveCommand) Run(ctx context.Context, e *env, k *kong.Context) error {
	log := newLog(e.Stderr, c.LogLevel, c.LogFormat)
	c.Shown = shown(k, &c.Config, e.settings.path)
	a, err := app.New(ctx, c.Config, app.Version(e.Version), log)
	if err != nil {
		return err
	}
	log.Info("configuration", "settings", effective(&c.Config))
	if url := a.PortalURL(); url != "" {
		fmt.Fprintf(e.Stdout, "lienthong: portal url=%s\n", url)
	}
	fmt.Fprintf(e.Stdout, "lienthong: ready url=%s\n", a.URL())
	log.Info("ready", "url", a.URL(), "version", e.Version, "operator_key", c.OperatorKeyFile())
	runErr := a.Run(ctx)
	if err := a.Close(); err != nil && runErr == nil {
		return err
	}
	return runErr
}

func newLog(w io.Writer, level, format string) *slog.Logger {
	var l slog.Level
	_ = l.UnmarshalText([]byte(level)) // the flag allows known levels only
	options := &slog.HandlerOptions{Level: l, ReplaceAttr: utcTimes}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}

func utcTimes(_ []string, a slog.Attr) slog.Attr {
	if t, ok := a.Value.Any().(time.Time); ok {
		a.Value = slog.TimeValue(t.UTC())
	}
	return a
}

type versionCommand struct{}

// Run prints the version and what it was built with.
func (versionCommand) Run(e *env) error {
	v := map[string]string{"version": e.Version}
	if info, ok := debug.ReadBuildInfo(); ok {
		v["go"] = info.GoVersion
	}
	return e.print(v, func(w io.Writer) { fmt.Fprintf(w, "lienthong %s (%s)\n", v["version"], v["go"]) })
}
