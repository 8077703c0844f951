package audit

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/lienthong/lienthong/hub"
)

// Checkpoint is the head of a log at one size (c2sp.org/tlog-checkpoint).
type Checkpoint struct {
	Origin string
	Size   int64
	Root   hub.Digest
}

// maxTree bounds the size of a tree, in entries: above it package tlog looks for a power
// of two without an end.
const maxTree = 1 << 62

// maxNote bounds a signed checkpoint: one with more than a hundred signatures fits.
const maxNote = 32 << 10

func (c *Checkpoint) text() string {
	return c.Origin + "\n" + strconv.FormatInt(c.Size, 10) + "\n" + base64.StdEncoding.EncodeToString(c.Root[:]) + "\n"
}

func (c *Checkpoint) tree() tlog.Tree { return tlog.Tree{N: c.Size, Hash: tlog.Hash(c.Root)} }

// parseCheckpoint reads the text of a checkpoint. Lines behind the third, which other
// logs may have, say nothing about the tree.
func parseCheckpoint(text string) (Checkpoint, error) {
	bad := func(rule string) (Checkpoint, error) {
		return Checkpoint{}, hub.Invalid("checkpoint", rule, "this is no checkpoint: its lines are origin, size and root")
	}
	lines := strings.SplitN(text, "\n", 4)
	if len(lines) < 4 || lines[0] == "" {
		return bad("lines")
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	if err != nil || size < 0 || size > maxTree || strconv.FormatInt(size, 10) != lines[1] {
		return bad("size")
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return bad("root")
	}
	return Checkpoint{Origin: lines[0], Size: size, Root: hub.Digest(root)}, nil
}

// The types of keys in signed notes (c2sp.org/signed-note).
const (
	typeEd25519     = 0x01
	typeCosignature = 0x04
)

// keyHash is the id of a key in signature lines.
func keyHash(name string, keyType byte, key []byte) uint32 {
	h := sha256.New()
	h.Write([]byte(name + "\n"))
	h.Write([]byte{keyType})
	h.Write(key)
	return binary.BigEndian.Uint32(h.Sum(nil))
}

// VerifierKey writes a public key of a log the way policies name it.
func VerifierKey(name string, key ed25519.PublicKey) string { return vkey(name, typeEd25519, key) }

// WitnessKey writes a public key of a witness the way policies name it.
func WitnessKey(name string, key ed25519.PublicKey) string { return vkey(name, typeCosignature, key) }

func vkey(name string, keyType byte, key ed25519.PublicKey) string {
	return fmt.Sprintf("%s+%08x+%s", name, keyHash(name, keyType, key), base64.StdEncoding.EncodeToString(append([]byte{keyType}, key...)))
}

// verifier checks signatures of one key, of a log or of a witness.
type verifier struct {
	name    string
	keyType byte
	key     ed25519.PublicKey
}

// parseVerifierKey reads what VerifierKey and WitnessKey write.
func parseVerifierKey(text string) (*verifier, error) {
	bad := func(why string) (*verifier, error) {
		return nil, hub.Invalid("key", "vkey", "%.80q is no verifier key: %s", text, why)
	}
	name, rest, _ := strings.Cut(text, "+")
	id, encoded, ok := strings.Cut(rest, "+")
	raw, err := base64.StdEncoding.Strict().DecodeString(encoded)
	switch {
	case !ok || name == "" || strings.ContainsAny(name, " \t\n"):
		return bad("it has the form NAME+ID+KEY")
	case err != nil || len(raw) != 1+ed25519.PublicKeySize:
		return bad("the key is not 33 bytes in base64")
	case raw[0] != typeEd25519 && raw[0] != typeCosignature:
		return bad("its type of key is not known here")
	}
	v := &verifier{name: name, keyType: raw[0], key: raw[1:]}
	if want := fmt.Sprintf("%08x", v.KeyHash()); id != want {
		return bad("the id of this key is " + want)
	}
	return v, nil
}

// Name implements note.Verifier.
func (v *verifier) Name() string { return v.name }

// KeyHash implements note.Verifier.
func (v *verifier) KeyHash() uint32 { return keyHash(v.name, v.keyType, v.key) }

// Verify implements note.Verifier.
func (v *verifier) Verify(msg, sig []byte) bool {
	if v.keyType == typeEd25519 {
		return len(sig) == ed25519.SignatureSize && ed25519.Verify(v.key, msg, sig)
	}
	if len(sig) != 8+ed25519.SignatureSize {
		return false
	}
	return ed25519.Verify(v.key, cosigned(binary.BigEndian.Uint64(sig), msg), sig[8:])
}

// cosigned is what a witness signs (c2sp.org/tlog-cosignature, cosignature/v1).
func cosigned(at uint64, msg []byte) []byte {
	return append([]byte("cosignature/v1\ntime "+strconv.FormatUint(at, 10)+"\n"), msg...)
}

// signer signs notes; of a witness, cosignatures with the time of now.
type signer struct {
	name    string
	keyType byte
	key     ed25519.PrivateKey
	now     func() time.Time
}

func (s *signer) public() ed25519.PublicKey { return s.key.Public().(ed25519.PublicKey) }

// Name implements note.Signer.
func (s *signer) Name() string { return s.name }

// KeyHash implements note.Signer.
func (s *signer) KeyHash() uint32 { return keyHash(s.name, s.keyType, s.public()) }

// Sign implements note.Signer.
func (s *signer) Sign(msg []byte) ([]byte, error) {
	if s.keyType == typeEd25519 {
		return ed25519.Sign(s.key, msg), nil
	}
	at := uint64(s.now().Unix())
	return append(binary.BigEndian.AppendUint64(nil, at), ed25519.Sign(s.key, cosigned(at, msg))...), nil
}

// Cosignature is the statement of a witness that it saw a checkpoint, and no other one
// of that size.
type Cosignature struct {
	Witness string    `json:"witness"` // name of the key
	Key     string    `json:"key"`     // id of the key
	Time    time.Time `json:"time"`    // UTC, seconds
}

// openNote returns the text of a signed note and those of its signatures that the
// verifiers know. A wrong signature of a known key refuses the whole note, signatures
// of others are passed over.
func openNote(raw []byte, verifiers []note.Verifier) (*note.Note, error) {
	if len(raw) > maxNote {
		return nil, hub.Errorf(hub.KindTooLarge, "checkpoint", "size", "a checkpoint has at most %d bytes", maxNote)
	}
	n, err := note.Open(raw, note.VerifierList(verifiers...))
	if err != nil {
		return nil, hub.Errorf(hub.KindUntrusted, "checkpoint", "signature", "the checkpoint is not signed as it must be: %v", err)
	}
	for i := range n.Sigs { // one signature has one text: the last bits are not free to choose
		if _, err := base64.StdEncoding.Strict().DecodeString(n.Sigs[i].Base64); err != nil {
			return nil, hub.Errorf(hub.KindUntrusted, "checkpoint", "encoding", "the signature of %.80q is not encoded as it must be", n.Sigs[i].Name)
		}
	}
	return n, nil
}

// cosignatureOf reads the time of a cosignature that was verified.
func cosignatureOf(s *note.Signature) Cosignature {
	raw, _ := base64.StdEncoding.DecodeString(s.Base64) // it was verified
	var id [4]byte
	binary.BigEndian.PutUint32(id[:], s.Hash)
	c := Cosignature{Witness: s.Name, Key: hex.EncodeToString(id[:])}
	if len(raw) == 4+8+ed25519.SignatureSize {
		c.Time = time.Unix(int64(binary.BigEndian.Uint64(raw[4:])), 0).UTC()
	}
	return c
}
