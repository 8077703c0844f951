package intake_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
)

const original = "a signed original that comes in chunks"

// announced returns a submission whose one part is not there yet.
func (f *fixture) announced(externalID string, content ...string) hub.Submission {
	sub := f.Submission(externalID, office)
	sub.Parts = nil
	for i, c := range content {
		sub.Parts = append(sub.Parts, hub.Part{
			ID: hub.PartName(i + 1), Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf",
			Size: int64(len(c)), Digest: sha256.Sum256([]byte(c)),
		})
	}
	return sub
}

func (f *fixture) register(t *testing.T, sub hub.Submission) hub.Upload {
	t.Helper()
	upload, err := f.Register(t.Context(), f.actor, sub)
	if err != nil {
		t.Fatal(err)
	}
	return upload
}

// append1 adds a chunk to part p1 and returns the new offset.
func (f *fixture) append1(t *testing.T, id string, offset int64, chunk string) int64 {
	t.Helper()
	next, err := f.Append(t.Context(), f.actor, id, "p1", offset, strings.NewReader(chunk))
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func TestUploadInChunks(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original))
	if upload.Parts[0] != (hub.UploadPart{ID: "p1", Size: int64(len(original))}) || !upload.Expires.Equal(f.Clock.Now().Add(24*time.Hour)) {
		t.Errorf("registered %+v", upload)
	}
	offset := f.append1(t, upload.ID, 0, original[:10])
	f.append1(t, upload.ID, offset, original[10:])
	status, err := f.UploadStatus(t.Context(), f.actor, upload.ID)
	if err != nil || status.Parts[0].Offset != int64(len(original)) || status.Parts[0].Done {
		t.Errorf("status %+v, %v", status.Parts, err)
	}
	first, err := f.Complete(t.Context(), f.actor, upload.ID)
	if err != nil || first.Duplicate {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := f.Complete(t.Context(), f.actor, upload.ID)
	if err != nil || !again.Duplicate || !bytes.Equal(hub.MarshalReceipt(first.Receipt), hub.MarshalReceipt(again.Receipt)) {
		t.Errorf("completed again: %+v, %v", again, err)
	}
	blob, err := f.Blobs.OpenBlob(t.Context(), first.Dispatch.Parts[0].Digest)
	if err != nil {
		t.Fatal(err)
	}
	if content, _ := io.ReadAll(blob); string(content) != original {
		t.Errorf("content %q", content)
	}
	if status, _ := f.UploadStatus(t.Context(), f.actor, upload.ID); !status.Parts[0].Done || status.Parts[0].Offset != int64(len(original)) {
		t.Errorf("status after the end %+v", status.Parts)
	}
}

// broken is a connection that breaks after its bytes.
type broken struct{ io.Reader }

var errBroken = errors.New("connection reset")

func (b broken) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = errBroken
	}
	return n, err
}

func TestWhatArrivedBeforeTheBreakStays(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original))
	offset, err := f.Append(t.Context(), f.actor, upload.ID, "p1", 0, broken{strings.NewReader(original[:7])})
	if !errors.Is(err, errBroken) || offset != 7 {
		t.Fatalf("offset %d, %v", offset, err)
	}
	f.append1(t, upload.ID, 7, original[7:])
	if _, err := f.Complete(t.Context(), f.actor, upload.ID); err != nil {
		t.Error(err)
	}
}

func TestOffsets(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original))
	size := int64(len(original))
	f.append1(t, upload.ID, 0, original[:10])
	for _, tt := range []struct {
		part   string
		offset int64
		chunk  string
		kind   hub.ErrorKind
		rule   string
	}{
		{"p1", 0, "again", hub.KindConflict, "upload_offset offset"},
		{"p1", 11, "gap", hub.KindConflict, "upload_offset offset"},
		{"p1", -1, "x", hub.KindInvalid, "upload_offset range"},
		{"p1", size + 1, "x", hub.KindInvalid, "upload_offset range"},
		{"p2", 0, "x", hub.KindNotFound, "part "},
		{"p1", 10, original[10:] + "x", hub.KindTooLarge, "part max_size"},
		{"p1", size, "x", hub.KindTooLarge, "part max_size"},
	} {
		_, err := f.Append(t.Context(), f.actor, upload.ID, tt.part, tt.offset, strings.NewReader(tt.chunk))
		wantError(t, err, tt.kind, tt.rule)
	}
	if _, err := f.Complete(t.Context(), f.actor, upload.ID); err != nil {
		t.Fatal(err)
	}
	_, err := f.Append(t.Context(), f.actor, upload.ID, "p1", size, strings.NewReader(""))
	wantError(t, err, hub.KindConflict, "upload_offset complete")
}

