package enrolment

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Redeem spends a code and returns the credentials. peer is the address that it comes
// from. Errors: KindUntrusted, the same for every code that opens nothing; KindBusy for an
// address that guesses; KindUnavailable while a channel cannot give credentials, and then
// the code is not spent.
func (s *Service) Redeem(ctx context.Context, code, peer string) (hub.Enrolled, error) {
	begun := s.now()
	if err := s.guesses.admit(peer, begun); err != nil {
		return hub.Enrolled{}, err
	}
	enrolled, err := s.redeem(ctx, code, peer)
	if err == nil {
		s.guesses.forget(peer)
		return enrolled, nil
	}
	if kind := hub.KindOf(err); kind != hub.KindNotFound && kind != hub.KindConflict {
		return hub.Enrolled{}, err
	}
	select {
	case <-time.After(s.Wrong - s.Now().Sub(begun)):
	case <-ctx.Done():
	}
	return hub.Enrolled{}, hub.Errorf(hub.KindUntrusted, "code", "code", "this code opens nothing: it is wrong, used, revoked or its time is over")
}

func (s *Service) redeem(ctx context.Context, code, peer string) (hub.Enrolled, error) {
	e, err := s.Store.EnrolmentByHash(ctx, hashOf(code))
	if err != nil {
		return hub.Enrolled{}, err
	}
	now := s.now()
	agency, ok := s.Directory.ByID(e.Agency)
	if !ok || !agency.LivesAt(now) || !e.OpenAt(now) {
		return hub.Enrolled{}, hub.Errorf(hub.KindNotFound, "code", "code", "it opens nothing")
	}
	for _, c := range e.Channels {
		if g := s.Grantors[c]; g != nil {
			if err := g.Ready(ctx); err != nil { // whatever it is, it says nothing of the code
				return hub.Enrolled{}, &hub.Error{Kind: hub.KindUnavailable, Field: string(c), Rule: "grant", Message: "this channel gives no credentials now, and the code is not spent: try again later", Err: err}
			}
		}
	}
	if err := s.note(ctx, "enrolment.redeem", "", &e, peer); err != nil {
		return hub.Enrolled{}, err
	}
	credentials, err := s.issue(ctx, &e, agency, now)
	if err != nil {
		return hub.Enrolled{}, err // KindConflict: another was faster
	}
	return hub.Enrolled{
		Enrolment: e.ID, Agency: e.Agency, Code: agency.CodeAt(now), Name: agency.NameAt(now),
		Credentials: s.grant(ctx, credentials, agency, now),
	}, nil
}

// issue spends the code and brings the keys into force, at once.
func (s *Service) issue(ctx context.Context, e *hub.Enrolment, agency *hub.Agency, now time.Time) ([]hub.Credential, error) {
	var issued []hub.APIKey
	var credentials []hub.Credential
	e.Redeemed = now
	for _, c := range e.Channels {
		credential := hub.Credential{Channel: c, Address: s.Addresses[c]}
		if s.Grantors[c] == nil {
			key, secret, err := s.Keys.Draft(ctx, s.keyFor(e, c, agency, now))
			if err != nil {
				return nil, err
			}
			credential.ID, credential.User, credential.Secret = key.ID, cmp.Or(key.System, key.Client), secret
			if key.Client != "" {
				credential.UnitSecret = key.UnitSecret(e.Agency)
			}
			issued, e.Keys = append(issued, key), append(e.Keys, key.ID)
		}
		credentials = append(credentials, credential)
	}
	ended, err := s.replaced(ctx, e, now)
	if err != nil {
		return nil, err
	}
	if err := s.Store.CloseEnrolment(ctx, *e, issued, ended); err != nil {
		return nil, err
	}
	s.Keys.Forget()
	return credentials, nil
}

