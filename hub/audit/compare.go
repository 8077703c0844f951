package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"iter"

	"github.com/lienthong/lienthong/hub"
)

// maxWaiting bounds what is remembered of rows that the log did not hold when it was
// read; a hub records less in the time that this takes.
const maxWaiting = 100_000

// Comparison compares what a store holds with the log and back, while the log is read:
// both are in one order, so that neither has to be in memory. Every difference is told
// with the id of what it is about.
//
// The rows MUST be of an instant after the checkpoint was signed up to which the log is
// compared: what that one covers was in the store by then. What the store holds beyond
// it waits until the log comes to it, or is in the store alone.
type Comparison struct {
	// Rows counts what was compared.
	Rows int64

	found     func(rule, format string, args ...any)
	next      func() (hub.LogRow, error, bool)
	stop      func()
	row       *hub.LogRow           // not compared yet; nil after the last one
	waiting   map[hub.Digest]string // by the leaf without its tags
	renewals  []RenewalFact         // that notes tell of
	rehashes  []RehashFact          // likewise
	catalogue []hub.CatalogueFact   // likewise
	dossiers  []hub.DossierFact     // likewise
	*sequences
}

// Compare begins a comparison, and with it the reading of rows. Found is told every
// difference. Close it.
func Compare(rows iter.Seq2[hub.LogRow, error], found func(rule, format string, args ...any)) (*Comparison, error) {
	c := &Comparison{found: found, waiting: map[hub.Digest]string{}, sequences: newSequences(found)}
	c.next, c.stop = iter.Pull2(rows)
	if err := c.advance(); err != nil {
		c.stop()
		return nil, err
	}
	return c, nil
}

// Sequences lets tags be compared, too, with those that the secret makes. It is called
// before the first entry.
func (c *Comparison) Sequences(secret SequenceSecret) { c.secret = &secret }

// Close ends the reading of rows.
func (c *Comparison) Close() { c.stop() }

func (c *Comparison) advance() error {
	row, err, more := c.next()
	if err != nil {
		return err
	}
	if c.row = nil; more {
		c.row = &row
		c.Rows++
	}
	return nil
}

// Entry compares the next entry of the log with the next row.
func (c *Comparison) Entry(origin string, index int64, data []byte) error {
	c.entry(origin, index)
	for c.row != nil && c.row.Origin != "" && earlier(c.row, origin, index) {
		c.found("extra_row", "the store says that %s is entry %d of %s, where the log has none or another one", nameOf(c.row), c.row.Index, c.row.Origin)
		if err := c.advance(); err != nil {
			return err
		}
	}
	if c.row == nil || c.row.Origin != origin || c.row.Index != index {
		c.found("missing_row", "entry %d of %s is not in the store: its row was removed", index, origin)
		c.unsure = true
		return nil
	}
	c.check(c.row, data)
	return c.advance()
}

// earlier reports whether a row belongs before an entry of the log.
func earlier(row *hub.LogRow, origin string, index int64) bool {
	if row.Origin == origin {
		return row.Index < index
	}
	return ShardName(row.Origin) < ShardName(origin)
}

func nameOf(row *hub.LogRow) string {
	switch {
	case row.Source == "":
		return "the link to the year before"
	case row.Canonical != nil:
		return "evidence " + row.Source
	case row.Note != nil:
		return "note " + row.Source
	}
	return row.Source
}

// check compares a row with the entry that it claims to be.
func (c *Comparison) check(row *hub.LogRow, data []byte) {
	name := nameOf(row)
	leaf, err := ParseLeaf(data)
	switch {
	case err != nil: // the replay says so
		return
	case !bytes.Equal(row.Data, data):
		c.found("entry_changed", "entry %d of %s (%s) has other bytes in the store than in the log", row.Index, row.Origin, name)
	case row.Source == "" && leaf.Type != leafPrevious:
		c.found("entry_changed", "entry %d of %s has lost the id of what it is about", row.Index, row.Origin)
	case row.Source != "" && leaf.Type == leafPrevious: // it would hide that row from those without an entry
		c.found("extra_row", "%s stands in the store under entry %d of %s, which is the link to the year before", name, row.Index, row.Origin)
	}
	switch {
	case row.Source == "" || leaf.Type == leafPrevious:
	case row.Canonical == nil && row.Note == nil:
		c.found("deleted", "%s is entry %d of %s, and the store has no such evidence or note: it was removed", name, row.Index, row.Origin)
		c.unsure = c.unsure || leaf.Type == leafReceipt
	case leaf.Type == leafReceipt && row.Canonical != nil:
		c.checkEvidence(row, &leaf, name)
	case leaf.Type == leafNote && row.Note != nil:
		c.checkNote(row, data, name)
	default:
		c.found("exchanged", "%s is entry %d of %s, which is a %s", name, row.Index, row.Origin, leaf.Type)
		c.unsure = c.unsure || leaf.Type == leafReceipt
	}
}

