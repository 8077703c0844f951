package partner

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Hook is an agency whose system is called by webhook; the partner is that system.
type Hook struct {
	REST
	Target   string       // the address that the hub calls
	Listener net.Listener // where its calls come in, with TLS already
}

// RunHook runs the tests of the channel webhook. It closes the listener.
func RunHook(ctx context.Context, h Hook, told func(Result)) []Result {
	t := newHook(h)
	server := &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(h.Listener) }) // ends with Close
	defer serving.Wait()
	defer func() { _ = server.Close() }() // nothing waits for it
	return run(ctx, append((&network{address: h.URL, tls: h.TLS}).steps(), t.steps()...), told)
}

// hook is one run. Calls that come in wait in calls until a test looks at them.
type hook struct {
	subscriber
	mu     sync.Mutex
	refuse bool            // the first call about something that waits is answered with 500
	seen   map[string]bool // ids of calls that were
	calls  []heard
	last   heard // the call about the document, as it was taken
	older  string
}

// heard is a call as it came.
type heard struct {
	id, at, signatures string
	body               []byte
	message            struct {
		Type string
		Data struct {
			Delivery struct{ ID string }
			Parts    []struct{ Path, Content string }
		}
	}
}

func newHook(h Hook) *hook {
	return &hook{seen: map[string]bool{}, subscriber: subscriber{rest: rest{REST: h.REST, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}, kind: hub.SubscriptionWebhook, target: h.Target}}
}

// maxCall bounds the body of a call, in bytes.
const maxCall = 1 << 20

