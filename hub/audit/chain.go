package audit

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ChainReport is what the evidence of one dispatch says happened to it.
type ChainReport struct {
	Dispatch   hub.DispatchID   `json:"dispatch"`
	Acceptance hub.EvidenceID   `json:"acceptance"`
	Recipients []RecipientChain `json:"recipients"` // in the order of the acceptance
}

// RecipientChain is the chain of one recipient.
type RecipientChain struct {
	Recipient hub.Party         `json:"recipient"`
	Delivery  hub.DeliveryID    `json:"delivery,omitempty"` // empty before its first evidence
	State     hub.DeliveryState `json:"state"`
	// Terminal is the evidence that ended the delivery, empty while there is none.
	// A hand-over ends it too where the recipient does not register; evidence does
	// not say so, hence a chain in StateHandedOver is open or ended.
	Terminal hub.EvidenceID   `json:"terminal,omitempty"`
	Evidence []hub.EvidenceID `json:"evidence"` // from the acceptance on
}

// RuleTimeOrder is broken by an evidence that says an earlier time than the one which it
// follows.
const RuleTimeOrder = "time_order"

// CheckChain checks the evidence of one dispatch, in any order: one
// SubmissionAcceptance that everything goes back to by links with the right
// digests, one unbroken line for every recipient, events in an order that the
// transition table allows, never anything but status reports, acts on tasks and notes of access and of
// forwarding behind a terminal event, reasons on negative events, and the same content
// digests all along, no time before that of the evidence which it follows (rule
// RuleTimeOrder), at most one purge of the content, of all parts and after the
// last transport event, and at most one of a recipient's copy, after it agreed; a status report that the hub made
// for the recipient is a 01 right behind the consignment (rule automatic). Part of the evidence may be missing only as whole recipients
// or at the ends of lines. It checks no signature. The error is hub.Violations of
// KindInvalid, with Field "evidence[<id>]" and a rule for each thing wrong.
func CheckChain(evidence []hub.SealedEvidence) error {
	_, err := InspectChain(evidence)
	return err
}

// InspectChain checks as CheckChain does and tells what the chain says. The
// report is meaningful only when the error is nil.
func InspectChain(evidence []hub.SealedEvidence) (ChainReport, error) {
	c := &inspection{lines: map[hub.DeliveryID][]*hub.SealedEvidence{}, agreed: map[hub.DeliveryID]bool{}, returned: map[hub.DeliveryID]bool{}}
	if !c.findRoot(evidence) {
		return ChainReport{}, c.wrong.AsError()
	}
	report := ChainReport{Dispatch: c.root.Evidence.Dispatch, Acceptance: c.root.Evidence.ID}
	for i, party := range c.root.Evidence.Recipients {
		report.Recipients = append(report.Recipients, RecipientChain{
			Recipient: party, State: hub.StateQueued, Evidence: []hub.EvidenceID{c.root.Evidence.ID},
		})
		if party.Index != nil && *party.Index != i {
			c.fail(c.root, "recipient_index", "recipient %d carries the index %d", i, *party.Index)
		}
	}
	seen := map[hub.EvidenceID]bool{}
	for i := range evidence {
		e := &evidence[i]
		if seen[e.Evidence.ID] {
			c.fail(e, "duplicate", "the evidence id occurs twice")
			continue
		}
		seen[e.Evidence.ID] = true
		c.checkOne(e)
		c.sort(e)
	}
	for _, id := range c.order {
		c.checkLine(id, report.Recipients)
	}
	c.checkEnds()
	return report, c.wrong.AsError()
}

// inspection is one run over the evidence of one dispatch.
type inspection struct {
	root  *hub.SealedEvidence
	purge *hub.SealedEvidence // of the content; nil while it is kept
	lines map[hub.DeliveryID][]*hub.SealedEvidence
	order []hub.DeliveryID // of first appearance
	// agreed marks deliveries whose recipient agreed to a change and whose copy is there,
	// returned those whose copy is gone.
	agreed, returned map[hub.DeliveryID]bool

	wrong hub.Violations
}

func (c *inspection) fail(e *hub.SealedEvidence, rule, format string, args ...any) {
	message := fmt.Sprintf("%s: ", e.Evidence.Event.Name()) + fmt.Sprintf(format, args...)
	c.wrong = append(c.wrong, hub.Invalid(fmt.Sprintf("evidence[%s]", e.Evidence.ID), rule, "%s", message))
}

