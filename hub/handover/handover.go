// Package handover hands an agency that has closed over to its successor, in one recorded
// act: open deliveries, tasks, drafts and people.
//
// It promises that all of it happens or nothing, that a dry run says before what will, that
// the same again changes nothing and returns the first act, and that nothing that was signed
// changes: the recipient of a delivery stays who it was, and the evidence names the successor
// as its delegate (decision 46). What comes later to a closed code is no matter of it: it is
// addressed to the successor.
package handover

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Store keeps what is handed over.
type Store interface {
	// HandOver MUST record all of a change and be durable when it returns, or change
	// nothing: KindConflict where directory, an account or a delivery is of another version.
	HandOver(ctx context.Context, change hub.HandOverChange) error
	// OfficeDrafts counts the drafts of all persons in an office.
	OfficeDrafts(ctx context.Context, office hub.AgencyID) (int, error)
	Accounts(ctx context.Context) ([]hub.Account, error)
	Note(ctx context.Context, name string) (hub.RetentionNote, error)
	Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error)
}

// Tasks says how the open tasks of an agency go to another.
type Tasks interface {
	// Open counts them, at most hub.MaxTotalled.
	Open(ctx context.Context, agency hub.AgencyID) (int, error)
	HandOver(ctx context.Context, actor hub.Actor, agency, to hub.AgencyID, at time.Time) ([]hub.Step, error)
	// Told is called when the steps were recorded.
	Told(to hub.AgencyID, steps []hub.Step)
}

// Directory knows the agencies and lets an act change them.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	// Holder returns who has a code or had it last, closed or not.
	Holder(code string, at time.Time) (*hub.Agency, bool)
	// Heirs are the living agencies that stand in for one.
	Heirs(id hub.AgencyID, at time.Time) []hub.AgencyID
	// HandedTo lists the closed agencies that were handed over to one.
	HandedTo(id hub.AgencyID, at time.Time) []hub.AgencyID
	// TakeOver works out that an agency acts for closed ones from an instant on and lets
	// save make it durable; again where save answers KindConflict.
	TakeOver(ctx context.Context, by hub.AgencyID, closed []hub.AgencyID, at time.Time, save func(ctx context.Context, version int64, changed []hub.Agency) error) error
}

// Options are what a Service needs; all of it.
type Options struct {
	Store     Store
	Directory Directory
	Tasks     Tasks
	Now       func() time.Time
}

// Service hands over. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service.
func New(o Options) *Service { return &Service{o} }

const (
	prefix    = "hand-over/"
	maxBasis  = 500
	countPage = 200
	maxCount  = 10_000 // deliveries
)

