package httpapi

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/internal/whole"
	"github.com/lienthong/lienthong/hub"
)

func (a *api) part(x *exchange) error {
	return a.content(x, x.param("part"))
}

// content answers with one part, whole or the one range that was asked for.
func (a *api) content(x *exchange, id string) error {
	part, blob, err := a.Dispatches.Open(x.r.Context(), x.actor, x.dispatch(), id)
	if err != nil {
		return err
	}
	return x.serve(part, blob)
}

// serve answers with a part, whole or the one range that was asked for, and closes it.
func (x *exchange) serve(part hub.Part, blob hub.Blob) error {
	defer blob.Close()
	etag := `"` + part.Digest.String() + `"`
	h := x.w.Header()
	h.Set("ETag", etag)
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Vary", "Authorization")
	if matches(x.r.Header.Get("If-None-Match"), etag) {
		x.w.WriteHeader(http.StatusNotModified)
		return nil
	}
	h.Set("Content-Type", mediaType(part.MediaType))
	h.Set("Content-Disposition", attachment(part.Name))
	h.Set("Repr-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(part.Digest[:])+":")
	h.Set("Accept-Ranges", "bytes")
	wanted := x.r.Header.Get("Range")
	if condition := x.r.Header.Get("If-Range"); condition != "" && condition != etag {
		wanted = ""
	}
	return x.bytes(blob, wanted)
}

// bytes sends the blob or one range of it.
func (x *exchange) bytes(blob hub.Blob, wanted string) error {
	r, ok := parseRange(wanted, blob.Size())
	if !ok {
		return x.send(blob, http.StatusOK, blob.Size())
	}
	if r.length == 0 {
		x.w.Header().Set("Content-Range", fmt.Sprintf("bytes */%d", blob.Size()))
		return hub.Invalid("Range", "byte_range", "the range lies outside the content of %d bytes", blob.Size())
	}
	if _, err := blob.Seek(r.start, io.SeekStart); err != nil {
		return hub.Internal("seek in content", err)
	}
	x.w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", r.start, r.start+r.length-1, blob.Size()))
	return x.send(io.LimitReader(blob, r.length), http.StatusPartialContent, r.length)
}

// send copies size bytes; damaged content never arrives whole.
func (x *exchange) send(r io.Reader, status int, size int64) error {
	x.w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	if x.r.Method == http.MethodHead {
		x.w.WriteHeader(status)
		return nil
	}
	err := whole.Copy(x.w, r, size, func() { x.w.WriteHeader(status) })
	if broken := (*whole.ReadError)(nil); errors.As(err, &broken) {
		return hub.Internal("read content", broken.Err)
	}
	return err
}

// byteRange is a part of a content; an unsatisfiable one has length 0.
type byteRange struct{ start, length int64 }

// parseRange reads a Range header with one range of bytes (RFC 9110 section 14).
// It reports false when the header is to be ignored: absent, of another unit,
// malformed, or with several ranges, which a server may always do.
func parseRange(header string, size int64) (byteRange, bool) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, dash := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok || !dash {
		return byteRange{}, false
	}
	if first == "" {
		n, ok := parseOffset(last)
		n = min(n, size)
		return byteRange{size - n, n}, ok
	}
	start, ok := parseOffset(first)
	if !ok {
		return byteRange{}, false
	}
	end := size - 1
	if last != "" {
		stated, ok := parseOffset(last)
		if !ok || stated < start {
			return byteRange{}, false
		}
		end = min(end, stated)
	}
	if start >= size {
		return byteRange{}, true
	}
	return byteRange{start, end - start + 1}, true
}

// parseOffset reads digits only: no sign, no blank.
func parseOffset(s string) (int64, bool) {
	n, err := strconv.ParseUint(s, 10, 63)
	return int64(n), err == nil && s[0] != '+'
}

// mediaType returns what the sender said if it is well-formed. Types that a
// browser would run are sent as bytes: content is data, never a page of this host.
func mediaType(said string) string {
	parsed, params, err := mime.ParseMediaType(said)
	if err != nil || strings.HasSuffix(parsed, "html") || strings.HasSuffix(parsed, "+xml") || strings.Contains(parsed, "javascript") {
		return "application/octet-stream"
	}
	return mime.FormatMediaType(parsed, params)
}

// attachment returns a Content-Disposition (RFC 6266) with the name in UTF-8 (RFC
// 8187) and, for old clients, in ASCII.
func attachment(name string) string {
	plain := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' || r == '%' {
			return '_'
		}
		return r
	}, hub.Fold(name))
	if plain == "" {
		plain = "file"
	}
	if plain == name {
		return `attachment; filename="` + plain + `"`
	}
	encoded := strings.ReplaceAll(url.QueryEscape(name), "+", "%20")
	return `attachment; filename="` + plain + `"; filename*=UTF-8''` + encoded
}

// packageOf answers with the dispatch as an edXML package: as it was received, or
// encoded now when it came in another form.
func (a *api) packageOf(x *exchange) error {
	ctx := x.r.Context()
	item, err := a.Dispatches.Dispatch(ctx, x.actor, x.dispatch())
	if err != nil {
		return err
	}
	if envelope := item.Dispatch.PartByID(string(hub.RoleEnvelope)); envelope != nil {
		return a.content(x, envelope.ID)
	}
	// Opening one part shows that the actor may read content, before anything is sent.
	if len(item.Dispatch.Parts) == 0 { // what is left of a document for whom it was taken from
		return hub.Errorf(hub.KindNotFound, "dispatch", "recalled", "the document was taken back by its sender")
	}
	_, blob, err := a.Dispatches.Open(ctx, x.actor, item.Dispatch.ID, item.Dispatch.Parts[0].ID)
	if err != nil {
		return err
	}
	_ = blob.Close() // only opened to ask
	h := x.w.Header()
	h.Set("Content-Type", "application/xml")
	h.Set("Content-Disposition", attachment(string(item.Dispatch.ID)+".edxml"))
	if x.r.Method == http.MethodHead {
		x.w.WriteHeader(http.StatusOK)
		return nil
	}
	return a.Codec.Encode(ctx, x.w, item, a.opener(ctx, x))
}

// opener yields the content of parts to the codec.
func (a *api) opener(ctx context.Context, x *exchange) func(hub.Part) (hub.Blob, error) {
	return func(p hub.Part) (hub.Blob, error) {
		_, blob, err := a.Dispatches.Open(ctx, x.actor, x.dispatch(), p.ID)
		return blob, err
	}
}
