package httpapi

import (
	"io"
	"net/http"
	"os"

	"github.com/lienthong/lienthong/hub"
)

// verify verifies the signatures in a file that the hub does not keep.
func (a *api) verify(x *exchange) error {
	q := x.query()
	name := q.text("name")
	if err := q.done(); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
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
	return x.json(http.StatusOK, withList(report))
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

// nameless copies r to a nameless file: verifying jumps to and fro in it.
func (a *api) nameless(r io.Reader) (*nameless, error) {
	file, err := os.CreateTemp(a.TempDir, "verify-*")
	if err != nil {
		return nil, hub.Internal("create a file to verify", err)
	}
	if err := os.Remove(file.Name()); err != nil {
		_ = file.Close() // the first error says more
		return nil, hub.Internal("take the name from a file to verify", err)
	}
	size, err := io.Copy(file, r)
	if err == nil && size == 0 {
		err = hub.Invalid("", "required", "the body is empty: it is the file to verify")
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
