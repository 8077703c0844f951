package cli

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/hub/audit"
)

// noteKey signs checkpoints, or cosigns them (c2sp.org/tlog-cosignature, type 4).
type noteKey struct {
	name string
	kind byte // 1: of a log, 4: of a witness
	key  ed25519.PrivateKey
}

func newNoteKey(name string, kind byte) noteKey {
	seed := sha256.Sum256([]byte(name))
	return noteKey{name, kind, ed25519.NewKeyFromSeed(seed[:])}
}

func (k noteKey) public() []byte {
	return append([]byte{k.kind}, k.key.Public().(ed25519.PublicKey)...)
}

// text is the key as policies have it.
func (k noteKey) text() string {
	return fmt.Sprintf("%s+%08x+%s", k.name, k.KeyHash(), base64.StdEncoding.EncodeToString(k.public()))
}

func (k noteKey) Name() string { return k.name }

func (k noteKey) KeyHash() uint32 {
	sum := sha256.Sum256(append([]byte(k.name+"\n"), k.public()...))
	return binary.BigEndian.Uint32(sum[:])
}

func (k noteKey) Sign(text []byte) ([]byte, error) {
	if k.kind == 1 {
		return ed25519.Sign(k.key, text), nil
	}
	at := time.Now().Unix()
	value := ed25519.Sign(k.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
	return append(binary.BigEndian.AppendUint64(nil, uint64(at)), value...), nil
}

// headSource is a log whose newest checkpoint is seen by its witness at the third look.
type headSource struct {
	tlog.Source
	looks        int
	fresh, aware []byte
}

func (s *headSource) Logs(context.Context) ([]string, error) { return []string{"2026/"}, nil }

func (s *headSource) Checkpoint(context.Context, string) ([]byte, error) {
	if s.looks++; s.looks < 3 {
		return s.fresh, nil
	}
	return s.aware, nil
}

// TestAuditAwaitsWitnesses: the newest checkpoint of a hub that works is seen by its
// witnesses a moment later, which is no finding.
func TestAuditAwaitsWitnesses(t *testing.T) {
	log, witness := newNoteKey("o/2026", 1), newNoteKey("w", 4)
	policy, err := audit.ParsePolicy([]byte("log " + log.text() + "\nwitness w " + witness.text() + "\nquorum w\n"))
	if err != nil {
		t.Fatal(err)
	}
	root := sha256.Sum256(nil)
	checkpoint := &note.Note{Text: "o/2026\n0\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"}
	source := &headSource{}
	if source.fresh, err = note.Sign(checkpoint, log); err != nil {
		t.Fatal(err)
	}
	if source.aware, err = note.Sign(checkpoint, log, witness); err != nil {
		t.Fatal(err)
	}
	a := &logAudit{source: source, policy: policy}
	quorum := func(until time.Time) bool {
		t.Helper()
		heads, err := a.heads(t.Context(), until)
		if err != nil || len(heads) != 1 {
			t.Fatal(heads, err)
		}
		seen, err := policy.Open(heads[0].signed)
		if err != nil {
			t.Fatal(err)
		}
		return seen.Quorum
	}
	if quorum(time.Time{}) || source.looks != 1 {
		t.Errorf("without patience: %d looks", source.looks)
	}
	if !quorum(time.Now().Add(time.Minute)) || source.looks != 3 {
		t.Errorf("with patience: %d looks", source.looks)
	}
}
