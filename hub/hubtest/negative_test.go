package hubtest_test

import (
	"context"
	"errors"
	"os"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/post"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/hub/tracking"
)

// station is all services with the real completion of evidence.
type station struct {
	*hubtest.World
	intake   *intake.Service
	delivery *delivery.Service
	tracking *tracking.Service
	notary   *audit.Service
	carry    error // what the carriers answer
}

// Carry implements delivery.Carrier.
func (s *station) Carry(context.Context, hub.Item) error { return s.carry }

func newStation(carriers bool) *station {
	s := &station{World: hubtest.NewWorld()}
	all := hubtest.Agencies()
	for i := range all {
		if all[i].ID == hubtest.Stranger {
			all[i].Channels = []hub.Dated[hub.Channel]{{Value: hub.ChannelAxis}}
		}
		if all[i].ID == hubtest.Ward {
			all[i].Channels = []hub.Dated[hub.Channel]{{Value: hub.ChannelPaper}}
		}
	}
	s.Directory = hubtest.NewDirectory(all...)
	s.notary = audit.New(audit.Options{
		Store: s, Sealer: s.Notary, Issuer: hub.Party{ID: "hub"}, Origin: "hub.test/evidence", Now: s.Clock.Now, NewID: s.IDs.New,
	})
	s.tracking = tracking.New(tracking.Options{
		Store: s, Leases: s, Reports: s, Links: s, Evidences: s, Blobs: s.Blobs, Directory: s.Directory,
		Notary: s.notary, Now: s.Clock.Now, NewID: s.IDs.New,
	})
	o := delivery.Options{
		Store: s, Notary: s.notary, Queue: delivery.NewLocalQueue(4), Bell: s.tracking, Now: s.Clock.Now, NewID: s.IDs.New, Retry: delivery.Backoff{Attempts: 2},
	}
	if carriers {
		o.Carriers = map[hub.Channel]delivery.Carrier{hubtest.ChannelTest: s, hub.ChannelAxis: s}
	}
	s.delivery = delivery.New(o)
	s.intake = intake.New(intake.Options{
		Store: s, Uploads: s, Blobs: s.Blobs, Staging: s.Blobs, Directory: s.Directory, Verifier: s.Verifier, Changes: s.tracking,
		Notary: s.notary, Queue: s.Queue, Bell: s.tracking, Now: s.Clock.Now, NewID: s.IDs.New, Canonical: hubtest.CanonicalReport,
		Policy: hub.PolicyEnforce, MaxRecipients: 3,
	})
	return s
}

const (
	remoteCode = "000.00.14.H47"
	axisCode   = "000.00.00.H48" // lives behind another axis
	paperCode  = "000.31.05.H47" // is not connected
)

