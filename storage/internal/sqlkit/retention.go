package sqlkit

import (
	"crypto/sha256"
	"encoding/json"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Completed puts a completed dispatch together; receipt is the signed form of its
// SubmissionAcceptance, which names all recipients.
func Completed(at int64, dispatch, receipt []byte) (hub.Completed, error) {
	d, err := Decode[hub.Dispatch](dispatch)
	if err != nil {
		return hub.Completed{}, err
	}
	var accepted struct {
		ID         hub.EvidenceID `json:"evidence_id"`
		Recipients []struct {
			ID hub.AgencyID `json:"id"`
		} `json:"recipients"`
	}
	if err := json.Unmarshal(receipt, &accepted); err != nil {
		return hub.Completed{}, hub.Internal("decode an evidence", err)
	}
	c := hub.Completed{
		Dispatch: d, Receipt: hub.EvidenceRef{ID: accepted.ID, SHA256: sha256.Sum256(receipt)}, At: time.UnixMicro(at).UTC(),
	}
	for _, r := range accepted.Recipients {
		c.Recipients = append(c.Recipients, r.ID)
	}
	return c, nil
}

// Digest reads a digest of a row.
func Digest(raw []byte) (hub.Digest, error) {
	var d hub.Digest
	if len(raw) != len(d) {
		return d, hub.Internal("a digest of a row has another length", nil)
	}
	copy(d[:], raw)
	return d, nil
}

// EndsWith reports whether a step ends its delivery, which had not ended before.
func EndsWith(step *hub.Step) bool {
	before := step.Delivery
	before.State = step.From
	if slices.ContainsFunc(step.Evidence, func(e hub.SealedEvidence) bool { return e.Evidence.Event == hub.EventContentPurge }) {
		before.Destroyed = nil // it is this step that gives the document back
	}
	return step.Delivery.Final() && !before.Final()
}

// OpenAmong counts the deliveries that have not ended, and tells when the dispatch was
// completed if there are none.
func OpenAmong(a *hub.Acceptance) (open int, completedAt int64) {
	for i := range a.Deliveries {
		if !a.Deliveries[i].Final() {
			open++
		}
	}
	if open > 0 {
		return open, 0
	}
	return 0, Micros(a.Dispatch.AcceptedAt)
}

// NotPurged says why a dispatch was left out of a purge.
func NotPurged(id hub.DispatchID) error {
	return hub.Errorf(hub.KindConflict, "dispatch", "state", "dispatch %s has an open delivery, or its content was purged before", id)
}

// RulesChanged says that classes or holds are not what the caller went by.
func RulesChanged() error {
	return hub.Errorf(hub.KindConflict, "rules", "version", "the classes of retention or the legal holds have changed in the meantime")
}

// AgenciesChanged says that the directory is not what the caller went by.
func AgenciesChanged() error {
	return hub.Errorf(hub.KindConflict, "agencies", "version", "the agencies have changed in the meantime")
}

// RoundMoved says that the position of a round is not what the caller went by.
func RoundMoved() error {
	return hub.Errorf(hub.KindConflict, "position", "version", "the round of judging again has come further in the meantime")
}

// NoteMoved says that a note is not what the caller went by.
func NoteMoved(name string) error {
	return hub.Errorf(hub.KindConflict, "note", "version", "the note %s has changed in the meantime", name)
}

// NoteRange returns the names from and before which the rows of a query lie.
func NoteRange(q *hub.NotesQuery) (low, high string) {
	low, high = q.Prefix, q.Prefix+"\U0010FFFF" // names hold no such character
	switch {
	case q.After == "":
	case q.Backwards:
		high = min(high, q.After)
	default:
		low = max(low, q.After+"\x01") // the least text behind it that every database takes
	}
	return low, high
}
