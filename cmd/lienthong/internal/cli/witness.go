package cli

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/storage/witnessdir"
)

type witnessCommand struct {
	Serve witnessServe `cmd:"" help:"Run a witness."`
	Key   witnessKey   `cmd:"" help:"Print the line with which a hub names this witness in its policy."`
	Show  witnessShow  `cmd:"" help:"Show what a witness has seen, and which logs showed two histories."`
}

// Help says what a witness is for, with an example.
func (witnessCommand) Help() string {
	return "A witness says of the logs of other hubs that they only grew: it cosigns a checkpoint that begins with the one " +
		"it cosigned last (c2sp.org/tlog-witness), and keeps both where a log shows two histories. It should run at another agency " +
		"than the hub. Example:\n\n" +
		"  lienthong witness key --name witness.example.vn --data-dir /var/lib/lienthong-witness\n\n" +
		"  lienthong witness serve --name witness.example.vn --data-dir /var/lib/lienthong-witness --logs policy.tlog --listen 0.0.0.0:8480\n\n" +
		"policy.tlog is the file of that name in the data folder of the hub; the operator of the hub gives it, and gets the line that key prints."
}

// witnessSettings are what names a witness.
type witnessSettings struct {
	DataDir string `name:"data-dir" env:"LIENTHONG_WITNESS_DATA_DIR" default:"lienthong-witness" type:"path" help:"Folder of what was seen, and of the key; made when absent."`
	Name    string `env:"LIENTHONG_WITNESS_NAME" required:"" help:"Name of the witness in cosignatures, such as witness.example.vn; it stays for ever."`
	KeyFile string `env:"LIENTHONG_WITNESS_KEY_FILE" type:"path" help:"File with its key (PKCS #8 PEM, Ed25519); without it, DATA-DIR/key/witness.pem, made at the first start."`
}

func (s *witnessSettings) key() (ed25519.PrivateKey, error) {
	if s.KeyFile == "" {
		return signing.LoadOrCreateWitnessKey(filepath.Join(s.DataDir, "key"))
	}
	key, err := signing.LoadLogKey(s.KeyFile)
	if err != nil {
		return nil, hub.Invalid("key-file", "file", "%v", err)
	}
	return key, nil
}

func (s *witnessSettings) witness(e *env, logs []string, store audit.WitnessStore, level string) (*audit.Witness, error) {
	key, err := s.key()
	if err != nil {
		return nil, err
	}
	return audit.NewWitness(audit.WitnessOptions{Name: s.Name, Key: key, Logs: logs, Store: store, Now: time.Now, Log: newLog(e.Stderr, level, "text")})
}

type witnessKey struct {
	witnessSettings
}

// Run prints the policy line.
func (c *witnessKey) Run(e *env) error {
	w, err := c.witness(e, nil, nil, "info")
	if err != nil {
		return err
	}
	return e.print(map[string]string{"name": c.Name, "vkey": w.VerifierKey()}, func(out io.Writer) {
		fmt.Fprintf(out, "witness %s %s https://%s/\n", c.Name, w.VerifierKey(), c.Name)
	})
}

// witnessLogs are the logs of a witness.
type witnessLogs struct {
	File string   `name:"logs" env:"LIENTHONG_WITNESS_LOGS" type:"path" placeholder:"FILE" help:"Keys of the logs to witness, one a line, as NAME+ID+KEY or as a line of a policy (log NAME+ID+KEY); other lines of a policy are passed over. Read at the start."`
	Keys []string `name:"log" sep:"none" placeholder:"VKEY" help:"Key of one log, NAME+ID+KEY; may stand several times."`
}

