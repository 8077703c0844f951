package horizon_test

import (
	"context"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/horizon"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/tsp"
)

var now = time.Date(2026, 11, 20, 3, 0, 0, 0, time.UTC)

// store has records and rows of one hub.
type store struct {
	records []hub.Record
	rows    []hub.LogRow
}

func (s *store) Export(_ context.Context, emit func(hub.Record) error) error {
	for _, kind := range hub.RecordKinds() {
		for _, r := range s.records {
			if r.Kind == kind {
				if err := emit(r); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *store) LogRows(_ context.Context, emit func(hub.LogRow) error) error {
	for _, r := range s.rows {
		if err := emit(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *store) record(t *testing.T, kind hub.RecordKind, body any) {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	s.records = append(s.records, hub.Record{Kind: kind, Body: raw})
}

// token is one over nothing in particular.
func token(t *testing.T, id pki.Identity) []byte {
	t.Helper()
	authority, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: id.Key, Chain: id.Chain, Accuracy: time.Second, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256(nil)
	made, err := authority.Timestamp(crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return made.Raw
}

// TestLook: of six receipts four are covered by time-stamps; what of the rest, and of the
// time-stamps, ends is told with what it takes along.
func TestLook(t *testing.T) {
	world, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	authority, err := world.TimestampAuthority("TSA thử nghiệm", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	key, chain, err := signing.LoadOrCreateHubKey(filepath.Join(t.TempDir(), "key"), "trục", now)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := signing.NewSealer(key, chain)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{}
	for i := range 6 {
		dispatch := hub.DispatchID(fmt.Sprint("d", i))
		sealed, err := sealer.SealEvidence(t.Context(), hub.Evidence{ID: hub.EvidenceID(fmt.Sprint("e", i)), Event: hub.EventSubmissionAcceptance, Dispatch: dispatch, Time: now})
		if err != nil {
			t.Fatal(err)
		}
		s.rows = append(s.rows, hub.LogRow{Origin: "o/2026", Index: int64(i), Canonical: sealed[0].Canonical, JWS: sealed[0].JWS, Dispatch: dispatch})
		s.record(t, hub.RecordDispatch, hub.DispatchRecord{Dispatch: hub.Dispatch{ID: dispatch}, Reports: []hub.SignatureReport{{Signatures: []hub.SignatureVerdict{
			{Indication: hub.TotalPassed, Algorithm: "RSA with SHA-256"},
			{Indication: hub.TotalPassed, Algorithm: "ECDSA with SHA-256"},
			{Indication: hub.TotalPassed, Algorithm: "RSA with SHA-256", ProvenAt: now},
			{Indication: hub.Indeterminate, Algorithm: "RSA with SHA-256"},
		}}}})
	}
	s.rows[5].Origin, s.rows[5].Index = "", 0 // it has no entry yet
	for _, size := range []int64{2, 4} {
		s.record(t, hub.RecordLogStamp, hub.LogStamp{Origin: "o/2026", Size: size, Token: token(t, authority), Time: now})
	}
	s.record(t, hub.RecordLogStamp, hub.LogStamp{Origin: "o/2026", Size: 5, Token: []byte("damaged")})

	look := func(before time.Time) horizon.Outlook {
		t.Helper()
		found, err := horizon.Look(t.Context(), s, []*x509.Certificate{chain[0]}, trust.DefaultAlgorithms(), before)
		if err != nil {
			t.Fatal(err)
		}
		if found.Receipts != 6 || found.Stamped != 4 || found.Stamps != 3 || found.Unreadable != 1 || found.Unproven != 4 {
			t.Errorf("counted %+v", found)
		}
		return found
	}
	if found := look(now.AddDate(0, 1, 0)); len(found.Items) > 0 {
		t.Errorf("within a month: %+v", found.Items)
	}
	var got []string
	for _, item := range look(now.AddDate(30, 0, 0)).Items {
		got = append(got, fmt.Sprint(item.What, " ", item.Count, " ", item.Until.Format(time.DateOnly)))
	}
	end, last := authority.Chain[0].NotAfter.UTC().Format(time.DateOnly), chain[0].NotAfter.UTC().Format(time.DateOnly)
	want := []string{"signatures 2 2029-01-01", "log 5 " + end, "time_stamps 2 " + end, "evidence_key 2 " + last}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("within thirty years: %q, want %q", got, want)
	}

	// The digest of the log ends for who says so: what a rehash by another one holds lasts.
	table, err := trust.DefaultAlgorithms().EndDigest("SHA-256", now.AddDate(0, 6, 0))
	if err != nil {
		t.Fatal(err)
	}
	digest := func() (left int64) {
		t.Helper()
		found, err := horizon.Look(t.Context(), s, []*x509.Certificate{chain[0]}, table, now.AddDate(1, 0, 0))
		if err != nil {
			t.Fatal(err)
		}
		for _, item := range found.Items {
			if item.What == horizon.LogDigest {
				left += item.Count
			}
		}
		return left
	}
	if left := digest(); left != 5 {
		t.Errorf("%d entries are proven by SHA-256 alone, not 5", left)
	}
	records := len(s.records)
	s.record(t, hub.RecordLogRehash, hub.LogRehash{Origin: "o/2026", Number: 1, Size: 4, Hash: "SHA-384", Tokens: []hub.RehashToken{{DER: token(t, authority), Time: now}}})
	s.record(t, hub.RecordLogRehash, hub.LogRehash{Origin: "o/2026", Number: 2, Size: 5, Hash: "SHA-384"})
	if left := digest(); left != 1 {
		t.Errorf("%d entries are proven by SHA-256 alone beside a rehash, not 1", left)
	}
	s.records = s.records[:records]

	// A renewal by an authority that ends later: one time-stamp of two has ended in three years.
	later, err := pki.New(now.AddDate(0, 20, 0), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	second, err := later.TimestampAuthority("TSA sau", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	s.record(t, hub.RecordLogRenewal, hub.LogRenewal{Origin: "o/2026", Size: 4, Stamped: now, Number: 1, Token: token(t, second)})
	for _, item := range look(now.AddDate(3, 0, 0)).Items {
		if item.What == horizon.TimeStamps && item.Count != 1 || item.What == horizon.LogOfYear {
			t.Errorf("after a renewal: %+v", item)
		}
	}
}

// TestLookSeesWhatIsProven: evidence about a whole document that came after its acceptance
// says nothing of its signatures; a key that another follows and a time-stamp that a rehash
// holds end without harm. A lasting time-stamp does not stand in for another one.
func TestLookSeesWhatIsProven(t *testing.T) {
	world, err := pki.New(now, pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	lasting, err := world.TimestampAuthority("TSA thử nghiệm", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	past, err := pki.New(now.AddDate(-1, -6, 0), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	ending, err := past.TimestampAuthority("TSA cũ", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	_, first, err := signing.LoadOrCreateHubKey(filepath.Join(dir, "first"), "trục", now.AddDate(-19, -6, 0))
	if err != nil {
		t.Fatal(err)
	}
	key, second, err := signing.LoadOrCreateHubKey(filepath.Join(dir, "second"), "trục", now)
	if err != nil {
		t.Fatal(err)
	}
	sealer, err := signing.NewSealer(key, second)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{}
	for i, event := range []hub.Event{hub.EventSubmissionAcceptance, hub.EventSignatureValidation, hub.EventContentPurge} {
		sealed, err := sealer.SealEvidence(t.Context(), hub.Evidence{ID: hub.EvidenceID(fmt.Sprint("e", i)), Event: event, Dispatch: "d", Time: now})
		if err != nil {
			t.Fatal(err)
		}
		s.rows = append(s.rows, hub.LogRow{Origin: "o/2026", Index: int64(i), Canonical: sealed[0].Canonical, JWS: sealed[0].JWS, Dispatch: "d"})
	}
	s.record(t, hub.RecordDispatch, hub.DispatchRecord{Dispatch: hub.Dispatch{ID: "d"}, Reports: []hub.SignatureReport{{Signatures: []hub.SignatureVerdict{
		{Indication: hub.TotalPassed, Algorithm: "RSA with SHA-256"},
	}}}})
	stamp := func(size int64, id pki.Identity, at time.Time) {
		s.record(t, hub.RecordLogStamp, hub.LogStamp{Origin: "o/2026", Size: size, Token: token(t, id), Time: at})
	}
	stamp(1, ending, now)
	stamp(1, lasting, now.Add(time.Second))
	before := now.AddDate(1, 0, 0)
	if !ending.Chain[0].NotAfter.Before(before) || !lasting.Chain[0].NotAfter.After(before) || !first[0].NotAfter.Before(before) {
		t.Fatal("the certificates do not end as this test needs it")
	}
	look := func() horizon.Outlook {
		t.Helper()
		found, err := horizon.Look(t.Context(), s, []*x509.Certificate{first[0], second[0]}, trust.DefaultAlgorithms(), before)
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	ends := func(count int64) {
		t.Helper()
		found := look()
		if found.Unproven > 0 || len(found.Items) != 1 || found.Items[0].What != horizon.TimeStamps || found.Items[0].Count != count {
			t.Errorf("%d time-stamps end, found %+v", count, found)
		}
	}
	ends(1)
	stamp(2, ending, now)
	ends(2)
	rehash := func(size int64) {
		s.record(t, hub.RecordLogRehash, hub.LogRehash{Origin: "o/2026", Number: 1, Size: size, Hash: "SHA-384", Tokens: []hub.RehashToken{{DER: token(t, lasting), Time: now}}})
	}
	rehash(1)
	ends(1)
	rehash(2)
	if found := look(); len(found.Items) > 0 {
		t.Errorf("all is held by a rehash: %+v", found.Items)
	}
}