func TestIncompleteUpload(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original, "second"))
	f.append1(t, upload.ID, 0, original)
	_, err := f.Complete(t.Context(), f.actor, upload.ID)
	wantError(t, err, hub.KindConflict, "parts[1] incomplete")
	if _, err := f.Append(t.Context(), f.actor, upload.ID, "p2", 0, strings.NewReader("second")); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Complete(t.Context(), f.actor, upload.ID); err != nil {
		t.Error(err)
	}
}

func TestWrongBytesStartAgain(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original, "second"))
	f.append1(t, upload.ID, 0, strings.ToUpper(original))
	if _, err := f.Append(t.Context(), f.actor, upload.ID, "p2", 0, strings.NewReader("second")); err != nil {
		t.Fatal(err)
	}
	_, err := f.Complete(t.Context(), f.actor, upload.ID)
	wantError(t, err, hub.KindInvalid, "parts[0].sha256 digest")
	status, err := f.UploadStatus(t.Context(), f.actor, upload.ID)
	if err != nil || status.Parts[0].Offset != 0 || status.Parts[0].Done || !status.Parts[1].Done {
		t.Fatalf("status %+v, %v", status.Parts, err)
	}
	f.append1(t, upload.ID, 0, original)
	if _, err := f.Complete(t.Context(), f.actor, upload.ID); err != nil {
		t.Error(err)
	}
}

// TestNamingADigestGivesNothing: who knows the SHA-256 of another's document still
// has to bring the bytes.
func TestNamingADigestGivesNothing(t *testing.T) {
	f := newFixture()
	f.Blobs.Put([]byte(original))
	upload := f.register(t, f.announced("1", original))
	_, err := f.Complete(t.Context(), f.actor, upload.ID)
	wantError(t, err, hub.KindConflict, "parts[0] incomplete")
}

func TestRegisterRefusesBeforeAByte(t *testing.T) {
	f := newFixture(func(o *intake.Options) { o.MaxPartSize, o.MaxUploadSize = 100, 150 })
	for _, tt := range []struct {
		rules  string
		change func(*hub.Submission)
	}{
		{"recipients[0] unknown_agency", func(s *hub.Submission) { s.Recipients = []string{hubtest.UnknownCode} }},
		{"document.subject required", func(s *hub.Submission) { s.Document.Subject = "" }},
		{"parts[0].sha256 required", func(s *hub.Submission) { s.Parts[0].Digest = hub.Digest{} }},
		{"parts required, parts[0].size required", func(s *hub.Submission) { s.Parts[0].Size = 0 }},
		{"parts[0].size max_size", func(s *hub.Submission) { s.Parts[0].Size = 101 }},
		{"parts max_size", func(s *hub.Submission) {
			second := s.Parts[0]
			second.ID, s.Parts[0].Size, second.Size = "p2", 76, 75
			s.Parts = append(s.Parts, second)
		}},
	} {
		t.Run(tt.rules, func(t *testing.T) {
			sub := f.announced("1", original)
			tt.change(&sub)
			_, err := f.Register(t.Context(), f.actor, sub)
			if r := f.rejected(t, err); rules(r) != tt.rules {
				t.Errorf("got %s", rules(r))
			}
		})
	}
}

func TestRegisteringAgainFindsTheUpload(t *testing.T) {
	f := newFixture()
	sub := f.announced("1", original)
	sub.Key = "key-1"
	upload := f.register(t, sub)
	f.append1(t, upload.ID, 0, original[:5])
	f.Clock.Advance(time.Hour)
	again := f.register(t, sub)
	if again.ID != upload.ID || again.Parts[0].Offset != 5 || !again.Expires.Equal(upload.Expires) {
		t.Errorf("registered again: %+v", again)
	}
	other := sub
	other.ExternalID = "2"
	_, err := f.Register(t.Context(), f.actor, other)
	wantError(t, err, hub.KindConflict, "idempotency_key duplicate")

	f.append1(t, upload.ID, 5, original[5:])
	first, err := f.Complete(t.Context(), f.actor, upload.ID)
	if err != nil {
		t.Fatal(err)
	}
	f.Clock.Advance(25 * time.Hour) // the upload is gone, the dispatch is not
	renewed := f.register(t, sub)
	if !renewed.Parts[0].Done {
		t.Errorf("what was accepted is asked for again: %+v", renewed)
	}
	got, err := f.Complete(t.Context(), f.actor, renewed.ID)
	if err != nil || !got.Duplicate || got.Receipt.Digest != first.Receipt.Digest {
		t.Errorf("%+v, %v", got, err)
	}
	sub.Document.Subject = "Về việc khác"
	_, err = f.Register(t.Context(), f.actor, sub)
	wantError(t, err, hub.KindConflict, "external_id duplicate")
}