// TestEveryNegativeSaysWhy: on every path that ends in a negative evidence it carries the
// reason of that path, from the closed list; and there is no negative event whose paths
// are not among these, but those of channels that this hub does not have.
func TestEveryNegativeSaysWhy(t *testing.T) {
	refused := func(change func(*station, *hub.Submission)) func(*testing.T, *station) {
		return func(t *testing.T, s *station) {
			sub := s.Submission("x", officeCode)
			change(s, &sub)
			var rejection *hub.Rejection
			if _, err := s.intake.Submit(t.Context(), hubtest.System(hubtest.Province), sub); !errors.As(err, &rejection) {
				t.Fatalf("it was not refused: %v", err)
			}
		}
	}
	type path struct {
		name  string
		event hub.Event
		code  hub.ReasonCode
		walk  func(*testing.T, *station)
	}
	paths := []path{
		{"unknown recipient", hub.EventSubmissionRejection, hub.ReasonUnknownRecipient, refused(func(_ *station, s *hub.Submission) { s.Recipients = []string{hubtest.UnknownCode} })},
		{"divided recipient", hub.EventSubmissionRejection, hub.ReasonClosedRecipient, refused(func(_ *station, s *hub.Submission) { s.Recipients = []string{hubtest.DividedCode} })},
		{"state secret", hub.EventSubmissionRejection, hub.ReasonStateSecret, refused(func(_ *station, s *hub.Submission) { s.Document.Confidential = "MẬT" })},
		{"no subject", hub.EventSubmissionRejection, hub.ReasonInvalidFormat, refused(func(_ *station, s *hub.Submission) { s.Document.Subject = "" })},
		{"too many recipients", hub.EventSubmissionRejection, hub.ReasonTooLarge, refused(func(_ *station, s *hub.Submission) {
			s.Recipients = []string{officeCode, remoteCode, "000.00.13.H47", "000.31.05.H47"}
		})},
		{"broken signature", hub.EventSubmissionRejection, hub.ReasonInvalidSignature, refused(func(w *station, s *hub.Submission) {
			s.Parts = []hub.Part{w.Part("p1", hub.RoleOriginal, "tampered")}
		})},
		{"the carrier says never", hub.EventContentConsignmentFailure, hub.ReasonUnreachable, func(t *testing.T, s *station) {
			s.carry = hub.Invalid("document", "required", "refused")
			s.send(t, remoteCode)
			s.work(t)
		}},
		{"no carrier", hub.EventContentConsignmentFailure, hub.ReasonUnreachable, func(t *testing.T, s *station) {
			s.send(t, remoteCode)
			s.work(t)
		}},
		{"no answer, ever", hub.EventContentConsignmentFailure, hub.ReasonAttemptsExhausted, func(t *testing.T, s *station) {
			s.carry = errors.New("no answer")
			s.send(t, remoteCode)
			for range 3 {
				s.work(t)
				s.Clock.Advance(24 * time.Hour)
			}
		}},
		{"another axis says never", hub.EventRelayRejection, hub.ReasonInvalidFormat, func(t *testing.T, s *station) {
			s.carry = hub.Invalid("document", "required", "refused")
			s.send(t, axisCode)
			s.work(t)
		}},
		{"another axis does not know the recipient", hub.EventRelayRejection, hub.ReasonUnknownRecipient, func(t *testing.T, s *station) {
			s.carry = hub.Errorf(hub.KindUnknownAgency, "to", "unknown", "nobody there")
			s.send(t, axisCode)
			s.work(t)
		}},
		{"no answer of another axis, ever", hub.EventRelayFailure, hub.ReasonAttemptsExhausted, func(t *testing.T, s *station) {
			s.carry = errors.New("no answer")
			s.send(t, axisCode)
			for range 3 {
				s.work(t)
				s.Clock.Advance(24 * time.Hour)
			}
		}},
		{"no answer of another axis in time", hub.EventRelayFailure, hub.ReasonRetentionExpired, func(t *testing.T, s *station) {
			s.send(t, axisCode)
			s.expire(t)
		}},
		{"nothing heard of another axis", hub.EventContentHandoverFailure, hub.ReasonRetentionExpired, func(t *testing.T, s *station) {
			s.send(t, axisCode)
			s.work(t)
			s.expire(t)
		}},
		{"not by post in time", hub.EventRelayToNonERDSFailure, hub.ReasonRetentionExpired, func(t *testing.T, s *station) {
			s.send(t, paperCode)
			s.work(t)
			s.expire(t)
		}},
		{"back from the post", hub.EventRelayToNonERDSFailure, hub.ReasonUnreachable, func(t *testing.T, s *station) {
			s.comesBack(t, s.send(t, paperCode))
		}},
		{"not carried in time", hub.EventContentHandoverFailure, hub.ReasonRetentionExpired, func(t *testing.T, s *station) {
			s.send(t, remoteCode)
			s.expire(t)
		}},
		{"not collected in time", hub.EventContentHandoverFailure, hub.ReasonRetentionExpired, func(t *testing.T, s *station) {
			s.send(t, officeCode)
			s.expire(t)
		}},
		{"not registered in time", hub.EventAcceptanceRejectionExpiry, hub.ReasonRetentionExpired, func(t *testing.T, s *station) {
			s.collect(t, s.send(t, officeCode))
			s.expire(t)
		}},
		{"nobody to tell by webhook", hub.EventNotificationFailure, hub.ReasonUnreachable, func(t *testing.T, s *station) {
			s.tellNobody(t, hub.SubscriptionWebhook, hub.PauseUnreachable)
		}},
		{"a webhook that is gone", hub.EventNotificationFailure, hub.ReasonUnreachable, func(t *testing.T, s *station) {
			s.tellNobody(t, hub.SubscriptionWebhook, hub.PauseGone)
		}},
		{"no such mailbox", hub.EventNotificationFailure, hub.ReasonNoBox, func(t *testing.T, s *station) {
			s.tellNobody(t, hub.SubscriptionMail, hub.PauseGone)
		}},
		{"status 02", hub.EventConsignmentRejection, hub.ReasonOther, func(t *testing.T, s *station) {
			d := s.send(t, officeCode)
			report := hub.StatusReport{Code: hub.StatusRefused, Description: "không đúng thẩm quyền"}
			if _, err := s.tracking.Report(t.Context(), hubtest.System(hubtest.Office), d.ID, report); err != nil {
				t.Fatal(err)
			}
		}},
	}
	for _, code := range hub.RefusalReasons() {
		for _, collected := range []bool{false, true} {
			paths = append(paths, path{"refused as " + string(code), hub.EventConsignmentRejection, code, func(t *testing.T, s *station) {
				d := s.send(t, officeCode)
				if collected {
					s.collect(t, d)
				}
				reason := hub.Reason{Code: code, Detail: "lý do"}
				if _, err := s.tracking.Refuse(t.Context(), hubtest.System(hubtest.Office), d.ID, 0, reason); err != nil {
					t.Fatal(err)
				}
			}})
		}
	}
	issued := map[hub.Event]bool{}
	for _, p := range paths {
		t.Run(p.name, func(t *testing.T) {
			s := newStation(p.name != "no carrier")
			p.walk(t, s)
			s.wantNegative(t, p.event, p.code)
		})
		issued[p.event] = true
	}
	source, err := os.ReadFile("../evidence.go")
	if err != nil {
		t.Fatal(err)
	}
	if n := len(regexp.MustCompile(`(?m)^\tEvent\w+ +Event = `).FindAll(source, -1)) + 1; n != len(allEvents()) { // and ContentPurge
		t.Errorf("there are %d events, and %d are looked at here", n, len(allEvents()))
	}
	for _, event := range allEvents() {
		if event.Negative() && !issued[event] {
			t.Errorf("no path is known that ends in %s", event.Name())
		}
	}
}