// HandOver hands an agency that has closed over, which needs ScopeOperate; a dry run says
// what it would be. An agency that was handed over is left as it is and the act of then
// comes back with Before set.
//
// Errors: KindUnknownAgency (agency, to); KindConflict with the rules open (it has not
// closed), several_successors (name one in to), no_successor, handed_over (to another
// agency); KindInvalid for to (successor, closed) and basis.
func (s *Service) HandOver(ctx context.Context, actor hub.Actor, order hub.HandOverOrder, dryRun bool) (hub.HandOver, error) {
	if err := actor.Require(hub.ScopeOperate); err != nil {
		return hub.HandOver{}, err
	}
	if utf8.RuneCountInString(order.Basis) > maxBasis || strings.ContainsFunc(order.Basis, unicode.IsControl) || !utf8.ValidString(order.Basis) {
		return hub.HandOver{}, hub.Invalid("basis", "max_length", "the basis is a line of text of at most %d characters", maxBasis)
	}
	now := s.Now().UTC().Truncate(time.Millisecond)
	a, to, err := s.meant(&order, now)
	if err != nil {
		return hub.HandOver{}, err
	}
	if by := s.heir(a.ID, now); by != "" {
		return s.before(ctx, a, by, to, order.To != "")
	}
	act := hub.HandOver{Agency: a.ID, To: to.ID, Basis: order.Basis, By: actor.Name, At: now, Accounts: []string{}}
	act.Further = s.Directory.HandedTo(a.ID, now)
	if act.Deliveries, act.More, err = s.open(ctx, a.ID, now); err != nil {
		return act, err
	}
	if dryRun {
		_, err := s.gather(ctx, &act)
		return act, err
	}
	var steps []hub.Step
	err = s.Directory.TakeOver(ctx, to.ID, append([]hub.AgencyID{a.ID}, act.Further...), now, func(ctx context.Context, version int64, changed []hub.Agency) error {
		if s.heir(a.ID, now) != "" {
			return errFaster
		}
		accounts, err := s.gather(ctx, &act)
		if err != nil {
			return err
		}
		if steps, err = s.tasks(ctx, actor, &act); err != nil {
			return err
		}
		body, err := json.Marshal(act)
		if err != nil {
			return hub.Internal("encode a hand-over", err)
		}
		return s.Store.HandOver(ctx, hub.HandOverChange{
			Version: version, Agencies: changed, Accounts: accounts, From: a.ID, To: to.ID, Steps: steps, Note: hub.RetentionNote{Name: noteName(a.ID), Body: body},
		})
	})
	if errors.Is(err, errFaster) {
		return s.before(ctx, a, s.heir(a.ID, now), to, order.To != "")
	}
	if err == nil {
		s.Tasks.Told(to.ID, steps)
	}
	return act, err
}

// errFaster says that somebody else has handed the agency over meanwhile.
var errFaster = errors.New("handed over at the same moment")

// skew is how far the clock of another node, which hands over at the same moment, may be
// ahead.
const skew = time.Minute

// heir is the living agency to which one was handed over, as the directory is now; "" for
// none.
func (s *Service) heir(id hub.AgencyID, now time.Time) hub.AgencyID {
	a, ok := s.Directory.ByID(id)
	if !ok {
		return ""
	}
	by := a.TookOverAt(now.Add(skew))
	if heir, ok := s.Directory.ByID(by); !ok || !heir.LivesAt(now) {
		return ""
	}
	return by
}

// tasks are the steps by which the open tasks of an agency go to its successor, and those
// of agencies that it had taken over.
func (s *Service) tasks(ctx context.Context, actor hub.Actor, act *hub.HandOver) ([]hub.Step, error) {
	var all []hub.Step
	act.Tasks = 0
	for _, agency := range append([]hub.AgencyID{act.Agency}, act.Further...) {
		steps, err := s.Tasks.HandOver(ctx, actor, agency, act.To, act.At)
		if err != nil {
			return nil, err
		}
		for i := range steps {
			act.Tasks += len(steps[i].Evidence)
		}
		all = append(all, steps...)
	}
	return all, nil
}

func noteName(agency hub.AgencyID) string { return prefix + url.PathEscape(string(agency)) }

// meant finds who is handed over, and to whom.
func (s *Service) meant(order *hub.HandOverOrder, now time.Time) (a, to *hub.Agency, err error) {
	if a, err = s.find("agency", order.Agency, now); err != nil {
		return nil, nil, err
	}
	if a.LivesAt(now) || a.Valid.To.IsZero() || now.Before(a.Valid.To) {
		return nil, nil, hub.Errorf(hub.KindConflict, "agency", "open", "%s has not closed: record the act that closes it, and hand it over from that day on", a.NameAt(now))
	}
	heirs := s.Directory.Heirs(a.ID, now)
	switch {
	case order.To != "":
		if to, err = s.find("to", order.To, now); err != nil {
			return nil, nil, err
		}
		if !to.LivesAt(now) {
			return nil, nil, hub.Invalid("to", "closed", "%s has closed itself", to.NameAt(now))
		}
		if len(heirs) > 0 && !slices.Contains(heirs, to.ID) {
			return nil, nil, hub.Invalid("to", "successor", "%s did not take over from %s", to.NameAt(now), order.Agency)
		}
		return a, to, nil
	case len(heirs) == 0:
		return nil, nil, hub.Errorf(hub.KindConflict, "to", "no_successor", "nobody took over: name the agency that acts for it")
	case len(heirs) > 1:
		return nil, nil, hub.Errorf(hub.KindConflict, "to", "several_successors", "several agencies took over: name the one that acts for it")
	}
	to, _ = s.Directory.ByID(heirs[0])
	return a, to, nil
}

