package app

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/connection"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

var (
	_ connection.Directory = (*directory.Directory)(nil)
	_ connection.Turns     = engine.State(nil)
	_ connection.Blobs     = engine.Content(nil)
	_ connection.Intake    = (*intake.Service)(nil)
	_ connection.Boxes     = (*tracking.Service)(nil)
	_ httpapi.Connections  = (*connection.Service)(nil)
)

// connecting tests how agencies are connected.
func (a *App) connecting() *connection.Service {
	s, codec := &a.services, edxml.New(edxml.Options{})
	return connection.New(connection.Options{
		Directory: s.directory, Turns: a.store, Now: a.now, Log: a.log,
		Ways: []connection.Way{
			&connection.Inside{
				Ready: a.health.readiness, Blobs: a.blobs, Intake: s.intake, Boxes: s.tracking, NewID: a.newID, Now: a.now,
				Codec: connection.Codec{
					Decode: func(ctx context.Context, r io.Reader) (hub.Package, error) { return codec.Decode(ctx, r, a.blobs) },
					Encode: func(ctx context.Context, w io.Writer, sub hub.Submission, open func(hub.Part) (hub.Blob, error)) error {
						return codec.EncodeSubmission(ctx, w, sub, nil, func(_ context.Context, p hub.Part) (hub.Blob, error) { return open(p) })
					},
				},
				Document: testDocument,
			},
			doorWays{a}, channelWays{a}, subscriptionWays{a},
		},
	})
}

// testDocument is one that is none.
func testDocument() (hub.Document, []byte, error) {
	letter := sample.TestLetter(time.Now())
	pdf, err := letter.PDF()
	return sample.TestDocument("1", time.Now()), pdf, err
}

// subscriptionWays lead to who is told by webhook or mail.
type subscriptionWays struct{ app *App }

// Routes implements connection.Way.
func (w subscriptionWays) Routes(ctx context.Context, agency *hub.Agency) ([]connection.Route, error) {
	own := hub.Actor{Name: "connection-test", Kind: hub.ActorSystem, Agencies: []hub.AgencyID{agency.ID}, Scopes: []hub.Scope{hub.ScopeCollect}, Auth: hub.AuthLocal}
	list, err := w.app.services.push.List(ctx, own, agency.ID)
	var routes []connection.Route
	for i := range list {
		sub, way := &list[i], hub.WayWebhook
		if sub.Kind == hub.SubscriptionMail {
			way = hub.WayMail
		}
		routes = append(routes, connection.Route{Way: way, Target: shownTarget(sub), Walk: func(ctx context.Context, hops *hub.Hops) {
			w.app.services.push.Walk(ctx, sub, hops)
		}})
	}
	return routes, err
}

// shownTarget leaves the path of a webhook out, which may hold a secret.
func shownTarget(sub *hub.Subscription) string {
	if sub.Kind == hub.SubscriptionMail {
		return sub.Target
	}
	return hostOf(sub.Target)
}

// hostOf is an address without its path; empty for none.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return ""
	}
	return u.Scheme + "://" + u.Host
}

// channelWays lead to where an agency is reached that does not collect here.
type channelWays struct{ app *App }

// Routes implements connection.Way.
func (w channelWays) Routes(ctx context.Context, agency *hub.Agency) ([]connection.Route, error) {
	var routes []connection.Route
	switch agency.ChannelAt(w.app.now()) {
	case hub.ChannelAMQP:
		routes = append(routes, connection.Route{Way: hub.WayAMQP, Walk: func(ctx context.Context, hops *hub.Hops) {
			w.app.queue.TestAgency(ctx, agency, hops)
		}})
	case hub.ChannelAxis:
		c := &w.app.config
		routes = append(routes, w.axis(c.Axis, c.AxisSystem, c.axisSecret))
	}
	passing, err := w.app.services.passages.Of(ctx, agency.ID)
	if err != nil {
		return nil, err
	}
	if passing != nil {
		routes = append(routes, w.axis(passing.Endpoint, passing.System, func() (string, error) {
			return w.app.services.keys.SystemSecret(ctx, passing.Secret)
		}))
	}
	return routes, nil
}

