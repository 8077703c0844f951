package intake

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Register announces a submission before its bytes: everything that can be
// refused without them is refused now, every recipient included, so that nobody
// uploads a gigabyte in vain. Parts carry their size and SHA-256. To register
// again with the same key and content gives the same upload, with what it has.
// Errors are those of Submit.
func (s *Service) Register(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Upload, error) {
	now := s.now()
	sub.ReceivedAt = now
	sender, err := s.authorize(actor, sub.Sender, now)
	if err != nil {
		return hub.Upload{}, err
	}
	_, accepted, err := s.first(ctx, sender.ID, &sub)
	if err == nil && !accepted {
		err = s.Closed()
	}
	if err != nil {
		return hub.Upload{}, err
	}
	violations := append(s.validate(&sub), s.announced(&sub)...)
	_, unresolved, err := s.addressees(ctx, sender.ID, &sub, now)
	if err != nil {
		return hub.Upload{}, err
	}
	if violations = append(violations, unresolved...); len(violations) > 0 && !accepted {
		return hub.Upload{}, s.refuse(ctx, actor, sender, &sub, violations, now)
	}
	upload := hub.Upload{
		ID: s.uploadID(actor, sender.ID, sub.Key), Actor: actor.Name, Sender: sender.ID,
		Submission: sub, Key: sub.Key, Expires: now.Add(s.UploadLife),
	}
	for _, p := range sub.Parts {
		// What was accepted before needs no bytes again: completing it gives
		// the first receipt.
		upload.Parts = append(upload.Parts, hub.UploadPart{ID: p.ID, Size: p.Size, Done: accepted})
	}
	return s.openUpload(ctx, actor, upload, now)
}

// uploadID is the same for the same key, so that an upload is found again by a
// sender that lost the answer. Without a key every registration is a new one.
func (s *Service) uploadID(actor hub.Actor, sender hub.AgencyID, key string) string {
	if key == "" {
		return s.NewID()
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "upload\x00%s\x00%s\x00%s", sender, actor.Name, key))
	sum[6], sum[8] = sum[6]&0x0f|0x80, sum[8]&0x3f|0x80 // UUID version 8, RFC 9562
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[0:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

// openUpload saves an upload unless the same one is open already.
func (s *Service) openUpload(ctx context.Context, actor hub.Actor, upload hub.Upload, now time.Time) (hub.Upload, error) {
	unlock, err := s.busy.lock(ctx, upload.ID)
	if err != nil {
		return hub.Upload{}, err
	}
	defer unlock()
	earlier, err := s.Uploads.Upload(ctx, upload.ID)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
	case err != nil:
		return hub.Upload{}, err
	case !now.Before(earlier.Expires):
		if err := s.discard(ctx, &earlier); err != nil {
			return hub.Upload{}, err
		}
	case earlier.Submission.Fingerprint() != upload.Submission.Fingerprint():
		return hub.Upload{}, hub.Errorf(hub.KindConflict, "idempotency_key", "duplicate",
			"this key already stands for upload %s with other content", earlier.ID)
	default:
		return s.UploadStatus(ctx, actor, upload.ID)
	}
	if err := s.Uploads.SaveUpload(ctx, upload); err != nil {
		return hub.Upload{}, err
	}
	return s.progress(ctx, upload)
}

// announced checks what only an upload must say.
func (s *Service) announced(sub *hub.Submission) hub.Violations {
	var c checker
	total := int64(0)
	for i, p := range sub.Parts {
		field := fmt.Sprintf("parts[%d]", i)
		if p.Digest.IsZero() {
			c.fail(field+".sha256", "required", "an upload announces the SHA-256 of each part")
		}
		switch {
		case p.Size == 0:
			c.fail(field+".size", "required", "an upload announces the size of each part, at least one byte")
		case p.Size > s.MaxPartSize:
			c.add(hub.Errorf(hub.KindTooLarge, field+".size", "max_size", "a part has at most %d bytes", s.MaxPartSize))
		case p.Size > 0:
			total += p.Size // no overflow: MaxParts times MaxPartSize is far below
		}
	}
	if total > s.MaxUploadSize {
		c.add(hub.Errorf(hub.KindTooLarge, "parts", "max_size", "the parts have %d bytes together, at most %d are allowed", total, s.MaxUploadSize))
	}
	return c.found
}

// UploadStatus returns an upload with the offset that each part has reached.
func (s *Service) UploadStatus(ctx context.Context, actor hub.Actor, id string) (hub.Upload, error) {
	upload, err := s.upload(ctx, actor, id)
	if err != nil {
		return hub.Upload{}, err
	}
	return s.progress(ctx, upload)
}