func (c *Comparison) checkEvidence(row *hub.LogRow, leaf *Leaf, name string) {
	about, err := readAbout(row.Canonical)
	id := string(about.ID)
	signed, signature := digestOf(row.Canonical), digestOf([]byte(row.JWS))
	switch {
	case signed != *leaf.SHA256 && err == nil && id != row.Source:
		c.found("exchanged", "%s is entry %d of %s, and the store holds %.80s in its place", name, row.Index, row.Origin, id)
	case signed != *leaf.SHA256:
		c.found("changed", "%s was changed: entry %d of %s has the SHA-256 %.16s..., the row %.16s...", name, row.Index, row.Origin, leaf.SHA256, signed)
	case signature != *leaf.SigSHA256:
		c.found("changed", "the signature of %s was changed: entry %d of %s has another one", name, row.Index, row.Origin)
	case id != row.Source:
		c.found("exchanged", "%s stands in the store under the id %s", id, row.Source)
	case about.Dispatch != row.Dispatch || about.Delivery != row.Delivery:
		c.found("changed", "the row of %s says that it is about dispatch %q and delivery %q, the evidence %q and %q",
			name, row.Dispatch, row.Delivery, about.Dispatch, about.Delivery)
	case err == nil && row.Rejected != about.refused():
		c.found("changed", "the row of %s is listed as a refusal of %q, the evidence is one of %q", name, row.Rejected, about.refused())
	}
	if signed != *leaf.SHA256 {
		c.unsure = true // what it named is not known
		return
	}
	if err == nil {
		c.receipt(row.Origin, row.Index, leaf.Seq, about.Parties)
	}
}

func (c *Comparison) checkNote(row *hub.LogRow, data []byte, name string) {
	leaf, id, err := noteLeafOf(row.Note)
	switch {
	case err != nil || !bytes.Equal(leaf, data):
		c.found("changed", "%s was changed: entry %d of %s is about another body, kind or time", name, row.Index, row.Origin)
	case id != row.Source:
		c.found("exchanged", "%s stands in the store under the id %s", id, row.Source)
	default:
		c.noted(row.Note)
	}
}

func noteLeafOf(body []byte) (leaf []byte, id string, err error) {
	var n hub.LogNote
	if err := json.Unmarshal(body, &n); err != nil {
		return nil, "", err
	}
	leaf, err = NoteLeaf(&n)
	return leaf, n.ID, err
}

// Rest takes the rows behind the last entry, and returns how many wait for the log.
func (c *Comparison) Rest() (int, error) {
	for c.row != nil {
		row := c.row
		leaf, why := row.Data, "is in the store, and nowhere in the log"
		var err error
		switch {
		case row.Origin != "":
			why = "has an index in the store, and is nowhere in the log"
		case row.Canonical != nil:
			leaf, err = ReceiptLeaf(row.Canonical, row.JWS, nil)
		default:
			leaf, _, err = noteLeafOf(row.Note)
			c.noted(row.Note)
		}
		if err != nil || len(c.waiting) == maxWaiting {
			c.found("not_in_log", "%s %s", nameOf(row), why)
		} else {
			c.waiting[untagged(leaf)] = nameOf(row) + " " + why
		}
		if err := c.advance(); err != nil {
			return 0, err
		}
	}
	return len(c.waiting), nil
}

// Later takes an entry that came into the log since; it returns how many rows still
// wait.
func (c *Comparison) Later(data []byte) int {
	delete(c.waiting, untagged(data))
	return len(c.waiting)
}

// End tells what is in the store alone.
func (c *Comparison) End() {
	for _, what := range c.waiting {
		c.found("not_in_log", "%s", what)
	}
}

// untagged is the digest of a leaf as it is before it has numbers.
func untagged(data []byte) hub.Digest {
	if leaf, err := ParseLeaf(data); err == nil && leaf.Seq != "" {
		leaf.Seq = ""
		if bare, err := encodeLeaf(&leaf); err == nil {
			return digestOf(bare)
		}
	}
	return digestOf(data)
}

func digestOf(data []byte) hub.Digest { return sha256.Sum256(data) }