func (c *inspection) findRoot(evidence []hub.SealedEvidence) bool {
	for i := range evidence {
		switch e := &evidence[i]; {
		case e.Evidence.Event != hub.EventSubmissionAcceptance:
		case c.root == nil:
			c.root = e
		default:
			c.fail(e, "one_acceptance", "there is another acceptance, %s", c.root.Evidence.ID)
		}
	}
	if c.root == nil {
		c.wrong = append(c.wrong, hub.Invalid("evidence", "one_acceptance", "there is no SubmissionAcceptance"))
		return false
	}
	if c.root.Evidence.Prev != nil || c.root.Evidence.Delivery != "" || len(c.root.Evidence.Recipients) == 0 {
		c.fail(c.root, "acceptance", "an acceptance has no predecessor, no delivery and at least one recipient")
	}
	return len(c.wrong) == 0
}

// checkOne checks what an evidence says on its own and against the acceptance.
func (c *inspection) checkOne(e *hub.SealedEvidence) {
	root, ev := &c.root.Evidence, &e.Evidence
	if sha256.Sum256(e.Canonical) != e.Digest {
		c.fail(e, "digest", "the digest is not that of the canonical bytes")
	}
	if ev.Version != hub.EvidenceVersion || ev.Profile != hub.EvidenceProfile {
		c.fail(e, "profile", "version %q, profile %q is not known here", ev.Version, ev.Profile)
	}
	if ev.Dispatch != root.Dispatch {
		c.fail(e, "dispatch", "it belongs to dispatch %s, the acceptance to %s", ev.Dispatch, root.Dispatch)
	}
	if wrong := ev.CheckReasons(); wrong != "" {
		c.fail(e, "reason", "%s", wrong)
	}
	if ev.Sender != nil && root.Sender != nil && ev.Sender.ID != root.Sender.ID {
		c.fail(e, "sender", "it names the sender %s, the acceptance %s", ev.Sender.ID, root.Sender.ID)
	}
	c.checkContent(e)
	c.checkTask(e)
}

// checkTask checks that an act on a task is about one that the acceptance set its
// recipient.
func (c *inspection) checkTask(e *hub.SealedEvidence) {
	ev, root := &e.Evidence, &c.root.Evidence
	switch {
	case e == c.root:
		return
	case ev.Event != hub.EventTask && len(ev.Tasks) > 0:
		c.fail(e, "task", "only an acceptance and an act on a task name tasks")
		return
	case ev.Event != hub.EventTask:
		return
	case len(ev.Tasks) != 1 || ev.Delivery == "" || len(ev.Recipients) != 1 || ev.Recipients[0].Index == nil:
		c.fail(e, "task", "an act on a task names one task of one recipient")
		return
	}
	set := slices.ContainsFunc(root.Tasks, func(t hub.TaskFact) bool {
		return t.ID == ev.Tasks[0].ID && slices.ContainsFunc(t.Assignees, func(a hub.AssigneeFact) bool { return a.Recipient == *ev.Recipients[0].Index })
	})
	if !set {
		c.fail(e, "task", "the acceptance sets this recipient no task %s", ev.Tasks[0].ID)
	}
}

func (c *inspection) checkContent(e *hub.SealedEvidence) {
	var parts, accepted []hub.PartFact
	if e.Evidence.Content != nil {
		parts = e.Evidence.Content.Parts
	}
	if c.root.Evidence.Content != nil {
		accepted = c.root.Evidence.Content.Parts
	}
	for _, p := range parts {
		same := func(a hub.PartFact) bool { return a.ID == p.ID && a.SHA256 == p.SHA256 && a.Size == p.Size }
		if !slices.ContainsFunc(accepted, same) {
			c.fail(e, "content", "part %s (%s) is not what was accepted", p.ID, p.SHA256)
		}
	}
	if len(parts) == 0 && (e == c.root || e.Evidence.Event == hub.EventContentHandover) {
		c.fail(e, "content", "it names no content")
	}
}

// sort puts an evidence into the line of its delivery.
func (c *inspection) sort(e *hub.SealedEvidence) {
	id := e.Evidence.Delivery
	switch {
	case e == c.root:
		return
	case id == "" && (e.Evidence.Prev == nil || *e.Evidence.Prev != c.root.Ref()):
		c.fail(e, "link", "evidence about the dispatch follows its acceptance")
		return
	case id == "":
		c.checkTime(e, c.root)
		c.checkWhole(e)
		return
	case e.Evidence.Event == hub.EventSignatureValidation:
		c.fail(e, "validation", "a verdict is about a document and no single delivery")
		return
	case e.Evidence.Event == hub.EventReceivedFromNonERDS:
		c.fail(e, "received", "where a document came from is about all its deliveries")
		return
	}
	if len(c.lines[id]) == 0 {
		c.order = append(c.order, id)
	}
	c.lines[id] = append(c.lines[id], e)
}