func allEvents() []hub.Event {
	return []hub.Event{
		hub.EventSubmissionAcceptance, hub.EventSubmissionRejection, hub.EventRelayAcceptance, hub.EventRelayRejection, hub.EventRelayFailure,
		hub.EventContentConsignment, hub.EventContentConsignmentFailure, hub.EventConsignmentNotification, hub.EventNotificationFailure,
		hub.EventContentHandover, hub.EventContentHandoverFailure, hub.EventConsignmentAcceptance, hub.EventConsignmentRejection,
		hub.EventAcceptanceRejectionExpiry, hub.EventContentAccessTracking, hub.EventRelayToNonERDS, hub.EventRelayToNonERDSFailure,
		hub.EventReceivedFromNonERDS, hub.EventSignatureValidation, hub.EventWithdrawal, hub.EventCorrection, hub.EventForward,
		hub.EventStatusReport, hub.EventExpiryWarning, hub.EventContentPurge, hub.EventTask, hub.EventPostalDelivery,
	}
}

func (s *station) send(t *testing.T, code string) hub.Delivery {
	t.Helper()
	a, err := s.intake.Submit(t.Context(), hubtest.System(hubtest.Province), s.Submission("x", code))
	if err != nil {
		t.Fatal(err)
	}
	return a.Deliveries[0]
}

