package retention

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// progress is how far the purge has come.
//
// The time of a dispatch ends when the last end of a delivery lies the time of its class
// back. So a run need not look at all that is kept: for each length of time that a class
// has, it looks at the dispatches that passed that age since the run before.
type progress struct {
	Classes int64     `json:"classes"` // version of the set that decided
	UpTo    time.Time `json:"up_to"`   // instant that was decided for
	Holds   []string  `json:"holds"`   // that were in force
	Ran     time.Time `json:"ran"`     // beginning of the last scheduled run
}

// overlap is by how much a run looks back behind the one before: the end of a delivery
// may be recorded a moment after its time.
const overlap = time.Hour

// from returns the instant from which on a run must decide anew; zero for all, when what
// decided before is no longer in force.
func (p *progress) from(r *rules) time.Time {
	stands := func(id string) bool {
		return slices.ContainsFunc(r.holds, func(h hub.LegalHold) bool { return h.ID == id })
	}
	if p.Classes != r.classes.Version || slices.ContainsFunc(p.Holds, func(id string) bool { return !stands(id) }) {
		return time.Time{}
	}
	return p.UpTo
}

// purge removes the content references of all dispatches whose time is over. Rules that
// change meanwhile are followed at once.
func (s *Service) purge(ctx context.Context, run *hub.RetentionRun, done progress) (progress, error) {
	for try := 0; ; try++ {
		now := s.now()
		r, err := s.rules(ctx, now)
		if err != nil {
			return done, err
		}
		run.Rules = r.classes.Version
		if err = s.purgeBy(ctx, run, r, done.from(r), now); err == nil {
			err = s.eraseBy(ctx, run, r, now)
		}
		switch {
		case err == nil:
			done.Classes, done.UpTo, done.Holds = r.classes.Version, now, nil
			for i := range r.holds {
				done.Holds = append(done.Holds, r.holds[i].ID)
			}
			return done, nil
		case hub.KindOf(err) != hub.KindConflict || try == changeRetries:
			return done, err
		}
	}
}

// purgeBy walks through the ages that classes have.
func (s *Service) purgeBy(ctx context.Context, run *hub.RetentionRun, r *rules, from, now time.Time) error {
	for _, age := range r.classes.Ages(false) {
		query := hub.CompletedQuery{Until: age.Before(now), Limit: s.Batch}
		if !from.IsZero() {
			query.After = age.Before(from).Add(-overlap)
		}
		if err := s.purgeAge(ctx, run, r, query, now); err != nil {
			return err
		}
	}
	return nil
}

// purgeAge decides about the dispatches of a query, a batch at a time.
func (s *Service) purgeAge(ctx context.Context, run *hub.RetentionRun, r *rules, query hub.CompletedQuery, now time.Time) error {
	for {
		found, err := s.Store.Completed(ctx, query)
		if err != nil {
			return err
		}
		var due []decision
		for i := range found {
			switch class := r.due(&found[i], now); {
			case class == nil:
			case r.held(&found[i]):
				run.Held++
			default:
				due = append(due, decision{&found[i], class})
			}
		}
		if err := s.purgeBatch(ctx, run, r, due); err != nil {
			return err
		}
		if len(found) < query.Limit {
			return nil
		}
		last := &found[len(found)-1]
		query.After, query.AfterDispatch = last.At, last.Dispatch.ID
	}
}

// decision is that the time of a dispatch is over.
type decision struct {
	of    *hub.Completed
	class *hub.RetentionClass
}

// purgeBatch records the end of some dispatches' content with its evidence.
func (s *Service) purgeBatch(ctx context.Context, run *hub.RetentionRun, r *rules, due []decision) error {
	if len(due) == 0 {
		return nil
	}
	at := s.now()
	drafts := make([]hub.Evidence, len(due))
	for i, d := range due {
		drafts[i] = purgeEvidence(d, r.classes.Version, at)
	}
	sealed, err := s.Notary.Seal(ctx, drafts...)
	if err != nil {
		return err
	}
	batch := hub.PurgeBatch{Rules: r.version, Items: make([]hub.PurgeItem, len(due))}
	for i, d := range due {
		batch.Items[i] = hub.PurgeItem{
			Dispatch: d.of.Dispatch.ID, Evidence: sealed[i],
			Purge: hub.Purge{At: at, Class: d.class.ID, Rules: r.classes.Version, LegalBasis: d.class.LegalBasis, Evidence: sealed[i].Evidence.ID},
		}
	}
	results, err := s.Store.Purge(ctx, batch)
	if err != nil {
		return err
	}
	for i, err := range results {
		if err != nil { // another node was faster
			s.Log.InfoContext(ctx, "content was not purged", "dispatch", batch.Items[i].Dispatch, "error", err)
			continue
		}
		run.Purged++
		run.ByClass[due[i].class.ID]++
	}
	return nil
}

// purgeEvidence drafts the evidence of a purge: it hangs on the acceptance, since it is
// about the content and no recipient.
func purgeEvidence(d decision, version int64, at time.Time) hub.Evidence {
	dispatch, receipt := &d.of.Dispatch, d.of.Receipt
	return hub.Evidence{
		Event: hub.EventContentPurge,
		Time:  at,
		Reasons: []hub.Reason{{
			Code: hub.ReasonRetentionExpired, Detail: d.class.LegalBasis,
		}},
		Sender: &hub.Party{
			ID: dispatch.Sender, Code: dispatch.SenderCode,
			Scheme: string(dispatch.SenderCode.Form()), Name: dispatch.SenderName,
		},
		Dispatch:   dispatch.ID,
		ExternalID: dispatch.ExternalID,
		Operation:  dispatch.Operation,
		Content:    hub.PartFacts(dispatch.Parts),
		Prev:       &receipt,
		Note: fmt.Sprintf("retention class %s (%s), version %d: kept %s after the last delivery ended at %s",
			d.class.ID, d.class.Name, version, d.class.Keep, d.of.At.Format(time.RFC3339)),
		TraceID: dispatch.TraceID,
	}
}
