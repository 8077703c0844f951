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
		text, err := p.client.Proof(ctx, id)
		if err != nil {
			return err
		}
		proof, err := audit.ParseProof(text)
		if err != nil {
			return err
		}
		origin, _, _ := strings.Cut(string(proof.Note), "\n")
		sizes[audit.ShardName(origin)] = max(sizes[audit.ShardName(origin)], proof.Index+1)
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
