package audit_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// purge adds the end of the content; changes are made before it is sealed.
func (s *story) purge(changes ...func(*hub.Evidence)) *story {
	root := s.list[0]
	e, prev := root.Evidence, root.Ref()
	e.ID, e.Event, e.Recipients, e.Prev = hub.EvidenceID(fmt.Sprint("e", len(s.list))), hub.EventContentPurge, nil, &prev
	e.Time, e.Reasons = time.Unix(int64(len(s.list)), 0).UTC(), []hub.Reason{{Code: hub.ReasonRetentionExpired, Detail: "hư cấu"}}
	for _, change := range changes {
		change(&e)
	}
	s.list = append(s.list, seal(e))
	return s
}

// TestPurgeInChains: content is purged once, all of it, for all recipients, with a
// reason, and after the last transport event; reports may follow.
func TestPurgeInChains(t *testing.T) {
	ended := func() *story {
		return accept(2).add(0, hub.EventContentConsignmentFailure).add(1, hub.EventContentConsignment).add(1, hub.EventConsignmentRejection)
	}
	for name, c := range map[string]struct {
		story *story
		rule  string // empty: it is right
	}{
		"right":                  {ended().purge(), ""},
		"reports after it":       {ended().purge().add(1, hub.EventStatusReport), ""},
		"twice":                  {ended().purge().purge(), "purge"},
		"an event after it":      {accept(1).purge().add(0, hub.EventContentConsignment), "purge"},
		"without a reason":       {ended().purge(func(e *hub.Evidence) { e.Reasons = nil }), "reason"},
		"without content":        {ended().purge(func(e *hub.Evidence) { e.Content = nil }), "purge"},
		"of a part":              {ended().purge(func(e *hub.Evidence) { e.Content = &hub.Content{Parts: e.Content.Parts[:1]} }), "purge"},
		"of other content":       {ended().purge(func(e *hub.Evidence) { e.Content = &hub.Content{Parts: []hub.PartFact{{ID: "p1"}, {ID: "p2"}}} }), "content"},
		"of one recipient":       {ended().add(1, hub.EventContentPurge, recalled), "purge"},
		"given back":             {ended().add(1, hub.EventStatusReport, answers("15")).add(1, hub.EventContentPurge, recalled), ""},
		"given back, then all":   {ended().add(1, hub.EventStatusReport, answers("15")).add(1, hub.EventContentPurge, recalled).purge(), ""},
		"given back twice":       {ended().add(1, hub.EventStatusReport, answers("15")).add(1, hub.EventContentPurge, recalled).add(1, hub.EventContentPurge, recalled), "purge"},
		"not given back":         {ended().add(1, hub.EventStatusReport, answers("16")).add(1, hub.EventContentPurge, recalled), "purge"},
		"given back by another":  {ended().add(0, hub.EventStatusReport, answers("15")).add(1, hub.EventContentPurge, recalled), "purge"},
		"given back for nothing": {ended().add(1, hub.EventStatusReport, answers("15")).add(1, hub.EventContentPurge), "reason"},
		"not on the acceptance":  {ended().purge(func(e *hub.Evidence) { e.Prev.SHA256[0] ^= 1 }), "link"},
		"before the predecessor": {ended().purge(func(e *hub.Evidence) { e.Prev = nil }), "link"},
	} {
		err := audit.CheckChain(c.story.list)
		switch {
		case c.rule == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.rule != "" && (err == nil || !strings.Contains(err.Error(), "["+c.rule+"]")):
			t.Errorf("%s: %v, want the rule %s", name, err, c.rule)
		}
	}
}

// recalled says why a recipient's copy is destroyed.
func recalled(e *hub.Evidence) { e.Reasons = []hub.Reason{{Code: hub.ReasonRecalled}} }

// answers makes a status report the answer to a recall.
func answers(code hub.StatusCode) func(*hub.Evidence) {
	return func(e *hub.Evidence) { e.Status = &hub.StatusFact{Code: code} }
}
