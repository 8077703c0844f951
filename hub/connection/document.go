package connection

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Blobs takes content in and opens it. What no document comes to name is swept later.
type Blobs interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Intake makes every check of a submission and leaves nothing behind.
type Intake interface {
	Preview(ctx context.Context, actor hub.Actor, sub hub.Submission) (hub.Preview, error)
}

// Boxes shows what waits for an agency.
type Boxes interface {
	Mailbox(ctx context.Context, actor hub.Actor, query hub.MailboxQuery) (hub.List[hub.Item], error)
}

// Codec writes and reads edXML packages.
type Codec struct {
	Encode func(ctx context.Context, w io.Writer, sub hub.Submission, open func(hub.Part) (hub.Blob, error)) error
	Decode func(ctx context.Context, r io.Reader) (hub.Package, error)
}

// Inside is the way of a document inside the hub, which all agencies have in common. All
// fields are required.
type Inside struct {
	Ready  func(ctx context.Context) hub.Readiness
	Blobs  Blobs
	Intake Intake
	Boxes  Boxes
	Codec  Codec
	// Document is the test document, which says of itself that it is none, and its file.
	Document func() (hub.Document, []byte, error)
	NewID    func() string
	Now      func() time.Time
}

// Routes implements Way.
func (in *Inside) Routes(_ context.Context, agency *hub.Agency) ([]Route, error) {
	return []Route{{Way: hub.WayHub, Walk: func(ctx context.Context, hops *hub.Hops) {
		w := &walk{Inside: in, agency: agency}
		hops.DoSaying(hub.HopHealth, func() (string, *hub.Sentence, error) { return w.health(ctx) })
		_ = hops.DoSaying(hub.HopAgency, w.inForce) &&
			hops.Count(hub.HopStore, func() (int, error) { return w.store(ctx) }) &&
			hops.DoSaying(hub.HopRules, func() (string, *hub.Sentence, error) { return w.check(ctx) }) &&
			hops.Count(hub.HopPackage, func() (int, error) { return w.pack(ctx) }) &&
			hops.Do(hub.HopBox, func() (string, error) { return w.box(ctx) })
	}}}, nil
}

// walk is one test document on its way.
type walk struct {
	*Inside
	agency *hub.Agency
	sub    hub.Submission
}

// actor is the hub itself in the place of the agency: whoever tests may do less.
func (w *walk) actor() hub.Actor {
	return hub.Actor{Name: "connection-test", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{w.agency.ID}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect}, Auth: hub.AuthLocal}
}

func (w *walk) health(ctx context.Context) (string, *hub.Sentence, error) {
	var faults, parts []string
	ready := w.Ready(ctx)
	for _, c := range ready.Checks {
		if c.State != hub.HealthSound {
			faults, parts = append(faults, fmt.Sprintf("%s: %s", c.Name, c.Reason)), append(parts, c.Name)
		}
	}
	details := strings.Join(faults, "; ")
	switch {
	case !ready.Ready:
		return "", nil, &hub.Error{Kind: hub.KindUnavailable, Rule: "parts_failed", Message: "this node cannot serve now: " + details, Values: parts}
	case len(parts) > 0:
		return details, &hub.Sentence{Code: "parts_degraded", Values: parts}, nil
	}
	return "", nil, nil
}

func (w *walk) inForce() (string, *hub.Sentence, error) {
	now := w.Now()
	code := w.agency.CodeAt(now)
	if !w.agency.Valid.Contains(now) || code == "" {
		return "", nil, hub.Errorf(hub.KindUnknownAgency, "", "not_in_force", "the agency is not in force now: it can neither send nor receive")
	}
	channel := w.agency.ChannelAt(now)
	return fmt.Sprintf("%s (%s)", code, channel), hub.Say("in_force", code, channel), nil
}

// store writes the file of the test document, and reads it back to its end, which proves
// its digest.
func (w *walk) store(ctx context.Context) (int, error) {
	code := w.agency.CodeAt(w.Now())
	document, file, err := w.Document()
	if err != nil {
		return 0, err
	}
	digest, size, err := hub.KeepBlob(ctx, w.Blobs.CreateBlob, file)
	if err != nil {
		return 0, err
	}
	w.sub = hub.Submission{
		Sender: string(code), Recipients: []string{string(code)}, ExternalID: "connection-test-" + w.NewID(), Operation: hub.OperationNew,
		Document: document, Format: hub.FormatREST,
		Parts: []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "thu.pdf", MediaType: "application/pdf", Size: size, Digest: digest}},
	}
	blob, err := w.Blobs.OpenBlob(ctx, digest)
	if err != nil {
		return 0, err
	}
	_, err = io.Copy(io.Discard, blob)
	return int(size), errors.Join(err, blob.Close())
}

// check has the document checked as one that is sent. That it is not signed is no fault of
// the connection.
func (w *walk) check(ctx context.Context) (string, *hub.Sentence, error) {
	_, err := w.Intake.Preview(ctx, w.actor(), w.sub)
	if err == nil {
		return "", nil, nil
	}
	broken := hub.ViolationsOf(err)
	if i := slices.IndexFunc(broken, func(e *hub.Error) bool { return e.Kind != hub.KindUntrusted }); i >= 0 {
		return "", nil, broken[i]
	}
	return "without a signature a document is refused: " + broken[0].Message, hub.Say("signed_only"), nil
}

// pack writes the package as channels of edXML carry it, and reads it again.
func (w *walk) pack(ctx context.Context) (int, error) {
	reader, writer := io.Pipe()
	encoded := make(chan error, 1)
	go func() {
		err := w.Codec.Encode(ctx, writer, w.sub, func(p hub.Part) (hub.Blob, error) { return w.Blobs.OpenBlob(ctx, p.Digest) })
		encoded <- errors.Join(err, writer.CloseWithError(err))
	}()
	p, err := w.Codec.Decode(ctx, reader)
	_ = reader.CloseWithError(io.ErrClosedPipe) // lets the writer end
	if wrong := <-encoded; err == nil {
		err = wrong
	}
	switch {
	case err != nil:
		return 0, err
	case p.Submission == nil || len(p.Submission.Parts) != 1 || p.Submission.Parts[0].Digest != w.sub.Parts[0].Digest:
		return 0, hub.Internal("read a package", errors.New("the package holds another file than was packed"))
	case p.Submission.Envelope == nil:
		return 0, nil
	}
	return int(p.Submission.Envelope.Size), nil
}

func (w *walk) box(ctx context.Context) (string, error) {
	_, err := w.Boxes.Mailbox(ctx, w.actor(), hub.MailboxQuery{Agency: w.agency.ID, Page: hub.Page{Limit: 1}})
	return "", err
}
