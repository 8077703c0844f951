package floor

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"time"

	"github.com/google/uuid"

	"github.com/lienthong/lienthong/hub"
)

// submission is what is read of a submission.
type submission struct {
	Sender     string          `json:"sender"`
	Recipients []string        `json:"recipients"`
	ExternalID string          `json:"external_id"`
	Document   json.RawMessage `json:"document"`
	Parts      []struct {
		ID        string `json:"id"`
		Name      string `json:"name"`
		MediaType string `json:"media_type"`
	} `json:"parts"`
}

// dispatch is an accepted document with one part, which is what a load sends.
type dispatch struct {
	ID         string          `json:"id"`
	Sender     string          `json:"sender"`
	ExternalID string          `json:"external_id"`
	Document   json.RawMessage `json:"document"`
	Part       part            `json:"part"`
	Time       time.Time       `json:"time"`

	deliveries []*delivery
	proof      proof
	lent       int // deliveries that are not handed over
}

// part is the original and where its bytes are.
type part struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"`
	MediaType string     `json:"media_type"`
	Size      int64      `json:"size"`
	SHA256    hub.Digest `json:"sha256"`

	Object string `json:"object"`         // name of the object that holds the bytes
	From   int64  `json:"from,omitempty"` // of the base64 digits in it, in bytes
	To     int64  `json:"to,omitempty"`   // not included; 0 when the object is the part
}

// delivery is a dispatch for one recipient.
type delivery struct {
	id        string
	recipient string
	dispatch  *dispatch
	consigned time.Time
}

// formBuffer is the size of the pieces in which a form is read.
const formBuffer = 64 << 10

// submitForm takes a submission and its file.
func (f *Floor) submitForm(w http.ResponseWriter, r *http.Request, caller string) error {
	_, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil {
		return errors.Join(errInvalid, err)
	}
	form := multipart.NewReader(bufio.NewReaderSize(r.Body, formBuffer), params["boundary"])
	first, err := form.NextRawPart()
	if err != nil {
		return errors.Join(errInvalid, err)
	}
	var s submission
	if err := json.NewDecoder(first).Decode(&s); err != nil || len(s.Parts) != 1 {
		return errors.Join(errInvalid, err)
	}
	file, err := form.NextRawPart()
	if err != nil {
		return errors.Join(errInvalid, err)
	}
	c, err := f.receive(file, r.ContentLength)
	if err != nil {
		return err
	}
	defer c.discard()
	p := part{ID: s.Parts[0].ID, Name: s.Parts[0].Name, MediaType: s.Parts[0].MediaType, Size: c.Size(), SHA256: c.digest, Object: c.digest.String()}
	return f.accept(w, r, caller, &s, p, c, c)
}

