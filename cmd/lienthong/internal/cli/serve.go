package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type serveCommand struct {
	app.Config `embed:""`
}

// Run serves until the context ends.
func (c *serveCommand) Run(ctx context.Context, e *env) error {
	log := newLog(e.Stderr, c.LogLevel, c.LogFormat)
	a, err := app.New(ctx, c.Config, app.Version(e.Version), log)
	if err != nil {
		return err
	}
	log.Info("configuration", "settings", effective(&c.Config))
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

// effective lists the settings by flag name. None of them is a secret: those
// live in files, and only the names of the files stand here.
func effective(c *app.Config) map[string]string {
	settings := map[string]string{}
	v := reflect.ValueOf(*c)
	for i := range v.NumField() {
		name := v.Type().Field(i).Tag.Get("name")
		if name == "" {
			name = kebab(v.Type().Field(i).Name)
		}
		settings[name] = fmt.Sprint(v.Field(i).Interface())
	}
	return settings
}

func kebab(name string) string {
	var b strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return strings.ToLower(b.String())
}

// strictJSON reads the configuration file: one JSON object whose keys are the
// flags of serve. A key that is no flag is an error, since it would silently do
// nothing.
func strictJSON(r io.Reader) (kong.Resolver, error) {
	raw, err := io.ReadAll(io.LimitReader(r, 1<<20))
	if err != nil {
		return nil, err
	}
	var values map[string]any
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	if err := decoder.Decode(&values); err != nil {
		return nil, hub.Invalid("configuration", "json", "the configuration file is not one JSON object: %v", err)
	}
	known := effective(&app.Config{})
	for key := range values {
		if _, ok := known[key]; !ok {
			return nil, hub.Invalid(key, "unknown", "the configuration file has a key that is no flag of serve")
		}
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		return values[flag.Name], nil
	}), nil
}

type configCommand struct {
	Show  configShow  `cmd:"" default:"withargs" help:"Print the effective configuration and where it comes from."`
	Check configCheck `cmd:"" help:"Check the configuration without starting."`
}

type configShow struct {
	app.Config `embed:""`
}

// Run prints the settings.
func (c *configShow) Run(e *env) error {
	settings := effective(&c.Config)
	return e.print(settings, func(w io.Writer) {
		t := text.Table{Head: []string{"SETTING", "VALUE"}}
		keys := make([]string, 0, len(settings))
		for k := range settings {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		for _, k := range keys {
			t.Add(k, settings[k])
		}
		t.Write(w)
		fmt.Fprintln(w, "\nfrom: defaults, then /etc/lienthong/config.json, lienthong.json, LIENTHONG_* variables, flags")
	})
}

type configCheck struct {
	app.Config `embed:""`
}

// Run validates the settings.
func (c *configCheck) Run(e *env) error {
	if err := c.Validate(); err != nil {
		return err
	}
	return e.print(map[string]bool{"valid": true}, func(w io.Writer) { fmt.Fprintln(w, "the configuration is valid") })
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
