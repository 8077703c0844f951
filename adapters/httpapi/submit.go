package httpapi

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// submission is what a sender writes: hub.Submission without what only the hub
// may say of it.
type submission struct {
	Sender         string         `json:"sender"`
	Recipients     []string       `json:"recipients"`
	ForInformation []string       `json:"for_information"`
	Tasks          []hub.TaskWish `json:"tasks"`
	ExternalID     string         `json:"external_id"`
	Operation      hub.Operation  `json:"operation"` // absent: new
	Document       hub.Document   `json:"document"`
	Parts          []part         `json:"parts"`
}

// part is hub.Part as a sender announces it.
type part struct {
	ID          string       `json:"id"`
	Role        hub.PartRole `json:"role"` // absent: the first is the original, the others attachments
	Name        string       `json:"name"`
	Description string       `json:"description"`
	MediaType   string       `json:"media_type"`
	Size        int64        `json:"size"`   // optional where the bytes come along
	Digest      hub.Digest   `json:"sha256"` // the same
}

// submission completes what was written with what only the hub knows.
func (a *api) submission(x *exchange, s *submission) hub.Submission {
	sub := hub.Submission{
		Sender: s.Sender, Recipients: s.Recipients, ForInformation: s.ForInformation, Tasks: s.Tasks, ExternalID: s.ExternalID,
		Operation: cmp.Or(s.Operation, hub.OperationNew), Document: s.Document, Format: hub.FormatREST,
	}
	for i := range s.Parts {
		p := hub.Part(s.Parts[i])
		if p.Role == "" {
			p.Role = hub.RoleAttachment
			if i == 0 {
				p.Role = hub.RoleOriginal
			}
		}
		sub.Parts = append(sub.Parts, p)
	}
	a.stamp(x, &sub)
	return sub
}

// stamp notes when and under which key and trace the submission came.
func (a *api) stamp(x *exchange, sub *hub.Submission) {
	sub.Key, sub.TraceID, sub.ReceivedAt = x.r.Header.Get("Idempotency-Key"), x.trace, x.begun.UTC()
}

// accepted answers a submission: 201 for a new dispatch, 200 for one that the
// same submission made before.
func (x *exchange) accepted(a hub.Accepted, err error) error {
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", "/v1/dispatches/"+string(a.Dispatch.ID))
	status := http.StatusCreated
	if a.Duplicate {
		status = http.StatusOK
	}
	return x.jsonReceipt(status, struct {
		Dispatch   *hub.Dispatch  `json:"dispatch"`
		Deliveries []hub.Delivery `json:"deliveries"`
	}{&a.Dispatch, a.Deliveries}, &a.Receipt, fmt.Sprintf(`,"duplicate":%t`, a.Duplicate))
}

// submitForm takes a submission and its files in one multipart request.
func (a *api) submitForm(x *exchange) error {
	buffers := a.takeBuffers()
	defer a.giveBack(buffers)
	f, err := a.openForm(x, buffers)
	if err != nil {
		return err
	}
	written, err := f.submission()
	if err != nil {
		return err
	}
	if err := f.files(x.r.Context(), &written); err != nil {
		return err
	}
	accepted, err := a.Intake.Submit(x.r.Context(), x.actor, a.submission(x, &written))
	return x.accepted(accepted, err)
}

// submitPackage takes an edXML package: a document or a status report.
func (a *api) submitPackage(x *exchange) error {
	q := x.query()
	to := q.all("to")
	if err := q.done(); err != nil {
		return err
	}
	if err := x.wants("application/xml", "text/xml", "application/octet-stream"); err != nil {
		return err
	}
	body, err := x.decoded(a.Limits.Package)
	if err != nil {
		return err
	}
	decoded, err := a.Codec.Decode(x.r.Context(), body, a.Blobs)
	if err != nil {
		return err
	}
	if decoded.Kind == hub.PackageStatus {
		sealed, err := a.Recipient.ReportMessage(x.r.Context(), x.actor, *decoded.Status)
		return x.receipt(http.StatusCreated, sealed, err)
	}
	sub := *decoded.Submission
	sub.Format = hub.FormatEdXML
	if len(to) > 0 {
		sub.Recipients = to
	}
	a.stamp(x, &sub)
	accepted, err := a.Intake.Submit(x.r.Context(), x.actor, sub)
	return x.accepted(accepted, err)
}

func (a *api) registerUpload(x *exchange) error {
	var written submission
	if err := x.read(&written); err != nil {
		return err
	}
	upload, err := a.Uploads.Register(x.r.Context(), x.actor, a.submission(x, &written))
	if err != nil {
		return err
	}
	x.w.Header().Set("Location", "/v1/uploads/"+upload.ID)
	return x.json(http.StatusCreated, upload)
}

func (a *api) uploadStatus(x *exchange) error {
	upload, err := a.Uploads.UploadStatus(x.r.Context(), x.actor, x.param("upload"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, upload)
}

// appendUpload adds a chunk. What arrived before the connection broke is durable;
// the sender asks for the offset and goes on there.
func (a *api) appendUpload(x *exchange) error {
	offset, err := strconv.ParseInt(x.r.Header.Get("Upload-Offset"), 10, 64)
	if err != nil || offset < 0 {
		return hub.Invalid("Upload-Offset", "required", "the header Upload-Offset says where the bytes go, in bytes from the start of the part")
	}
	if err := x.wants("application/octet-stream", "application/offset+octet-stream"); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	next, err := a.Uploads.Append(x.r.Context(), x.actor, x.param("upload"), x.param("part"), offset, x.r.Body)
	if err != nil {
		return err
	}
	x.w.Header().Set("Upload-Offset", strconv.FormatInt(next, 10))
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

func (a *api) completeUpload(x *exchange) error {
	accepted, err := a.Uploads.Complete(x.r.Context(), x.actor, x.param("upload"))
	return x.accepted(accepted, err)
}
