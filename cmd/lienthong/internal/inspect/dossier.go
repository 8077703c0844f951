package inspect

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// check checks one dossier.
func (c *checker) check(ctx context.Context, d *hub.Dossier) error {
	for i := range d.Evidence {
		c.signature(&d.Evidence[i])
	}
	switch {
	case d.ID == "":
		c.refused(d)
	case d.Dispatch == nil:
		c.found("no_dispatch", "dispatch "+string(d.ID), "it is not there, %d deliveries, %d evidences and %d status reports are", len(d.Deliveries), len(d.Evidence), len(d.Reports))
	default:
		c.chains(d)
		if err := c.contents(ctx, d); err != nil {
			return err
		}
	}
	c.reports(d)
	c.count(d)
	return nil
}

func (c *checker) count(d *hub.Dossier) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.total.Evidence += int64(len(d.Evidence))
	c.total.Deliveries += int64(len(d.Deliveries))
	c.total.Reports += int64(len(d.Reports))
	for i := range d.Deliveries {
		c.total.States[d.Deliveries[i].State]++
	}
	if d.ID == "" {
		c.total.Refused++
		return
	}
	c.total.Dispatches++
	if c.Done != nil {
		c.Done(c.total.Dispatches)
	}
}

// signature checks that the hub signed an evidence, at the time that it tells.
func (c *checker) signature(e *hub.SealedEvidence) {
	_, report, err := c.Receipts.VerifyReceipt(hub.MarshalReceipt(*e), e.Evidence.Time)
	subject := "evidence " + string(e.Evidence.ID)
	switch {
	case err != nil:
		c.found("signature", subject, "it is no receipt: %s", cause(err))
	case report.Indication != hub.TotalPassed:
		reason := string(report.Sub)
		if len(report.Signatures) > 0 {
			reason += ": " + report.Signatures[0].Reason
		}
		c.found("signature", subject, "%s (%s)", report.Indication, reason)
	}
}

func (c *checker) refused(d *hub.Dossier) {
	for i := range d.Evidence {
		if e := &d.Evidence[i].Evidence; e.Event != hub.EventSubmissionRejection {
			c.found("no_dispatch", "evidence "+string(e.ID), "%s belongs to no dispatch", e.Event.Name())
		}
	}
}

// chains checks the evidence of a dispatch, and that the stored state is what it
// proves.
func (c *checker) chains(d *hub.Dossier) {
	subject := "dispatch " + string(d.ID)
	chain, err := audit.InspectChain(d.Evidence)
	if err != nil {
		for _, v := range hub.ViolationsOf(err) {
			c.found("chain", subject, "%s [%s]: %s", v.Field, v.Rule, v.Message)
		}
		return
	}
	c.mu.Lock()
	c.total.Promised += int64(len(chain.Recipients))
	c.mu.Unlock()
	if d.Receipt != chain.Acceptance {
		c.found("receipt", subject, "its receipt is %q, its acceptance %s", d.Receipt, chain.Acceptance)
	}
	c.parts(d, chain.Acceptance)
	if len(chain.Recipients) != len(d.Deliveries) {
		c.found("deliveries", subject, "the acceptance names %d recipients, %d deliveries are stored", len(chain.Recipients), len(d.Deliveries))
		return
	}
	for i := range d.Deliveries {
		c.delivery(&d.Deliveries[i], &chain.Recipients[i])
	}
}

// parts checks that the acceptance is about the parts that are stored.
func (c *checker) parts(d *hub.Dossier, acceptance hub.EvidenceID) {
	i := slices.IndexFunc(d.Evidence, func(e hub.SealedEvidence) bool { return e.Evidence.ID == acceptance })
	var accepted, stored []hub.PartFact
	if content := d.Evidence[i].Evidence.Content; content != nil {
		accepted = content.Parts
	}
	if content := hub.PartFacts(d.Dispatch.Parts); content != nil {
		stored = content.Parts
	}
	if !slices.Equal(accepted, stored) {
		c.found("parts", "dispatch "+string(d.ID), "the acceptance names other parts than are stored")
	}
}

func (c *checker) delivery(v *hub.Delivery, chain *audit.RecipientChain) {
	subject := "delivery " + string(v.ID)
	if v.Recipient != chain.Recipient.ID || chain.Delivery != "" && chain.Delivery != v.ID {
		c.found("recipient", subject, "it is to %s, the evidence is about delivery %q to %s", v.Recipient, chain.Delivery, chain.Recipient.ID)
	}
	if v.State != chain.State {
		c.found("state", subject, "it is %s, its evidence proves %s", v.State, chain.State)
	}
	if last := chain.Evidence[len(chain.Evidence)-1]; v.LastEvidence.ID != last {
		c.found("head", subject, "its last evidence is %s, its chain ends with %s", v.LastEvidence.ID, last)
	}
}

// contents checks the originals of a dispatch, unless they were purged, and the packages
// of its status reports.
func (c *checker) contents(ctx context.Context, d *hub.Dossier) error {
	if c.Contents == nil {
		return nil
	}
	for i := range d.Dispatch.Parts {
		if d.Dispatch.Purged != nil {
			break
		}
		if err := c.content(ctx, &d.Dispatch.Parts[i]); err != nil {
			return err
		}
	}
	for i := range d.Reports {
		if envelope := d.Reports[i].Envelope; envelope != nil {
			if err := c.content(ctx, envelope); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *checker) reports(d *hub.Dossier) {
	for i := range d.Reports {
		r := &d.Reports[i]
		if !slices.ContainsFunc(d.Deliveries, func(v hub.Delivery) bool { return v.ID == r.Delivery }) {
			c.found("report", "status report "+r.ID, "it is about delivery %s, which is not there", r.Delivery)
		}
	}
}
