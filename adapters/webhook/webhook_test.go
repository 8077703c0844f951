package webhook_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/webhook"
	"github.com/lienthong/lienthong/hub"
)

// TestSign: the examples of the Standard Webhooks libraries.
func TestSign(t *testing.T) {
	for _, v := range []struct {
		secret, id string
		at         int64
		body, want string
	}{
		{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, `{"test": 2432232314}`, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
		{"plJ3nmyCDGBKInavdOK15jsl", "msg_loFOjxBNrRLzqYUf", 1731705121, `{"event_type":"ping","data":{"success":true}}`, "v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0="},
	} {
		secret, err := base64.StdEncoding.DecodeString(v.secret)
		if err != nil {
			t.Fatal(err)
		}
		if got := webhook.Sign([][]byte{secret}, v.id, time.Unix(v.at, 0), []byte(v.body)); got != v.want {
			t.Errorf("%s is signed %s, want %s", v.id, got, v.want)
		}
		if got := webhook.Sign([][]byte{secret, secret}, v.id, time.Unix(v.at, 0), []byte(v.body)); got != v.want+" "+v.want {
			t.Errorf("two secrets: %s", got)
		}
	}
}

func TestCheckTarget(t *testing.T) {
	inside := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	teller, plain := webhook.New(webhook.Options{Networks: inside}), webhook.New(webhook.Options{Networks: inside, PlainHTTP: true})
	for _, good := range []string{"https://qlvb.xa.example/hook", "https://10.1.2.3/hook", "https://qlvb.xa.example:8443/a?b=c"} {
		if err := teller.CheckTarget(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, rule := range map[string]string{
		"": "url", "hook": "url", "https:///hook": "url", "https://" + strings.Repeat("a", 2100): "url", "https://a b/": "url", "https://a/#b": "url",
		"http://qlvb.xa.example/": "https", "ftp://qlvb.xa.example/": "https", "file:///etc/passwd": "url", "https://u:p@qlvb.xa.example/": "credentials",
		"https://127.0.0.1/": "network", "https://[::1]/": "network", "https://10.2.0.1/": "network", "https://169.254.169.254/latest": "network", "https://[::ffff:127.0.0.1]/": "network",
	} {
		var e *hub.Error
		if err := teller.CheckTarget(bad); hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%q: %v", bad, err)
		} else if e = hub.ViolationsOf(err)[0]; e.Field != "target" || e.Rule != rule {
			t.Errorf("%q breaks %s, want %s", bad, e.Rule, rule)
		}
	}
	if err := plain.CheckTarget("http://qlvb.xa.example/"); err != nil {
		t.Error(err)
	}
}

// endpoint is a receiver that answers as the test says.
func endpoint(t *testing.T, answer http.HandlerFunc) (*httptest.Server, webhook.Options) {
	t.Helper()
	s := httptest.NewTLSServer(answer)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s, webhook.Options{
		Networks: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, UserAgent: "lienthong/test",
	}
}

func teller(t *testing.T, o webhook.Options) *webhook.Teller {
	t.Helper()
	teller := webhook.New(o)
	t.Cleanup(teller.CloseIdle)
	return teller
}

func callTo(target string) hub.PushCall {
	at := time.Date(2026, 3, 2, 1, 30, 0, 0, time.UTC)
	return hub.PushCall{
		Subscription: hub.Subscription{ID: "s1", Target: target}, Secrets: [][]byte{[]byte("new"), []byte("old")}, At: at,
		Events: []hub.PushEvent{{ID: "e1", Topic: hub.TopicTest, At: at}},
	}
}

// TestAnswers: each answer has its own meaning for the message and the endpoint.
func TestAnswers(t *testing.T) {
	asked := 0
	var s *httptest.Server
	s, o := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		asked++
		code, _ := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
		if code == 302 {
			w.Header().Set("Location", s.URL+"/200")
		}
		w.Header().Set("Retry-After", "120")
		w.WriteHeader(code)
		_, _ = io.WriteString(w, strings.Repeat("x", 1<<20)) // more than anybody reads
	})
	caller := teller(t, o)
	for code, want := range map[int]struct {
		kind  hub.ErrorKind
		pause time.Duration
	}{
		200: {}, 204: {}, 299: {},
		302: {hub.KindUnavailable, 0}, 410: {hub.KindNotFound, 0},
		400: {hub.KindInvalid, 0}, 413: {hub.KindInvalid, 0}, 415: {hub.KindInvalid, 0}, 422: {hub.KindInvalid, 0},
		401: {hub.KindUnavailable, 2 * time.Minute}, 404: {hub.KindUnavailable, 2 * time.Minute}, 429: {hub.KindUnavailable, 2 * time.Minute},
		500: {hub.KindUnavailable, 2 * time.Minute}, 503: {hub.KindUnavailable, 2 * time.Minute},
	} {
		asked = 0
		err := caller.Tell(t.Context(), callTo(fmt.Sprintf("%s/%d", s.URL, code)))
		if asked != 1 {
			t.Errorf("%d: asked %d times", code, asked)
		}
		if want.kind == "" {
			if err != nil {
				t.Errorf("%d: %v", code, err)
			}
			continue
		}
		found := hub.ViolationsOf(err)
		if err == nil || found[0].Kind != want.kind || found[0].RetryAfter != want.pause {
			t.Errorf("%d: %v, pause %v", code, err, found[0].RetryAfter)
		}
	}
}

