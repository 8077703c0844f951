package demo

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

const (
	stampPatience = 30 * time.Second
	stampPause    = 50 * time.Millisecond // between two looks for a time-stamp
)

// stamp finds every receipt in the log, waits for the time-stamp that stands over all of
// them, and writes the checkpoint and its token into files.
func (s *show) stamp(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, stampPatience)
	defer cancel()
	sizes := map[string]int64{} // by year: of the tree that holds all receipts
	for id, p := range s.holders {
		year, size, err := place(ctx, p, id)
		if err != nil {
			return err
		}
		sizes[year] = max(sizes[year], size)
	}
	for year, size := range sizes {
		stamp, err := s.awaitStamp(ctx, year, size)
		if err != nil {
			return err
		}
		s.check(stamp.Size >= size, "the time-stamp over the log of %s covers all of its receipts (%d of %d)", year, stamp.Size, size)
		if err := s.save(stamp.Note, "log", year+".checkpoint"); err != nil {
			return err
		}
		if err := s.save(stamp.Token, "log", year+".tst"); err != nil {
			return err
		}
		s.say("%s: %s", stamp.Time.Format(time.RFC3339), s.path("log", year+".tst"))
	}
	return nil
}

// place is where a receipt stands in the log: the year, and the size of the smallest tree
// that holds it.
func place(ctx context.Context, p *party, id hub.EvidenceID) (year string, size int64, err error) {
	text, err := p.client.Proof(ctx, id)
	if err != nil {
		return "", 0, err
	}
	proof, err := audit.ParseProof(text)
	if err != nil {
		return "", 0, err
	}
	origin, _, _ := strings.Cut(string(proof.Note), "\n")
	return audit.ShardName(origin), proof.Index + 1, nil
}

// sealDay waits until all receipts of a dispatch are under a time-stamp: the clock may move
// on only then, since a receipt that is much older than its time-stamp proves no time.
func (s *show) sealDay(ctx context.Context, p *party, dispatch hub.DispatchID) error {
	ctx, cancel := context.WithTimeout(ctx, stampPatience)
	defer cancel()
	for sealed, err := range evidenceOf(ctx, p, dispatch) {
		if err != nil {
			return err
		}
		year, size, err := place(ctx, p, sealed.Evidence.ID)
		if err != nil {
			return err
		}
		if _, err := s.awaitStamp(ctx, year, size); err != nil {
			return err
		}
	}
	return nil
}

func (s *show) awaitStamp(ctx context.Context, year string, size int64) (hub.LogStamp, error) {
	for {
		stamp, err := s.operator.LogStamp(ctx, year, size)
		if err == nil || hub.KindOf(err) != hub.KindNotFound {
			return stamp, err
		}
		select {
		case <-ctx.Done():
			return stamp, err
		case <-time.After(stampPause):
		}
	}
}

// checkTimestamps verifies the tokens over the checkpoints.
func (f *folder) checkTimestamps(context.Context) error {
	tokens, err := f.glob("log/*.tst")
	if err != nil {
		return err
	}
	f.check(len(tokens) > 0, "there are time-stamps over the log")
	for _, file := range tokens {
		token, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		note, err := os.ReadFile(strings.TrimSuffix(file, ".tst") + ".checkpoint")
		if err != nil {
			return err
		}
		_, err = f.verifier.Timestamp(token, note)
		f.check(err == nil, "the time-stamp %s stands over its checkpoint (%v)", filepath.Base(file), err)
	}
	return nil
}