// comesBack lets the post bring a document back.
func (s *station) comesBack(t *testing.T, d hub.Delivery) {
	t.Helper()
	orders := &orders{}
	service := post.New(post.Options{
		Store: orders, Documents: s.tracking, Deliveries: s.World, Notary: s.notary, Directory: s.Directory, Now: s.Clock.Now, NewID: s.IDs.New, Log: s.Log,
	})
	actor, address := hubtest.System(hubtest.Province), &hub.PostalParty{Address: "1 Trần Phú"}
	o, _, err := service.Order(t.Context(), actor, hub.PostalWish{Agency: hubtest.Province, Kind: hub.PostalPaper, Dispatch: d.Dispatch, From: address, To: address})
	if err == nil {
		_, err = service.Report(t.Context(), actor, o.ID, hub.PostalReport{Act: hub.PostalReturned})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// orders keeps one order at the post.
type orders struct {
	post.Store
	one hub.PostalOrder
}

func (s *orders) AddPostalOrder(_ context.Context, o hub.PostalOrder) error {
	s.one = o
	return nil
}

func (s *orders) ChangePostalOrder(_ context.Context, o hub.PostalOrder) error {
	s.one = o
	return nil
}

func (s *orders) FindPostalOrder(context.Context, hub.PostalKey) (hub.PostalOrder, error) {
	return s.one, nil
}

func (s *station) work(t *testing.T) {
	t.Helper()
	if _, err := s.delivery.Work(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *station) expire(t *testing.T) {
	t.Helper()
	s.Clock.Advance(hub.DefaultTerm)
	if n, err := s.delivery.Expire(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
}

// tellNobody has a document wait for an agency whose subscription the hub has paused.
func (s *station) tellNobody(t *testing.T, kind hub.SubscriptionKind, why hub.PauseReason) {
	t.Helper()
	d := s.send(t, officeCode)
	halted := &halted{
		sub:  hub.Subscription{ID: "s1", Agency: hubtest.Office, Kind: kind, Version: 1, Paused: &hub.Pause{Reason: why, At: s.Clock.Now()}},
		push: hub.Push{Subscription: "s1", Topic: hub.TopicWaiting, Delivery: d.ID, State: hub.PushWaiting},
	}
	service := push.New(push.Options{
		Subscriptions: halted, Feed: halted, Outbox: halted, Items: s, Steps: s, Notary: s.Notary, Now: s.Clock.Now, NewID: s.IDs.New,
	})
	for range 2 {
		if err := service.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// halted is one paused subscription for which one notice waits.
type halted struct {
	push.SubscriptionStore
	push.Feed
	push.Outbox
	sub  hub.Subscription
	push hub.Push
}

func (h *halted) Subscriptions(context.Context) ([]hub.Subscription, error) {
	return []hub.Subscription{h.sub}, nil
}

func (h *halted) Subscription(context.Context, string) (hub.Subscription, error) { return h.sub, nil }

func (h *halted) SaveSubscription(_ context.Context, s hub.Subscription) error {
	h.sub = s
	return nil
}

func (h *halted) PushPosition(context.Context) (int64, int64, error) { return 0, 0, nil }

func (h *halted) Pushes(_ context.Context, q hub.PushQuery) (hub.List[hub.Push], error) {
	if h.push.Place < q.From {
		return hub.List[hub.Push]{}, nil
	}
	return hub.List[hub.Push]{Items: []hub.Push{h.push}}, nil
}

func (h *halted) PrunePushes(context.Context, time.Time, int) (int, error) { return 0, nil }

func (s *station) collect(t *testing.T, d hub.Delivery) {
	t.Helper()
	item, err := s.Item(t.Context(), d.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.tracking.Acknowledge(t.Context(), hubtest.System(hubtest.Office), d.ID, 0, hubtest.Digests(&item.Dispatch)); err != nil {
		t.Fatal(err)
	}
}

// wantNegative fails the test unless there is one negative evidence, of this event and
// for this reason.
func (s *station) wantNegative(t *testing.T, event hub.Event, code hub.ReasonCode) {
	t.Helper()
	all, err := s.Evidences(t.Context(), hub.EvidenceQuery{Page: hub.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	negative := slices.DeleteFunc(all.Items, func(e hub.SealedEvidence) bool { return !e.Evidence.Event.Negative() })
	if len(negative) != 1 || negative[0].Evidence.Event != event {
		t.Fatalf("%d negative evidences, %+v", len(negative), negative)
	}
	reasons := negative[0].Evidence.Reasons
	if len(reasons) == 0 || reasons[0].Code != code || reasons[0].Detail == "" || !slices.Contains(hub.ReasonCodes(), code) {
		t.Errorf("%s for %+v, want %s", event.Name(), reasons, code)
	}
}

// TestRecallOfWhatExpired: who acknowledged a document and let the time to register it end
// has it, and is asked to give it back; who never collected it has nothing.
func TestRecallOfWhatExpired(t *testing.T) {
	province, office := hubtest.System(hubtest.Province), hubtest.System(hubtest.Office)
	for _, collected := range []bool{true, false} {
		s := newStation(true)
		d := s.send(t, officeCode)
		if collected {
			s.collect(t, d)
		}
		s.expire(t)
		recall := func(want hub.RecallResult) {
			t.Helper()
			got, err := s.tracking.Recall(t.Context(), province, d.Dispatch, nil, "gửi nhầm")
			if err != nil || len(got) != 1 || got[0].Outcome != want {
				t.Fatalf("collected %v: %+v, %v, want %s", collected, got, err, want)
			}
		}
		if !collected {
			recall(hub.RecallEnded)
			continue
		}
		recall(hub.RecallAsked)
		asked, err := s.tracking.Mailbox(t.Context(), office, hub.MailboxQuery{Agency: hubtest.Office, Asked: true})
		if err != nil || len(asked.Items) != 1 {
			t.Fatalf("asked %+v, %v", asked.Items, err)
		}
		if _, err := s.tracking.Report(t.Context(), office, d.ID, hub.StatusReport{Code: hub.StatusChangeAccepted}); err != nil {
			t.Fatal(err)
		}
		recall(hub.RecallAgreed)
		all, err := s.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: d.Dispatch, Page: hub.Page{Limit: 100}})
		if err != nil {
			t.Fatal(err)
		}
		if err := audit.CheckChain(all.Items); err != nil {
			t.Error(err)
		}
	}
}
