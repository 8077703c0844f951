package web

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// A file of a letter may come in pieces, sent by the script of the page: it is announced,
// each piece is added at the offset that was reached, and at the end it is looked at as a
// file of the form is. Answers are JSON; what is wrong is said in the person's language.

// maxPiece bounds one piece, in bytes.
const maxPiece = 8 << 20

type progressAnswer struct {
	Upload string `json:"upload"`
	Offset int64  `json:"offset"`
	Size   int64  `json:"size"`
}

type fileAnswer struct {
	Claim string `json:"claim"`
	Name  string `json:"name"`
	Note  string `json:"note"` // role and size
	Role  string `json:"role"`
	// Said is what the document says of itself, by fields of the form.
	Said map[string]string `json:"said,omitempty"`
}

func (x *exchange) answerJSON(status int, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return hub.Internal("write an answer", err)
	}
	x.w.Header().Set("Content-Type", "application/json")
	x.w.WriteHeader(status)
	_, _ = x.w.Write(raw) // the browser may have gone
	return nil
}

// inPieces answers an error as JSON.
func (x *exchange) inPieces(err error) error {
	if err == nil || hub.KindOf(err) == hub.KindInternal {
		return err
	}
	text := ""
	for _, t := range x.problems(err) {
		text = strings.TrimSpace(text + " " + t)
	}
	return x.answerJSON(statusOf(hub.KindOf(err)), map[string]string{"problem": text})
}

// announceFile begins a file.
func (x *exchange) announceFile() error {
	size, err := strconv.ParseInt(x.r.PostFormValue("size"), 10, 64)
	switch {
	case err != nil:
		return x.inPieces(hub.Invalid("size", "empty", "the size of the file is missing"))
	case size > x.MaxFile:
		return x.inPieces(hub.Errorf(hub.KindTooLarge, "original", "max_size", "the file is larger than %d MiB", x.MaxFile>>20))
	}
	if err := checkName("original", x.r.PostFormValue("name")); err != nil {
		return x.inPieces(err)
	}
	if err := x.Overloaded(); err != nil {
		return x.inPieces(err)
	}
	u, err := x.Pieces.Announce(x.r.Context(), x.visit.Actor, x.office(), size)
	if err != nil {
		return x.inPieces(err)
	}
	return x.answerJSON(http.StatusCreated, progressAnswer{Upload: u.ID, Size: size})
}

func checkName(field, name string) error {
	if strings.ContainsFunc(name, hidden) {
		return hub.Invalid(field, "control_character", "the name holds characters that cannot be seen")
	}
	return nil
}

// fileProgress says how far a file has come.
func (x *exchange) fileProgress() error {
	u, err := x.Pieces.UploadStatus(x.r.Context(), x.visit.Actor, x.r.PathValue("upload"))
	if err != nil {
		return x.inPieces(err)
	}
	if len(u.Parts) != 1 || u.Sender != x.office() {
		return x.inPieces(hub.Errorf(hub.KindNotFound, "upload", "", "there is no such upload"))
	}
	return x.answerJSON(http.StatusOK, progressAnswer{Upload: u.ID, Offset: u.Parts[0].Offset, Size: u.Parts[0].Size})
}

// appendFile adds the body, as it is, at an offset. The token of the form comes in a header.
func (x *exchange) appendFile() error {
	if !x.ownForm(x.r.Header.Get("X-Form")) {
		return hub.Errorf(hub.KindDenied, "", "cross_origin", "this form was not made for this session")
	}
	offset, err := strconv.ParseInt(x.r.URL.Query().Get("offset"), 10, 64)
	if err != nil {
		return x.inPieces(hub.Invalid("", "upload", "the offset is missing"))
	}
	body := &patient{http.MaxBytesReader(x.w, x.r.Body, maxPiece), http.NewResponseController(x.w)}
	reached, err := x.Pieces.AppendFile(x.r.Context(), x.visit.Actor, x.r.PathValue("upload"), offset, uploaded{body})
	var known *hub.Error
	if err != nil && (!errors.As(err, &known) || known.Kind == hub.KindInternal) {
		return err
	}
	if err != nil {
		return x.inPieces(err)
	}
	return x.answerJSON(http.StatusOK, progressAnswer{Upload: x.r.PathValue("upload"), Offset: reached})
}

// finishFile looks at a whole file and gives the claim on it.
func (x *exchange) finishFile() error {
	value := x.r.PostFormValue
	role, field := hub.RoleAttachment, "annex"
	if value("role") == "original" {
		role, field = hub.RoleOriginal, "original"
	}
	if err := checkName(field, value("name")); err != nil {
		return x.inPieces(err)
	}
	part, err := x.Pieces.Finish(x.r.Context(), x.visit.Actor, x.r.PathValue("upload"))
	if err != nil {
		return x.inPieces(err)
	}
	content, err := x.Content.OpenBlob(x.r.Context(), part.Digest)
	if err != nil {
		return err
	}
	defer content.Close()
	look := &looker{role: role, field: field}
	if _, err := io.Copy(look, content); err != nil {
		return hub.Internal("look at a file", err)
	}
	if err := look.verdict(value("name")); err != nil {
		return x.inPieces(err)
	}
	if err := x.checkEncrypted(look, part.Digest); err != nil {
		return x.inPieces(err)
	}
	part.ID, part.Role, part.Name, part.MediaType = "", role, value("name"), "application/octet-stream"
	if parsed, _, err := mime.ParseMediaType(value("type")); err == nil {
		part.MediaType = parsed
	}
	if look.pdf() {
		part.MediaType = "application/pdf"
	}
	claim, err := x.claim(part)
	if err != nil {
		return err
	}
	v := &view{x: x}
	answer := fileAnswer{Claim: claim, Name: part.Name, Role: string(role), Note: v.T("role."+string(role)) + ", " + v.Size(part.Size)}
	if role == hub.RoleOriginal {
		answer.Said = x.said(part.Name, content)
	}
	return x.answerJSON(http.StatusOK, answer)
}
