package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// doors are the ways into a hub, for systems that speak for the agency H47.
type doors struct {
	*testing.T
	rest *hubclient.Client // which tries once
	axis *vxp.Client
	sent int
}

func newDoors(t *testing.T, url string, operator *hubclient.Client) *doors {
	t.Helper()
	issue := func(system string) string {
		issued, err := operator.IssueKey(t.Context(), hubclient.NewKey{
			Name: "doors " + system, System: system, Kind: hub.ActorSystem, Agencies: []string{"H47"}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead},
		})
		if err != nil {
			t.Fatal(err)
		}
		return issued.Secret
	}
	rest, err := hubclient.New(hubclient.Options{URL: url, Key: issue(""), Retry: hubclient.Retry{Attempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(rest.CloseIdle)
	transport := &http.Transport{DisableKeepAlives: true}
	return &doors{T: t, rest: rest, axis: &vxp.Client{
		HTTP: &http.Client{Transport: transport}, Endpoint: url + "/vxp", System: "doors", Secret: issue("doors"), Now: time.Now,
	}}
}

var pdf = []byte("%PDF-1.7\n")

// submission is one of a document with that id.
func (d *doors) submission(id string) hub.Submission {
	return hub.Submission{
		Sender: "H47", Recipients: []string{"H47.12"}, ExternalID: id, Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "1", CodeNotation: "UBND-TN", TypeName: "Công văn", Subject: "Thử các lối vào", Promulgated: "2026-01-05"},
		Parts:    []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "a.pdf", MediaType: "application/pdf", Size: int64(len(pdf))}},
	}
}

func (d *doors) edxml(id string) []byte {
	d.Helper()
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(d.Context(), &out, d.submission(id), nil,
		func(context.Context, hub.Part) (hub.Blob, error) { return hub.BlobOf(pdf), nil })
	if err != nil {
		d.Fatal(err)
	}
	return out.Bytes()
}

// ways send a document with that id, each through a door of its own.
func (d *doors) ways(id string) map[string]func() error {
	sub := d.submission(id + "-form")
	packed, axis := d.edxml(id+"-packed"), d.edxml(id+"-axis")
	return map[string]func() error{
		"a form": func() error {
			_, err := d.rest.Submit(d.Context(), sub, []hubclient.File{{
				Part: sub.Parts[0], Open: func() (io.ReadCloser, error) { return hub.BlobOf(pdf), nil },
			}}, nil)
			return err
		},
		"a package": func() error {
			_, err := d.rest.SubmitPackage(d.Context(), hubclient.Package{
				Open: func() (io.ReadCloser, error) { return hub.BlobOf(packed), nil }, Size: int64(len(packed)),
			}, nil)
			return err
		},
		"the axis": func() error {
			_, err := d.axis.Send(d.Context(), "edoc", "", axis)
			return err
		},
	}
}

// open sends something new through every door, and what was sent first once more.
func (d *doors) open() {
	d.Helper()
	d.sent++
	for _, id := range []string{"1", fmt.Sprint(d.sent)} {
		for name, send := range d.ways(id) {
			if err := send(); err != nil {
				d.Errorf("%s does not come in: %v", name, err)
			}
		}
	}
}

// closed checks that nothing new comes in through any door, each saying why in the form
// of its protocol, while what was sent first is answered as ever.
func (d *doors) closed(why string) {
	d.Helper()
	for name, send := range d.ways("closed") {
		err := send()
		var e *hub.Error
		switch {
		case err == nil:
			d.Errorf("closed by %s, and %s comes in", why, name)
		case !strings.Contains(err.Error(), why):
			d.Errorf("closed by %s, %s hears %v", why, name, err)
		case name == "the axis":
			if !strings.Contains(err.Error(), "answers 503:") {
				d.Errorf("closed by %s, the axis says %v", why, err)
			}
		case !errors.As(err, &e) || e.Kind != hub.KindUnavailable || e.RetryAfter <= 0:
			d.Errorf("closed by %s, %s is told %+v", why, name, err)
		}
	}
	for name, send := range d.ways("1") {
		if err := send(); err != nil {
			d.Errorf("closed by %s, what came in before by %s gets no answer: %v", why, name, err)
		}
	}
}
