package web

import (
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"os"

	"github.com/lienthong/lienthong/hub"
)

type examinePage struct {
	Report  *hub.FileReport
	Carried *carried // nil when the report is too large for a page
}

func (x *exchange) examineForm() error { return x.show(http.StatusOK, "examine", examinePage{}, nil) }

// examine verifies a file that the hub does not keep.
func (x *exchange) examine() error {
	release, err := x.takeVerifier()
	if err != nil {
		return err
	}
	defer release()
	report, err := x.examined()
	if err != nil && again(err) {
		return x.show(statusOf(hub.KindOf(err)), "examine", examinePage{}, x.problems(err, "file"))
	}
	if err != nil {
		return err
	}
	saved, err := x.carry(&report)
	if err != nil {
		return err
	}
	return x.show(http.StatusOK, "examine", examinePage{&report, saved}, nil)
}

// takeVerifier bounds the files that are verified side by side.
func (x *exchange) takeVerifier() (release func(), err error) {
	select {
	case x.verifying <- struct{}{}:
		return func() { <-x.verifying }, nil
	default:
		return nil, hub.Errorf(hub.KindBusy, "", "verifying", "too many files are being verified")
	}
}

func (x *exchange) examined() (hub.FileReport, error) {
	const formRoom = 64 << 10 // what a form is around its file
	x.r.Body = http.MaxBytesReader(x.w, x.r.Body, x.MaxFile+formRoom)
	form, err := x.r.MultipartReader()
	if err != nil {
		return hub.FileReport{}, hub.Invalid("file", "required", "choose a file")
	}
	if err := x.tokenFirst(form); err != nil {
		return hub.FileReport{}, err
	}
	part, err := form.NextPart()
	if err != nil || part.FormName() != "file" || part.FileName() == "" {
		return hub.FileReport{}, hub.Invalid("file", "required", "choose a file")
	}
	file, err := x.nameless(part)
	if err != nil {
		return hub.FileReport{}, err
	}
	defer file.Close()
	return x.Verifier.VerifyFile(x.r.Context(), part.FileName(), file)
}

// tokenFirst reads the token that a form of this session begins with.
func (x *exchange) tokenFirst(form *multipart.Reader) error {
	part, err := form.NextPart()
	if err == nil && part.FormName() == "form" {
		token, err := io.ReadAll(io.LimitReader(part, 100))
		if err == nil && x.ownForm(string(token)) {
			return nil
		}
	}
	return hub.Errorf(hub.KindDenied, "", "cross_origin", "this form was not made for this session")
}

// nameless is a file without a name: the system frees it when it is closed, or when the
// process dies.
type nameless struct {
	*os.File
	size int64
}

var _ hub.Blob = (*nameless)(nil)

// Size implements hub.Blob.
func (f *nameless) Size() int64 { return f.size }

func (x *exchange) nameless(r io.Reader) (*nameless, error) {
	file, err := os.CreateTemp(x.TempDir, "lienthong-*")
	if err != nil {
		return nil, hub.Internal("create a file for one request", err)
	}
	_ = os.Remove(file.Name()) // a file that keeps its name does no harm
	size, err := io.Copy(file, r)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		err = hub.Errorf(hub.KindTooLarge, "file", "max_size", "the file is larger than %d MiB", x.MaxFile>>20)
	case err != nil:
		err = hub.Invalid("file", "upload", "the file did not come whole")
	case size == 0:
		err = hub.Invalid("file", "empty", "the file is empty")
	default:
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		_ = file.Close() // the first error says more
		return nil, err
	}
	return &nameless{file, size}, nil
}
