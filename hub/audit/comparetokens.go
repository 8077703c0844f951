package audit

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TokenReader looks at time-stamp tokens. What it refuses is KindUntrusted.
type TokenReader interface {
	// Intact fails unless a token is one over the content, signed as it says.
	Intact(token, content []byte) error
	// Time returns when the authority says that it made a token.
	Time(token []byte) (time.Time, error)
}

// TokenRows compares the time-stamps that a store keeps with the checkpoints that they are
// over, and renewals with the notes of them in the log. A time-stamp that was never
// renewed is named nowhere else: that it is gone does not show.
type TokenRows struct {
	// Kept are the stamped checkpoints, of which the log must hold the trees.
	Kept []Kept

	tokens TokenReader
	found  func(rule, format string, args ...any)
	chains map[tokenID][]hub.Digest // of the checkpoint, its token and the renewals, in order
	last   tokenID                  // whose rows are read
	bytes  []byte                   // of its checkpoint and all its tokens
}

type tokenID struct {
	origin string
	size   int64
	micros int64 // of the time-stamp, since 1970 in UTC
}

func (id tokenID) String() string {
	return fmt.Sprintf("the time-stamp of %s over %d entries of %.80s", time.UnixMicro(id.micros).UTC().Format(time.RFC3339Nano), id.size, id.origin)
}

// NewTokenRows returns one that has read nothing.
func NewTokenRows(tokens TokenReader, found func(rule, format string, args ...any)) *TokenRows {
	return &TokenRows{tokens: tokens, found: found, chains: map[tokenID][]hub.Digest{}}
}

// Row takes the next row, in the order of shard, size, time and number.
func (t *TokenRows) Row(row hub.LogTokenRow) {
	id := tokenID{row.Origin, row.Size, row.Stamped.UnixMicro()}
	if row.Number == 0 {
		t.stamp(id, row.Body)
		return
	}
	var r hub.LogRenewal
	if err := json.Unmarshal(row.Body, &r); err != nil {
		t.found("stamp_row", "renewal %d of %v cannot be read: %v", row.Number, id, err)
		return
	}
	if (tokenID{r.Origin, r.Size, r.Stamped.UnixMicro()}) != id || r.Number != row.Number {
		t.found("stamp_row", "renewal %d of %v stands in the store under the place of another", row.Number, id)
	}
	if id != t.last || row.Number != len(t.chains[id])-1 {
		t.found("stamp_gone", "the store keeps renewal %d of %v, and not all that it renews", row.Number, id)
		return
	}
	t.token(id, fmt.Sprintf("renewal %d of %v", row.Number, id), r.Token, r.Time)
}

func (t *TokenRows) stamp(id tokenID, body []byte) {
	var s hub.LogStamp
	if err := json.Unmarshal(body, &s); err != nil {
		t.found("stamp_row", "%v cannot be read: %v", id, err)
		return
	}
	head, err := checkpointOf(s.Note)
	if (tokenID{s.Origin, s.Size, s.Time.UnixMicro()}) != id || err != nil || head.Origin != s.Origin || head.Size != s.Size {
		t.found("stamp_row", "%v stands in the store under the place of another, or is about another checkpoint", id)
	}
	t.Kept = append(t.Kept, Kept{Name: id.String(), Note: s.Note})
	t.last, t.bytes = id, slices.Clone(s.Note)
	t.chains[id] = []hub.Digest{digestOf(s.Note)}
	t.token(id, id.String(), s.Token, s.Time)
}

// token takes the next token of a chain, which is over all that was before.
func (t *TokenRows) token(id tokenID, name string, token []byte, at time.Time) {
	if err := t.tokens.Intact(token, t.bytes); err != nil {
		t.found("stamp_token", "%s is none over what it should be: %v", name, err)
	} else if made, err := t.tokens.Time(token); err != nil || !made.Equal(at) {
		t.found("stamp_token", "%s says another time than is stored", name)
	}
	t.bytes = append(t.bytes, token...)
	t.chains[id] = append(t.chains[id], digestOf(token))
}

