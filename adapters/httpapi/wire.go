package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/internal/gzipped"
	"github.com/lienthong/lienthong/adapters/internal/strictjson"
	"github.com/lienthong/lienthong/hub"
)

// encodeJSON writes v on one line. HTML is not escaped, so that sealed bytes stay
// as they are.
func encodeJSON(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return nil, hub.Internal("encode the answer", err)
	}
	return b.Bytes(), nil
}

// jsonReceipt answers with an object of the members of v and a receipt behind them, and
// after that the members that end it, as they are written. The receipt is canonical JSON
// already: an encoder would read all of it once more.
func (x *exchange) jsonReceipt(status int, v any, sealed *hub.SealedEvidence, end string) error {
	body, err := encodeJSON(v)
	if err != nil {
		return err
	}
	receipt, err := sealed.MarshalJSON()
	if err != nil {
		return hub.Internal("encode the receipt", err)
	}
	body = bytes.TrimSuffix(body, []byte("}\n"))
	if len(body) > len("{") {
		body = append(body, ',')
	}
	body = append(append(append(body, `"receipt":`...), receipt...), end...)
	return x.text(status, "application/json", append(body, "}\n"...))
}

// json answers with v. To a GET it adds an ETag, and answers 304 when the client
// has the same already.
func (x *exchange) json(status int, v any) error {
	body, err := encodeJSON(v)
	if err != nil {
		return err
	}
	return x.text(status, "application/json", body)
}

// made answers with what a request made, or with what the same request made before.
func (x *exchange) made(anew bool, v any) error {
	status := http.StatusOK
	if anew {
		status = http.StatusCreated
	}
	return x.json(status, v)
}

// text answers with a whole body that fits into memory.
func (x *exchange) text(status int, contentType string, body []byte) error {
	h := x.w.Header()
	h.Add("Vary", "Accept-Encoding")
	if x.r.Method == http.MethodGet || x.r.Method == http.MethodHead {
		sum := sha256.Sum256(body)
		etag := `W/"` + hex.EncodeToString(sum[:16]) + `"`
		h.Set("ETag", etag)
		h.Set("Cache-Control", "private, no-cache")
		h.Add("Vary", "Authorization")
		if matches(x.r.Header.Get("If-None-Match"), etag) {
			x.w.WriteHeader(http.StatusNotModified)
			return nil
		}
	}
	h.Set("Content-Type", contentType)
	if len(body) > gzipped.Above && gzipped.Accepted(x.r.Header.Get("Accept-Encoding")) {
		if compressed, shorter := gzipped.Compress(body, gzip.BestSpeed); shorter {
			h.Set("Content-Encoding", "gzip")
			body = compressed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	_, _ = x.w.Write(body) // the client may be gone; what was done stays done
	return nil
}

// forEver answers with bytes that are the same whenever and for whoever asks.
func (x *exchange) forEver(contentType string, body []byte) error {
	h := x.w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(http.StatusOK)
	_, _ = x.w.Write(body) // the client may be gone
	return nil
}

// matches reports whether an If-None-Match header names the entity tag; the
// comparison is the weak one (RFC 9110 section 13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimSpace(tag)
		if tag == "*" || tag != "" && strings.TrimPrefix(tag, "W/") == strings.TrimPrefix(etag, "W/") {
			return true
		}
	}
	return false
}

// read decodes the JSON body of the request into v, strictly.
func (x *exchange) read(v any) error {
	if err := x.wants("application/json"); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	raw, err := io.ReadAll(x.r.Body)
	if err != nil {
		return err
	}
	return strictjson.Decode(raw, v)
}

// wants refuses a body of another media type; without one it is taken for granted.
func (x *exchange) wants(types ...string) error {
	given := x.r.Header.Get("Content-Type")
	if given == "" {
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(given)
	if err == nil {
		for _, t := range types {
			if mediaType == t {
				return nil
			}
		}
	}
	return hub.Errorf(hub.KindUnsupported, "Content-Type", "content_type", "the body is of the type %s", strings.Join(types, " or "))
}

// plain refuses a compressed body where none is expected.
func (x *exchange) plain() error {
	if coding := x.r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		return badCoding()
	}
	return nil
}

func badCoding() error {
	return hub.Errorf(hub.KindUnsupported, "Content-Encoding", "content_encoding", "a body comes as it is, or with gzip where the documentation says so")
}

// decoded returns the body without its gzip coding, bounded by limit after it too.
func (x *exchange) decoded(limit int64) (io.Reader, error) {
	switch coding := x.r.Header.Get("Content-Encoding"); {
	case coding == "" || strings.EqualFold(coding, "identity"):
		return x.r.Body, nil
	case !strings.EqualFold(coding, "gzip"):
		return nil, badCoding()
	}
	z, err := gzip.NewReader(x.r.Body)
	if err != nil {
		return nil, badGzip(err)
	}
	return &inflated{gzip: z, left: limit, limit: limit}, nil
}

// inflated bounds what comes out of a compressed body: gzip reaches a thousandfold.
type inflated struct {
	gzip  *gzip.Reader
	left  int64
	limit int64
}

// Read implements io.Reader.
func (f *inflated) Read(p []byte) (int, error) {
	n, err := f.gzip.Read(p)
	if f.left -= int64(n); f.left < 0 {
		return 0, hub.Errorf(hub.KindTooLarge, "", "max_size", "the body is above %d bytes when decompressed", f.limit)
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return n, badGzip(err)
	}
	return n, err
}

func badGzip(err error) error {
	return &hub.Error{Kind: hub.KindInvalid, Field: "Content-Encoding", Rule: "gzip", Message: "the body is not sound gzip", Err: err}
}
