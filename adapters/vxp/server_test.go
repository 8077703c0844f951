package vxp

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// known lets one system in and tells of every other that tries.
type known struct{ strangers chan string }

func (k known) AuthenticateSystem(_ context.Context, system string, _ func([]byte) bool) (hub.Actor, error) {
	if system != "known" {
		k.strangers <- system
		return hub.Actor{}, untrusted("unknown")
	}
	return hub.Actor{Name: "system:known", Agencies: []hub.AgencyID{"a"}, Scopes: []hub.Scope{hub.ScopeCollect}}, nil
}

func serving(t *testing.T, o Options) (*httptest.Server, *Client) {
	t.Helper()
	o.Now, o.NewID, o.Log = time.Now, func() string { return "id" }, slog.New(slog.DiscardHandler)
	s := httptest.NewServer(New(o))
	t.Cleanup(s.Close)
	return s, &Client{HTTP: s.Client(), Endpoint: s.URL, System: "known", Secret: "s", Now: time.Now}
}

// TestStrangersHoldNoPlace: who is not let in and sends its body slowly, or never, keeps
// nobody out.
func TestStrangersHoldNoPlace(t *testing.T) {
	k := known{make(chan string, 1)}
	s, c := serving(t, Options{Base: "/", Systems: k, Limits: Limits{Requests: 1}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /sendEdoc HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n%s: {\"XroadVnpt-systemid\":\"x\"}\r\n%s: %064d\r\n\r\n",
		headerSigned, headerHash, 0)
	<-k.strangers
	for try := 0; ; try++ { // its place is free a moment after it was turned away
		a, err := c.Call(t.Context(), "updateStatus", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if a.Code == "422" {
			break
		}
		if a.Code != "429" || try > 1000 {
			t.Fatalf("a system that is known is answered %+v", a)
		}
	}
	fmt.Fprint(conn, strings.Repeat("x", 1000))
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
}

type mailbox edoc.Mailbox // its name is that of a method

// box is one delivery that another thread of the system fetches between any two steps.
type box struct {
	mailbox
	edoc.Recipient
	d     hub.Delivery
	moves int
}

func (b *box) Item(context.Context, hub.Actor, hub.DeliveryID) (hub.Item, error) {
	item := hub.Item{Dispatch: hub.Dispatch{Parts: []hub.Part{{ID: "p1"}}}, Delivery: b.d}
	if b.moves > 0 {
		b.moves--
		b.d.Lease = &hub.Lease{Fence: b.d.Lease.Fence + 1, Holder: b.d.Lease.Holder}
	}
	return item, nil
}

func (b *box) Acknowledge(_ context.Context, _ hub.Actor, _ hub.DeliveryID, fence int64, _ map[string]hub.Digest) (hub.SealedEvidence, error) {
	if fence != b.d.Lease.Fence {
		return hub.SealedEvidence{}, hub.Errorf(hub.KindConflict, "fence", "lease", "taken over")
	}
	b.d.State, b.d.Lease = hub.StateHandedOver, nil
	return hub.SealedEvidence{}, nil
}

// TestSentRows: systems find the members of a row by name.
func TestSentRows(t *testing.T) {
	text, err := json.Marshal(sent{})
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]string
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	want := []string{
		"fromCode", "messageType", "notation", "receiveStatus", "receiveStatusDesc", "receivedTime", "receiverDocId",
		"sendStatus", "sendStatusDesc", "senderDocId", "sentTime", "serviceType", "title", "toCode",
	}
	if got := slices.Sorted(maps.Keys(members)); !slices.Equal(got, want) {
		t.Errorf("a row has %q, want %q", got, want)
	}
}

// TestSlowAfterARefusal: the rest of a file that was refused is not waited for for ever.
func TestSlowAfterARefusal(t *testing.T) {
	s, _ := serving(t, Options{
		Base: "/", Systems: known{}, Limits: Limits{Patience: 100 * time.Millisecond, Speed: 1 << 40},
		Desk: Desk{Codec: Codec{Decode: func(context.Context, io.Reader, Blobs) (hub.Package, error) {
			return hub.Package{}, hub.Invalid("file", "xml", "it is none")
		}}},
	})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /sendEdoc HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n%s: {\"XroadVnpt-systemid\":\"known\",\"XroadVnpt-hash-file\":\"x\"}\r\n%s: %064d\r\n\r\n",
		headerSigned, headerHash, 0)
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err := io.ReadAll(response.Body); err != nil || !strings.Contains(string(answer), `"422"`) {
		t.Errorf("%s, %v", answer, err)
	}
}

// TestLargeFiles: a file above the limit is refused in the form of the protocol, whether its
// size was said or not, and however well it is signed.
func TestLargeFiles(t *testing.T) {
	_, c := serving(t, Options{
		Base: "/", Systems: known{}, Limits: Limits{Package: 1000},
		Desk: Desk{Codec: Codec{Decode: func(_ context.Context, r io.Reader, _ Blobs) (hub.Package, error) {
			_, err := io.ReadAll(r)
			return hub.Package{}, err
		}}},
	})
	file := []byte(strings.Repeat("x", 1001))
	for name, size := range map[string]int64{"with its size": int64(len(file)) + 2, "without": -1} {
		response, err := c.post(t.Context(), "sendEdoc", io.MultiReader(bytes.NewReader(file), strings.NewReader(crlf)), size, []Param{{"hash-file", HashOf(file)}})
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"413"`) || !strings.Contains(string(answer), `"DocId":""`) {
			t.Errorf("%s: HTTP %d %s, %v", name, response.StatusCode, answer, err)
		}
	}
}

// TestThreadsOfOneSystem: a thread acknowledges what another one has just fetched again.
func TestThreadsOfOneSystem(t *testing.T) {
	for moves, want := range map[int]string{0: "0", 1: "0", 2: "0", 100: "409"} {
		b := &box{moves: moves, d: hub.Delivery{
			ID: "v", Recipient: "a", State: hub.StateConsigned, Version: 1, Lease: &hub.Lease{Fence: 1, Holder: "system:known"},
		}}
		_, c := serving(t, Options{Base: "/", Systems: known{}, Desk: Desk{Mailbox: b, Recipient: b}})
		a, err := c.Call(t.Context(), "updateStatus", []byte("{}"), Param{"docid", "v"}, Param{"status", "done"})
		if err != nil || a.Code != want {
			t.Errorf("%d times: %+v, %v", moves, a, err)
		}
	}
	b := &box{d: hub.Delivery{ID: "v", Recipient: "a", State: hub.StateConsigned, Version: 1, Lease: &hub.Lease{Fence: 1, Holder: "another"}}}
	_, c := serving(t, Options{Base: "/", Systems: known{}, Desk: Desk{Mailbox: b, Recipient: b}})
	a, err := c.Call(t.Context(), "updateStatus", []byte("{}"), Param{"docid", "v"}, Param{"status", "done"})
	if err != nil || a.Code != "409" || !strings.Contains(a.Desc, "fetch_first") {
		t.Errorf("what another collector fetched: %+v, %v", a, err)
	}
}
