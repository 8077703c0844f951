package portal

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

//go:embed static
var static embed.FS

// statics are the files that pages load. Their addresses hold a mark of all of them, so that
// browsers keep them for long and never mix those of two versions.
type statics struct {
	mark  string
	files map[string][]byte
}

func readStatics() (statics, error) {
	s, all := statics{files: map[string][]byte{}}, sha256.New()
	entries, err := static.ReadDir("static")
	for _, entry := range entries {
		raw, err := static.ReadFile("static/" + entry.Name())
		if err != nil {
			return s, hub.Internal("read the files of the portal", err)
		}
		sum := sha256.Sum256(raw)
		all.Write([]byte(entry.Name() + "\x00"))
		all.Write(sum[:])
		s.files[entry.Name()] = raw
	}
	if err != nil {
		return s, hub.Internal("read the files of the portal", err)
	}
	s.mark = hex.EncodeToString(all.Sum(nil)[:8])
	return s, nil
}

// address is where a file stands.
func (s *statics) address(name string) string { return "/static/" + s.mark + "/" + name }

// ServeHTTP answers with a file; an address with the mark of another version gets what is
// here and keeps nothing.
func (s *statics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	file, ok := s.files[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	if r.PathValue("mark") == s.mark {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, r.PathValue("name"), time.Time{}, bytes.NewReader(file))
}