// TestAnExpiredUploadStartsAnew: bytes of the old one must not mix with the new.
func TestAnExpiredUploadStartsAnew(t *testing.T) {
	f := newFixture()
	sub := f.announced("1", original)
	sub.Key = "key-1"
	upload := f.register(t, sub)
	f.append1(t, upload.ID, 0, original[:30])
	f.Clock.Advance(24 * time.Hour)
	sub.Parts = f.announced("1", "short").Parts
	if renewed := f.register(t, sub); renewed.ID != upload.ID || renewed.Parts[0].Offset != 0 {
		t.Fatalf("renewed %+v", renewed)
	}
	f.append1(t, upload.ID, 0, "short")
	if _, err := f.Complete(t.Context(), f.actor, upload.ID); err != nil {
		t.Error(err)
	}
}

func TestOnlyItsOwnerContinuesAnUpload(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original))
	colleague := f.actor
	colleague.Name = "another system of the province"
	for name, actor := range map[string]hub.Actor{"stranger": hubtest.System(hubtest.Stranger), "another key of the agency": colleague} {
		_, err := f.UploadStatus(t.Context(), actor, upload.ID)
		_, errAppend := f.Append(t.Context(), actor, upload.ID, "p1", 0, strings.NewReader("x"))
		_, errComplete := f.Complete(t.Context(), actor, upload.ID)
		for _, err := range []error{err, errAppend, errComplete} {
			if err == nil || hub.KindOf(err) != hub.KindNotFound {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	stripped := f.actor
	stripped.Agencies = nil
	_, err := f.UploadStatus(t.Context(), stripped, upload.ID)
	wantError(t, err, hub.KindDenied, " agency")
}

func TestSweepUploads(t *testing.T) {
	f := newFixture()
	old := f.register(t, f.announced("1", original))
	f.append1(t, old.ID, 0, original[:5])
	f.Clock.Advance(time.Hour)
	young := f.register(t, f.announced("2", original))
	f.Clock.Advance(23 * time.Hour)
	if n, err := f.SweepUploads(t.Context()); n != 1 || err != nil {
		t.Fatalf("swept %d, %v", n, err)
	}
	_, err := f.UploadStatus(t.Context(), f.actor, old.ID)
	wantError(t, err, hub.KindNotFound, "upload ")
	if _, err := f.UploadStatus(t.Context(), f.actor, young.ID); err != nil {
		t.Error(err)
	}
	if n, err := f.SweepUploads(t.Context()); n != 0 || err != nil {
		t.Errorf("swept %d again, %v", n, err)
	}
	if f.Blobs.Staged() != 0 {
		t.Errorf("%d parts are still staged", f.Blobs.Staged())
	}
}

func TestCompletingAtOnceGivesOneDispatch(t *testing.T) {
	f := newFixture()
	upload := f.register(t, f.announced("1", original, "second"))
	f.append1(t, upload.ID, 0, original)
	if _, err := f.Append(t.Context(), f.actor, upload.ID, "p2", 0, strings.NewReader("second")); err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	receipts := make([]hub.SealedEvidence, 8)
	for i := range receipts {
		group.Go(func() {
			accepted, err := f.Complete(t.Context(), f.actor, upload.ID)
			if err != nil {
				t.Error(err)
			}
			receipts[i] = accepted.Receipt
		})
	}
	group.Wait()
	for _, r := range receipts {
		if r.Digest != receipts[0].Digest {
			t.Error("two receipts for one upload")
		}
	}
	if len(f.sent(t)) != 1 {
		t.Errorf("%d dispatches", len(f.sent(t)))
	}
}
