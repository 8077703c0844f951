package sqlkit

import (
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Evidences that were sealed together share one signature, which with its certificate is
// as long as the evidence itself. Where one act records several of them, the first keeps
// the whole JWS, and the column of each further one says whose signature it shares and
// its own place in the batch:
//
//	<id of the first>~<place>
//
// A JWS with detached payload has ".." in it and an id has not, which tells them apart.
// Both are rows of one transaction and neither ever changes or goes.
const (
	detached = ".."
	placed   = "~"
)

// JWSColumns returns what the column of each evidence holds. All of them must be recorded
// in one step or none.
func JWSColumns(sealed []hub.SealedEvidence) []string {
	columns := make([]string, len(sealed))
	var first, shared string
	for i := range sealed {
		columns[i] = sealed[i].JWS
		signature, place, batch := strings.Cut(sealed[i].JWS, placed)
		switch {
		case !batch || !strings.Contains(signature, detached):
		case signature == shared:
			columns[i] = first + placed + place
		default:
			first, shared = string(sealed[i].Evidence.ID), signature
		}
	}
	return columns
}

// CompleteSources puts whole JWS where columns were read, for sources in the order of
// recording: what an evidence refers to stands mostly before it. Else whole finds it, once for
// all that follow. It is for the log, which reads every evidence once; others read by statements.
func CompleteSources(sources []hub.LogSource, whole func(hub.EvidenceID) (hub.SealedEvidence, error)) error {
	var first, shared string
	for i := range sources {
		s := &sources[i]
		before, place, batch := strings.Cut(s.JWS, placed)
		switch {
		case !batch:
		case strings.Contains(before, detached):
			first, shared = s.ID, before
		case before == first:
			s.JWS = shared + placed + place
		default:
			found, err := whole(hub.EvidenceID(s.ID))
			if err != nil {
				return err
			}
			s.JWS = found.JWS
			if signature, _, ok := strings.Cut(found.JWS, placed); ok && strings.Contains(signature, detached) {
				first, shared = before, signature
			}
		}
	}
	return nil
}

// What a reference that leads nowhere stands for is the column as it is, which no
// signature of the log matches.
const (
	// SQLiteJWS reads the JWS of an evidence e.
	SQLiteJWS = `CASE WHEN instr(e.jws, '..') THEN e.jws ELSE coalesce((SELECT substr(f.jws, 1, instr(f.jws, '~') - 1) FROM evidences f
		WHERE f.id = substr(e.jws, 1, instr(e.jws, '~') - 1)) || substr(e.jws, instr(e.jws, '~')), e.jws) END`
	// PostgresJWS is SQLiteJWS in the other dialect.
	PostgresJWS = `CASE WHEN strpos(e.jws, '..') > 0 THEN e.jws ELSE coalesce((SELECT split_part(f.jws, '~', 1) FROM evidences f
		WHERE f.id = split_part(e.jws, '~', 1)) || substr(e.jws, strpos(e.jws, '~')), e.jws) END`
)