// holds reports whether a store keeps a renewal, and all that it renews, as its note says.
func (t *TokenRows) holds(f *RenewalFact) bool {
	chain := t.chains[f.id()]
	return f.Number > 0 && len(chain) > f.Number+1 && len(f.Earlier) == f.Number && chain[0] == f.Note && chain[f.Number+1] == f.Token &&
		slices.Equal(chain[1:f.Number+1], f.Earlier)
}

func (f *RenewalFact) id() tokenID { return tokenID{f.Origin, f.Size, f.Stamped.UnixMicro()} }

// rowsOf are rows that hold facts of a kind, or do not.
type rowsOf[F any] interface{ holds(fact *F) bool }

// compareFacts tells of each fact whether rows hold it: those of before, or those of now,
// which are read once, and only where the ones of before lack a fact.
func compareFacts[F any, R rowsOf[F]](facts []F, before R, again func() (R, error), tell func(fact *F, held bool)) error {
	now := sync.OnceValues(again)
	for i := range facts {
		held := before.holds(&facts[i])
		if !held {
			rows, err := now()
			if err != nil {
				return err
			}
			held = rows.holds(&facts[i])
		}
		tell(&facts[i], held)
	}
	return nil
}

// TokenRows compares renewals with the notes of them. The rows before MUST be of an
// instant before that of the rows which were compared with the log; again reads those of
// now, and is called where a note tells of what was not there before.
func (c *Comparison) TokenRows(before *TokenRows, again func() (*TokenRows, error)) error {
	type renewal struct {
		tokenID
		number int
	}
	noted := map[renewal]bool{}
	if err := compareFacts(c.renewals, before, again, func(f *RenewalFact, held bool) {
		noted[renewal{f.id(), f.Number}] = true
		if !held {
			c.found("stamp_gone", "the log notes renewal %d of %v, and the store does not keep it with what it renews, or other ones", f.Number, f.id())
		}
	}); err != nil {
		return err
	}
	for id, chain := range before.chains {
		c.Rows += int64(len(chain) - 1)
		for n := 1; n < len(chain)-1; n++ {
			if !noted[renewal{id, n}] {
				c.found("stamp_row", "the store keeps renewal %d of %v, and the log has no note of it", n, id)
			}
		}
	}
	return nil
}

// noted keeps what a note says of a renewal, of a shard that was hashed anew, of a change of
// the catalogue of procedures, or of an event of a dossier.
func (c *Comparison) noted(note []byte) {
	var n hub.LogNote
	if json.Unmarshal(note, &n) != nil {
		return
	}
	var err error
	switch n.Kind {
	case hub.LogNoteRenewal:
		var f RenewalFact
		if err = json.Unmarshal(n.Body, &f); err == nil {
			c.renewals = append(c.renewals, f)
		}
	case hub.LogNoteRehash:
		var f RehashFact
		if err = json.Unmarshal(n.Body, &f); err == nil {
			c.rehashes = append(c.rehashes, f)
		}
	case hub.LogNoteDossier:
		var f hub.DossierFact
		if err = json.Unmarshal(n.Body, &f); err == nil {
			c.dossiers = append(c.dossiers, f)
		}
	case hub.LogNoteOperator:
		var act struct {
			Action string          `json:"action"`
			What   json.RawMessage `json:"what"`
		}
		if err = json.Unmarshal(n.Body, &act); err == nil && act.Action == hub.ActProceduresChange {
			var f hub.CatalogueFact
			if err = json.Unmarshal(act.What, &f); err == nil {
				c.catalogue = append(c.catalogue, f)
			}
		}
	}
	if err != nil {
		c.found("changed", "note %s says nothing that can be read of what it is about: %v", n.ID, err)
	}
}
