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
	return fmt.Sprintf("%s+%x+%s", k.name, k.hash(), base64.StdEncoding.EncodeToString(k.public()))
}

func (k noteKey) hash() []byte {
	sum := sha256.Sum256(append([]byte(k.name+"\n"), k.public()...))
	return sum[:4]
}

// line is the line under a signed note (c2sp.org/signed-note).
func (k noteKey) line(text string) string {
	value := ed25519.Sign(k.key, []byte(text))
	if k.kind == 4 {
		at := time.Now().Unix()
		value = ed25519.Sign(k.key, fmt.Appendf(nil, "cosignature/v1\ntime %d\n%s", at, text))
		value = append(binary.BigEndian.AppendUint64(nil, uint64(at)), value...)
	}
	return "\u2014 " + k.name + " " + base64.StdEncoding.EncodeToString(append(k.hash(), value...)) + "\n"
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
	text := "o/2026\n0\n" + base64.StdEncoding.EncodeToString(root[:]) + "\n"
	fresh := text + "\n" + log.line(text)
	source := &headSource{fresh: []byte(fresh), aware: []byte(fresh + witness.line(text))}
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
