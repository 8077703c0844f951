package tlog

import (
	"bytes"
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Limits of one request to a witness.
const (
	maxProof  = 63       // hashes: a tree of 2^63 entries needs no more
	maxUpdate = 48 << 10 // bytes; proof and checkpoint are far below
)

// encodeUpdate writes a request to a witness (c2sp.org/tlog-witness, add-checkpoint).
func encodeUpdate(u *hub.CheckpointUpdate) []byte {
	var b bytes.Buffer
	b.WriteString("old " + strconv.FormatInt(u.Old, 10) + "\n")
	for i := range u.Proof {
		b.WriteString(base64.StdEncoding.EncodeToString(u.Proof[i][:]) + "\n")
	}
	b.WriteByte('\n')
	b.Write(u.Note)
	return b.Bytes()
}

// parseUpdate reads what encodeUpdate writes, and nothing else.
func parseUpdate(body []byte) (hub.CheckpointUpdate, error) {
	bad := func(rule, why string) (hub.CheckpointUpdate, error) {
		return hub.CheckpointUpdate{}, hub.Invalid("request", rule, "%s", why)
	}
	head, signed, ok := bytes.Cut(body, []byte("\n\n"))
	if !ok || len(signed) == 0 {
		return bad("lines", "the request is an old size, a proof, an empty line and a checkpoint")
	}
	lines := strings.Split(string(head), "\n")
	number, is := strings.CutPrefix(lines[0], "old ")
	old, err := strconv.ParseInt(number, 10, 64)
	if !is || err != nil || old < 0 || strconv.FormatInt(old, 10) != number {
		return bad("old", `the first line is "old" and a size`)
	}
	u := hub.CheckpointUpdate{Old: old, Note: signed}
	if len(lines)-1 > maxProof {
		return bad("proof", "the proof has more than 63 lines")
	}
	for _, line := range lines[1:] {
		raw, err := base64.StdEncoding.Strict().DecodeString(line)
		if err != nil || len(raw) != len(hub.Digest{}) || len(line) != base64.StdEncoding.EncodedLen(len(raw)) {
			return bad("proof", "a line of the proof is not 32 bytes in base64")
		}
		u.Proof = append(u.Proof, hub.Digest(raw))
	}
	return u, nil
}
