package s3

import (
	"context"
	"crypto/sha256"
	"hash"
	"path"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/lienthong/lienthong/hub"
)

func newHash() hash.Hash { return sha256.New() }

// BlobInfos lists stored content in the order of digests, after the given one (zero:
// from the start), limit at most.
func (s *Store) BlobInfos(ctx context.Context, after hub.Digest, limit int) ([]hub.BlobInfo, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	o := minio.ListObjectsOptions{Prefix: s.prefix + "objects/", Recursive: true, MaxKeys: min(limit, 1000)}
	if !after.IsZero() {
		o.StartAfter = s.key(after)
	}
	var list []hub.BlobInfo
	for info := range s.client.ListObjects(ctx, s.bucket, o) {
		if info.Err != nil {
			return nil, failure("list content", info.Err)
		}
		digest, err := hub.ParseDigest(path.Base(info.Key))
		if err != nil {
			continue // not ours
		}
		list = append(list, hub.BlobInfo{Digest: digest, Size: info.Size, Written: info.LastModified.UTC()})
		if len(list) == limit {
			break
		}
	}
	return list, nil
}

// RemoveBlob removes content that was last written before the instant; KindConflict
// when it was written since, KindNotFound when it is absent. Versions are removed one by
// one, as they were looked at: one that a writer adds meanwhile stays.
func (s *Store) RemoveBlob(ctx context.Context, digest hub.Digest, before time.Time) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	key := s.key(digest)
	var old []string
	for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: key, Recursive: true, WithVersions: true}) {
		switch {
		case o.Err != nil:
			return failure("look for content", o.Err)
		case o.Key != key:
		case !o.IsDeleteMarker && !o.LastModified.Before(before):
			return hub.Errorf(hub.KindConflict, "sha256", "written", "the content was written at %s", o.LastModified.UTC().Format(time.RFC3339))
		default:
			old = append(old, o.VersionID)
		}
	}
	if len(old) == 0 {
		return hub.Errorf(hub.KindNotFound, "sha256", "", "there is no content with the SHA-256 %s", digest)
	}
	for _, version := range old {
		if err := s.removeVersion(ctx, key, version); err != nil {
			return err
		}
	}
	return nil
}

// SweepStaging removes what uploads and writers left behind that has not changed since
// the instant, and returns how much. What belongs to an upload that is still open is
// younger than any sensible instant.
func (s *Store) SweepStaging(ctx context.Context, before time.Time) (int, error) {
	removed := 0
	for _, folder := range []string{"incoming/", "staged/", "probe/"} {
		for o := range s.client.ListObjects(ctx, s.bucket, minio.ListObjectsOptions{Prefix: s.prefix + folder, Recursive: true, WithVersions: true}) {
			if o.Err != nil {
				return removed, failure("list leftovers", o.Err)
			}
			if o.LastModified.Before(before) {
				if err := s.removeVersion(ctx, o.Key, o.VersionID); err != nil {
					return removed, err
				}
				removed++
			}
		}
	}
	for u := range s.client.ListIncompleteUploads(ctx, s.bucket, s.prefix+"incoming/", true) {
		if u.Err != nil {
			return removed, failure("list unfinished uploads", u.Err)
		}
		if u.Initiated.Before(before) {
			if err := s.client.RemoveIncompleteUpload(ctx, s.bucket, u.Key); err != nil && !isAbsent(err) {
				return removed, failure("remove an unfinished upload", err)
			}
			removed++
		}
	}
	return removed, nil
}
