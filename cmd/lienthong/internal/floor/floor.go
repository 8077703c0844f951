// Package floor is the least that any hub must do for a document, as a program of
// its own: what a hub takes beyond it is what its order, its checks and its comfort
// cost. It is measured in turns with the hub, by the same clients, and is no hub.
//
// What it does, because nothing correct can leave it out: receive the bytes once
// and hash them on the way; know the key of the caller; read the submission and
// look every recipient up; verify both signatures with the code of the hub; make
// the original durable (file and folder synchronised, or the object store's
// answer); sign the evidence of acceptance; commit dispatch, deliveries and
// evidence in one durable transaction that many submissions share, with the index
// that finds a repetition; publish with confirm, where there is a broker; answer.
// Then lend the document to its recipient, read the original and hash it again on
// the way out, compare the digests that come back, sign the evidence of hand-over
// and commit it.
//
// What it leaves out: every other field of a submission and its rules, roles and
// rights, successors, copies of names, evidence of consignment, leases that
// outlive a restart, reading back its own state at a start, search, expiry,
// metrics, traces, logs. Boxes are in memory; the rows that they could be built
// from are durable.
package floor

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// Options say where the floor works.
type Options struct {
	engine.Settings        // the engines of the hub that it is compared with
	DataDir         string // made when absent
	Listen          string
	Anchors         string // file that signatures must lead to
}

// Floor is a running floor.
type Floor struct {
	verifier *signing.Verifier
	key      *ecdsa.PrivateKey
	objects  objects
	rows     rows
	queue    queue
	listener net.Listener
	spool    string // folder of what is too large for memory

	mu       sync.RWMutex
	agencies map[string]bool              // by code
	keys     map[[sha256.Size]byte]string // code of the agency by the digest of its key
	boxes    map[string]*box              // by code
	open     map[string]*delivery         // not handed over, by id
	held     map[string]*dispatch         // those of open, by id
}

// objects keeps originals.
type objects interface {
	// put returns when the content is durable.
	put(ctx context.Context, c *content) error
	read(ctx context.Context, name string) (io.ReadCloser, error)
}

// rows keeps the state.
type rows interface {
	// accept and handOver return when the rows are durable.
	accept(ctx context.Context, d *dispatch) error
	handOver(ctx context.Context, d *delivery, proof proof) error
	Close() error
}

// queue brings a dispatch to the boxes of its recipients.
type queue interface {
	publish(ctx context.Context, dispatch string) error
	Close() error
}

// Open prepares everything and listens. It writes a key that may do everything to
// DataDir/operator.key.
func Open(ctx context.Context, o Options) (*Floor, error) {
	f := &Floor{
		agencies: map[string]bool{}, keys: map[[sha256.Size]byte]string{}, boxes: map[string]*box{},
		open: map[string]*delivery{}, held: map[string]*dispatch{}, spool: o.DataDir,
	}
	if err := os.MkdirAll(o.DataDir, 0o700); err != nil {
		return nil, err
	}
	text, err := os.ReadFile(o.Anchors)
	if err != nil {
		return nil, err
	}
	anchors, err := trust.LoadAnchors(text)
	if err != nil {
		return nil, err
	}
	f.verifier = signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now})
	if f.key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	if err := f.openEngines(ctx, &o); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := os.WriteFile(filepath.Join(o.DataDir, "operator.key"), []byte(f.newKey("operator")), 0o600); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	var listen net.ListenConfig
	if f.listener, err = listen.Listen(ctx, "tcp", o.Listen); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openEngines opens what the hub would run on with the same settings.
func (f *Floor) openEngines(ctx context.Context, o *Options) error {
	var err error
	if f.objects, err = openObjects(o); err != nil {
		return err
	}
	if f.rows, err = openRows(ctx, o); err != nil {
		return err
	}
	f.queue, err = f.openQueue(o)
	return err
}

func (f *Floor) openQueue(o *Options) (queue, error) {
	if o.Broker == "" {
		return noQueue{f}, nil
	}
	password, err := firstLines(o.BrokerPasswordFile, 1)
	if err != nil {
		return nil, err
	}
	return openBroker(f, o.Broker, password[0])
}

func openObjects(o *Options) (objects, error) {
	if o.Objects == "" {
		return openDisk(filepath.Join(o.DataDir, "objects"))
	}
	keys, err := firstLines(o.ObjectsKeyFile, 2)
	if err != nil {
		return nil, err
	}
	return openBucket(o.Objects, o.ObjectsRegion, keys)
}

func openRows(ctx context.Context, o *Options) (rows, error) {
	if o.Database == "" {
		return openSQLite(ctx, filepath.Join(o.DataDir, "floor.db"))
	}
	password, err := firstLines(o.DatabasePasswordFile, 1)
	if err != nil {
		return nil, err
	}
	return openPostgres(ctx, o.Database, password[0])
}

// firstLines reads a file of secrets; empty ones where there is no file.
func firstLines(path string, n int) ([]string, error) {
	if path == "" {
		return make([]string, n), nil
	}
	text, err := os.ReadFile(path)
	lines := append(strings.Fields(string(text)), make([]string, n)...)
	return lines[:n], err
}

// URL is the address of the floor.
func (f *Floor) URL() string { return "http://" + f.listener.Addr().String() }

// Run serves until ctx ends.
func (f *Floor) Run(ctx context.Context) error {
	server := &http.Server{Handler: f.handler(), ReadHeaderTimeout: time.Minute}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(f.listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// Close gives back what Open took.
func (f *Floor) Close() error {
	var errs []error
	if f.listener != nil {
		_ = f.listener.Close() // the server has closed it already
	}
	if f.queue != nil {
		errs = append(errs, f.queue.Close())
	}
	if f.rows != nil {
		errs = append(errs, f.rows.Close())
	}
	return errors.Join(errs...)
}

// noQueue hands dispatches on within the process.
type noQueue struct{ *Floor }

func (q noQueue) publish(_ context.Context, dispatch string) error {
	q.deliver(dispatch)
	return nil
}

// Close implements queue.
func (noQueue) Close() error { return nil }
