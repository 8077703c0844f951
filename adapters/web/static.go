package web

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/gzipped"
	"github.com/lienthong/lienthong/hub"
)

//go:embed static
var static embed.FS

// statics are the files that pages load. Their addresses hold a mark of all of them, so
// that browsers keep them for long and never mix those of two versions.
type statics struct {
	mark  string
	files map[string]*staticFile
}

type staticFile struct {
	plain      []byte
	compressed func() []byte // made when it is first asked for; nil where it is no shorter
}

// readStatics reads what is built in.
func readStatics() (statics, error) {
	s, all := statics{files: map[string]*staticFile{}}, sha256.New()
	err := fs.WalkDir(static, "static", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		raw, err := static.ReadFile(name)
		if err != nil {
			return err
		}
		name = strings.TrimPrefix(name, "static/")
		sum := sha256.Sum256(raw)
		all.Write([]byte(name + "\x00"))
		all.Write(sum[:])
		s.files[name] = &staticFile{raw, sync.OnceValue(func() []byte {
			small, shorter := gzipped.Compress(raw, gzip.BestCompression)
			if !shorter {
				return nil
			}
			return small
		})}
		return nil
	})
	if err != nil {
		return s, hub.Internal("read the files of the pages", err)
	}
	s.mark = hex.EncodeToString(all.Sum(nil)[:8])
	return s, nil
}

// address is where a file stands.
func (s *statics) address(name string) string { return "/static/" + s.mark + "/" + name }

// ServeHTTP answers with a file. An address with another mark comes from a page of
// another version, on another node or from before: it gets what is here, and keeps
// nothing.
func (s *statics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := s.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if r.PathValue("mark") == s.mark {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	h.Add("Vary", "Accept-Encoding")
	content := file.plain
	if len(content) > gzipped.Above && gzipped.Accepted(r.Header.Get("Accept-Encoding")) {
		if small := file.compressed(); small != nil {
			h.Set("Content-Encoding", "gzip")
			content = small
		}
	}
	http.ServeContent(w, r, path.Base(r.PathValue("name")), time.Time{}, bytes.NewReader(content))
}

// Static is the address of a file that the page loads.
func (v *view) Static(name string) string { return v.x.statics.address(name) }
