package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/demo"
	"github.com/lienthong/lienthong/hub"
)

type demoCommand struct {
	Once   bool   `help:"End after the verification."`
	Dir    string `type:"path" help:"Keep everything in this folder, which must be new or empty."`
	Listen string `default:"127.0.0.1:0" help:"Address of the hub."`
	Log    bool   `help:"Show the log of the hub."`
}

// Run plays the demonstration and, without --once, leaves the hub running.
func (c *demoCommand) Run(ctx context.Context, e *env) error {
	dir, remove, err := c.folder()
	if err != nil {
		return err
	}
	defer remove()
	out := e.Stdout
	if e.json {
		out = e.Stderr
	}
	hubs := &demoHub{command: c, env: e}
	result, err := demo.Run(ctx, demo.Options{Dir: dir, Start: hubs.start, Out: out, Err: e.Stderr})
	if err == nil && !c.Once {
		c.next(e, &result)
		err = hubs.wait(ctx)
	}
	if e.json {
		err = errors.Join(err, e.print(result, nil))
	}
	return errors.Join(err, hubs.stop())
}

// folder returns where to work and how to clean up.
func (c *demoCommand) folder() (string, func(), error) {
	if c.Dir == "" {
		dir, err := os.MkdirTemp("", "lienthong-demo")
		if err != nil {
			return "", nil, hub.Internal("make a temporary folder", err)
		}
		return dir, func() { os.RemoveAll(dir) }, nil
	}
	entries, err := os.ReadDir(c.Dir)
	if len(entries) > 0 {
		return "", nil, hub.Invalid("dir", "empty", "%s is not empty; name a new folder", c.Dir)
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", nil, hub.Invalid("dir", "folder", "%v", err)
	}
	dir, err := filepath.Abs(c.Dir)
	return dir, func() {}, err
}

// next prints commands that work as they stand, with the program as it was called.
func (c *demoCommand) next(e *env, r *demo.Result) {
	in := func(elements ...string) string { return filepath.Join(append([]string{r.Dir}, elements...)...) }
	program := os.Args[0]
	fmt.Fprintf(e.Stderr, "\nHệ thống đang chạy / the hub is running: %s  (Ctrl-C để dừng)\nThử tiếp / try next:\n", r.URL)
	fmt.Fprintf(e.Stderr, "  export LIENTHONG_URL=%s LIENTHONG_KEY_FILE=%s\n", r.URL, in("keys", "000.00.31.H47.key"))
	for _, command := range []string{
		"inbox --state accepted",
		"agency search tam ky",
		"send --pdf " + in("documents", "42-STP-VP.pdf") + " --to H47.12 --number 5/UBND-VP --subject 'V/v thử nghiệm'",
		"sent",
		"verify " + in("receipts", "*", "*.json") + " --anchors " + in("anchors.pem"),
		"verify " + in("bundles", "*.asice") + " --anchors " + in("bundles", "anchors.pem") + " --policy " + in("bundles", "policy.tlog"),
		"verify " + in("documents", "173-UBND-KSTTHC.pdf") + " --anchors " + in("anchors.pem"),
	} {
		fmt.Fprintf(e.Stderr, "  %s %s\n", program, command)
	}
	fmt.Fprintf(e.Stderr, "\nTrang làm việc / pages for people: %s  (mật khẩu tạm, đổi khi đăng nhập / temporary passwords)\n", r.URL)
	for _, p := range r.Persons {
		fmt.Fprintf(e.Stderr, "  %-13s %-17s %s\n", p.Role, p.Name, p.Password)
	}
	fmt.Fprintln(e.Stderr)
	fmt.Fprintf(e.Stderr, "  %s/v1/docs\nMọi thứ nằm ở / everything is in %s\n", r.URL, in("demo.json"))
}

// demoHub is the hub of the demonstration.
type demoHub struct {
	command *demoCommand
	env     *env
	app     *app.App
	end     context.CancelFunc
	ended   chan error
}

func (d *demoHub) start(ctx context.Context, dataDir, anchors string) (demo.Hub, error) {
	config := app.Config{
		DataDir: dataDir, Listen: d.command.Listen, Name: "lienthong-demo", TrustSettings: app.TrustSettings{Anchors: anchors},
		SignaturePolicy: string(hub.PolicyRecord), TimeToLive: hub.NewTerms(720 * time.Hour), MaxRecipients: 1000, VXPPath: demo.AxisPath, StopLimit: 10 * time.Second,
		TimeSettings: app.TimeSettings{StampEvery: time.Second},
	}
	level := "warn"
	if d.command.Log {
		level = "info"
	}
	var err error
	if d.app, err = app.New(ctx, config, app.Version(d.env.Version), newLog(d.env.Stderr, level, "text")); err != nil {
		return demo.Hub{}, err
	}
	var running context.Context
	running, d.end = context.WithCancel(context.WithoutCancel(ctx))
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.app.Run(running) }()
	key, err := os.ReadFile(config.OperatorKeyFile())
	return demo.Hub{URL: d.app.URL(), OperatorKey: strings.TrimSpace(string(key)), CertificateFile: config.CertificateFile(), TimestampAnchors: config.TimestampAnchorsFile()}, err
}

// wait returns when the hub fails or the operator wants an end.
func (d *demoHub) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-d.ended:
		d.ended <- err
		return err
	}
}

func (d *demoHub) stop() error {
	if d.app == nil {
		return nil
	}
	d.end()
	return errors.Join(<-d.ended, d.app.Close())
}
