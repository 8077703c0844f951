package edxml_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
)

// memory keeps content by digest and counts what was begun and not ended.
type memory struct {
	mu   sync.Mutex
	held map[hub.Digest][]byte
	open int
}

func newMemory() *memory { return &memory{held: map[hub.Digest][]byte{}} }

func (m *memory) CreateBlob(context.Context) (hub.BlobWriter, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.open++
	return &memoryWriter{store: m}, nil
}

type memoryWriter struct {
	bytes.Buffer
	store *memory
	ended bool
}

func (w *memoryWriter) end() bool {
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	first := !w.ended
	if first {
		w.store.open--
	}
	w.ended = true
	return first
}

func (w *memoryWriter) Commit() (hub.Digest, int64, error) {
	w.end()
	digest := hub.Digest(sha256.Sum256(w.Bytes()))
	w.store.mu.Lock()
	defer w.store.mu.Unlock()
	w.store.held[digest] = bytes.Clone(w.Bytes())
	return digest, int64(w.Len()), nil
}

func (w *memoryWriter) Discard() { w.end() }

func (m *memory) opener(_ context.Context, p hub.Part) (hub.Blob, error) {
	return hub.BlobOf(m.held[p.Digest]), nil
}

// put stores content and returns it as a part.
func (m *memory) put(id, name string, content []byte) hub.Part {
	digest := hub.Digest(sha256.Sum256(content))
	m.held[digest] = content
	return hub.Part{ID: id, Role: hub.RoleOriginal, Name: name, MediaType: "application/pdf", Size: int64(len(content)), Digest: digest}
}

func decode(t testing.TB, raw []byte) (hub.Package, *memory, error) {
	t.Helper()
	store := newMemory()
	pkg, err := edxml.New(edxml.Options{}).Decode(t.Context(), bytes.NewReader(raw), store)
	if store.open != 0 {
		t.Errorf("%d contents were begun and neither committed nor discarded", store.open)
	}
	if err != nil && len(store.held) != 0 {
		t.Errorf("a refused package left %d contents behind", len(store.held))
	}
	return pkg, store, err
}

func encode(t testing.TB, store *memory, sub hub.Submission) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeSubmission(t.Context(), &out, sub, nil, store.opener); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