// axis calls an axis as a system, over a connection of its own, so that every hop is made.
func (w channelWays) axis(endpoint, system string, secret func() (string, error)) connection.Route {
	return connection.Route{Way: hub.WayAxis, Target: hostOf(endpoint), Walk: func(ctx context.Context, hops *hub.Hops) {
		if endpoint == "" {
			hops.Fail(hub.HopName, hub.Errorf(hub.KindUnavailable, "axis", "required", "this hub is a member of no axis now: its setting --axis is empty"))
			return
		}
		roots, err := w.app.config.axisRoots()
		if err != nil {
			hops.Fail(hub.HopTLS, err)
			return
		}
		client := axisClient(roots)
		defer client.CloseIdleConnections()
		w.app.line(client, endpoint, system, secret).Test(ctx, hops)
	}}
}

// doorWays lead through the doors of the hub as the systems of an agency take them, each
// with the agency's own credentials where the hub can make a call with them.
type doorWays struct{ app *App }

// Routes implements connection.Way. Of a system or client that has several secrets the
// newest one is taken.
func (w doorWays) Routes(ctx context.Context, agency *hub.Agency) ([]connection.Route, error) {
	keys, err := w.app.store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	now := w.app.now()
	byDoor := map[wayIn][]hub.APIKey{}
	for i := range keys {
		k := &keys[i]
		if k.Kind == hub.ActorSystem && slices.Contains(k.Agencies, agency.ID) && (k.Revoked.IsZero() || k.Revoked.After(now)) {
			d := doorOf(k)
			byDoor[d] = append(byDoor[d], *k)
		}
	}
	var routes []connection.Route
	for d, own := range byDoor {
		routes = append(routes, connection.Route{Way: d.way, Target: d.name, Walk: func(ctx context.Context, hops *hub.Hops) {
			key, count, until, err := newest(own, now)
			if err != nil {
				hops.Fail(hub.HopKey, err)
				return
			}
			hops.PassCount(hub.HopKey, count, until)
			w.app.walkDoor(ctx, d.way, &key, agency.ID, hops)
		}})
	}
	slices.SortFunc(routes, func(a, b connection.Route) int {
		return cmp.Or(cmp.Compare(a.Way, b.Way), cmp.Compare(a.Target, b.Target))
	})
	return routes, nil
}

// wayIn is a way in, and who takes it.
type wayIn struct {
	way  hub.ConnectionWay
	name string
}

func doorOf(k *hub.APIKey) wayIn {
	switch {
	case k.System != "":
		return wayIn{hub.WayVXP, k.System}
	case k.Client != "":
		return wayIn{hub.WayLGSP, k.Client}
	}
	return wayIn{hub.WayREST, ""}
}

// newest finds the credential to call with, counts those in force, and says until when
// there is one: the zero time for ever.
func newest(keys []hub.APIKey, now time.Time) (key hub.APIKey, count int, until time.Time, err error) {
	slices.SortFunc(keys, func(a, b hub.APIKey) int { return b.Created.Compare(a.Created) })
	live := slices.DeleteFunc(slices.Clone(keys), func(k hub.APIKey) bool { return !k.LiveAt(now) })
	if len(live) == 0 {
		return key, 0, until, hub.Errorf(hub.KindUntrusted, "", "credential_ended", "the last credential ended on %s", keys[0].Expires.In(hub.Vietnam()).Format("02/01/2006 15:04"))
	}
	var scopes []hub.Scope
	until = live[0].Expires
	for i := range live {
		scopes = append(scopes, live[i].Scopes...)
		if e := live[i].Expires; e.IsZero() || !until.IsZero() && e.After(until) {
			until = e
		}
	}
	if !slices.Contains(scopes, hub.ScopeSubmit) && !slices.Contains(scopes, hub.ScopeCollect) {
		return key, 0, until, hub.Errorf(hub.KindDenied, "", "credential_scope", "no credential has the scope submit or collect")
	}
	return live[0], len(live), until, nil
}

