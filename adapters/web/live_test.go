package web

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// ears remembers for whose arrivals somebody listens.
type ears struct {
	Live
	heard []hub.AgencyID
}

func (e *ears) Listen(agency hub.AgencyID) <-chan struct{} {
	e.heard = append(e.heard, agency)
	return nil
}

// noBoxes ends a stream at its first look.
type noBoxes struct{ Boxes }

func (noBoxes) Mailbox(context.Context, hub.Actor, hub.MailboxQuery) (hub.List[hub.Item], error) {
	return hub.List[hub.Item]{}, errors.New("no look")
}

// TestLiveInboxRings: what comes for an agency for which the person receives rings at its
// open box, and a box of others does not ring at all.
func TestLiveInboxRings(t *testing.T) {
	for asked, want := range map[string]hub.AgencyID{"": "office", "?for=unit": "unit", "?for=stranger": "office"} {
		live := &ears{}
		visit := &hub.Visit{Session: hub.Session{Office: "office"}}
		visit.Actor.ReceivesFor = []hub.AgencyID{"unit"}
		s := &site{Options: Options{Live: live, Boxes: noBoxes{}}}
		x := &exchange{site: s, w: httptest.NewRecorder(), r: httptest.NewRequest(http.MethodGet, "/live/inbox"+asked, http.NoBody), visit: visit}
		if err := x.liveInbox(); err == nil || len(live.heard) != 1 || live.heard[0] != want {
			t.Errorf("%q: heard %v, want %s; %v", asked, live.heard, want, err)
		}
	}
}
