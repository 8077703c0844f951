package web

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Live tells pages that are open what changes. It records no reading: the page was read
// when it was opened, and shows the same document.
type Live interface {
	// Look returns who presents a token, and is no sign of life of that session.
	Look(ctx context.Context, token string) (hub.Visit, error)
	// Listen returns a channel that is closed when something may have come for an agency.
	Listen(agency hub.AgencyID) <-chan struct{}
	Dispatch(ctx context.Context, actor hub.Actor, id hub.DispatchID) (hub.SentItem, error)
}

// Bounds of the streams to open pages.
const (
	boardEvery      = 3 * time.Second  // how often a board is looked at: nothing rings for a sender
	leastPause      = time.Second      // between two looks, however often it rings
	breath          = 15 * time.Second // signs of life, and looks whether the session goes on and what colleagues did
	streamLife      = 15 * time.Minute // browsers come again by themselves
	streamsAtOnce   = 3                // of one session: a browser opens six connections to a host
	streamsTogether = 2000
	streamStall     = 10 * time.Second
)

// streams are the open ones, by session.
type streams struct {
	mu   sync.Mutex
	open map[hub.Digest][]*listener
	all  int
}

type listener struct{ rest chan struct{} }

// add takes a stream in; the oldest of the session rests when it is one too many.
func (s *streams) add(session hub.Digest) (*listener, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= streamsTogether {
		return nil, false
	}
	l := &listener{rest: make(chan struct{})}
	own := s.open[session]
	if len(own) == streamsAtOnce {
		close(own[0].rest)
		own = append([]*listener{}, own[1:]...)
	}
	s.open[session] = append(own, l)
	s.all++
	return l, true
}

func (s *streams) remove(session hub.Digest, l *listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	var rest []*listener
	for _, o := range s.open[session] {
		if o != l {
			rest = append(rest, o)
		}
	}
	if len(rest) == 0 {
		delete(s.open, session)
		return
	}
	s.open[session] = rest
}

// sight is what a page shows at a moment: a mark that differs when it looks otherwise,
// and how to draw it.
type sight struct {
	mark string
	draw func() (string, error)
}

func markOf(parts ...any) string {
	sum := sha256.Sum256(fmt.Append(nil, parts...))
	return hex.EncodeToString(sum[:8])
}

// liveInbox sends the first page of a list again whenever it has changed.
func (x *exchange) liveInbox() error {
	asked, _ := x.list("/inbox")
	return x.stream(cmp.Or(asked.Box, x.office()), func() (sight, error) {
		p, err := x.inboxList()
		if err != nil {
			return sight{}, err
		}
		return sight{p.Mark, func() (string, error) { return x.piece("inbox", "incoming", &p) }}, nil
	})
}

// liveBoard sends the deliveries of a dispatch again whenever one has changed.
func (x *exchange) liveBoard() error {
	return x.stream("", func() (sight, error) {
		id, actor := hub.DispatchID(x.r.PathValue("dispatch")), x.visit.Actor
		item, err := x.Live.Dispatch(x.r.Context(), actor, id)
		if err != nil {
			return sight{}, err
		}
		if actor.SpeaksFor(item.Dispatch.Sender, hub.ScopeRead) != nil {
			return sight{}, hub.Errorf(hub.KindNotFound, "dispatch", "", "there is no such dispatch")
		}
		p := documentPage{Dispatch: item.Dispatch, Deliveries: item.Deliveries, Clocks: item.Clocks}
		return sight{p.Mark(), func() (string, error) { return x.piece("board", "deliveries", &p) }}, nil
	})
}

// stream sends what a page shows whenever that changes, as server-sent events, until the
// browser goes, the session ends or the hub stops. The first look comes before the
// answer: what the person may not see is refused as on every page. box is whose arrivals
// ring; empty for none.
func (x *exchange) stream(box hub.AgencyID, look func() (sight, error)) error {
	f := &feed{x: x, look: look, box: box, shown: x.r.URL.Query().Get("mark")}
	if box != "" {
		f.bell = x.Live.Listen(box) // before the look, so that nothing is missed between
	}
	s, err := look()
	if err != nil {
		return err
	}
	session := x.visit.Session.Hash
	l, ok := x.streams.add(session)
	if !ok {
		return hub.Errorf(hub.KindBusy, "", "streams", "too many pages are open")
	}
	defer x.streams.remove(session, l)
	x.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	x.w.Header().Set("X-Accel-Buffering", "no")
	x.w.WriteHeader(http.StatusOK)
	if f.comment("open") == nil && f.show(s) == nil {
		f.run(l)
	}
	return nil
}

// feed is one stream.
type feed struct {
	x     *exchange
	look  func() (sight, error)
	box   hub.AgencyID    // whose arrivals ring
	shown string          // the mark of what the browser shows
	bell  <-chan struct{} // nil: it is looked at now and then
}

func (f *feed) run(l *listener) {
	x := f.x
	beat, end := time.NewTicker(breath), time.NewTimer(streamLife)
	defer beat.Stop()
	defer end.Stop()
	bell := f.bell
	var tick <-chan time.Time
	if bell == nil {
		ticker := time.NewTicker(boardEvery)
		defer ticker.Stop()
		tick = ticker.C
	}
	var pause <-chan time.Time
	for {
		var err error
		select {
		case <-bell:
			bell, pause = nil, time.After(leastPause) // what rings meanwhile is seen then
		case <-pause:
			bell, pause = x.Live.Listen(f.box), nil
			err = f.again()
		case <-tick:
			err = f.again()
		case <-beat.C:
			if err = f.again(); err == nil { // nothing rings for what colleagues do
				err = f.comment("alive")
			}
		case <-l.rest:
			_ = f.write("event: rest\ndata: 1\n\n") // the browser comes again when it is looked at
			return
		case <-end.C:
			return
		case <-x.Stopping:
			return
		case <-x.r.Context().Done():
			return
		}
		if err != nil {
			return
		}
	}
}

// allowed asks again who is there: a session that ended, or works elsewhere now, is told
// nothing more.
func (f *feed) allowed() error {
	visit, err := f.x.Live.Look(f.x.r.Context(), f.x.token)
	if err != nil {
		return err
	}
	if visit.Session.Office != f.x.office() {
		return hub.Errorf(hub.KindDenied, "", "agency", "the person works elsewhere now")
	}
	f.x.visit = f.x.enters(&visit)
	return nil
}

func (f *feed) again() error {
	if err := f.allowed(); err != nil {
		return err
	}
	s, err := f.look()
	if err != nil {
		return err
	}
	return f.show(s)
}

func (f *feed) show(s sight) error {
	if s.mark == f.shown {
		return nil
	}
	text, err := s.draw()
	if err != nil {
		return err
	}
	data, err := json.Marshal(text)
	if err != nil {
		return hub.Internal("write a piece of a page", err)
	}
	f.shown = s.mark
	return f.write(fmt.Sprintf("event: page\ndata: %s\n\n", data))
}

func (f *feed) comment(text string) error { return f.write(": " + text + "\n\n") }

func (f *feed) write(text string) error {
	control := http.NewResponseController(f.x.w)
	_ = control.SetWriteDeadline(time.Now().Add(streamStall)) // writers in tests have none
	if _, err := f.x.w.Write([]byte(text)); err != nil {
		return err
	}
	return control.Flush()
}