// testToken is how long the access token of a test is good for.
const testToken = time.Minute

// walkDoor makes a call through a door of this node. Of an API key the hub has no secret,
// so that there it sees how the door answers who has none.
func (a *App) walkDoor(ctx context.Context, way hub.ConnectionWay, key *hub.APIKey, agency hub.AgencyID, hops *hub.Hops) {
	client := a.ownClient()
	defer client.CloseIdleConnections()
	switch {
	case way == hub.WayREST:
		api, err := hubclient.New(hubclient.Options{URL: a.URL(), Transport: client.Transport, UserAgent: "lienthong/" + a.version})
		if err != nil {
			hops.Fail(hub.HopConnect, err)
			return
		}
		api.Walk(ctx, hops)
	case way == hub.WayVXP && a.config.VXPPath == "", way == hub.WayLGSP && a.config.LGSPPath == "":
		hops.Fail(hub.HopConnect, hub.Errorf(hub.KindUnsupported, "", "door", "this hub does not serve the protocol now"))
	case way == hub.WayVXP:
		member := &vxp.Member{Patience: 10 * time.Second, Client: &vxp.Client{
			HTTP: client, Endpoint: a.URL() + a.config.VXPPath, System: key.System, Now: a.now,
			SecretNow: func() (string, error) { return a.services.keys.SystemSecret(ctx, key.ID) },
		}}
		member.Test(ctx, hops)
	default:
		var token string
		_ = hops.Do(hub.HopSignIn, func() (_ string, err error) {
			token, err = a.services.keys.TestToken(ctx, key.ID, testToken)
			return "", err
		}) && hops.Count(hub.HopAnswer, func() (int, error) {
			return a.listProvince(ctx, client, token, key.UnitSecret(agency))
		})
	}
}

// listProvince lists what waits, as an application of the provincial API does.
func (a *App) listProvince(ctx context.Context, client *http.Client, token, unit string) (int, error) {
	profile, err := a.config.provinceProfile()
	if err != nil {
		return 0, err
	}
	address, err := url.JoinPath(a.URL(), a.config.LGSPPath, profile.APIPath, "vanbans")
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return 0, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set(profile.UnitSecret[0], unit)
	response, err := client.Do(r)
	if err != nil {
		return 0, &hub.Error{Kind: hub.KindUnavailable, Rule: "door_silent", Message: "the door of the hub does not answer", Err: err}
	}
	defer response.Body.Close()
	var result lgsp.Result
	if err := json.NewDecoder(io.LimitReader(response.Body, 16<<20)).Decode(&result); err != nil {
		return 0, &hub.Error{Kind: hub.KindUnavailable, Rule: "answer_broken", Message: "the answer is not whole", Err: err}
	}
	if err := result.Refused(); err != nil {
		return 0, err
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(result.Data, &rows); err != nil {
		return 0, err
	}
	return len(rows), nil
}

// ownClient calls this node by its address. The certificate is for the names of the hub,
// so it is compared with the one that is served, and must not have ended.
func (a *App) ownClient() *http.Client {
	transport := &http.Transport{DisableKeepAlives: true}
	if served := a.server.TLSConfig; served != nil {
		transport.TLSClientConfig = &tls.Config{
			MinVersion: tls.VersionTLS12, InsecureSkipVerify: true, //nolint:gosec // VerifyConnection does it
			VerifyConnection: func(state tls.ConnectionState) error {
				leaf := state.PeerCertificates[0]
				switch {
				case !bytes.Equal(leaf.Raw, served.Certificates[0].Certificate[0]):
					return errors.New("another certificate is served")
				case a.now().After(leaf.NotAfter):
					return errors.New("the certificate of the hub has ended")
				}
				return nil
			},
		}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}
