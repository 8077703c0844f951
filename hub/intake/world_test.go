package intake_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
)

const (
	office = "000.00.12.H47"
	bureau = "000.00.13.H47"
	remote = "000.00.14.H47" // reached by a carrier
	ward   = "000.31.05.H47"
)

// fixture is an intake in its surroundings.
type fixture struct {
	*hubtest.World
	*intake.Service
	actor hub.Actor // the system of hubtest.Province
	bell  *bell
}

// bell remembers who was rung for.
type bell struct{ rung []hub.AgencyID }

func (b *bell) Ring(agency hub.AgencyID) { b.rung = append(b.rung, agency) }

func newFixture(changes ...func(*intake.Options)) *fixture {
	w, b := hubtest.NewWorld(), &bell{}
	o := intake.Options{
		Store: w, Uploads: w, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Verifier: w.Verifier,
		Notary: w.Notary, Queue: w.Queue, Bell: b, Now: w.Clock.Now, NewID: w.IDs.New, Canonical: hubtest.CanonicalReport,
	}
	for _, change := range changes {
		change(&o)
	}
	return &fixture{World: w, Service: intake.New(o), actor: hubtest.System(hubtest.Province), bell: b}
}

func (f *fixture) submit(t *testing.T, sub hub.Submission) hub.Accepted {
	t.Helper()
	accepted, err := f.Submit(t.Context(), f.actor, sub)
	if err != nil {
		t.Fatal(err)
	}
	return accepted
}

// interrupt runs act once, just before the store does what method says.
func (f *fixture) interrupt(method string, act func()) {
	f.Before = func(m string) error {
		if m == method {
			f.Before = nil
			act()
		}
		return nil
	}
}

// evidences returns all evidence of the world.
func (f *fixture) evidences(t *testing.T) []hub.SealedEvidence {
	t.Helper()
	list, err := f.Evidences(t.Context(), hub.EvidenceQuery{Page: hub.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// sent returns all dispatches of the province.
func (f *fixture) sent(t *testing.T) []hub.SentItem {
	t.Helper()
	list, err := f.Sent(t.Context(), hub.SentQuery{Agency: hubtest.Province, Page: hub.Page{Limit: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

// rejected fails the test unless err is a rejection whose receipt is stored.
func (f *fixture) rejected(t *testing.T, err error) *hub.Rejection {
	t.Helper()
	var r *hub.Rejection
	if !errors.As(err, &r) {
		t.Fatalf("got %v, want a rejection", err)
	}
	stored, err := f.Evidence(t.Context(), r.Receipt.Evidence.ID)
	if err != nil || stored.Digest != r.Receipt.Digest || stored.Evidence.Event != hub.EventSubmissionRejection {
		t.Fatalf("the receipt of the rejection is stored as %v, %v", stored.Evidence.Event.Name(), err)
	}
	return r
}

// rules lists violations as "field rule".
func rules(err error) string {
	var list []string
	for _, v := range hub.ViolationsOf(err) {
		list = append(list, v.Field+" "+v.Rule)
	}
	return strings.Join(list, ", ")
}

func wantError(t *testing.T, err error, kind hub.ErrorKind, rule string) {
	t.Helper()
	if err == nil || hub.KindOf(err) != kind || rules(err) != rule {
		t.Fatalf("got %v (%s), want kind %s, %s", err, rules(err), kind, rule)
	}
}
