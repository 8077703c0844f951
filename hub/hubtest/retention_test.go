package hubtest_test

import (
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/retention"
)

// The ports that the surroundings fit.
var (
	_ retention.Store      = (*hubtest.Memory)(nil)
	_ retention.Notes      = (*hubtest.Memory)(nil)
	_ retention.Dispatches = (*hubtest.Memory)(nil)
	_ retention.Blobs      = (*hubtest.Blobs)(nil)
	_ retention.Notary     = (*hubtest.Notary)(nil)
)

func operator() hub.Actor {
	return hub.Actor{Name: "operator", Kind: hub.ActorOperator, Scopes: []hub.Scope{hub.ScopeOperate}}
}

// keeper makes the service that ends the time of content.
func (p *play) keeper() *retention.Service {
	return retention.New(retention.Options{
		Store: p, Notes: p, Dispatches: p, Blobs: p.Blobs, Notary: p.Notary, Now: p.Clock.Now, NewID: p.IDs.New, Batch: 2,
	})
}

// setClasses lets content go after days, or never.
func (p *play) setClasses(t *rapid.T) {
	set := hub.RetentionClasses{}
	for _, id := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"remote", "urgent", "all"}), 0, 3, rapid.ID).Draw(t, "classes") {
		c := hub.RetentionClass{ID: id, Name: id, LegalBasis: "hư cấu", Keep: hub.RetentionPeriod{Days: rapid.IntRange(0, 3).Draw(t, "days")}}
		if id == "remote" {
			c.Agencies = []hub.AgencyID{hubtest.Remote}
		}
		set.Classes = append(set.Classes, c)
	}
	if _, err := p.keeper().SetClasses(p.ctx, operator(), set); err != nil {
		t.Fatal(err)
	}
}

// purge makes the scheduled run if it is its time, and one that was asked for.
func (p *play) purge(t *rapid.T) {
	if _, err := p.keeper().AskPurge(p.ctx, operator()); err != nil {
		t.Fatal(err)
	}
	if err := p.keeper().Purge(p.ctx); err != nil {
		t.Fatal(err)
	}
}

// hold forbids the purge of one dispatch, if it is not too late.
func (p *play) hold(t *rapid.T) {
	id := p.draw(t).first.Dispatch.ID
	hold, err := p.keeper().PlaceHold(p.ctx, operator(), hub.LegalHold{Dispatch: id, Reason: "x"})
	switch item, _ := p.DispatchItem(p.ctx, id); {
	case item.Dispatch.Purged != nil && (err == nil || hub.KindOf(err) != hub.KindConflict):
		t.Fatalf("a hold on what is gone: %v", err)
	case item.Dispatch.Purged == nil && err != nil:
		t.Fatal(err)
	case err == nil:
		p.held[hold.ID] = id
	}
}

func (p *play) release(t *rapid.T) {
	if len(p.held) == 0 {
		t.Skip("nothing is held")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(p.held))).Draw(t, "hold")
	if _, err := p.keeper().ReleaseHold(p.ctx, operator(), id, "x"); err != nil {
		t.Fatal(err)
	}
	delete(p.held, id)
}

// checkPurged: content goes only when every delivery has ended, its time is over and
// nothing holds it, and stays away.
func (p *play) checkPurged(t *rapid.T, item *hub.SentItem, evidence []hub.SealedEvidence) {
	id, purged := item.Dispatch.ID, item.Dispatch.Purged
	proofs := 0
	for i := range evidence {
		if e := &evidence[i].Evidence; e.Event == hub.EventContentPurge && e.Delivery == "" {
			proofs++
		}
	}
	if (purged != nil) != (proofs == 1) || proofs > 1 {
		t.Fatalf("dispatch %s: purged %+v with %d evidences", id, purged, proofs)
	}
	switch before := p.purged[id]; {
	case purged == nil && before:
		t.Fatalf("dispatch %s is back", id)
	case purged == nil || before:
		return
	}
	p.purged[id] = true
	if slices.Contains(slices.Collect(maps.Values(p.held)), id) {
		t.Fatalf("dispatch %s was held and purged", id)
	}
	for _, d := range item.Deliveries {
		if !d.Final() || d.UpdatedAt.After(purged.At) && d.Progress == "" && d.Request == nil || purged.At.Sub(item.Dispatch.AcceptedAt) < -24*time.Hour {
			t.Fatalf("dispatch %s was purged at %s with the delivery %+v", id, purged.At, d)
		}
	}
}

// endContent: in the end all content goes whose time is over, but for what is held.
func (p *play) endContent(t *rapid.T) {
	p.hold(t)
	set := hub.RetentionClasses{Classes: []hub.RetentionClass{{ID: "end", Name: "end", LegalBasis: "hư cấu", Keep: hub.RetentionPeriod{Days: 2}}}}
	if _, err := p.keeper().SetClasses(p.ctx, operator(), set); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		p.Clock.Advance(49 * time.Hour)
		if err := p.keeper().Purge(p.ctx); err != nil {
			t.Fatal(err)
		}
		p.check(t)
	}
	held := slices.Collect(maps.Values(p.held))
	for _, s := range p.accepted {
		if id := s.first.Dispatch.ID; p.purged[id] == slices.Contains(held, id) {
			t.Fatalf("dispatch %s: held %v, purged %v", id, !p.purged[id], p.purged[id])
		}
	}
	p.checkSwept(t)
}

// checkSwept: what nothing names any more is gone in the end, and nothing else.
func (p *play) checkSwept(t *rapid.T) {
	named := map[hub.Digest]bool{}
	for _, s := range p.accepted {
		for _, part := range s.first.Dispatch.Parts {
			named[part.Digest] = named[part.Digest] || !p.purged[s.first.Dispatch.ID]
		}
	}
	for digest, stays := range named {
		blob, err := p.Blobs.OpenBlob(p.ctx, digest)
		if (err == nil) != stays {
			t.Fatalf("content %s: named %v, %v", digest, stays, err)
		}
		if err == nil {
			_ = blob.Close()
		}
	}
}