// ServeHTTP implements http.Handler.
func (t *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxCall))
	if err != nil || r.Method != http.MethodPost {
		http.Error(w, "a webhook is a POST", http.StatusBadRequest)
		return
	}
	c := heard{id: r.Header.Get("webhook-id"), at: r.Header.Get("webhook-timestamp"), signatures: r.Header.Get("webhook-signature"), body: body}
	_ = json.Unmarshal(body, &c.message) // what is no message of the hub is of no type
	t.mu.Lock()
	defer t.mu.Unlock()
	t.calls = append(t.calls, c)
	if t.refuse && c.message.Type == string(hub.TopicWaiting) && !t.seen[c.id] {
		t.seen[c.id] = true
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// signed counts the signatures of a call that a secret made (Standard Webhooks 1.0).
func (c *heard) signed(secret string) (int, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil || len(key) == 0 {
		return 0, errors.New("the secret is none of Standard Webhooks")
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "%s.%s.%s", c.id, c.at, c.body)
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	n := 0
	for signature := range strings.FieldsSeq(c.signatures) {
		if hmac.Equal([]byte(signature), []byte(want)) {
			n++
		}
	}
	return n, nil
}

// take waits for a call that is looked for, and removes it and those before it.
func (t *hook) take(ctx context.Context, wanted func(*heard) bool) (heard, bool) {
	var found heard
	got, _ := await(ctx, func() (string, error) { // it returns no error
		t.mu.Lock()
		defer t.mu.Unlock()
		i := slices.IndexFunc(t.calls, func(c heard) bool { return wanted(&c) })
		if i < 0 {
			return "", nil
		}
		found = t.calls[i]
		t.calls = slices.Delete(t.calls, 0, i+1)
		return "found", nil
	})
	return found, got != ""
}

func (t *hook) about(c *heard) bool {
	return c.message.Type == string(hub.TopicWaiting) && c.message.Data.Delivery.ID == t.delivery
}

func isTest(c *heard) bool { return c.message.Type == string(hub.TopicTest) }

func (t *hook) steps() []step {
	return []step{
		{Test{"W01", "an address that the hub must not call is refused", "422 network"}, t.refusedTarget("https://169.254.169.254/latest/meta-data")},
		{Test{"W02", "the agency subscribes, and gets a secret", "201 secret"}, t.subscribe},
		{Test{"W03", "a test comes, signed with it", "told, signed"}, t.tested},
		{Test{"W04", "a document that waits is told, signed and without content", "signed, no content"}, t.rings},
		{Test{"W05", "a call that was answered with 500 comes again, with the same id", "same id, signed"}, t.repeated},
		{Test{"W06", "one that was taken does not", "told, nothing"}, t.taken},
		{Test{"W07", "what a call names comes as it was sent", "same bytes"}, t.named},
		{Test{"W08", "a new secret signs beside the old one", "both signed"}, t.rotated},
		{Test{"W09", "paused, it tells nothing, and then what waited", "nothing, signed"}, t.resumed},
		{Test{"W10", "what was told is told again when asked, with the same id", "same id, signed"}, t.replayed},
		{Test{"W11", "removed, it is not there", "404"}, t.remove},
	}
}

// word tells whether a call is signed with the secret.
func (t *hook) word(c *heard) string {
	n, err := c.signed(t.secret)
	if err != nil {
		return err.Error()
	}
	if n != 1 {
		return "not signed"
	}
	return "signed"
}

func (t *hook) tested(ctx context.Context) (string, error) {
	got, err := t.ask(ctx)
	if err != nil || got != "told" {
		return got, err
	}
	c, ok := t.take(ctx, isTest)
	if !ok {
		return "told, nothing came", nil
	}
	return "told, " + t.word(&c), nil
}

func (t *hook) rings(ctx context.Context) (string, error) {
	t.mu.Lock()
	t.refuse = true
	t.mu.Unlock()
	if err := t.sendOne(ctx, "W04"); err != nil {
		return "", err
	}
	c, ok := t.take(ctx, t.about)
	if !ok {
		return "nothing came", nil
	}
	t.last = c
	content := "no content"
	for _, p := range c.message.Data.Parts {
		if p.Content != "" {
			content = "content"
		}
	}
	return t.word(&c) + ", " + content, nil
}

// repeated waits for the next attempt of a call.
func (t *hook) repeated(ctx context.Context) (string, error) {
	if t.last.id == "" {
		return "", errNeeds
	}
	return t.same(ctx)
}

func (t *hook) same(ctx context.Context) (string, error) {
	c, ok := t.take(ctx, t.about)
	switch {
	case !ok:
		return "nothing came", nil
	case c.id != t.last.id:
		return "another id, " + t.word(&c), nil
	}
	return "same id, " + t.word(&c), nil
}

func (t *hook) taken(ctx context.Context) (string, error) {
	if t.last.id == "" {
		return "", errNeeds
	}
	got, err := t.awaitTold(ctx)
	hush(ctx)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refuse = false
	if slices.ContainsFunc(t.calls, func(c heard) bool { return t.about(&c) }) {
		return got + ", again", err
	}
	return got + ", nothing", err
}

func (t *hook) named(ctx context.Context) (string, error) {
	if len(t.last.message.Data.Parts) == 0 {
		return "", errNeeds
	}
	a, err := t.call(ctx, http.MethodGet, t.last.message.Data.Parts[0].Path, "", nil)
	if err != nil || string(a.body) != string(t.PDF) {
		return "other bytes", err
	}
	return "same bytes", nil
}

func (t *hook) rotated(ctx context.Context) (string, error) {
	if t.sub == "" {
		return "", errNeeds
	}
	a, err := t.json(ctx, t.of("/secret"), `{"overlap_seconds":3600}`)
	if err != nil {
		return "", err
	}
	var answer struct{ Secret string }
	if err := json.Unmarshal(a.body, &answer); err != nil || answer.Secret == "" {
		return a.brief(), err
	}
	t.older, t.secret = t.secret, answer.Secret
	if got, err := t.ask(ctx); err != nil || got != "told" {
		return got, err
	}
	c, ok := t.take(ctx, isTest)
	if !ok {
		return "nothing came", nil
	}
	first, err := c.signed(t.older)
	if err != nil {
		return "", err
	}
	second, err := c.signed(t.secret)
	if first == 1 && second == 1 {
		return "both signed", err
	}
	return fmt.Sprintf("signed %d times with the old one, %d with the new one", first, second), err
}

func (t *hook) resumed(ctx context.Context) (string, error) {
	if t.sub == "" {
		return "", errNeeds
	}
	if err := t.halt(ctx, true); err != nil {
		return "", err
	}
	if err := t.sendOne(ctx, "W09"); err != nil {
		return "", err
	}
	hush(ctx)
	t.mu.Lock()
	early := slices.ContainsFunc(t.calls, func(c heard) bool { return t.about(&c) })
	t.mu.Unlock()
	if early {
		return "told while it was paused", nil
	}
	if err := t.halt(ctx, false); err != nil {
		return "", err
	}
	c, ok := t.take(ctx, t.about)
	if !ok {
		return "nothing, nothing came", nil
	}
	t.last = c
	return "nothing, " + t.word(&c), nil
}

func (t *hook) replayed(ctx context.Context) (string, error) {
	if t.last.id == "" {
		return "", errNeeds
	}
	if got, err := t.awaitTold(ctx); err != nil || got != string(hub.PushTold) {
		return got, err
	}
	a, err := t.json(ctx, t.of("/replays"), `{"since":"2020-01-01T00:00:00Z"}`)
	if err != nil || a.Status != http.StatusOK {
		return "", failedWith(err, a)
	}
	return t.same(ctx)
}
