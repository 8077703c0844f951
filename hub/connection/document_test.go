package connection_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/connection"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// inside is a hub in order that a test may spoil. Its packages are the files themselves.
type inside struct {
	blobs   *hubtest.Blobs
	checked hub.Submission
	ready   hub.Readiness
	refusal error // of the checks
	box     error
	packed  func(file []byte) []byte
}

// Preview implements connection.Intake.
func (in *inside) Preview(_ context.Context, _ hub.Actor, sub hub.Submission) (hub.Preview, error) {
	in.checked = sub
	return hub.Preview{}, in.refusal
}

// Mailbox implements connection.Boxes.
func (in *inside) Mailbox(context.Context, hub.Actor, hub.MailboxQuery) (hub.List[hub.Item], error) {
	return hub.List[hub.Item]{}, in.box
}

func (in *inside) encode(_ context.Context, w io.Writer, sub hub.Submission, open func(hub.Part) (hub.Blob, error)) error {
	blob, err := open(sub.Parts[0])
	if err != nil {
		return err
	}
	defer blob.Close()
	file, err := io.ReadAll(blob)
	if err != nil {
		return err
	}
	_, err = w.Write(in.packed(file))
	return err
}

func (in *inside) decode(ctx context.Context, r io.Reader) (hub.Package, error) {
	file, err := io.ReadAll(r)
	if err != nil {
		return hub.Package{}, err
	}
	writer, err := in.blobs.CreateBlob(ctx)
	if err != nil {
		return hub.Package{}, err
	}
	defer writer.Discard()
	if _, err := writer.Write(file); err != nil {
		return hub.Package{}, err
	}
	digest, size, err := writer.Commit()
	part := hub.Part{ID: "p1", Digest: digest, Size: size}
	return hub.Package{Kind: hub.PackageDocument, Submission: &hub.Submission{Parts: []hub.Part{part}, Envelope: &part}}, err
}

// TestInside: the test document passes through a hub in order, and the hop that fails is
// the last one.
func TestInside(t *testing.T) {
	whole := func(file []byte) []byte { return file }
	now := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		spoil func(in *inside, agency *hub.Agency)
		want  string
	}{
		"in order": {func(*inside, *hub.Agency) {}, "health, agency, store, rules, package, box"},
		"degraded": {func(in *inside, _ *hub.Agency) {
			in.ready = hub.ReadinessOf(hub.HealthCheck{Name: "clock", State: hub.HealthDegraded, Reason: "differs"})
		}, "health clock: differs, agency, store, rules, package, box"},
		"not ready": {func(in *inside, _ *hub.Agency) {
			in.ready = hub.ReadinessOf(hub.HealthCheck{Name: "database", State: hub.HealthFailed, Reason: "away"})
		}, "health! unavailable: this node cannot serve now: database: away, agency, store, rules, package, box"},
		"closed": {func(_ *inside, a *hub.Agency) { a.Valid.To = now }, "health, agency! unknown_agency: the agency is not in force now: it can neither send nor receive"},
		"unsigned": {func(in *inside, _ *hub.Agency) {
			in.refusal = hub.Violations{hub.Errorf(hub.KindUntrusted, "parts[0]", "signature", "not signed"), hub.Errorf(hub.KindUntrusted, "parts[0]", "two_signatures", "not sealed")}
		}, "health, agency, store, rules without a signature a document is refused: not signed, package, box"},
		"refused": {func(in *inside, _ *hub.Agency) {
			in.refusal = hub.Violations{hub.Errorf(hub.KindUntrusted, "parts[0]", "signature", "not signed"), hub.Invalid("document.subject", "required", "a subject is missing")}
		}, "health, agency, store, rules! invalid: a subject is missing"},
		"another file": {func(in *inside, _ *hub.Agency) {
			in.packed = func([]byte) []byte { return []byte("another") }
		}, "health, agency, store, rules, package! it failed inside the hub; see its log"},
		"no box": {func(in *inside, _ *hub.Agency) { in.box = errors.New("no database at 10.0.0.1") }, "health, agency, store, rules, package, box! it failed inside the hub; see its log"},
	} {
		in := &inside{blobs: &hubtest.Blobs{}, ready: hub.Readiness{Ready: true}, packed: whole}
		agency := &hub.Agency{ID: "xa", Codes: []hub.Dated[hub.Code]{{Value: "H47.12"}}}
		test.spoil(in, agency)
		way := &connection.Inside{
			Ready: func(context.Context) hub.Readiness { return in.ready }, Blobs: in.blobs, Intake: in, Boxes: in,
			Codec: connection.Codec{Encode: in.encode, Decode: in.decode},
			Document: func() (hub.Document, []byte, error) {
				return hub.Document{Subject: "thử"}, bytes.Repeat([]byte("x"), 999), nil
			},
			NewID: func() string { return "1" }, Now: func() time.Time { return now },
		}
		s := connection.New(connection.Options{Directory: agencies{agency}, Turns: &turns{}, Ways: []connection.Way{way}, Now: time.Now})
		result, err := s.Test(t.Context(), operator(), "xa")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, hop := range result.Ways[0].Hops {
			text := string(hop.Hop)
			if !hop.Passed {
				text += "!"
			}
			if hop.Hop != hub.HopAgency || !hop.Passed {
				text = strings.TrimSpace(text + " " + hop.Detail + hop.Error)
			}
			got = append(got, text)
		}
		if text := strings.Join(got, ", "); text != test.want || result.Passed == strings.Contains(test.want, "!") {
			t.Errorf("%s: got %s, want %s", name, text, test.want)
		}
		if name == "in order" && (in.checked.Sender != "H47.12" || in.checked.Recipients[0] != "H47.12" || *result.Ways[0].Hops[2].Count != 999) {
			t.Errorf("checked was %+v", in.checked)
		}
	}
}
