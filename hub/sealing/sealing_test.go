package sealing_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/sealing"
)

// office has two agencies, the second closed, and seals for those named.
type office struct {
	seals     []hub.AgencyID
	order     hub.SealOrder
	signErr   error
	noteErr   error
	facts     []any
	writtenAt int // bytes that were written when the note was made
	out       *bytes.Buffer
}

var now = time.Date(2026, 1, 5, 1, 0, 0, 500, time.UTC) //nolint:gochecknoglobals // the clock of the tests

func (o *office) HasSeal(agency hub.AgencyID) bool {
	for _, id := range o.seals {
		if id == agency {
			return true
		}
	}
	return false
}

func (o *office) Seal(_ context.Context, order hub.SealOrder, in io.ReaderAt, size int64, out io.Writer) (hub.Digest, error) {
	o.order = order
	_, err := io.Copy(out, io.NewSectionReader(in, 0, size))
	if err == nil {
		_, err = io.WriteString(out, "+seal")
	}
	return hub.Digest{9}, errors.Join(err, o.signErr)
}

func (o *office) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := &hub.Agency{ID: id, Names: []hub.Dated[string]{{Value: "UBND tỉnh"}}}
	if id == "old" {
		a.Valid.To = now.Add(-time.Hour)
	}
	return a, true
}

func (o *office) Note(_ context.Context, kind hub.LogNoteKind, fact any) error {
	if kind != hub.LogNoteSeal {
		return errors.New("another kind of note")
	}
	o.facts, o.writtenAt = append(o.facts, fact), o.out.Len()
	return o.noteErr
}

func (o *office) run(actor hub.Actor, order hub.SealOrder) (hub.SealFact, error) {
	o.out = &bytes.Buffer{}
	s := sealing.New(sealing.Options{Signer: o, Directory: o, Notes: o, Now: func() time.Time { return now }})
	return s.Seal(context.Background(), actor, order, hub.BlobOf([]byte("pdf")), o.out)
}

func sealer(agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "key-1", Agencies: agencies, Scopes: []hub.Scope{hub.ScopeSeal}}
}

func TestEverySealIsInTheLog(t *testing.T) {
	o := &office{seals: []hub.AgencyID{"a"}}
	fact, err := o.run(sealer("a"), hub.SealOrder{Agency: "a", Role: hub.SealCopied})
	want := hub.SealFact{
		Agency: "a", Role: hub.SealCopied, Actor: "key-1", Certificate: hub.Digest{9},
		Input: sha256.Sum256([]byte("pdf")), Output: sha256.Sum256([]byte("pdf+seal")),
	}
	if err != nil || fact != want || len(o.facts) != 1 || o.facts[0] != want || o.writtenAt != len("pdf+seal") {
		t.Errorf("%+v, %v, noted %+v", fact, err, o.facts)
	}
	if o.order.Name != "UBND tỉnh" || !o.order.At.Equal(now.Truncate(time.Second)) {
		t.Errorf("signed for %+v", o.order)
	}
	// A seal that is not in the log is not given out; one that failed leaves no note.
	o.noteErr = errors.New("the store is away")
	if _, err := o.run(sealer("a"), hub.SealOrder{Agency: "a", Role: hub.SealCopied}); !errors.Is(err, o.noteErr) {
		t.Errorf("without a note: %v", err)
	}
	o.facts, o.signErr = nil, errors.New("no PDF")
	if _, err := o.run(sealer("a"), hub.SealOrder{Agency: "a", Role: hub.SealCopied}); !errors.Is(err, o.signErr) || o.facts != nil {
		t.Errorf("%v, noted %+v", err, o.facts)
	}
}

func TestWhoMaySeal(t *testing.T) {
	o := &office{seals: []hub.AgencyID{"a", "old"}}
	reader := sealer("a")
	reader.Scopes = []hub.Scope{hub.ScopeSubmit, hub.ScopeOperate}
	for name, c := range map[string]struct {
		actor hub.Actor
		order hub.SealOrder
		kind  hub.ErrorKind
		rule  string
	}{
		"no scope":      {reader, hub.SealOrder{Agency: "a", Role: hub.SealIssued}, hub.KindDenied, "scope"},
		"another's":     {sealer("b"), hub.SealOrder{Agency: "a", Role: hub.SealIssued}, hub.KindDenied, "agency"},
		"nobody's":      {sealer("a"), hub.SealOrder{Role: hub.SealIssued}, hub.KindDenied, "agency"},
		"closed":        {sealer("old"), hub.SealOrder{Agency: "old", Role: hub.SealIssued}, hub.KindDenied, "closed"},
		"none set up":   {sealer("b"), hub.SealOrder{Agency: "b", Role: hub.SealIssued}, hub.KindNotFound, "seal"},
		"another's not": {sealer("a"), hub.SealOrder{Agency: "b", Role: hub.SealIssued}, hub.KindDenied, "agency"},
		"no role":       {sealer("a"), hub.SealOrder{Agency: "a"}, hub.KindInvalid, "code_list"},
	} {
		_, err := o.run(c.actor, c.order)
		v := hub.ViolationsOf(err)
		if len(v) != 1 || v[0].Kind != c.kind || v[0].Rule != c.rule || o.out.Len() != 0 || o.facts != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
