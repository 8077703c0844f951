package web

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ledger has one evidence, and a log that says err of it.
type ledger struct {
	Trail
	err error
}

// Evidence implements Evidences.
func (ledger) Evidence(context.Context, hub.Actor, hub.EvidenceID) (hub.SealedEvidence, error) {
	return hub.SealedEvidence{Evidence: hub.Evidence{ID: "e1", Event: hub.EventContentConsignment, Time: time.Now()}}, nil
}

// Evidences implements Evidences.
func (ledger) Evidences(context.Context, hub.Actor, hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error) {
	return hub.List[hub.SealedEvidence]{}, nil
}

// Path implements Trail.
func (l ledger) Path(context.Context, hub.Actor, hub.EvidenceID) (hub.LogPath, error) {
	return hub.LogPath{}, l.err
}

// TestALogThatIsAgainstAnEvidence: what is not proved yet and what is disproved look
// different.
func TestALogThatIsAgainstAnEvidence(t *testing.T) {
	for kind, want := range map[hub.ErrorKind]string{hub.KindUnavailable: "alert open", hub.KindUntrusted: "alert bad"} {
		x, _ := reading(t, nil, "")
		answer := httptest.NewRecorder()
		l := ledger{err: hub.Errorf(kind, "proof", "root", "another <root>")}
		x.w, x.lang, x.Trail, x.Evidences, x.Directory = answer, vietnamese, l, l, communes(0)
		x.visit = &hub.Visit{Actor: hub.Actor{Scopes: []hub.Scope{hub.ScopeAudit}}}
		var err error
		if x.pages, err = readPages(); err != nil {
			t.Fatal(err)
		}
		if err := x.entry(); err != nil {
			t.Fatal(err)
		}
		got := answer.Body.String()
		if !strings.Contains(got, want) || strings.Contains(got, "alert good") || strings.Contains(got, "another &lt;root&gt;") != (kind == hub.KindUntrusted) {
			t.Errorf("%s: %s", kind, got)
		}
	}
}
