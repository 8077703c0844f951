package httpapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// events tells a recipient by server-sent events that something came. An event is
// a hint; the mailbox tells what. A new listener gets one at once when the mailbox
// is not empty, so that nothing is lost between two connections.
func (a *api) events(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	bell := a.Mailbox.Listen(agency)
	waiting, err := a.Mailbox.Mailbox(x.r.Context(), x.actor, hub.MailboxQuery{Agency: agency, Page: hub.Page{Limit: 1}})
	if err != nil {
		return err
	}
	x.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	x.w.Header().Set("X-Accel-Buffering", "no") // asks a proxy not to hold events back
	x.w.WriteHeader(http.StatusOK)
	s := stream{api: a, x: x, agency: agency}
	if err := s.comment("listening"); err != nil {
		return nil //nolint:nilerr // the listener is gone
	}
	if len(waiting.Items) > 0 {
		if err := s.arrival(); err != nil {
			return nil //nolint:nilerr // the listener is gone
		}
	}
	s.run(bell)
	return nil
}

// stream is one listener.
type stream struct {
	api    *api
	x      *exchange
	agency hub.AgencyID
}

// run sends events and signs of life until the listener goes, the server stops,
// the key is revoked or the stream has lived long enough.
func (s *stream) run(bell <-chan struct{}) {
	heartbeat := time.NewTicker(s.api.Limits.Heartbeat)
	defer heartbeat.Stop()
	end := time.NewTimer(s.api.Limits.Stream)
	defer end.Stop()
	for {
		var err error
		select {
		case <-bell:
			bell = s.api.Mailbox.Listen(s.agency)
			err = s.arrival()
		case <-heartbeat.C:
			if err = s.stillAllowed(); err == nil {
				err = s.comment("heartbeat")
			}
		case <-end.C:
			return
		case <-s.api.Stopping:
			return
		case <-s.x.r.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// stillAllowed asks again whether the key is in force and receives for the agency.
func (s *stream) stillAllowed() error {
	actor, err := s.api.whose(s.x)
	if err != nil {
		return err
	}
	return actor.Receives(s.agency)
}

func (s *stream) arrival() error {
	data, err := encodeJSON(struct {
		Agency hub.AgencyID `json:"agency"`
		At     time.Time    `json:"at"`
	}{s.agency, s.api.Now().UTC()})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(s.x.w, "event: arrival\ndata: %s\n", data); err != nil { // data ends its own line
		return err
	}
	return s.x.w.flush()
}

func (s *stream) comment(text string) error {
	if _, err := fmt.Fprintf(s.x.w, ": %s\n\n", text); err != nil {
		return err
	}
	return s.x.w.flush()
}