// read returns the keys of the logs that are witnessed.
func (l *witnessLogs) read() ([]string, error) {
	keys := slices.Clone(l.Keys)
	if l.File != "" {
		text, err := readLimited(l.File, maxLogKeysLength)
		if err != nil {
			return nil, hub.Invalid("logs", "file", "%v", err)
		}
		for i, line := range strings.Split(string(text), "\n") {
			switch words := strings.Fields(line); {
			case len(words) == 0 || strings.HasPrefix(words[0], "#"):
			case words[0] == "log" && len(words) > 1:
				keys = append(keys, words[1])
			case words[0] == "witness" || words[0] == "group" || words[0] == "quorum":
			case len(words) == 1 && strings.Count(words[0], "+") >= 2:
				keys = append(keys, words[0])
			default:
				return nil, hub.Invalid("logs", "syntax", "line %d of %s is neither a key NAME+ID+KEY nor a line of a policy", i+1, l.File)
			}
		}
	}
	switch {
	case len(keys) == 0:
		return nil, hub.Invalid("logs", "required", "name the logs to witness with --logs FILE or --log VKEY")
	case len(keys) > maxLogKeys:
		return nil, hub.Invalid("logs", "maximum", "a witness knows at most %d logs", maxLogKeys)
	}
	return keys, nil
}

type witnessServe struct {
	witnessSettings
	witnessLogs
	Listen   string `env:"LIENTHONG_WITNESS_LISTEN" default:"127.0.0.1:8480" help:"Address to listen on, in plain HTTP: all that comes and goes is signed. Port 0 takes a free one."`
	LogLevel string `env:"LIENTHONG_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error."`
}

// Help tells what is served.
func (witnessServe) Help() string {
	return "Prints one line, \"lienthong: ready url=...\", when it answers. POST /add-checkpoint is for logs; " +
		"GET / shows what was seen, GET /seen the same as JSON, GET /metrics its numbers for Prometheus. " +
		"Example: lienthong witness serve --name witness.example.vn --logs policy.tlog"
}

// Limits of a connection to a witness.
const (
	witnessTimeout   = 15 * time.Second
	witnessIdle      = 2 * time.Minute
	witnessStop      = 10 * time.Second
	witnessHeader    = 16 << 10
	maxLogKeys       = 10_000
	maxLogKeysLength = 4 << 20 // bytes of a file of keys
)

// Run serves until the context ends.
func (c *witnessServe) Run(ctx context.Context, e *env) error {
	logs, err := c.read()
	if err != nil {
		return err
	}
	store, err := witnessdir.Open(c.DataDir)
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }() // what it answered is durable already
	log := newLog(e.Stderr, c.LogLevel, "text")
	witness, err := c.witness(e, logs, store, c.LogLevel)
	if err != nil {
		return err
	}
	if _, err := witness.Views(ctx); err != nil {
		return err // what was seen cannot be read
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return hub.Invalid("listen", "address", "%v", err)
	}
	server := &http.Server{
		Handler: tlog.NewWitnessHandler(witness, log), ReadTimeout: witnessTimeout, WriteTimeout: witnessTimeout,
		IdleTimeout: witnessIdle, MaxHeaderBytes: witnessHeader,
	}
	fmt.Fprintf(e.Stdout, "lienthong: ready url=http://%s/\n", listener.Addr())
	log.Info("ready", "address", listener.Addr().String(), "key", witness.VerifierKey(), "logs", len(logs), "version", e.Version)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	select {
	case err := <-ended:
		return hub.Internal("serve the witness", err)
	case <-ctx.Done():
	}
	limit, cancel := context.WithTimeout(context.WithoutCancel(ctx), witnessStop)
	defer cancel()
	err = server.Shutdown(limit)
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

type witnessShow struct {
	witnessSettings
	witnessLogs
}

// Help says what the exit code means.
func (witnessShow) Help() string {
	return "Reads the data folder, also while the witness runs. Exit code 1 when a log is proven to have two histories. " +
		"Example: lienthong witness show --name witness.example.vn --logs policy.tlog"
}

// Run shows what was seen.
func (c *witnessShow) Run(ctx context.Context, e *env) error {
	logs, err := c.read()
	if err != nil {
		return err
	}
	store, err := witnessdir.Read(c.DataDir)
	if err != nil {
		return err
	}
	witness, err := c.witness(e, logs, store, "info")
	if err != nil {
		return err
	}
	views, err := witness.Views(ctx)
	if err != nil {
		return err
	}
	if err := e.print(views, func(out io.Writer) { _, _ = out.Write(tlog.WitnessedText(views)) }); err != nil {
		return err
	}
	for i := range views {
		for j := range views[i].Forks {
			if views[i].Forks[j].Proven {
				return verdict(exitFailed)
			}
		}
	}
	return nil
}
