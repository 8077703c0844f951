package hub

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// RegisterYear is the registers of an agency in one year, both of outgoing and of incoming
// documents, closed for good: no entry of that year is added or changed any more. Entries
// of incoming documents are of the year of their registration date, those of outgoing ones
// of the year in which the hub accepted them, both in Viet Nam.
type RegisterYear struct {
	Agency   AgencyID  `json:"agency"`
	Year     int       `json:"year"`
	ClosedAt time.Time `json:"closed_at"` // UTC, milliseconds
	ClosedBy string    `json:"closed_by"` // Actor.Name
	// Outgoing and Incoming say what stood in them; nil while that is still being counted.
	Outgoing *BookDigest `json:"outgoing,omitempty"`
	Incoming *BookDigest `json:"incoming,omitempty"`
}

// BookDigest says what stands in a register: the SHA-256 over the SHA-256 values of its
// entries in ascending order. It covers all of the year, connection tests, which are not
// printed, too.
type BookDigest struct {
	Entries int64  `json:"entries"`
	SHA256  Digest `json:"sha256"`
}

// ActRegisterClose is the action in the note of the log that the registers of a year are
// closed.
const ActRegisterClose = "register.close"

// RuleYearClosed is the rule of the refusal to add to or change the register of a closed
// year.
const RuleYearClosed = "year_closed"

// YearClosed is that refusal, of KindConflict.
func YearClosed(year int) error {
	return Errorf(KindConflict, "date", RuleYearClosed, "the register of %d is closed: nothing is entered into it any more", year)
}

// BookSum collects the entries of a register, in any order.
type BookSum struct{ entries []Digest }

// Add takes the digest of an entry.
func (s *BookSum) Add(entry Digest) { s.entries = append(s.entries, entry) }

// Digest says what was added.
func (s *BookSum) Digest() BookDigest {
	slices.SortFunc(s.entries, func(a, b Digest) int { return bytes.Compare(a[:], b[:]) })
	hash := sha256.New()
	for i := range s.entries {
		hash.Write(s.entries[i][:])
	}
	d := BookDigest{Entries: int64(len(s.entries))}
	hash.Sum(d.SHA256[:0])
	return d
}

// bookEntry is what a digest of an entry is over: the columns of NĐ 30/2020/NĐ-CP, annex IV
// that never change, as JSON.
type bookEntry struct {
	ID           string        `json:"id"` // of the dispatch or delivery
	Number       string        `json:"number"`
	Date         Date          `json:"date"`
	Type         string        `json:"type"`
	Subject      string        `json:"subject"`
	Signer       string        `json:"signer,omitempty"`
	Author       string        `json:"author,omitempty"`
	Recipients   []string      `json:"recipients,omitempty"`
	Amount       int           `json:"amount,omitempty"`
	At           time.Time     `json:"at,omitzero"`
	Registration *Registration `json:"registration,omitempty"`
}

func (e *bookEntry) digest() Digest {
	text, _ := json.Marshal(e) //nolint:errchkjson // plain data cannot fail
	return sha256.Sum256(text)
}

func entryOf(id string, d *Document) bookEntry {
	return bookEntry{ID: id, Number: d.Number(), Date: d.Promulgated, Type: d.TypeName, Subject: d.Subject}
}

// OutgoingEntry is the entry of a dispatch in the register of its sender: the year and the
// digest; false for a recall and for what is forwarded, which are no documents of their own.
func OutgoingEntry(d *Dispatch, deliveries []Delivery) (year int, entry Digest, ok bool) {
	if d.Operation == OperationRecall || d.Origin != nil {
		return 0, entry, false
	}
	e := entryOf(string(d.ID), &d.Document)
	e.Signer, e.Amount, e.At = strings.TrimSpace(d.Document.Signer.Competence+" "+d.Document.Signer.FullName), d.Document.IssuedAmount, d.AcceptedAt.UTC()
	for i := range deliveries {
		e.Recipients = append(e.Recipients, deliveries[i].Name)
	}
	return d.AcceptedAt.In(Vietnam()).Year(), e.digest(), true
}

// IncomingEntry is the entry of a delivery in the register of incoming documents: whose
// register, the year and the digest; false where it is in none.
func IncomingEntry(d *Dispatch, v *Delivery) (book AgencyID, year int, entry Digest, ok bool) {
	if v.State != StateAccepted || v.Registration == nil {
		return "", 0, entry, false
	}
	book, year = v.Entered()
	e := entryOf(string(v.ID), &d.Document)
	e.Author, e.Registration = d.AuthorName(), v.Registration
	return book, year, e.digest(), true
}

// Entered is in whose register and in which year a registered delivery stands; 0 where it is
// not registered.
func (d *Delivery) Entered() (book AgencyID, year int) {
	if d.Registration == nil {
		return "", 0
	}
	day, err := time.Parse(time.DateOnly, string(d.Registration.Date))
	if err != nil {
		return "", 0
	}
	if d.Register != "" {
		return d.Register, day.Year()
	}
	return d.Recipient, day.Year()
}

// Enters is in whose register and in which year a step makes an entry; 0 where it makes none.
func (s *Step) Enters() (book AgencyID, year int) {
	if s.From == StateAccepted || s.Delivery.State != StateAccepted {
		return "", 0
	}
	return s.Delivery.Entered()
}
