package tlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Witness cosigns checkpoints of logs that it knows.
type Witness interface {
	// AddCheckpoint answers with the lines of cosignatures. The rules of its errors are
	// "origin", "signature", "size", "fork" and "consistency"; what does not begin where
	// the witness stands is a hub.StaleSize.
	AddCheckpoint(ctx context.Context, update hub.CheckpointUpdate) ([]byte, error)
}

// sizeType is the media type of the answer that names a size.
const sizeType = "text/x.tlog.size"

func addCheckpoint(witness Witness, log *slog.Logger, w http.ResponseWriter, r *http.Request) int {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxUpdate))
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		err = hub.Errorf(hub.KindTooLarge, "request", "size", "a request has at most %d bytes", maxUpdate)
	case err != nil:
		err = hub.Invalid("request", "body", "the request ended early")
	}
	var lines []byte
	if err == nil {
		var update hub.CheckpointUpdate
		if update, err = parseUpdate(body); err == nil {
			lines, err = witness.AddCheckpoint(r.Context(), update)
		}
	}
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if err == nil {
		h.Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write(lines) // a log that went away asks again
		return http.StatusOK
	}
	var stale *hub.StaleSize
	if errors.As(err, &stale) {
		h.Set("Content-Type", sizeType)
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, strconv.FormatInt(stale.Size, 10)+"\n")
		return http.StatusConflict
	}
	status, text := witnessStatus(err)
	if status == http.StatusInternalServerError {
		log.ErrorContext(r.Context(), "the witness failed", "error", err)
	}
	http.Error(w, text, status)
	return status
}

// witnessStatus maps errors to the answers of the protocol.
func witnessStatus(err error) (int, string) {
	e := hub.ViolationsOf(err)[0]
	switch {
	case e.Kind == hub.KindTooLarge:
		return http.StatusRequestEntityTooLarge, e.Message
	case e.Kind == hub.KindNotFound:
		return http.StatusNotFound, e.Message
	case e.Rule == "consistency":
		return http.StatusUnprocessableEntity, e.Message
	case e.Kind == hub.KindUntrusted:
		return http.StatusForbidden, e.Message
	case e.Kind == hub.KindInvalid:
		return http.StatusBadRequest, e.Message
	}
	return http.StatusInternalServerError, "the witness cannot answer now"
}

// WitnessClient asks witnesses.
type WitnessClient struct{ client *http.Client }

// NewWitnessClient returns a client. It follows no redirects: who is asked is the
// operator's to say. The transport may be nil.
func NewWitnessClient(transport http.RoundTripper) *WitnessClient {
	return &WitnessClient{&http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// maxAnswer is above the answer of any witness: a few lines.
const maxAnswer = 8 << 10

// AddCheckpoint asks the witness at an address, its submission prefix. Its answer is not verified here. A
// witness that stands elsewhere is a hub.StaleSize, one that refuses the tree is
// KindUntrusted, all else may pass (KindUnavailable).
func (c *WitnessClient) AddCheckpoint(ctx context.Context, address string, update hub.CheckpointUpdate) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimRight(address, "/")+"/add-checkpoint", bytes.NewReader(encodeUpdate(&update)))
	if err != nil {
		return nil, hub.Invalid("witness", "url", "%v", err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=utf-8")
	answer, err := c.client.Do(request)
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Field: "witness", Message: "the witness cannot be reached", Err: err}
	}
	defer answer.Body.Close()
	text, err := readAll(answer.Body, "the answer of a witness", maxAnswer)
	if err != nil {
		return nil, &hub.Error{Kind: hub.KindUnavailable, Field: "witness", Message: "the answer of the witness cannot be read", Err: err}
	}
	switch answer.StatusCode {
	case http.StatusOK:
		return text, nil
	case http.StatusConflict:
		number := string(text)
		size, err := strconv.ParseInt(number[:max(0, len(number)-1)], 10, 64)
		if err != nil || size < 0 || number != strconv.FormatInt(size, 10)+"\n" {
			return nil, hub.Errorf(hub.KindUnavailable, "witness", "answer", "the witness answers 409 without a size")
		}
		return nil, &hub.StaleSize{Size: size, Err: hub.Errorf(hub.KindConflict, "witness", "old_size", "the witness has seen the tree of size %d", size)}
	case http.StatusUnprocessableEntity:
		return nil, hub.Errorf(hub.KindUntrusted, "witness", "consistency", "the witness says that this tree does not begin with the one that it has seen")
	case http.StatusNotFound:
		return nil, hub.Errorf(hub.KindUnavailable, "witness", "origin", "the witness does not know this log (404): its operator adds the key of the log")
	case http.StatusForbidden:
		return nil, hub.Errorf(hub.KindUnavailable, "witness", "signature", "the witness has another key of this log (403)")
	}
	return nil, hub.Errorf(hub.KindUnavailable, "witness", "status", "the witness answers %s", answer.Status)
}