// TestGuards: what must not be reached is not reached, and says no more than that.
func TestGuards(t *testing.T) {
	asked := false
	s, o := endpoint(t, func(http.ResponseWriter, *http.Request) { asked = true })
	byName := strings.Replace(s.URL, "127.0.0.1", "localhost", 1)
	closed, strangers := o, o
	closed.Networks, strangers.TLS = nil, nil
	for name, c := range map[string]struct {
		o      webhook.Options
		target string
		rule   string
	}{
		"a name that leads inside": {closed, byName, "network"},
		"an address inside":        {closed, s.URL, "target"},
		"an unknown authority":     {strangers, s.URL, "tls"},
		"nobody listens":           {o, "https://127.0.0.1:1/", "connection"},
		"no such name":             {o, "https://qlvb.invalid/", "dns"},
	} {
		err := teller(t, c.o).Tell(t.Context(), callTo(c.target))
		if found := hub.ViolationsOf(err); err == nil || found[0].Rule != c.rule || strings.Contains(err.Error(), "127.0.0.1:") {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked {
		t.Error("an endpoint was asked that must not be")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := teller(t, o).Tell(ctx, callTo(s.URL)); hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("an ended call: %v", err)
	}
}

// blob is content in memory.
type blob struct{ *strings.Reader }

func (blob) Close() error { return nil }

// TestMessage: what waits is told with digests, and with its files where that is asked
// for and fits.
func TestMessage(t *testing.T) {
	var got struct {
		header http.Header
		body   []byte
	}
	s, o := endpoint(t, func(_ http.ResponseWriter, r *http.Request) {
		got.header = r.Header
		got.body, _ = io.ReadAll(r.Body)
	})
	o.MaxContent = 10
	caller := teller(t, o)
	waiting := func(size int64, open func(context.Context, string) (hub.Blob, error)) webhook.Message {
		t.Helper()
		call := callTo(s.URL)
		call.Events[0] = hub.PushEvent{
			ID: "e1", Topic: hub.TopicWaiting, At: call.At, Open: open,
			Evidence: hub.SealedEvidence{Evidence: hub.Evidence{ID: "e1", Event: hub.EventContentConsignment, Dispatch: "x", Delivery: "d", Sender: &hub.Party{Code: "H47"}}},
			Item: &hub.Item{
				Dispatch: hub.Dispatch{ID: "x", Document: hub.Document{CodeNumber: "1", CodeNotation: "UBND", Subject: "SECRET SUBJECT"}, Parts: []hub.Part{{ID: "p1", Name: "SECRET NAME", Size: size}}},
				Delivery: hub.Delivery{ID: "d", AddressedAs: "H47.12", State: hub.StateConsigned},
			},
		}
		if err := caller.Tell(t.Context(), call); err != nil {
			t.Fatal(err)
		}
		want := webhook.Sign(call.Secrets, "e1", call.At, got.body)
		if got.header.Get("webhook-id") != "e1" || got.header.Get("webhook-signature") != want || got.header.Get("webhook-timestamp") != fmt.Sprint(call.At.Unix()) {
			t.Errorf("headers %v", got.header)
		}
		if strings.Contains(string(got.body), "SECRET") {
			t.Errorf("the message tells too much: %s", got.body)
		}
		var m webhook.Message
		if err := json.Unmarshal(got.body, &m); err != nil {
			t.Fatal(err)
		}
		return m
	}
	text := func(context.Context, string) (hub.Blob, error) { return blob{strings.NewReader("content")}, nil }
	gone := func(context.Context, string) (hub.Blob, error) {
		return nil, hub.Errorf(hub.KindNotFound, "", "", "gone")
	}
	damaged := func(context.Context, string) (hub.Blob, error) {
		return nil, hub.Internal("open part p1", io.ErrUnexpectedEOF)
	}
	if m := waiting(7, nil); m.Data.Delivery.ID != "d" || m.Data.Parts[0].Path != "/v1/dispatches/x/parts/p1" || m.Data.Parts[0].Content != "" {
		t.Errorf("%+v", m)
	}
	if m := waiting(7, text); m.Data.Parts[0].Content != base64.StdEncoding.EncodeToString([]byte("content")) || m.Data.Omitted != "" {
		t.Errorf("with content: %+v", m.Data)
	}
	if m := waiting(11, text); m.Data.Parts[0].Content != "" || m.Data.Omitted != "too_large" {
		t.Errorf("too large: %+v", m.Data)
	}
	if m := waiting(7, gone); m.Data.Parts[0].Content != "" || m.Data.Omitted != "not_available" {
		t.Errorf("taken back: %+v", m.Data)
	}
	if m := waiting(7, damaged); m.Data.Parts[0].Content != "" || m.Data.Omitted != "not_available" {
		t.Errorf("damaged: %+v", m.Data)
	}
}

// TestMessageOfTasks: a call says what was done about a task, without the words of people.
func TestMessageOfTasks(t *testing.T) {
	var body []byte
	s, o := endpoint(t, func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) })
	call := callTo(s.URL)
	call.Events[0] = hub.PushEvent{
		ID: "e1", Topic: hub.TopicTask, At: call.At, Item: &hub.Item{Delivery: hub.Delivery{ID: "d"}},
		Evidence: hub.SealedEvidence{Evidence: hub.Evidence{ID: "e1", Event: hub.EventTask, Tasks: []hub.TaskFact{{ID: "t", Act: hub.ActAsk, Due: "2026-03-10", Text: "SECRET"}}}},
	}
	if err := teller(t, o).Tell(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), `"tasks":[{"act":"ask_extension","due":"2026-03-10","id":"t"`) || strings.Contains(string(body), "SECRET") {
		t.Errorf("%s", body)
	}
}

