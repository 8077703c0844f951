package push

import (
	"context"
	"encoding/base64"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// SecretPrefix stands before the base64 text of a secret (Standard Webhooks).
const SecretPrefix = "whsec_"

// secretBytes is the size of a secret; Standard Webhooks ask for 24 to 64 bytes.
const secretBytes = 32

// maxOverlap bounds how long an old secret signs beside a new one.
const maxOverlap = 30 * 24 * time.Hour

// maxGather bounds how long a mail waits for more.
const maxGather = 24 * time.Hour / time.Second

// may decides who keeps the subscriptions of an agency: its own systems that collect for
// it, its administrator, and the operator.
func may(actor hub.Actor, agency hub.AgencyID) error {
	if actor.Has(hub.ScopeOperate) || actor.SpeaksFor(agency, hub.ScopeAccounts) == nil {
		return nil
	}
	return actor.SpeaksFor(agency, hub.ScopeCollect)
}

// Create records a subscription and returns it with the secret that signs its calls,
// which is shown this once; empty where calls are not signed. Errors: KindDenied;
// hub.Violations of KindInvalid by field; KindConflict when the agency has too many.
func (s *Service) Create(ctx context.Context, actor hub.Actor, wish hub.Subscription) (hub.Subscription, string, error) {
	if err := may(actor, wish.Agency); err != nil {
		return hub.Subscription{}, "", err
	}
	sub := hub.Subscription{
		ID: s.NewID(), Agency: wish.Agency, Kind: wish.Kind, Target: wish.Target, Topics: slices.Clone(wish.Topics),
		Content: wish.Content, Details: wish.Details, Gather: wish.Gather, Digest: wish.Digest, Created: s.now(), By: actor.Name, Version: 1,
	}
	if len(sub.Topics) == 0 {
		sub.Topics = []hub.Topic{hub.TopicWaiting}
		if sub.Kind == hub.SubscriptionWebhook {
			sub.Topics = append(sub.Topics, hub.TopicStatus)
		}
		sub.Topics = append(sub.Topics, hub.TopicTask, hub.TopicDossier)
	}
	if err := s.check(&sub); err != nil {
		return hub.Subscription{}, "", err
	}
	all, err := s.List(ctx, actor, sub.Agency)
	if err != nil {
		return hub.Subscription{}, "", err
	}
	if len(all) >= s.PerAgency {
		return hub.Subscription{}, "", hub.Errorf(hub.KindConflict, "agency", "maximum", "an agency has at most %d subscriptions; remove one first", s.PerAgency)
	}
	secret := ""
	if s.Ways[sub.Kind].Signed {
		if secret, err = s.draw(ctx, &sub); err != nil {
			return hub.Subscription{}, "", err
		}
	}
	if err := s.note(ctx, "create", actor.Name, &sub); err != nil {
		return hub.Subscription{}, "", err
	}
	return sub, secret, s.Subscriptions.SaveSubscription(ctx, sub)
}

func (s *Service) check(sub *hub.Subscription) error {
	var v hub.Violations
	if _, ok := s.Directory.ByID(sub.Agency); !ok {
		v = append(v, hub.Errorf(hub.KindUnknownAgency, "agency", "unknown_agency", "no agency has the id %q", sub.Agency))
	}
	way, ok := s.Ways[sub.Kind]
	if !ok {
		return append(v, hub.Errorf(hub.KindUnsupported, "kind", "kind", "this hub tells nobody by %q", sub.Kind)).AsError()
	}
	if err := way.Teller.CheckTarget(sub.Target); err != nil {
		v = append(v, hub.ViolationsOf(err)...)
	}
	for i, topic := range sub.Topics {
		if !slices.Contains(hub.Topics(), topic) || slices.Contains(sub.Topics[:i], topic) {
			v = append(v, hub.Invalid("topics", "topic", "topics are one or more of %v, each once", hub.Topics()))
			break
		}
	}
	if sub.Content && sub.Kind != hub.SubscriptionWebhook {
		v = append(v, hub.Invalid("content", "kind", "only a webhook carries files"))
	}
	if (sub.Details || sub.Gather != 0 || sub.Digest) && sub.Kind != hub.SubscriptionMail {
		v = append(v, hub.Invalid("details", "kind", "details, gather and digest are of a mail"))
	}
	if sub.Gather < 0 || sub.Gather > int(maxGather) {
		v = append(v, hub.Invalid("gather_seconds", "range", "a mail waits for others for 0 to %d seconds", maxGather))
	}
	return v.AsError()
}

// draw gives a subscription a new secret.
func (s *Service) draw(ctx context.Context, sub *hub.Subscription) (string, error) {
	random := make([]byte, secretBytes)
	if err := s.Random(random); err != nil {
		return "", hub.Internal("drawing a secret", err)
	}
	sealed, err := s.Vault.Seal(ctx, random, aboutSecret(sub))
	if err != nil {
		return "", err
	}
	sub.Secrets = append(sub.Secrets, hub.SubscriptionSecret{Sealed: sealed, Created: s.now()})
	return SecretPrefix + base64.StdEncoding.EncodeToString(random), nil
}

// aboutSecret binds a sealed secret to its subscription: it serves no other.
func aboutSecret(sub *hub.Subscription) string { return "subscription " + sub.ID }

// Rotate gives a subscription a new secret. For the overlap the present ones sign beside
// it; then they end.
func (s *Service) Rotate(ctx context.Context, actor hub.Actor, id string, overlap time.Duration) (hub.Subscription, string, error) {
	if overlap < 0 || overlap > maxOverlap {
		return hub.Subscription{}, "", hub.Invalid("overlap", "range", "two secrets sign side by side for 0 s to %s", maxOverlap)
	}
	secret := ""
	sub, err := s.alter(ctx, actor, id, "rotate", func(sub *hub.Subscription) error {
		if !s.Ways[sub.Kind].Signed {
			return hub.Errorf(hub.KindUnsupported, "kind", "signed", "calls of this kind are not signed")
		}
		now := s.now()
		sub.Secrets = slices.DeleteFunc(slices.Clone(sub.Secrets), func(k hub.SubscriptionSecret) bool { return ended(&k, now) })
		for i := range sub.Secrets {
			if k := &sub.Secrets[i]; k.Ends.IsZero() || k.Ends.After(now.Add(overlap)) {
				k.Ends = now.Add(overlap)
			}
		}
		if n := len(sub.Secrets); n > maxSecrets-1 {
			sub.Secrets = sub.Secrets[n-maxSecrets+1:]
		}
		var err error
		secret, err = s.draw(ctx, sub)
		return err
	})
	return sub, secret, err
}

// maxSecrets bounds the signatures of a call.
const maxSecrets = 3

func ended(k *hub.SubscriptionSecret, now time.Time) bool {
	return !k.Ends.IsZero() && !k.Ends.After(now)
}

// Pause lets a subscription tell nothing until Resume; what it would tell waits.
func (s *Service) Pause(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error) {
	return s.alter(ctx, actor, id, "pause", func(sub *hub.Subscription) error {
		if sub.Paused == nil {
			sub.Paused = &hub.Pause{Reason: hub.PauseAsked, At: s.now(), By: actor.Name}
		}
		return nil
	})
}

// Resume lets a subscription tell what waits, at once.
func (s *Service) Resume(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error) {
	return s.alter(ctx, actor, id, "resume", func(sub *hub.Subscription) error {
		sub.Paused = nil
		sub.Health = sub.Health.Fresh()
		return nil
	})
}

// alter changes a subscription for somebody who may, with a note in the log.
func (s *Service) alter(ctx context.Context, actor hub.Actor, id, action string, how func(*hub.Subscription) error) (hub.Subscription, error) {
	sub, err := s.Get(ctx, actor, id)
	if err == nil {
		err = s.note(ctx, action, actor.Name, &sub)
	}
	if err != nil {
		return hub.Subscription{}, err
	}
	return s.change(ctx, id, how)
}

// Remove ends a subscription; what it would tell is dropped.
func (s *Service) Remove(ctx context.Context, actor hub.Actor, id string) error {
	sub, err := s.Get(ctx, actor, id)
	if err == nil {
		err = s.note(ctx, "remove", actor.Name, &sub)
	}
	if err != nil {
		return err
	}
	return s.Subscriptions.RemoveSubscription(ctx, id)
}

// Get returns a subscription; to others than those who keep it there is none.
func (s *Service) Get(ctx context.Context, actor hub.Actor, id string) (hub.Subscription, error) {
	sub, err := s.Subscriptions.Subscription(ctx, id)
	if err == nil && may(actor, sub.Agency) != nil {
		err = hub.Errorf(hub.KindNotFound, "subscription", "", "there is no such subscription")
	}
	if err != nil {
		return hub.Subscription{}, err
	}
	return sub, nil
}

// List lists the subscriptions that the actor keeps: of an agency or, with the empty id,
// of all.
func (s *Service) List(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.Subscription, error) {
	if !actor.Has(hub.ScopeOperate) && !actor.Has(hub.ScopeCollect) && !actor.Has(hub.ScopeAccounts) {
		return nil, actor.Require(hub.ScopeCollect)
	}
	all, err := s.Subscriptions.Subscriptions(ctx)
	return slices.DeleteFunc(all, func(sub hub.Subscription) bool {
		return may(actor, sub.Agency) != nil || agency != "" && sub.Agency != agency
	}), err
}

// Pushes lists what a subscription is told, in the order of the log.
func (s *Service) Pushes(ctx context.Context, actor hub.Actor, query hub.PushQuery) (hub.List[hub.Push], error) {
	if query.State != "" && !slices.Contains(hub.PushStates(), query.State) {
		return hub.List[hub.Push]{}, hub.Invalid("state", "state", "a push is one of %v", hub.PushStates())
	}
	if _, err := s.Get(ctx, actor, query.Subscription); err != nil {
		return hub.List[hub.Push]{}, err
	}
	return s.Outbox.Pushes(ctx, query)
}

// Replay tells again what was settled, under the same ids, and returns how many pushes.
// What is older than Options.Keep is gone from the outbox; the lists of the agency have it.
func (s *Service) Replay(ctx context.Context, actor hub.Actor, id string, which hub.Replay) (int, error) {
	if which == (hub.Replay{}) {
		return 0, hub.Invalid("since", "required", "say what to tell again: all since a time, one evidence, or what was set aside")
	}
	var n int
	_, err := s.alter(ctx, actor, id, "replay", func(sub *hub.Subscription) error {
		sub.Health.Next = time.Time{} // whoever replays expects an attempt; the new version tells the node that tells
		var err error
		n, err = s.Outbox.ReplayPushes(ctx, id, which, s.now())
		return err
	})
	return n, err
}

// Test tells a subscription a test event, paused or not, and returns what came of it.
func (s *Service) Test(ctx context.Context, actor hub.Actor, id string) error {
	sub, err := s.Get(ctx, actor, id)
	if err != nil {
		return err
	}
	return s.test(ctx, &sub, nil)
}

func (s *Service) test(ctx context.Context, sub *hub.Subscription, hops *hub.Hops) error {
	return s.call(ctx, sub, []hub.PushEvent{{ID: s.NewID(), Topic: hub.TopicTest, At: s.now()}}, hops)
}

// Walk tells a subscription a test event as Test does, hop by hop. Whoever calls has
// decided that it may be.
func (s *Service) Walk(ctx context.Context, sub *hub.Subscription, hops *hub.Hops) {
	if p := sub.Paused; p != nil {
		hops.Fail(hub.HopInUse, hub.Errorf(hub.KindUnavailable, "", "paused", "the subscription is paused (%s): what it would tell waits until it is resumed", p.Reason))
	} else {
		hops.Pass(hub.HopInUse, "")
	}
	if err := s.test(ctx, sub, hops); err != nil {
		hops.FailNext(err, s.Ways[sub.Kind].hops(sub.Target)...)
		return
	}
	hops.Pass(hub.HopAnswer, "")
}

// hops are those that a Teller of the way tells of.
func (w Way) hops(target string) []hub.TestHop {
	if w.Hops == nil {
		return []hub.TestHop{hub.HopAnswer}
	}
	return w.Hops(target)
}

// subscriptionFact is the body of a note.
type subscriptionFact struct {
	Action       string               `json:"action"`
	Subscription string               `json:"subscription"`
	Agency       hub.AgencyID         `json:"agency"`
	Kind         hub.SubscriptionKind `json:"kind"`
	Actor        string               `json:"actor,omitempty"` // empty for the hub itself
	Reason       hub.PauseReason      `json:"reason,omitempty"`
}

// note records what is about to be done.
func (s *Service) note(ctx context.Context, action, actor string, sub *hub.Subscription) error {
	return s.Notes.Note(ctx, hub.LogNoteSubscription, subscriptionFact{Action: action, Subscription: sub.ID, Agency: sub.Agency, Kind: sub.Kind, Actor: actor})
}
