package server

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Broker is one node of RabbitMQ with data of its own. Whatever lay durably in it
// survives a Kill.
type Broker struct {
	*Process
	world  *erlang
	node   string // NAME@localhost
	folder string
	ports  brokerPorts
	vhosts atomic.Int64
}

const portsOfABroker = 4

type brokerPorts struct{ amqp, management, metrics, distribution int }

// erlang is what nodes share that may talk to one another: the port mapper, the
// cookie in the home folder, and the user of the broker.
type erlang struct {
	mapper         *Process
	home           string
	port           int
	free           []int  // for brokers, portsOfABroker each
	programs       string // folder of RabbitMQ's own scripts: those on PATH change the user
	user, password string
}

// TickTime is after how long a node of a cluster that does not answer counts as away.
// It takes up to a quarter more.
const TickTime = 5 * time.Second

// RabbitMQ starts a broker that ends with the test; that takes some 8 s.
func RabbitMQ(t testing.TB) *Broker {
	t.Helper()
	b, err := startBroker(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.remove)
	return b
}

// SharedRabbitMQ is one broker for all tests of a package, started by the first that
// asks. Keep it in a variable of the tests and call Close in TestMain; tests come
// apart by VHost.
type SharedRabbitMQ struct {
	mu      sync.Mutex
	started *Broker
}

// Get returns the broker. What a test kills, stops or fills it has to set right again.
func (s *SharedRabbitMQ) Get(t testing.TB) *Broker {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started == nil {
		b, err := startBroker(t)
		if err != nil {
			t.Fatal(err)
		}
		s.started = b
	}
	return s.started
}

// Close ends the broker, if there is one.
func (s *SharedRabbitMQ) Close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.started != nil {
		s.started.remove()
		s.started = nil
	}
}

// RabbitMQCluster starts n brokers and joins them to one cluster.
func RabbitMQCluster(t testing.TB, n int) []*Broker {
	t.Helper()
	world := newErlang(t, n)
	t.Cleanup(world.remove)
	nodes := make([]*Broker, n)
	failures := make([]error, n)
	for i := range nodes {
		nodes[i] = world.newBroker(t, fmt.Sprintf("hub%d", i))
		t.Cleanup(nodes[i].Kill)
	}
	var starting sync.WaitGroup
	for i, b := range nodes {
		starting.Go(func() { failures[i] = b.Start() })
	}
	starting.Wait()
	for i, b := range nodes[1:] {
		failures[i+1] = errors.Join(failures[i+1], b.join(nodes[0]))
	}
	if err := errors.Join(failures...); err != nil {
		t.Fatal(err)
	}
	return nodes
}

func startBroker(t testing.TB) (*Broker, error) {
	t.Helper()
	world := newErlang(t, 1)
	b := world.newBroker(t, "hub")
	if err := b.Start(); err != nil {
		world.remove()
		return nil, err
	}
	return b, nil
}

// newErlang starts a port mapper of our own: the one of the machine, or none, is left
// alone, and it ends with the brokers, for which it takes ports.
func newErlang(t testing.TB, brokers int) *erlang {
	t.Helper()
	const hint = "apt-get install rabbitmq-server"
	program := Program(t, hint, "/usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin/rabbitmq-server")
	mapper := Program(t, hint, "epmd", "/usr/lib/erlang/erts-*/bin/epmd")
	home, err := os.MkdirTemp("", "rabbitmq")
	if err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 1+portsOfABroker*brokers)
	w := &erlang{
		home: home, port: ports[0], free: ports[1:], programs: filepath.Dir(program),
		user: "hub", password: rand.Text(),
	}
	w.mapper = &Process{options: Options{
		Path: mapper, Args: []string{"-port", strconv.Itoa(w.port), "-address", "127.0.0.1"},
		Env: w.environment(), Dir: home,
		Ready: func() error { return Listens(fmt.Sprintf("127.0.0.1:%d", w.port)) },
	}}
	err = os.WriteFile(filepath.Join(home, ".erlang.cookie"), []byte(rand.Text()), 0o400)
	if err == nil {
		err = w.mapper.Start()
	}
	if err != nil {
		_ = os.RemoveAll(home)
		t.Fatal(err)
	}
	return w
}

func (w *erlang) environment() []string {
	return append(environment(), "HOME="+w.home, "ERL_EPMD_PORT="+strconv.Itoa(w.port), "ERL_EPMD_ADDRESS=127.0.0.1")
}

