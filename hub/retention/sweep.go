package retention

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// sweepPage is how many contents are looked at together.
const sweepPage = 1000

// sweep removes content that nothing names and that was not stored within the grace, and
// what writers and uploads left behind.
func (s *Service) sweep(ctx context.Context, run *hub.RetentionRun) error {
	now := s.now()
	leftovers, err := s.Blobs.SweepStaging(ctx, now.Add(-s.Staged))
	run.Leftovers += leftovers
	if err != nil {
		return err
	}
	for after := (hub.Digest{}); ; {
		page, err := s.Blobs.BlobInfos(ctx, after, sweepPage)
		if err != nil {
			return err
		}
		if err := s.sweepSome(ctx, run, page); err != nil {
			return err
		}
		if len(page) < sweepPage {
			return nil
		}
		after = page[len(page)-1].Digest
	}
}

func (s *Service) sweepSome(ctx context.Context, run *hub.RetentionRun, page []hub.BlobInfo) error {
	before := s.now().Add(-s.Grace)
	sizes := map[hub.Digest]int64{}
	var old []hub.Digest
	for _, info := range page {
		if info.Written.Before(before) {
			old, sizes[info.Digest] = append(old, info.Digest), info.Size
		}
	}
	if len(old) == 0 {
		return nil
	}
	orphans, err := s.Store.Unreferenced(ctx, old)
	if err != nil {
		return err
	}
	for _, digest := range orphans {
		switch err := s.Blobs.RemoveBlob(ctx, digest, before); {
		case err == nil:
			run.Swept++
			run.SweptBytes += sizes[digest]
		case ctx.Err() != nil || hub.KindOf(err) == hub.KindUnavailable:
			return err
		case hub.KindOf(err) == hub.KindConflict || hub.KindOf(err) == hub.KindNotFound:
			// stored again just now, or gone
		default: // such as under the lock of an object store: the next run tries again
			s.Log.WarnContext(ctx, "content that nothing names could not be removed", "sha256", digest.String(), "error", err)
		}
	}
	return nil
}
