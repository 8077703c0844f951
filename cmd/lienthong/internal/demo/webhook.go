package demo

import (
	"context"
	"crypto/hmac"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/webhook"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/signing/pki"
)

// webhookNetwork is where the agency with a webhook listens; the hub must be allowed to
// call it.
const webhookNetwork = "127.0.0.0/8"

const (
	hookFolder   = "webhook"
	hookPatience = time.Minute     // until the document was told of and collected
	hookFresh    = 5 * time.Minute // how old a call may be (Standard Webhooks 1.0, "Verifying timestamp")
	maxMessage   = 1 << 20         // bytes of a call: it carries no files
)

// manifestWebhook tells scripts about the agency with a webhook. Its receiver ended with
// the demonstration: one with this address and these files may take its place, and the
// subscription be resumed.
type manifestWebhook struct {
	Agency       string `json:"agency"` // code
	Subscription string `json:"subscription"`
	URL          string `json:"url"`
	SecretFile   string `json:"secret_file"`
	Certificate  string `json:"certificate_file"`
	Key          string `json:"certificate_key_file"`
	Message      string `json:"message_file"` // as the hub posted it
	Paused       bool   `json:"paused"`
}

// hook is the receiver of an agency that is told of what waits by webhook.
type hook struct {
	show   *show
	party  *party
	secret []byte
	told   chan error // what came of the first document
}

// overWebhook has an agency collect as soon as the hub calls, without ever asking.
func (s *show) overWebhook(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, hookPatience)
	defer cancel()
	certificate, err := s.serverCertificate(hookFolder)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server has closed it, or an error before it came
	h := &hook{show: s, party: s.parties[daiLoc], told: make(chan error, 1)}
	id, err := h.subscribe(ctx, "https://"+listener.Addr().String()+"/lienthong")
	if err != nil {
		return err
	}
	if err := h.serve(ctx, listener, certificate); err != nil {
		return err
	}
	sub, err := h.party.client.PauseSubscription(ctx, id, true)
	s.webhook.Paused = sub.Paused != nil
	s.say("%s: %s -> %s", letterNumber, h.party.Name, s.webhook.URL)
	return err
}

// serverCertificate is what a counterpart of the hub shows to it, also in files.
func (s *show) serverCertificate(folder string) (tls.Certificate, error) {
	template := s.pki.Template(pkix.Name{CommonName: "127.0.0.1"})
	template.KeyUsage, template.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	template.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
	identity, err := s.pki.Issue(template, pki.P256)
	if err != nil {
		return tls.Certificate{}, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(identity.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	key := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	err = errors.Join(s.save(identity.PEM(), folder, "tls.pem"), s.save(key, folder, "tls.key"))
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(identity.PEM(), key)
}

// subscribe asks to be called and keeps the secret that calls are signed with.
func (h *hook) subscribe(ctx context.Context, target string) (string, error) {
	s := h.show
	given, err := h.party.client.Subscribe(ctx, hubclient.NewSubscription{
		Kind: hub.SubscriptionWebhook, Target: target, Topics: []hub.Topic{hub.TopicWaiting},
	})
	if err != nil {
		return "", err
	}
	if h.secret, err = base64.StdEncoding.DecodeString(strings.TrimPrefix(given.Secret, push.SecretPrefix)); err != nil {
		return "", fmt.Errorf("the secret of the subscription: %w", err)
	}
	s.webhook = manifestWebhook{
		Agency: h.party.Code, Subscription: given.Subscription.ID, URL: target, SecretFile: s.path(hookFolder, "secret"),
		Certificate: s.path(hookFolder, "tls.pem"), Key: s.path(hookFolder, "tls.key"), Message: s.path(hookFolder, "message.json"),
	}
	return given.Subscription.ID, s.save([]byte(given.Secret+"\n"), hookFolder, "secret")
}

// serve sends a document and answers the hub until the document was collected.
func (h *hook) serve(ctx context.Context, listener net.Listener, certificate tls.Certificate) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: hookPatience, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){},
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeTLS(listener, "", "") }()
	_, err := h.show.submit(ctx, h.show.parties[province], letterFile, letterID, letterData("180"), daiLoc, camThanh)
	if err == nil {
		select {
		case err = <-h.told:
		case <-ctx.Done():
			err = fmt.Errorf("the hub did not call the webhook: %w", ctx.Err())
		}
	}
	err = errors.Join(err, server.Shutdown(ctx), server.Close()) // the hub has its answer before that
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// ServeHTTP takes one call: nothing is done that the hub did not sign, and it is answered
// after everything was done, so that what fails comes again.
func (h *hook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxMessage))
	if err != nil || !genuine(h.secret, r.Header, body, time.Now()) {
		h.show.check(false, "a call of the webhook is signed by the hub (%v)", err)
		http.Error(w, "not signed by the hub", http.StatusUnauthorized)
		return
	}
	var m webhook.Message
	if err := json.Unmarshal(body, &m); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if d := m.Data.Delivery; m.Data.Event != hub.EventContentConsignment.Name() || d == nil || d.State != hub.StateConsigned {
		return // nothing waits: the hub also tells of what came, and was collected, seconds before the subscription
	}
	h.show.check(!genuine(h.secret, r.Header, append(body, ' '), time.Now()), "the signature of a call does not hold for another body")
	if err = h.collect(r.Context(), m.Data.Delivery.ID); err == nil {
		err = h.show.save(body, hookFolder, "message.json")
	}
	if err != nil {
		http.Error(w, "try again", http.StatusServiceUnavailable)
	}
	select {
	case h.told <- err:
	default: // a repetition
	}
}

// genuine reports whether a call was signed with the secret, a short while ago.
func genuine(secret []byte, header http.Header, body []byte, now time.Time) bool {
	seconds, err := strconv.ParseInt(header.Get("webhook-timestamp"), 10, 64)
	at := time.Unix(seconds, 0)
	if err != nil || now.Sub(at).Abs() > hookFresh {
		return false
	}
	want := webhook.Sign([][]byte{secret}, header.Get("webhook-id"), at, body)
	for given := range strings.FieldsSeq(header.Get("webhook-signature")) {
		if hmac.Equal([]byte(given), []byte(want)) {
			return true
		}
	}
	return false
}

// collect does with the delivery that a call names what every agency does.
func (h *hook) collect(ctx context.Context, id hub.DeliveryID) error {
	items, err := h.party.client.Lease(ctx, hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{id}, For: time.Minute})
	if err != nil {
		return err
	}
	h.show.check(len(items) == 1, "the webhook names a document that waits (%d)", len(items))
	for i := range items {
		if err := h.show.handle(ctx, h.party, &items[i]); err != nil {
			return err
		}
	}
	return nil
}
