// Package horizon looks ahead: what of the evidence of a hub can be proved no longer by
// itself before a day, and what to do about it.
//
// A receipt is provable by its signature until the certificate of the evidence key ends,
// and beyond that by a time-stamp over a checkpoint that covers it. A time-stamp is
// provable until the certificate of its authority ends or its algorithm is relied upon no
// longer, and beyond that by its renewal or a rehash. A signature on a document is provable beyond
// the end of its algorithm by the receipt of its acceptance, if that one is time-stamped.
// The tree of the log is provable until its digest ends, and beyond that by a rehash.
//
// It reads the stores of a stopped or running hub, one row at a time, and believes what
// they say: whether that is true, an audit tells. It changes nothing.
package horizon

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/jose"
	"github.com/lienthong/lienthong/signing/trust"
)

// Source is what a store says, of one instant for each call.
type Source interface {
	Export(ctx context.Context, emit func(hub.Record) error) error
	LogRows(ctx context.Context, emit func(hub.LogRow) error) error
}

// What comes to an end.
const (
	EvidenceKey = "evidence_key"
	TimeStamps  = "time_stamps"
	LogOfYear   = "log"
	LogDigest   = "log_digest"
	Signatures  = "signatures"
)

// Item is something that ends before the day.
type Item struct {
	What    string    `json:"what"`
	Subject string    `json:"subject"`
	Until   time.Time `json:"until"` // UTC
	Why     string    `json:"why"`
	Count   int64     `json:"count"`  // receipts, time-stamps, entries or signatures that nothing else proves
	Remedy  string    `json:"remedy"` // what an operator does about it
}

// Outlook is what was found.
type Outlook struct {
	Before     time.Time `json:"before"` // UTC
	Receipts   int64     `json:"receipts"`
	Stamped    int64     `json:"receipts_time_stamped"`
	Stamps     int64     `json:"time_stamps"`
	Unproven   int64     `json:"signatures_without_proof_of_existence"`
	Unreadable int64     `json:"time_stamps_unreadable"`
	Items      []Item    `json:"items"` // first end first
}

// Look looks at all that ends before a day. The certificates are those of the evidence
// keys, each followed by those above it; the table says until when algorithms are relied
// upon.
func Look(ctx context.Context, source Source, certificates []*x509.Certificate, table *trust.Algorithms, before time.Time) (Outlook, error) {
	l := &look{
		table: table, hashed: map[string]int64{},
		Outlook: Outlook{Before: before.UTC(), Items: []Item{}}, covered: map[string]int64{}, last: map[string]time.Time{}, sizes: map[string]int64{},
		authorities: map[hub.Digest]*Item{}, ending: map[stampOf]hub.Digest{}, signers: map[hub.Digest]int64{},
		open: map[hub.DispatchID]bool{}, algorithms: map[string]*Item{},
	}
	for _, step := range []func() error{
		func() error { return source.Export(ctx, l.stamp) },
		func() error { return source.LogRows(ctx, l.row) },
		func() error {
			if err := source.Export(ctx, l.dispatch); !errors.Is(err, errEnough) {
				return err
			}
			return nil
		},
	} {
		if err := step(); err != nil {
			return l.Outlook, err
		}
	}
	l.conclude(certificates)
	return l.Outlook, nil
}

// look is one look.
type look struct {
	Outlook
	table       *trust.Algorithms
	hashed      map[string]int64       // by origin: entries that a rehash holds which lasts beyond the day
	covered     map[string]int64       // by origin: size of the greatest checkpoint with a time-stamp
	last        map[string]time.Time   // by origin: the last end of its time-stamps
	sizes       map[string]int64       // by origin: entries
	rehashes    []rehashUntil          // whose digest lasts beyond the day
	authorities map[hub.Digest]*Item   // by the certificate that signed time-stamps
	ending      map[stampOf]hub.Digest // authority of the last token, of time-stamps that end before the day
	signers     map[hub.Digest]int64   // receipts without a time-stamp, by certificate
	open        map[hub.DispatchID]bool
	openAll     bool // too many to remember: all count
	algorithms  map[string]*Item
}

// rehashUntil is a rehash with the end of its last token.
type rehashUntil struct {
	hub.LogRehash
	until time.Time
}

// stampOf names a time-stamp of the log.
type stampOf struct {
	origin string
	size   int64
	micros int64 // its time, since 1970 in UTC
}

// maxOpen bounds what is remembered of dispatches without a time-stamp.
const maxOpen = 1_000_000