func (w *erlang) remove() {
	w.mapper.Kill()
	_ = os.RemoveAll(w.home) // a leftover in the folder for temporary files harms nobody
}

func (w *erlang) newBroker(t testing.TB, name string) *Broker {
	t.Helper()
	b := &Broker{
		world: w, node: name + "@localhost", folder: filepath.Join(w.home, name),
		ports: brokerPorts{w.free[0], w.free[1], w.free[2], w.free[3]},
	}
	w.free = w.free[portsOfABroker:]
	if err := b.configure(); err != nil {
		t.Fatal(err)
	}
	b.Process = &Process{options: Options{
		Path: filepath.Join(w.programs, "rabbitmq-server"),
		Env:  b.environment(), Dir: b.folder, Ready: b.ready,
	}}
	return b
}

func (b *Broker) configure() error {
	settings := []string{
		fmt.Sprintf("listeners.tcp.1 = 127.0.0.1:%d", b.ports.amqp),
		"management.tcp.ip = 127.0.0.1",
		fmt.Sprintf("management.tcp.port = %d", b.ports.management),
		"prometheus.tcp.ip = 127.0.0.1",
		fmt.Sprintf("prometheus.tcp.port = %d", b.ports.metrics),
		"default_user = " + b.world.user,
		"default_pass = " + b.world.password,
		"loopback_users = none",
		"disk_free_limit.absolute = 50MB",
		"cluster_partition_handling = pause_minority",
		"cluster_keepalive_interval = 1000",
		"log.console = true",
		"log.file = false",
	}
	if err := os.Mkdir(b.folder, 0o700); err != nil {
		return err
	}
	return errors.Join(
		os.WriteFile(filepath.Join(b.folder, "rabbitmq.conf"), []byte(strings.Join(settings, "\n")+"\n"), 0o600),
		os.WriteFile(filepath.Join(b.folder, "enabled_plugins"), []byte("[rabbitmq_management,rabbitmq_prometheus].\n"), 0o600),
	)
}

func (b *Broker) environment() []string {
	return append(b.world.environment(),
		"RABBITMQ_NODENAME="+b.node,
		"RABBITMQ_DIST_PORT="+strconv.Itoa(b.ports.distribution),
		"RABBITMQ_MNESIA_BASE="+filepath.Join(b.folder, "mnesia"),
		"RABBITMQ_LOG_BASE="+filepath.Join(b.folder, "log"),
		// Without a script around it, the server ends with the tests, whatever ends them.
		"RUNNING_UNDER_SYSTEMD=yes",
		"RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(b.folder, "enabled_plugins"),
		"RABBITMQ_CONFIG_FILE="+filepath.Join(b.folder, "rabbitmq.conf"),
		"RABBITMQ_CONF_ENV_FILE=/dev/null",
		// The machine's cores are shared with what is tested: no busy waiting.
		"RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=+sbwt none +sbwtdcpu none +sbwtdio none -kernel net_ticktime "+
			strconv.Itoa(int(TickTime/time.Second)),
	)
}

// ready asks with the password of this broker: on the port somebody else could answer.
// The listener for AMQP comes last.
func (b *Broker) ready() error {
	if err := Listens(b.Address()); err != nil {
		return err
	}
	_, err := b.API(http.MethodGet, "/api/whoami", "")
	return err
}

// Address is where the broker listens for AMQP, host:port.
func (b *Broker) Address() string { return fmt.Sprintf("127.0.0.1:%d", b.ports.amqp) }

// URL is the address of the first virtual host, with user and password.
func (b *Broker) URL() string { return b.url("%2F") }

func (b *Broker) url(vhost string) string {
	return fmt.Sprintf("amqp://%s:%s@%s/%s", b.world.user, b.world.password, b.Address(), vhost)
}

// ManagementURL is the address of the HTTP API, without user and password.
func (b *Broker) ManagementURL() string {
	return fmt.Sprintf("http://127.0.0.1:%d", b.ports.management)
}

// Login is the name and password of the administrator.
func (b *Broker) Login() (user, password string) { return b.world.user, b.world.password }

// MetricsURL is where the broker shows its figures to Prometheus.
func (b *Broker) MetricsURL() string {
	return fmt.Sprintf("http://127.0.0.1:%d/metrics", b.ports.metrics)
}