func (s *Service) find(field, who string, now time.Time) (*hub.Agency, error) {
	if a, ok := s.Directory.ByID(hub.AgencyID(who)); ok {
		return a, nil
	}
	if a, ok := s.Directory.Holder(who, now); ok {
		return a, nil
	}
	return nil, hub.Errorf(hub.KindUnknownAgency, field, "unknown_agency", "no agency has or had the code or id %.64q", who)
}

// before returns the act by which an agency was handed over.
func (s *Service) before(ctx context.Context, a *hub.Agency, by hub.AgencyID, to *hub.Agency, named bool) (hub.HandOver, error) {
	if named && to.ID != by {
		return hub.HandOver{}, hub.Errorf(hub.KindConflict, "to", "handed_over", "the agency was handed over to another already")
	}
	act := hub.HandOver{Agency: a.ID, To: by, Accounts: []string{}}
	n, err := s.Store.Note(ctx, noteName(a.ID))
	switch {
	case err == nil:
		if err := json.Unmarshal(n.Body, &act); err != nil {
			return act, hub.Internal("decode a hand-over", err)
		}
	case hub.KindOf(err) != hub.KindNotFound: // without a note it went on with the one before it
		return act, err
	}
	act.To, act.Before = by, true
	return act, nil
}

// open counts the deliveries to an agency that have not ended.
func (s *Service) open(ctx context.Context, agency hub.AgencyID, now time.Time) (n int, more bool, err error) {
	query := hub.MailboxQuery{Agency: agency, Now: now, States: []hub.DeliveryState{hub.StateQueued, hub.StateConsigned, hub.StateHandedOver}, Page: hub.Page{Limit: countPage}}
	for n < maxCount {
		list, err := s.Store.Mailbox(ctx, query)
		if err != nil {
			return 0, false, err
		}
		for i := range list.Items {
			if !list.Items[i].Delivery.Final() {
				n++
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return n, false, nil
		}
	}
	return n, true, nil
}

// gather works out which people get their role in the successor, and counts drafts and
// tasks.
// Clerks and leaders do the same work there; who administers or inspects the successor is
// for the successor to say. They all keep what they are in the closed agency, to read.
func (s *Service) gather(ctx context.Context, act *hub.HandOver) ([]hub.Account, error) {
	all, err := s.Store.Accounts(ctx)
	if err != nil {
		return nil, err
	}
	var changed []hub.Account
	act.Accounts = []string{}
	for _, account := range all {
		memberships := slices.Clone(account.Memberships)
		for _, m := range account.Memberships {
			there := hub.Membership{Agency: act.To, Role: m.Role}
			if m.Agency == act.Agency && (m.Role == hub.RoleClerk || m.Role == hub.RoleLeader) && !slices.Contains(memberships, there) {
				memberships = append(memberships, there)
			}
		}
		if len(memberships) > len(account.Memberships) {
			account.Memberships, account.Version = memberships, account.Version+1
			changed, act.Accounts = append(changed, account), append(act.Accounts, account.Name)
		}
	}
	if act.Drafts, err = s.Store.OfficeDrafts(ctx, act.Agency); err != nil {
		return nil, err
	}
	act.Tasks = 0
	for _, agency := range append([]hub.AgencyID{act.Agency}, act.Further...) {
		n, err := s.Tasks.Open(ctx, agency)
		if err != nil {
			return nil, err
		}
		act.Tasks += n
	}
	return changed, nil
}