// errEnough ends the reading of records.
var errEnough = errors.New("no more records are wanted")

// stamp takes the time-stamps of the log, and then their renewals: the last token of
// each decides.
func (l *look) stamp(r hub.Record) error {
	switch r.Kind {
	case hub.RecordLogStamp:
		var s hub.LogStamp
		if err := json.Unmarshal(r.Body, &s); err != nil {
			return hub.Internal("read a time-stamp", err)
		}
		l.Stamps++
		l.token(stampOf{s.Origin, s.Size, s.Time.UnixMicro()}, s.Token)
	case hub.RecordLogRenewal:
		var n hub.LogRenewal
		if err := json.Unmarshal(r.Body, &n); err != nil {
			return hub.Internal("read a renewal", err)
		}
		l.token(stampOf{n.Origin, n.Size, n.Stamped.UnixMicro()}, n.Token)
	case hub.RecordLogRehash:
		var h hub.LogRehash
		if err := json.Unmarshal(r.Body, &h); err != nil {
			return hub.Internal("read a rehash", err)
		}
		l.rehash(&h)
	}
	return nil
}

// rehash takes a shard that was hashed anew: its tokens are time-stamps as others are, as
// long as its digest lasts.
func (l *look) rehash(h *hub.LogRehash) {
	if !h.Finished() {
		return
	}
	l.Stamps++
	until, known := l.table.UntilOfDigest(h.Hash)
	if !known || !until.IsZero() && !until.After(l.Before) {
		return // it holds nothing beyond the day
	}
	l.hashed[h.Origin] = max(l.hashed[h.Origin], h.Size)
	last := h.Tokens[len(h.Tokens)-1].DER
	if sunset, err := signing.SunsetOfToken(last, l.table); err == nil {
		end, _ := sunset.End()
		l.rehashes = append(l.rehashes, rehashUntil{*h, end})
	}
	l.token(stampOf{h.Origin, h.Size, h.Tokens[0].Time.UnixMicro()}, last)
}

// digests finds logs whose tree is provable no longer when its digest has ended.
func (l *look) digests() {
	until, _ := l.table.UntilOfDigest("SHA-256")
	if until.IsZero() || until.After(l.Before) {
		return
	}
	for origin, size := range l.sizes {
		if left := size - l.hashed[origin]; left > 0 {
			l.Items = append(l.Items, Item{
				What: LogDigest, Subject: origin, Until: until, Why: "SHA-256, by which the log is hashed, is relied upon no longer", Count: left,
				Remedy: "lienthong renew --rehash SHA-384 before that day, by an authority that does not sign by SHA-256 (--tsa)",
			})
		}
	}
}

// token takes the next token of a time-stamp.
func (l *look) token(stamp stampOf, der []byte) {
	sunset, err := signing.SunsetOfToken(der, l.table)
	if err != nil {
		l.Unreadable++ // what cannot be read proves nothing
		return
	}
	delete(l.ending, stamp)
	until, why := sunset.End()
	l.covered[stamp.origin] = max(l.covered[stamp.origin], stamp.size)
	if until.After(l.last[stamp.origin]) {
		l.last[stamp.origin] = until
	}
	if !audit.Due(until, time.Time{}, l.Before) {
		return
	}
	key := hub.Digest(sha256.Sum256(sunset.Certificate.Raw))
	if l.authorities[key] == nil {
		l.authorities[key] = &Item{
			What: TimeStamps, Subject: fmt.Sprintf("%s (%.16s...)", sunset.Certificate.Subject.CommonName, key), Until: until, Why: why,
			Remedy: "keep its revocation lists of today with the tokens; lienthong renew before that day, by an authority that lasts longer (--tsa)",
		}
	}
	l.ending[stamp] = key
}

// due counts the time-stamps that end, as lienthong renew does: without those that a
// lasting rehash holds.
func (l *look) due() {
	for s, authority := range l.ending {
		var held time.Time
		for i := range l.rehashes {
			if r := &l.rehashes[i]; r.Origin == s.origin && audit.Holds(&r.LogRehash, s.size, time.UnixMicro(s.micros)) && r.until.After(held) {
				held = r.until
			}
		}
		if audit.Due(time.Time{}, held, l.Before) {
			l.authorities[authority].Count++
		}
	}
	maps.DeleteFunc(l.authorities, func(_ hub.Digest, item *Item) bool { return item.Count == 0 })
}

