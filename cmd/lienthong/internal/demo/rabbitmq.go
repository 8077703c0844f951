//go:build linux

package demo

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// RabbitMQ is a broker of the demonstration's own: on ports that were free, with data in
// its folder, and gone with the demonstration, whatever ends that.
type RabbitMQ struct {
	Broker
	dir            string
	mapper, server *exec.Cmd
	log            bytes.Buffer // of the server, once it has ended
}

// brokerStart is how long the broker may take to start; on a busy machine that is long.
const brokerStart = 2 * time.Minute

// ErrNoRabbitMQ says that it is not installed here.
var ErrNoRabbitMQ = errors.New("không có RabbitMQ ở đây; cài rabbitmq-server, hoặc chỉ máy chủ có sẵn bằng --amqp / RabbitMQ is not installed here: install rabbitmq-server, or name a running one by --amqp")

// StartRabbitMQ starts a broker in a folder that is new, and returns when it answers.
func StartRabbitMQ(ctx context.Context, dir string) (*RabbitMQ, error) {
	// The program on PATH of some systems changes the user: RabbitMQ's own script does not.
	server := program("/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server", "rabbitmq-server")
	mapper := program("/usr/lib/erlang/erts-*/bin/epmd", "epmd")
	if server == "" || mapper == "" {
		return nil, ErrNoRabbitMQ
	}
	ports, err := freePorts(ctx, 4)
	if err != nil {
		return nil, err
	}
	b := &RabbitMQ{dir: dir, Broker: Broker{
		URL: "amqp://127.0.0.1:" + ports[0] + "/", Management: "http://127.0.0.1:" + ports[1], User: "demo", Password: rand.Text(),
	}}
	files := map[string]string{
		".erlang.cookie":  rand.Text(),
		"enabled_plugins": "[rabbitmq_management].\n",
		"rabbitmq.conf": strings.Join([]string{
			"listeners.tcp.1 = 127.0.0.1:" + ports[0], "management.tcp.ip = 127.0.0.1", "management.tcp.port = " + ports[1],
			"default_user = " + b.User, "default_pass = " + b.Password, "disk_free_limit.absolute = 50MB", "log.console = true", "log.file = false", "",
		}, "\n"),
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	environment := append(slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "RABBITMQ_") || strings.HasPrefix(v, "ERL_") || strings.HasPrefix(v, "HOME=")
	}), "HOME="+dir, "ERL_EPMD_PORT="+ports[2], "ERL_EPMD_ADDRESS=127.0.0.1")
	b.mapper = brokerProgram(mapper, dir, environment, "-port", ports[2], "-address", "127.0.0.1")
	b.server = brokerProgram(server, dir, append(environment,
		"RABBITMQ_NODENAME=demo@localhost", "RABBITMQ_DIST_PORT="+ports[3], "RABBITMQ_MNESIA_BASE="+filepath.Join(dir, "mnesia"), "RABBITMQ_LOG_BASE="+filepath.Join(dir, "log"),
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(dir, "enabled_plugins"), "RABBITMQ_CONFIG_FILE="+filepath.Join(dir, "rabbitmq.conf"), "RABBITMQ_CONF_ENV_FILE=/dev/null",
		"RUNNING_UNDER_SYSTEMD=yes", // no script stays around it
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none", // no busy waiting
	))
	b.server.Stdout, b.server.Stderr = &b.log, &b.log
	if err := b.mapper.Start(); err != nil {
		return nil, err
	}
	if err := b.server.Start(); err != nil {
		end(b.mapper)
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := b.await(ctx); err != nil {
		b.Stop()
		return nil, fmt.Errorf("RabbitMQ does not start: %w\n%s", err, b.log.Bytes()[max(0, b.log.Len()-4<<10):])
	}
	return b, nil
}

// await waits until the broker answers with its password: on the port somebody else could.
func (b *RabbitMQ) await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, brokerStart)
	defer cancel()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for {
		err := b.answers(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (b *RabbitMQ) answers(ctx context.Context, client *http.Client) error {
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", strings.TrimSuffix(strings.TrimPrefix(b.URL, "amqp://"), "/"))
	if err != nil {
		return err
	}
	_ = c.Close() // it was there
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.Management+"/api/whoami", nil)
	if err != nil {
		return err
	}
	r.SetBasicAuth(b.User, b.Password)
	answer, err := client.Do(r)
	if err != nil {
		return err
	}
	if err := answer.Body.Close(); err != nil || answer.StatusCode != http.StatusOK {
		return errors.Join(err, fmt.Errorf("it answers %s", answer.Status))
	}
	return nil
}

// Stop ends the broker with all that was started for it; again it does nothing. Nothing in
// it is worth keeping.
func (b *RabbitMQ) Stop() {
	end(b.server)
	end(b.mapper)
	_ = os.RemoveAll(b.dir) // what is left harms nobody
}

// end ends a program and its children, and waits until it is gone.
func end(c *exec.Cmd) {
	if c.ProcessState != nil {
		return // the number of the process may be another's by now
	}
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL) // it may have ended by itself
	_ = c.Wait()                                      // says that it was killed
}

// brokerProgram runs in a group of its own: what is typed to stop the demonstration must
// not reach it before the hub has stopped.
func brokerProgram(path, dir string, environment []string, arguments ...string) *exec.Cmd {
	c := exec.CommandContext(context.Background(), path, arguments...) //nolint:gosec // RabbitMQ as it is installed
	c.Dir, c.Env = dir, environment
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	return c
}

// program finds a program by a pattern, else on PATH; "" for none.
func program(pattern, name string) string {
	if found, err := filepath.Glob(pattern); err == nil && len(found) > 0 {
		return found[len(found)-1]
	}
	path, _ := exec.LookPath(name) // "" where it is not
	return path
}

// freePorts are ports of the loopback address that nobody uses now.
func freePorts(ctx context.Context, n int) ([]string, error) {
	var ports []string
	for range n {
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // it was free
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		ports = append(ports, port)
	}
	return ports, nil
}