// checkWhole checks what is about the document as a whole.
func (c *inspection) checkWhole(e *hub.SealedEvidence) {
	switch e.Evidence.Event {
	case hub.EventContentPurge:
		c.checkPurge(e)
	case hub.EventSignatureValidation:
		unnamed := func(v hub.Validation) bool { return v.Report.IsZero() }
		if len(e.Evidence.Validation) == 0 || slices.ContainsFunc(e.Evidence.Validation, unnamed) {
			c.fail(e, "validation", "it names no verdict, or one without its report")
		}
	default:
		if next, moves := e.Evidence.StateAfter(); moves {
			c.fail(e, "delivery", "it says that a delivery is %s, and not which", next)
		}
	}
}

// checkPurge takes the one evidence that the content was removed: once, and of all of
// it.
func (c *inspection) checkPurge(e *hub.SealedEvidence) {
	switch {
	case c.purge != nil:
		c.fail(e, "purge", "the content was purged before, by %s", c.purge.Evidence.ID)
	case e.Evidence.Content == nil || c.root.Evidence.Content == nil || len(e.Evidence.Content.Parts) != len(c.root.Evidence.Content.Parts):
		c.fail(e, "purge", "it does not name all parts that were accepted")
	case len(e.Evidence.Reasons) == 0:
		c.fail(e, "reason", "a purge gives its reason")
	default:
		c.purge = e
	}
}

// checkEnds checks that no transport event is later than the purge: content goes when
// every delivery has ended.
func (c *inspection) checkEnds() {
	if c.purge == nil {
		return
	}
	for _, id := range c.order {
		for _, e := range c.lines[id] {
			if _, moves := e.Evidence.StateAfter(); moves && e.Evidence.Time.After(c.purge.Evidence.Time) {
				c.fail(e, "purge", "it is later than the purge of the content, %s", c.purge.Evidence.ID)
			}
		}
	}
}

// checkLine follows the line of one delivery from the acceptance to its end.
func (c *inspection) checkLine(id hub.DeliveryID, recipients []RecipientChain) {
	line := c.lines[id]
	chain := c.recipientOf(line, recipients)
	if chain == nil {
		return
	}
	if chain.Delivery != "" {
		c.fail(line[0], "one_delivery", "the recipient has another delivery, %s", chain.Delivery)
		return
	}
	chain.Delivery = id
	next := map[hub.EvidenceID]*hub.SealedEvidence{}
	for _, e := range line {
		prev := e.Evidence.Prev
		switch {
		case prev == nil:
			c.fail(e, "link", "it names no predecessor")
		case next[prev.ID] != nil:
			c.fail(e, "fork", "%s follows the same predecessor", next[prev.ID].Evidence.ID)
		default:
			next[prev.ID] = e
		}
	}
	last := c.root
	for e := next[last.Evidence.ID]; e != nil; e = next[last.Evidence.ID] {
		if e.Evidence.Prev.SHA256 != last.Digest {
			c.fail(e, "link", "its predecessor %s has another digest than it says", last.Evidence.ID)
		}
		c.checkTime(e, last)
		c.advance(chain, e, last)
		chain.Evidence = append(chain.Evidence, e.Evidence.ID)
		last = e
	}
	c.checkTerminal(line)
	if reached := len(chain.Evidence) - 1; reached < len(line) {
		c.fail(last, "link", "the chain of delivery %s breaks here: %d evidences do not follow", id, len(line)-reached)
	}
}

// checkTime compares the time of an evidence with that of the one which it follows.
func (c *inspection) checkTime(e, before *hub.SealedEvidence) {
	if at, earliest := e.Evidence.Time, before.Evidence.Time; at.Before(earliest) {
		c.fail(e, RuleTimeOrder, "it is of %s, and follows %s (%s) of %s",
			at.Format(time.RFC3339Nano), before.Evidence.ID, before.Evidence.Event.Name(), earliest.Format(time.RFC3339Nano))
	}
}

// checkTerminal names every evidence that ends a delivery for a second time, wherever in
// the line it stands.
func (c *inspection) checkTerminal(line []*hub.SealedEvidence) {
	var first *hub.SealedEvidence
	for _, e := range line {
		next, moves := e.Evidence.StateAfter()
		switch {
		case !moves || len(next.Next()) > 0:
		case first == nil:
			first = e
		default:
			c.fail(e, "one_terminal", "the delivery %s has another terminal evidence, %s (%s)",
				e.Evidence.Delivery, first.Evidence.ID, first.Evidence.Event.Name())
		}
	}
}