// TestMessageOfDossiers: a call says which event of which dossier, and where it is found.
func TestMessageOfDossiers(t *testing.T) {
	var body []byte
	s, o := endpoint(t, func(_ http.ResponseWriter, r *http.Request) { body, _ = io.ReadAll(r.Body) })
	call := callTo(s.URL)
	call.Events[0] = hub.PushEvent{ID: "n1", Topic: hub.TopicDossier, At: call.At, Dossier: &hub.DossierFact{Dossier: "d1", Seq: 4, Act: hub.DossierRemind, Finding: hub.FindingForeseen, Actor: "SECRET"}}
	if err := teller(t, o).Tell(t.Context(), call); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), `"data":{"dossier":{"id":"d1","event":4,"act":"remind","finding":"foreseen","path":"/v1/dossiers/d1"}}`) || strings.Contains(string(body), "SECRET") {
		t.Errorf("%s", body)
	}
}

// TestHops: a test tells of each hop to the endpoint, and the caller at which it ended.
func TestHops(t *testing.T) {
	s, options := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/refuses" {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	stranger := options
	stranger.TLS = &tls.Config{RootCAs: x509.NewCertPool(), MinVersion: tls.VersionTLS12}
	closed := options
	closed.Networks = nil
	inTheClear := options
	inTheClear.PlainHTTP = true
	for name, test := range map[string]struct {
		options webhook.Options
		target  string
		passed  string
		fails   hub.TestHop
	}{
		"good":         {options, s.URL, "name connect tls", ""},
		"refuses":      {options, s.URL + "/refuses", "name connect tls", hub.HopAnswer},
		"not trusted":  {stranger, s.URL, "name connect", hub.HopTLS},
		"nobody there": {options, "https://127.0.0.1:1/", "name", hub.HopConnect},
		"no such name": {options, "https://nobody.invalid/", "", hub.HopName},
		"not allowed":  {closed, s.URL, "", hub.HopName},
		"in the clear": {inTheClear, plain.URL, "name connect", hub.HopAnswer},
	} {
		call := callTo(test.target)
		told := teller(t, test.options)
		_ = told.Tell(t.Context(), call) // a connection that is open is not used again
		call.Hops = hub.NewHops(time.Now, func(hub.TestHop, error) {})
		err := told.Tell(t.Context(), call)
		var passed []string
		for _, hop := range call.Hops.List() {
			passed = append(passed, string(hop.Hop))
		}
		if got := strings.Join(passed, " "); got != test.passed || (err != nil) != (test.fails != "") {
			t.Errorf("%s: passed %q, want %q; %v", name, got, test.passed, err)
		}
		if err == nil {
			continue
		}
		call.Hops.FailNext(err, webhook.Hops(test.target)...)
		list := call.Hops.List()
		if last := list[len(list)-1]; last.Hop != test.fails || last.Error == "" {
			t.Errorf("%s: failed at %+v, want %s", name, last, test.fails)
		}
	}
}