// VHost returns the URL of a new virtual host, with nothing in it, that goes with the test.
func (b *Broker) VHost(t testing.TB) string {
	t.Helper()
	name := fmt.Sprintf("test%d", b.vhosts.Add(1))
	for _, path := range []string{"/api/vhosts/" + name, "/api/permissions/" + name + "/" + b.world.user} {
		if _, err := b.API(http.MethodPut, path, `{"configure":".*","write":".*","read":".*"}`); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(func() { _, _ = b.API(http.MethodDelete, "/api/vhosts/"+name, "") }) // it goes with the broker at the latest
	return b.url(name)
}

// API asks the management API as administrator and returns the answer; a status of
// 400 or more is an error. Paths are escaped as in URLs.
func (b *Broker) API(method, path, body string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, method, b.ManagementURL()+path, strings.NewReader(body))
	if err != nil {
		return "", err
	}
	request.SetBasicAuth(b.world.user, b.world.password)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(response.Body, 16<<20))
	if err == nil && response.StatusCode >= http.StatusBadRequest {
		err = fmt.Errorf("%s %s: %s: %s", method, path, response.Status, answer)
	}
	return string(answer), err
}

// VHostOf returns the virtual host in the URL of a broker, escaped for the paths of API.
func VHostOf(t testing.TB, broker string) string {
	t.Helper()
	u, err := url.Parse(broker)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimPrefix(u.EscapedPath(), "/")
}

// Ctl runs rabbitmqctl for this node and returns what it wrote; that takes some 2 s.
func (b *Broker) Ctl(args ...string) (string, error) {
	c := exec.CommandContext(context.Background(), filepath.Join(b.world.programs, "rabbitmqctl"), append([]string{"--quiet", "-n", b.node}, args...)...)
	c.Env, c.Dir = b.environment(), b.folder
	var out, log bytes.Buffer
	c.Stdout, c.Stderr = &out, &log
	if err := c.Run(); err != nil {
		return "", fmt.Errorf("rabbitmqctl %s: %w: %s%s", strings.Join(args, " "), err, &out, &log)
	}
	return strings.TrimSpace(out.String()), nil
}

// FillMemory raises the memory alarm: from now on the broker takes nothing from
// whoever publishes. FreeMemory clears it.
func (b *Broker) FillMemory() error { return b.limitMemory("0.000001") }

// FreeMemory undoes FillMemory.
func (b *Broker) FreeMemory() error { return b.limitMemory("0.4") }

func (b *Broker) limitMemory(share string) error {
	_, err := b.Ctl("set_vm_memory_high_watermark", share)
	return err
}

// join makes the node a member of another's cluster.
func (b *Broker) join(other *Broker) error {
	for _, step := range [][]string{{"stop_app"}, {"join_cluster", other.node}, {"start_app"}} {
		if _, err := b.Ctl(step...); err != nil {
			return err
		}
	}
	return b.awaitReady()
}

// Isolate cuts the node off from other nodes of its cluster, both ways, while clients
// still reach it. It counts as away after TickTime at the latest. Reunite lets them
// talk again.
//
// All connections end at the same moment: a node that has lost one that another still
// sees takes that for a partial partition and pauses until the whole cluster is back.
func (b *Broker) Isolate(others ...*Broker) error {
	// A cookie that does not fit refuses every new connection, and none that there is.
	return b.each(others, "erlang:set_cookie('%[1]s', apart)", "erlang:disconnect_node('%[1]s')")
}

// Reunite undoes Isolate.
func (b *Broker) Reunite(others ...*Broker) error {
	return b.each(others, "erlang:set_cookie('%[1]s', erlang:get_cookie())", "net_kernel:connect_node('%[1]s')")
}

// each evaluates an expression on the others about this node, then on this node about
// the others, and there, in the same breath, one more about each of them.
func (b *Broker) each(others []*Broker, everywhere, here string) error {
	var first, then []string
	for _, other := range others {
		if _, err := other.Ctl("eval", fmt.Sprintf(everywhere, b.node)+"."); err != nil {
			return err
		}
		first = append(first, fmt.Sprintf(everywhere, other.node))
		then = append(then, fmt.Sprintf(here, other.node))
	}
	_, err := b.Ctl("eval", strings.Join(append(first, then...), ", ")+".")
	return err
}

// Kill ends the broker with SIGKILL, as a power cut would, and waits until it is gone.
func (b *Broker) Kill() {
	if b.cmd != nil && b.cmd.Process != nil {
		b.Process.Kill()
	}
}

// Stop shuts the broker down in order.
func (b *Broker) Stop() error { return b.Process.Stop(syscall.SIGTERM, 5*time.Minute) }

// remove ends the broker with all that was started for it.
func (b *Broker) remove() {
	b.Kill()
	b.world.remove()
}
