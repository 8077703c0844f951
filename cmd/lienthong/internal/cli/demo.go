package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/demo"
	"github.com/lienthong/lienthong/hub"
)

type demoCommand struct {
	Once   bool   `help:"End after the verification."`
	Dir    string `type:"path" help:"Keep everything in this folder, which must be new or empty."`
	Listen string `default:"127.0.0.1:0" help:"Address of the hub."`
	Log    bool   `help:"Show the log of the hub."`

	AMQP           string `name:"amqp" env:"LIENTHONG_DEMO_AMQP" placeholder:"amqp://USER:PASSWORD@HOST/VHOST" help:"RabbitMQ for the channel AMQP, as its administrator, with a virtual host that may be filled; none for none. Without it one is started on ports of its own where RabbitMQ is installed, else the channel is left out."`
	AMQPManagement string `name:"amqp-management" placeholder:"http://HOST:15672" help:"Management API of --amqp, where it is not at the usual port of its host."`
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
	level := "warn"
	if c.Log {
		level = "info"
	}
	broker, why, stop, err := c.broker(ctx, e, dir)
	if err != nil {
		return err
	}
	defer stop() // after the hub, which leans on it
	hubs := &demoHubs{log: newLog(e.Stderr, level, "text"), version: e.Version, ended: make(chan struct{}, 1)}
	result, err := demo.Run(ctx, demo.Options{Dir: dir, Listen: c.Listen, Start: hubs.start, Broker: broker, NoBroker: why, Out: out, Err: e.Stderr})
	if err == nil && !c.Once {
		c.next(e, &result)
		hubs.wait(ctx)
	}
	if e.json {
		err = errors.Join(err, e.print(result, nil))
	}
	return errors.Join(err, hubs.stop())
}

// broker returns the RabbitMQ to use, or why there is none, and how to end it.
func (c *demoCommand) broker(ctx context.Context, e *env, dir string) (b *demo.Broker, why string, stop func(), err error) {
	switch c.AMQP {
	case "none":
		return nil, "--amqp none", func() {}, nil
	case "":
		e.note("• RabbitMQ ...")
		own, err := demo.StartRabbitMQ(ctx, filepath.Join(dir, "rabbitmq"))
		if errors.Is(err, demo.ErrNoRabbitMQ) {
			return nil, err.Error(), func() {}, nil
		}
		if err != nil {
			return nil, "", nil, err
		}
		return &own.Broker, "", own.Stop, nil
	}
	b, err = demo.BrokerAt(c.AMQP, c.AMQPManagement)
	return b, "", func() {}, err
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
		"drop check --folder " + in("drop") + " --key-file " + in("keys", "000.02.32.H47.key"),
	} {
		fmt.Fprintf(e.Stderr, "  %s %s\n", program, command)
	}
	fmt.Fprintf(e.Stderr, "\nTrang làm việc / pages for people: %s  (mật khẩu tạm, đổi khi đăng nhập / temporary passwords)\n", r.URL)
	for _, p := range r.Persons {
		fmt.Fprintf(e.Stderr, "  %-13s %-17s %s\n", p.Role, p.Name, p.Password)
	}
	fmt.Fprintf(e.Stderr, "\nCổng cho mọi người / portal for everybody: %s\n  mã hồ sơ / dossier %s, mã tra cứu / secret %s\n", r.Dossier.Portal, r.Dossier.Number, r.Dossier.Secret)
	fmt.Fprintln(e.Stderr)
	fmt.Fprintf(e.Stderr, "  %s/v1/docs\nMọi thứ nằm ở / everything is in %s\n", r.URL, in("demo.json"))
}

// demoHubs are the hubs of the demonstration.
type demoHubs struct {
	log     *slog.Logger
	version string
	running []*demoHub
	ended   chan struct{} // has something when one of them ended
}

type demoHub struct {
	app  *app.App
	end  context.CancelFunc
	done chan error
}

func (d *demoHubs) start(ctx context.Context, config app.Config) (demo.Hub, error) {
	a, err := app.New(ctx, config, app.Version(d.version), d.log)
	if err != nil {
		return demo.Hub{}, err
	}
	running, end := context.WithCancel(context.WithoutCancel(ctx))
	h := &demoHub{app: a, end: end, done: make(chan error, 1)}
	d.running = append(d.running, h)
	go func() {
		h.done <- a.Run(running)
		select {
		case d.ended <- struct{}{}:
		default:
		}
	}()
	return demo.HubOf(&config, a.URL(), a.PortalURL())
}

// wait returns when a hub fails or the operator wants an end; stop tells what failed.
func (d *demoHubs) wait(ctx context.Context) {
	select {
	case <-ctx.Done():
	case <-d.ended:
	}
}

// stop ends all hubs, the last one first: it may lean on the others.
func (d *demoHubs) stop() error {
	var failed error
	for _, h := range slices.Backward(d.running) {
		h.end()
		failed = errors.Join(failed, <-h.done, h.app.Close())
	}
	return failed
}
