package httpapi

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// verify verifies the signatures in a file that the hub does not keep.
func (a *api) verify(x *exchange) error {
	q := x.query()
	name, language := q.text("name"), q.text("lang")
	if err := q.done(); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	// A form around a good file would be judged as a file that something was put around.
	if kind, _, err := mime.ParseMediaType(x.r.Header.Get("Content-Type")); err == nil && strings.HasPrefix(kind, "multipart/") {
		return hub.Errorf(hub.KindUnsupported, "Content-Type", "content_type", "the body is the file itself (curl --data-binary @FILE), not a form")
	}
	file, err := a.nameless(x.r.Body)
	if err != nil {
		return err
	}
	defer file.Close()
	report, err := a.Verifier.VerifyFile(x.r.Context(), name, file)
	if err != nil {
		return err
	}
	report.SignatureReport = withList(report.SignatureReport)
	return a.reported(x, language, report, []hub.FileReport{report})
}

// reported answers with signature reports in the form that the client prefers: v as
// JSON, unless it asks for one of the others.
func (a *api) reported(x *exchange, language string, v any, files []hub.FileReport) error {
	x.w.Header().Add("Vary", "Accept")
	form := a.reportForm(x.r.Header.Get("Accept"))
	if form == nil {
		return x.json(http.StatusOK, v)
	}
	if language == "" {
		x.w.Header().Add("Vary", "Accept-Language")
		language = x.r.Header.Get("Accept-Language")
	}
	var body bytes.Buffer
	if err := form.Write(&body, language, files); err != nil {
		return err
	}
	if form.ContentPolicy != "" {
		x.w.Header().Set("Content-Security-Policy", form.ContentPolicy)
	}
	mediaType := form.MediaType
	if form.Charset != "" {
		mediaType += "; charset=" + form.Charset
	}
	return x.text(http.StatusOK, mediaType, body.Bytes())
}

// reportForm finds the form that an Accept header prefers; nil stands for JSON.
func (a *api) reportForm(accept string) *ReportForm {
	mediaTypes := make([]string, len(a.ReportForms))
	for i := range a.ReportForms {
		mediaTypes[i] = a.ReportForms[i].MediaType
	}
	if best := preferred(accept, mediaTypes...); best >= 0 {
		return &a.ReportForms[best]
	}
	return nil
}

// preferred returns which of the media types an Accept header prefers (RFC 9110 section
// 12.5.1); -1 stands for JSON, also where nothing that is asked for is there: an answer
// in another form helps more than none.
func preferred(accept string, mediaTypes ...string) int {
	best, weight := -1, 0.0
	for item := range strings.SplitSeq(accept, ",") {
		mediaType, parameters, err := mime.ParseMediaType(item)
		if err != nil {
			continue
		}
		q := 1.0
		if text, ok := parameters["q"]; ok {
			if q, err = strconv.ParseFloat(text, 64); err != nil {
				continue
			}
		}
		form := slices.Index(mediaTypes, mediaType)
		switch {
		case q <= weight:
		case form >= 0:
			best, weight = form, q
		case mediaType == "application/json" || mediaType == "*/*" || mediaType == "application/*":
			best, weight = -1, q
		}
	}
	return best
}

// nameless is a file without a name: the system frees it when it is closed, or
// when the process dies.
type nameless struct {
	*os.File
	size int64
}

var _ hub.Blob = (*nameless)(nil)

// Size implements hub.Blob.
func (f *nameless) Size() int64 { return f.size }

// unnamed creates an empty file without a name.
func (a *api) unnamed() (*os.File, error) {
	file, err := os.CreateTemp(a.TempDir, "lienthong-*")
	if err != nil {
		return nil, hub.Internal("create a file for one request", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close() // the first error says more
		return nil, hub.Internal("take the name from a file for one request", err)
	}
	return file, nil
}

// nameless copies r to a nameless file: verifying and sealing jump to and fro in it.
func (a *api) nameless(r io.Reader) (*nameless, error) {
	file, err := a.unnamed()
	if err != nil {
		return nil, err
	}
	size, err := io.Copy(file, r)
	if err == nil && size == 0 {
		err = hub.Invalid("", "required", "the body is empty: it is the file that this is about")
	}
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close() // the first error says more
		return nil, err
	}
	return &nameless{file, size}, nil
}
