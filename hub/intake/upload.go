package intake

import (
	"context"
	"fmt"
	"io"

	"github.com/lienthong/lienthong/hub"
)

// Register announces a submission before its bytes: everything that can be
// refused without them is refused now, every recipient included, so that nobody
// uploads a gigabyte in vain. Parts carry their size and SHA-256.
func (s *Service) Register(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Upload, error) {
	now := s.Now().UTC()
	sub.ReceivedAt = now
	sender, err := s.authorize(actor, sub.Sender, now)
	if err != nil {
		return hub.Upload{}, err
	}
	violations := append(s.validate(&sub), s.announced(&sub)...)
	_, unresolved := s.resolve(sub.Recipients, now)
	if violations = append(violations, unresolved...); len(violations) > 0 {
		return hub.Upload{}, s.refuse(ctx, actor, sender, &sub, violations, now)
	}
	upload := hub.Upload{
		ID: s.NewID(), Actor: actor.Name, Sender: sender.ID,
		Submission: sub, Key: sub.Key, Expires: now.Add(s.UploadLife),
	}
	for _, p := range sub.Parts {
		upload.Parts = append(upload.Parts, hub.UploadPart{ID: p.ID, Size: p.Size})
	}
	return upload, s.Uploads.SaveUpload(ctx, upload)
}

func (s *Service) announced(sub *hub.Submission) hub.Violations {
	var c checker
	for i, p := range sub.Parts {
		field := fmt.Sprintf("parts[%d]", i)
		if p.Digest.IsZero() {
			c.add(hub.Invalid(field+".sha256", "required", "an upload announces the SHA-256 of each part"))
		}
		if p.Size > s.MaxPartSize {
			c.add(hub.Errorf(hub.KindTooLarge, field+".size", "max_size", "a part has at most %d bytes", s.MaxPartSize))
		}
	}
	return c.found
}

// UploadStatus returns an upload with the offset that each part has reached.
func (s *Service) UploadStatus(ctx context.Context, actor hub.Actor, id string) (hub.Upload, error) {
	upload, err := s.upload(ctx, actor, id)
	if err != nil {
		return hub.Upload{}, err
	}
	for i, p := range upload.Parts {
		if p.Done {
			upload.Parts[i].Offset = p.Size
			continue
		}
		if upload.Parts[i].Offset, err = s.Staging.StagedSize(ctx, stagingID(id, p.ID)); err != nil {
			return hub.Upload{}, err
		}
	}
	return upload, nil
}

// upload returns the actor's own upload; another's does not exist for it.
func (s *Service) upload(ctx context.Context, actor hub.Actor, id string) (hub.Upload, error) {
	upload, err := s.Uploads.Upload(ctx, id)
	if err != nil {
		return hub.Upload{}, err
	}
	if upload.Actor != actor.Name || !s.Now().Before(upload.Expires) {
		return hub.Upload{}, hub.Errorf(hub.KindNotFound, "upload", "", "there is no such upload, or it has expired")
	}
	if err := actor.SpeaksFor(upload.Sender, hub.ScopeSubmit); err != nil {
		return hub.Upload{}, err
	}
	upload.Submission.Key = upload.Key
	return upload, nil
}

// Append adds bytes to a part at the offset that it has reached and returns the
// new one, also beside an error: what arrived before a broken connection stays.
func (s *Service) Append(ctx context.Context, actor hub.Actor, uploadID, partID string, offset int64, r io.Reader) (int64, error) {
	upload, err := s.upload(ctx, actor, uploadID)
	if err != nil {
		return 0, err
	}
	for _, p := range upload.Parts {
		if p.ID == partID {
			room := p.Size - offset
			if offset < 0 || room < 0 {
				return 0, hub.Invalid("upload_offset", "range", "the offset lies outside the part of %d bytes", p.Size)
			}
			return s.Staging.AppendStaged(ctx, stagingID(uploadID, partID), offset, &bounded{r: r, room: room})
		}
	}
	return 0, hub.Errorf(hub.KindNotFound, "part", "", "the upload has no part %q", partID)
}

// bounded refuses bytes beyond the announced size instead of cutting them off.
type bounded struct {
	r    io.Reader
	room int64
}

// Read implements io.Reader.
func (b *bounded) Read(p []byte) (int, error) {
	if b.room == 0 {
		var one [1]byte
		if n, err := b.r.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, hub.Errorf(hub.KindTooLarge, "part", "max_size", "more bytes came than were announced")
	}
	if int64(len(p)) > b.room {
		p = p[:b.room]
	}
	n, err := b.r.Read(p)
	b.room -= int64(n)
	return n, err
}

// Complete turns a finished upload into a submission. Completing again gives the
// first receipt.
func (s *Service) Complete(ctx context.Context, actor hub.Actor, id string) (hub.Accepted, error) {
	upload, err := s.upload(ctx, actor, id)
	if err != nil {
		return hub.Accepted{}, err
	}
	for i := range upload.Parts {
		if upload.Parts[i].Done {
			continue
		}
		if err := s.finishPart(ctx, id, i, &upload.Submission.Parts[i]); err != nil {
			return hub.Accepted{}, err
		}
		upload.Parts[i].Done = true
		if err := s.Uploads.SaveUpload(ctx, upload); err != nil {
			return hub.Accepted{}, err
		}
	}
	return s.Submit(ctx, actor, upload.Submission)
}

// finishPart moves one complete part into the blob store. The bytes must have
// come from this sender, also when the store has the same content already: to
// name a digest must never give access to another's document.
func (s *Service) finishPart(ctx context.Context, uploadID string, i int, part *hub.Part) error {
	staged, field := stagingID(uploadID, part.ID), fmt.Sprintf("parts[%d]", i)
	size, err := s.Staging.StagedSize(ctx, staged)
	if err != nil {
		return err
	}
	if size != part.Size {
		return hub.Errorf(hub.KindConflict, field, "incomplete", "part %s has %d of %d bytes", part.ID, size, part.Size)
	}
	digest, _, err := s.Staging.CommitStaged(ctx, staged)
	if err != nil {
		return err
	}
	if digest != part.Digest {
		return hub.Invalid(field+".sha256", "digest", "part %s has the SHA-256 %s, announced was %s; upload it again from the start", part.ID, digest, part.Digest)
	}
	return nil
}

// SweepUploads removes uploads that expired, a batch at a time, and returns how
// many it removed.
func (s *Service) SweepUploads(ctx context.Context) (int, error) {
	expired, err := s.Uploads.ExpiredUploads(ctx, s.Now().UTC(), 100)
	if err != nil {
		return 0, err
	}
	for n, upload := range expired {
		for _, p := range upload.Parts {
			if err := s.Staging.DiscardStaged(ctx, stagingID(upload.ID, p.ID)); err != nil {
				return n, err
			}
		}
		if err := s.Uploads.DeleteUpload(ctx, upload.ID); err != nil {
			return n, err
		}
	}
	return len(expired), nil
}

// stagingID is the name of a part's bytes in the staging area. Part ids are the
// sender's words, so they stand there as a digest would: only safe characters.
func stagingID(upload, part string) string { return fmt.Sprintf("%s-%x", upload, part) }