func (s *Service) keyFor(e *hub.Enrolment, c hub.EnrolmentChannel, agency *hub.Agency, now time.Time) hub.APIKey {
	key := hub.APIKey{
		Name: "enrolment " + e.ID, Kind: hub.ActorSystem, Agencies: []hub.AgencyID{e.Agency},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify},
	}
	switch c {
	case hub.EnrolVXP:
		key.System = cmp.Or(e.System, string(agency.CodeAt(now)))
	case hub.EnrolLGSP:
		key.Client = cmp.Or(e.Client, string(agency.CodeAt(now)))
	}
	return key
}

// replaced are the keys that end with the enrolment: those of systems that speak for this
// agency alone, on the channels that it gives new ones for.
func (s *Service) replaced(ctx context.Context, e *hub.Enrolment, now time.Time) ([]hub.KeyEnd, error) {
	if !e.Replace {
		return nil, nil
	}
	keys, err := s.KeyStore.Keys(ctx)
	if err != nil {
		return nil, err
	}
	end := now.Add(time.Duration(e.Overlap) * time.Second)
	var ended []hub.KeyEnd
	for _, k := range keys {
		mine := k.Kind == hub.ActorSystem && len(k.Agencies) == 1 && k.Agencies[0] == e.Agency && slices.Contains(e.Channels, channelOf(&k))
		if !mine || !k.LiveAt(now) || !k.Revoked.IsZero() && k.Revoked.Before(end) {
			continue
		}
		ended = append(ended, hub.KeyEnd{Key: k.ID, At: end})
	}
	return ended, nil
}

// channelOf is the channel that a key is used on.
func channelOf(k *hub.APIKey) hub.EnrolmentChannel {
	switch {
	case k.System != "":
		return hub.EnrolVXP
	case k.Client != "":
		return hub.EnrolLGSP
	}
	return hub.EnrolREST
}

// grant completes the credentials that others keep. The code is spent: what fails now is
// said in the answer, beside what is in force.
func (s *Service) grant(ctx context.Context, credentials []hub.Credential, agency *hub.Agency, now time.Time) []hub.Credential {
	for i := range credentials {
		c := &credentials[i]
		g := s.Grantors[c.Channel]
		if g == nil {
			continue
		}
		granted, err := g.Grant(context.WithoutCancel(ctx), agency, now)
		if err != nil {
			c.Problem = "there is no secret for this channel: " + hub.ViolationsOf(err)[0].Message + "; ask the operator for another sheet"
			continue
		}
		c.User, c.Secret = granted.User, granted.Secret
	}
	return credentials
}

// guesses slows down those who try codes.
type guesses struct {
	mu   sync.Mutex
	from map[string]guesser
}

// guesser is what one address has left.
type guesser struct {
	left float64
	seen time.Time
}

const (
	guessesAtOnce = 20
	guessesEvery  = 10 * time.Second // one more
	maxGuessers   = 10_000
)

// admit takes one try from an address. Where too many addresses try at once those that
// were seen least lately are forgotten, which gives them their tries back and nobody a
// chance: a code has 120 bits.
func (g *guesses) admit(peer string, now time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	who, known := g.from[peer]
	if !known {
		who = guesser{left: guessesAtOnce}
		g.makeRoom(now)
	}
	who.left = min(guessesAtOnce, who.left+float64(max(0, now.Sub(who.seen)))/float64(guessesEvery))
	who.seen = now
	if who.left < 1 {
		g.from[peer] = who
		return &hub.Error{Kind: hub.KindBusy, Field: "code", Rule: "guesses", Message: "too many codes came from this address", RetryAfter: guessesEvery}
	}
	who.left--
	g.from[peer] = who
	return nil
}

func (g *guesses) forget(peer string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.from, peer)
}

func (g *guesses) makeRoom(now time.Time) {
	if len(g.from) < maxGuessers {
		return
	}
	oldest, when := "", now
	for peer, who := range g.from {
		if now.Sub(who.seen) > guessesAtOnce*guessesEvery {
			delete(g.from, peer)
		} else if who.seen.Before(when) || oldest == "" {
			oldest, when = peer, who.seen
		}
	}
	if len(g.from) >= maxGuessers {
		delete(g.from, oldest)
	}
}