// accept verifies, makes everything durable and answers. stored is what is kept,
// original the part that is in it.
func (f *Floor) accept(w http.ResponseWriter, r *http.Request, caller string, s *submission, p part, original hub.Blob, stored *content) error {
	ctx := r.Context()
	if s.Sender != caller {
		return errDenied
	}
	if err := f.knows(s.Recipients); err != nil {
		return err
	}
	report, err := f.verifier.VerifyPart(ctx, hub.Part{ID: p.ID, Role: hub.RoleOriginal, Name: p.Name, MediaType: p.MediaType, Size: p.Size, Digest: p.SHA256}, original)
	if err != nil {
		return err
	}
	if err := f.objects.put(ctx, stored); err != nil {
		return err
	}
	d := &dispatch{ID: newID(), Sender: s.Sender, ExternalID: s.ExternalID, Document: s.Document, Part: p, Time: now()}
	for _, code := range s.Recipients {
		d.deliveries = append(d.deliveries, &delivery{id: newID(), recipient: code, dispatch: d})
	}
	if d.proof, err = f.prove("SubmissionAcceptance", d, s.Recipients, &report); err != nil {
		return err
	}
	if err := f.rows.accept(ctx, d); err != nil {
		return err
	}
	f.hold(d)
	if err := f.queue.publish(ctx, d.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return answer(w, map[string]any{"dispatch": map[string]string{"id": d.ID}, "receipt": d.proof})
}

func newID() string { return uuid.Must(uuid.NewV7()).String() }

func now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// proof is a signed evidence.
type proof struct {
	Evidence  json.RawMessage `json:"evidence"`
	Signature []byte          `json:"signature"` // ECDSA P-256 over the SHA-256 of it
}

// evidence says what happened. Its members come in the order of their names.
type evidence struct {
	Content    part             `json:"content"`
	Dispatch   string           `json:"dispatch"`
	Event      string           `json:"event"`
	ExternalID string           `json:"external_id"`
	ID         string           `json:"id"`
	Recipients []string         `json:"recipients"`
	Sender     string           `json:"sender"`
	Signatures []hub.Indication `json:"signatures,omitempty"`
	Time       time.Time        `json:"time"`
}

func (f *Floor) prove(event string, d *dispatch, recipients []string, report *hub.SignatureReport) (proof, error) {
	e := evidence{
		Content: d.Part, Dispatch: d.ID, Event: event, ExternalID: d.ExternalID, ID: newID(),
		Recipients: recipients, Sender: d.Sender, Time: now(),
	}
	if report != nil {
		for i := range report.Signatures {
			e.Signatures = append(e.Signatures, report.Signatures[i].Indication)
		}
	}
	text, err := json.Marshal(e)
	if err != nil {
		return proof{}, err
	}
	digest := sha256.Sum256(text)
	signature, err := f.key.Sign(rand.Reader, digest[:], nil)
	return proof{text, signature}, err
}

// maxPackage is the largest edXML package, in bytes: it is held in memory.
const maxPackage = 64 << 20

// envelope is what is read of an edXML package.
type envelope struct {
	Header struct {
		Message struct {
			From struct {
				Code string `xml:"OrganId"`
			}
			Document string `xml:"DocumentId"`
			Code     struct{ CodeNumber, CodeNotation string }
			Subject  string
		} `xml:"MessageHeader"`
	} `xml:"edXMLEnvelope>edXMLHeader"`
}

// submitPackage takes an edXML package with one attachment. It is kept as it came;
// the attachment is cut out and decoded whenever it is asked for.
func (f *Floor) submitPackage(w http.ResponseWriter, r *http.Request, caller string) error {
	c, err := f.receive(http.MaxBytesReader(w, r.Body, maxPackage), r.ContentLength)
	if err != nil {
		return err
	}
	defer c.discard()
	text, err := c.bytes()
	if err != nil {
		return err
	}
	from, to, err := attachment(text)
	if err != nil {
		return err
	}
	var e envelope
	if err := headerOf(text[:from], &e); err != nil {
		return errors.Join(errInvalid, err)
	}
	document, err := base64.StdEncoding.AppendDecode(nil, text[from:to])
	if err != nil {
		return errors.Join(errInvalid, err)
	}
	m := &e.Header.Message
	s := submission{Sender: m.From.Code, Recipients: r.URL.Query()["to"], ExternalID: m.Document}
	if s.Document, err = json.Marshal(m); err != nil {
		return err
	}
	p := part{
		ID: "p1", Name: "a.pdf", MediaType: "application/pdf", Size: int64(len(document)), SHA256: sha256.Sum256(document),
		Object: c.digest.String(), From: int64(from), To: int64(to),
	}
	return f.accept(w, r, caller, &s, p, hub.BlobOf(document), c)
}

// attachment finds the base64 digits of a package.
func attachment(text []byte) (from, to int, err error) {
	at := bytes.Index(text, []byte("ContentTransferEncoded"))
	if at >= 0 {
		if open := bytes.IndexByte(text[at:], '>'); open >= 0 {
			from = at + open + 1
			if length := bytes.IndexByte(text[from:], '<'); length >= 0 {
				return from, from + length, nil
			}
		}
	}
	return 0, 0, fmt.Errorf("%w: the package has no attachment", errInvalid)
}

// headerOf reads the envelope from the text before the attachment, which ends within
// an element.
func headerOf(text []byte, e *envelope) error {
	end := []byte("edXMLEnvelope>")
	at := bytes.LastIndex(text, end)
	if at < 0 {
		return errors.New("the package has no envelope")
	}
	return xml.NewDecoder(io.MultiReader(bytes.NewReader(text[:at+len(end)]), bytes.NewReader([]byte("</edXML>")))).Decode(e)
}

// hold keeps a dispatch until it is handed over.
func (f *Floor) hold(d *dispatch) {
	f.mu.Lock()
	defer f.mu.Unlock()
	d.lent = len(d.deliveries)
	f.held[d.ID] = d
	for _, v := range d.deliveries {
		f.open[v.id] = v
	}
}