// row takes a receipt with its place in the log.
func (l *look) row(row hub.LogRow) error {
	if row.Origin != "" {
		l.sizes[row.Origin]++
	}
	if row.Canonical == nil {
		return nil
	}
	l.Receipts++
	if row.Origin != "" && row.Index < l.covered[row.Origin] {
		l.Stamped++
		return nil
	}
	if signer, err := jose.SignerOf(row.JWS); err == nil {
		l.signers[signer]++
	}
	if row.Delivery == "" && row.Dispatch != "" && eventOf(row.Canonical) == hub.EventSubmissionAcceptance {
		if l.openAll = l.openAll || len(l.open) == maxOpen; !l.openAll {
			l.open[row.Dispatch] = true
		}
	}
	return nil
}

// eventOf reads what an evidence is about; empty where it cannot be read.
func eventOf(canonical []byte) hub.Event {
	var about struct {
		Event hub.Event `json:"event"`
	}
	if err := json.Unmarshal(canonical, &about); err != nil {
		return ""
	}
	return about.Event
}

// dispatch takes the signatures of a dispatch whose acceptance has no time-stamp.
func (l *look) dispatch(r hub.Record) error {
	switch r.Kind {
	case hub.RecordDelivery, hub.RecordEvidence: // dispatches come before
		return errEnough
	case hub.RecordDispatch:
	default:
		return nil
	}
	var d hub.DispatchRecord
	if err := json.Unmarshal(r.Body, &d); err != nil {
		return hub.Internal("read a dispatch", err)
	}
	if !l.openAll && !l.open[d.Dispatch.ID] {
		return nil
	}
	for i := range d.Reports {
		for j := range d.Reports[i].Signatures {
			l.signature(&d.Reports[i].Signatures[j])
		}
	}
	return nil
}

func (l *look) signature(s *hub.SignatureVerdict) {
	if s.Indication != hub.TotalPassed || !s.ProvenAt.IsZero() {
		return // it proves nothing now, or its own time-stamp does
	}
	l.Unproven++
	until := signing.AlgorithmEnd(s.Algorithm, l.table)
	if until.IsZero() || until.After(l.Before) {
		return
	}
	if l.algorithms[s.Algorithm] == nil {
		l.algorithms[s.Algorithm] = &Item{
			What: Signatures, Subject: s.Algorithm, Until: until, Why: "the algorithm is relied upon no longer",
			Remedy: "have the log time-stamped before that day (--tsa): the receipts of acceptance then prove that the signatures are older",
		}
	}
	l.algorithms[s.Algorithm].Count++
}

// followed reports whether there is the certificate of a later key that lasts beyond the
// day.
func (l *look) followed(c *x509.Certificate, all []*x509.Certificate) bool {
	return slices.ContainsFunc(all, func(other *x509.Certificate) bool {
		sunset := signing.SunsetOfKey(other, l.table)
		until, _ := sunset.End()
		return !other.IsCA && other.NotBefore.After(c.NotBefore) && until.After(l.Before)
	})
}

// conclude puts the items together.
func (l *look) conclude(certificates []*x509.Certificate) {
	l.due()
	for _, c := range certificates {
		if c.IsCA {
			continue
		}
		key := hub.Digest(sha256.Sum256(c.Raw))
		if l.signers[key] == 0 && l.followed(c, certificates) {
			continue // it signs no more, and time-stamps prove all that it signed
		}
		sunset := signing.SunsetOfKey(c, l.table)
		if until, why := sunset.End(); !until.After(l.Before) {
			l.Items = append(l.Items, Item{
				What: EvidenceKey, Subject: fmt.Sprintf("%s (%.16s...)", c.Subject.CommonName, key), Until: until, Why: why, Count: l.signers[key],
				Remedy: "lienthong key rotate-hub before that day, and a time-stamp over the last of its receipts",
			})
		}
	}
	for _, item := range l.authorities {
		l.Items = append(l.Items, *item)
	}
	for _, item := range l.algorithms {
		l.Items = append(l.Items, *item)
	}
	l.digests()
	for origin, until := range l.last {
		if !until.After(l.Before) {
			l.Items = append(l.Items, Item{
				What: LogOfYear, Subject: origin, Until: until, Why: "the last of its time-stamps ends", Count: l.sizes[origin],
				Remedy: "lienthong renew before that day, by an authority whose certificate lasts longer (--tsa)",
			})
		}
	}
	slices.SortFunc(l.Items, func(a, b Item) int {
		return cmp.Or(a.Until.Compare(b.Until), cmp.Compare(a.What, b.What), cmp.Compare(a.Subject, b.Subject))
	})
}
