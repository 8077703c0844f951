package intake

import (
	"context"
	"io"

	"github.com/lienthong/lienthong/hub"
)

// filePart is the id of the one part of an upload that is a file alone.
const filePart = "file"

// Announce begins the upload of one file for a document that is not written yet, in
// pieces: AppendFile adds to it, UploadStatus says how far it came,
// Finish ends it. What nobody finishes is swept as every upload is.
//
// Errors: KindDenied; KindUnavailable while the intake is closed; KindInvalid and KindTooLarge with the field "size".
func (s *Service) Announce(ctx context.Context, actor hub.Actor, sender hub.AgencyID, size int64) (hub.Upload, error) {
	if err := actor.SpeaksFor(sender, hub.ScopeSubmit); err != nil {
		return hub.Upload{}, err
	}
	if err := s.Closed(); err != nil {
		return hub.Upload{}, err
	}
	switch {
	case size <= 0:
		return hub.Upload{}, hub.Invalid("size", "empty", "the file is empty")
	case size > s.MaxPartSize:
		return hub.Upload{}, hub.Errorf(hub.KindTooLarge, "size", "max_size", "a file has at most %d bytes", s.MaxPartSize)
	}
	upload := hub.Upload{
		ID: s.NewID(), Actor: actor.Name, Sender: sender, Expires: s.now().Add(s.UploadLife),
		Submission: hub.Submission{Parts: []hub.Part{{ID: filePart, Size: size}}}, Parts: []hub.UploadPart{{ID: filePart, Size: size}},
	}
	return upload, s.Uploads.SaveUpload(ctx, upload)
}

// AppendFile is Append for an upload that Announce began.
func (s *Service) AppendFile(ctx context.Context, actor hub.Actor, id string, offset int64, r io.Reader) (int64, error) {
	return s.Append(ctx, actor, id, filePart, offset, r)
}

// Finish moves the whole file into the blob store and returns what it is; the same again
// gives the same. KindConflict with the rule incomplete while bytes are missing.
func (s *Service) Finish(ctx context.Context, actor hub.Actor, id string) (hub.Part, error) {
	unlock, err := s.busy.lock(ctx, id)
	if err != nil {
		return hub.Part{}, err
	}
	defer unlock()
	upload, err := s.upload(ctx, actor, id)
	if err != nil {
		return hub.Part{}, err
	}
	if len(upload.Parts) != 1 || upload.Parts[0].ID != filePart {
		return hub.Part{}, hub.Errorf(hub.KindNotFound, "upload", "", "there is no such upload, or it has expired")
	}
	part := &upload.Submission.Parts[0]
	if upload.Parts[0].Done {
		return *part, nil
	}
	staged := stagingID(id, filePart)
	switch size, err := s.Staging.StagedSize(ctx, staged); {
	case err != nil:
		return hub.Part{}, err
	case size != part.Size:
		return hub.Part{}, hub.Errorf(hub.KindConflict, "upload", "incomplete", "%d of %d bytes have come", size, part.Size)
	}
	if part.Digest, _, err = s.Staging.CommitStaged(ctx, staged); err != nil {
		return hub.Part{}, err
	}
	upload.Parts[0].Done = true
	return *part, s.Uploads.SaveUpload(ctx, upload)
}