func (s *Service) progress(ctx context.Context, upload hub.Upload) (hub.Upload, error) {
	for i, p := range upload.Parts {
		if p.Done {
			upload.Parts[i].Offset = p.Size
			continue
		}
		var err error
		if upload.Parts[i].Offset, err = s.Staging.StagedSize(ctx, stagingID(upload.ID, p.ID)); err != nil {
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
	if upload.Actor != actor.Name || !s.now().Before(upload.Expires) {
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
// Another offset is KindConflict, more bytes than announced are KindTooLarge.
func (s *Service) Append(ctx context.Context, actor hub.Actor, uploadID, partID string, offset int64, r io.Reader) (int64, error) {
	upload, err := s.upload(ctx, actor, uploadID)
	if err != nil {
		return 0, err
	}
	for _, p := range upload.Parts {
		if p.ID != partID {
			continue
		}
		switch room := p.Size - offset; {
		case offset < 0 || room < 0:
			return 0, hub.Invalid("upload_offset", "range", "the offset lies outside the part of %d bytes", p.Size)
		case p.Done:
			return p.Size, hub.Errorf(hub.KindConflict, "upload_offset", "complete", "the part is complete with its %d bytes", p.Size)
		default:
			return s.Staging.AppendStaged(ctx, stagingID(uploadID, partID), offset, &limited{r: r, room: room})
		}
	}
	return 0, hub.Errorf(hub.KindNotFound, "part", "", "the upload has no part %.60q", partID)
}

// limited refuses bytes beyond the announced size instead of cutting them off.
type limited struct {
	r    io.Reader
	room int64
}

// Read implements io.Reader.
func (l *limited) Read(p []byte) (int, error) {
	if l.room == 0 {
		var one [1]byte
		if n, err := l.r.Read(one[:]); n == 0 {
			return 0, err
		}
		return 0, hub.Errorf(hub.KindTooLarge, "part", "max_size", "more bytes came than were announced")
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.room)])
	l.room -= int64(n)
	return n, err
}

// Complete turns a finished upload into a submission. Completing again gives the
// first receipt. A part whose bytes are not those that were announced is KindInvalid
// with the rule digest, and starts again from nothing.
func (s *Service) Complete(ctx context.Context, actor hub.Actor, id string) (hub.Accepted, error) {
	unlock, err := s.busy.lock(ctx, id)
	if err != nil {
		return hub.Accepted{}, err
	}
	defer unlock()
	upload, err := s.upload(ctx, actor, id)
	if err != nil {
		return hub.Accepted{}, err
	}
	var found hub.Violations
	for i := range upload.Parts {
		err := s.finishPart(ctx, &upload, i)
		if err != nil && hub.KindOf(err) != hub.KindInvalid {
			return hub.Accepted{}, err
		}
		found = append(found, hub.ViolationsOf(err)...)
	}
	if len(found) > 0 {
		return hub.Accepted{}, found.AsError()
	}
	return s.Submit(ctx, actor, upload.Submission)
}

// finishPart moves one complete part into the blob store. The bytes must have
// come from this sender, also when the store has the same content already: to
// name a digest must never give access to another's document.
func (s *Service) finishPart(ctx context.Context, upload *hub.Upload, i int) error {
	part := &upload.Submission.Parts[i]
	if upload.Parts[i].Done {
		return nil
	}
	staged, field := stagingID(upload.ID, part.ID), fmt.Sprintf("parts[%d]", i)
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
	upload.Parts[i].Done = true
	return s.Uploads.SaveUpload(ctx, *upload)
}

// SweepUploads removes uploads that expired, a batch at a time, and returns how
// many it removed.
func (s *Service) SweepUploads(ctx context.Context) (int, error) {
	expired, err := s.Uploads.ExpiredUploads(ctx, s.now(), 100)
	if err != nil {
		return 0, err
	}
	for n := range expired {
		if err := s.sweep(ctx, &expired[n]); err != nil {
			return n, err
		}
	}
	return len(expired), nil
}

func (s *Service) sweep(ctx context.Context, upload *hub.Upload) error {
	unlock, err := s.busy.lock(ctx, upload.ID)
	if err != nil {
		return err
	}
	defer unlock()
	now, err := s.Uploads.Upload(ctx, upload.ID)
	if err != nil || s.now().Before(now.Expires) {
		return ignoreNotFound(err) // gone, or registered anew in the meantime
	}
	if err := s.discard(ctx, upload); err != nil {
		return err
	}
	return s.Uploads.DeleteUpload(ctx, upload.ID)
}

func ignoreNotFound(err error) error {
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return nil
	}
	return err
}

func (s *Service) discard(ctx context.Context, upload *hub.Upload) error {
	for _, p := range upload.Parts {
		if err := s.Staging.DiscardStaged(ctx, stagingID(upload.ID, p.ID)); err != nil {
			return err
		}
	}
	return nil
}

// stagingID is the name of a part's bytes in the staging area. Part ids are the
// sender's words, so they stand there as a digest would: only safe characters.
func stagingID(upload, part string) string {
	sum := sha256.Sum256([]byte(part))
	return fmt.Sprintf("%s-%x", upload, sum[:16])
}