// recipientOf returns the chain of the recipient that a line is about.
func (c *inspection) recipientOf(line []*hub.SealedEvidence, recipients []RecipientChain) *RecipientChain {
	var chain *RecipientChain
	for _, e := range line {
		if len(e.Evidence.Recipients) != 1 {
			c.fail(e, "recipient", "it names %d recipients instead of one", len(e.Evidence.Recipients))
			return nil
		}
		party := e.Evidence.Recipients[0]
		place := slices.IndexFunc(recipients, func(r RecipientChain) bool { return r.Recipient.ID == party.ID })
		if party.Index != nil {
			place = *party.Index
		}
		if place < 0 || place >= len(recipients) || recipients[place].Recipient.ID != party.ID {
			c.fail(e, "recipient", "%s is not the recipient that the acceptance names", party.ID)
			return nil
		}
		if chain != nil && chain != &recipients[place] {
			c.fail(e, "recipient", "its delivery has evidence about another recipient")
			return nil
		}
		chain = &recipients[place]
	}
	return chain
}

// advance takes one event: it moves the delivery or it is a note beside the way.
func (c *inspection) advance(chain *RecipientChain, e, before *hub.SealedEvidence) {
	next, moves := e.Evidence.StateAfter()
	c.checkReturn(chain.Delivery, e)
	c.checkAutomatic(e, before)
	c.checkForward(chain, e)
	switch {
	case mayFollowTheEnd(e.Evidence.Event):
	case chain.Terminal != "":
		c.fail(e, "after_terminal", "it follows the terminal evidence %s", chain.Terminal)
	case !moves && e.Evidence.Event == hub.EventSubmissionRejection:
		c.fail(e, "order", "a rejected submission has no deliveries")
	case !moves:
	case !chain.State.MayBecome(next):
		c.fail(e, "order", "a delivery that is %s cannot become %s", chain.State, next)
	default:
		chain.State = next
		if len(next.Next()) == 0 {
			chain.Terminal = e.Evidence.ID
		}
	}
}

// checkAutomatic checks that the hub speaks for a recipient in one way alone: it says that
// the document has come, right behind the consignment that is all it knows this from.
func (c *inspection) checkAutomatic(e, before *hub.SealedEvidence) {
	status := e.Evidence.Status
	if status == nil || !status.Automatic {
		return
	}
	if e.Evidence.Event != hub.EventStatusReport || status.Code != hub.StatusArrived || before.Evidence.Event != hub.EventContentConsignment {
		c.fail(e, "automatic", "a report without an act of the recipient is a 01 that follows the consignment, this is a %.10q behind %s",
			string(status.Code), before.Evidence.Event.Name())
	}
}

// checkReturn checks that one recipient's copy is destroyed only when the recipient
// agreed to give it back, and once: everything else is purged for all together.
func (c *inspection) checkReturn(id hub.DeliveryID, e *hub.SealedEvidence) {
	status := e.Evidence.Status
	switch {
	case e.Evidence.Event == hub.EventStatusReport && status != nil && status.Code == hub.StatusChangeAccepted:
		c.agreed[id] = true
	case e.Evidence.Event != hub.EventContentPurge:
	case !c.agreed[id]:
		c.fail(e, "purge", "the copy of one recipient is destroyed only when it agreed to give it back")
	case len(e.Evidence.Reasons) == 0:
		c.fail(e, "reason", "a purge gives its reason")
	default:
		c.agreed[id], c.returned[id] = false, true
	}
}

// checkForward checks that a recipient forwards what it has: what it acknowledged and did
// not give back.
func (c *inspection) checkForward(chain *RecipientChain, e *hub.SealedEvidence) {
	has := (chain.State == hub.StateHandedOver || chain.State == hub.StateAccepted) && !c.returned[chain.Delivery]
	if e.Evidence.Event == hub.EventForward && !has {
		c.fail(e, "forward", "a recipient that has nothing of a document, or is %s, forwards none", chain.State)
	}
}

// mayFollowTheEnd reports whether an event may come after the terminal one.
func mayFollowTheEnd(event hub.Event) bool {
	switch event {
	case hub.EventStatusReport, hub.EventContentAccessTracking, hub.EventCorrection, hub.EventContentPurge, hub.EventForward, hub.EventTask:
		return true
	}
	return false
}
