package inspect

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/signing"
)

// check checks one file.
func (c *checker) check(ctx context.Context, d *hub.DispatchFile) error {
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
		c.enter(d)
		if err := c.contents(ctx, d); err != nil {
			return err
		}
	}
	c.reports(d)
	c.count(d)
	return nil
}

func (c *checker) count(d *hub.DispatchFile) {
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

func (c *checker) refused(d *hub.DispatchFile) {
	for i := range d.Evidence {
		if e := &d.Evidence[i].Evidence; e.Event != hub.EventSubmissionRejection {
			c.found("no_dispatch", "evidence "+string(e.ID), "%s belongs to no dispatch", e.Event.Name())
		}
	}
}

// chains checks the evidence of a dispatch, and that the stored state is what it
// proves.
func (c *checker) chains(d *hub.DispatchFile) {
	subject := "dispatch " + string(d.ID)
	chain, err := audit.InspectChain(d.Evidence)
	if err != nil {
		for _, v := range hub.ViolationsOf(err) {
			rule := "chain"
			if v.Rule == audit.RuleTimeOrder {
				rule = v.Rule
			}
			c.found(rule, subject, "%s [%s]: %s", v.Field, v.Rule, v.Message)
		}
		return
	}
	c.mu.Lock()
	c.total.Promised += int64(len(chain.Recipients))
	c.mu.Unlock()
	if d.Receipt != chain.Acceptance {
		c.found("receipt", subject, "its receipt is %q, its acceptance %s", d.Receipt, chain.Acceptance)
	}
	i := slices.IndexFunc(d.Evidence, func(e hub.SealedEvidence) bool { return e.Evidence.ID == chain.Acceptance })
	c.accepted(d, &d.Evidence[i].Evidence)
	if len(chain.Recipients) != len(d.Deliveries) {
		c.found("deliveries", subject, "the acceptance names %d recipients, %d deliveries are stored", len(chain.Recipients), len(d.Deliveries))
		return
	}
	for i := range d.Deliveries {
		c.delivery(&d.Deliveries[i], &chain.Recipients[i], d.Evidence)
	}
}

// accepted checks that the acceptance is about what is stored: whose it is, the parts, and
// the verdicts on their signatures.
func (c *checker) accepted(d *hub.DispatchFile, acceptance *hub.Evidence) {
	subject := "dispatch " + string(d.ID)
	var accepted, stored []hub.PartFact
	if content := acceptance.Content; content != nil {
		accepted = content.Parts
	}
	if content := hub.PartFacts(d.Dispatch.Parts); content != nil {
		stored = content.Parts
	}
	if !slices.Equal(accepted, stored) {
		c.found("parts", subject, "the acceptance names other parts than are stored")
	}
	if from := acceptance.Sender; from == nil || from.ID != d.Dispatch.Sender {
		c.found("sender", subject, "the acceptance names another sender than %s", d.Dispatch.Sender)
	}
	if acceptance.Operation != d.Dispatch.Operation || acceptance.ExternalID != d.Dispatch.ExternalID {
		c.found("operation", subject, "the acceptance is about %q of the document %q, stored is %q of %q",
			acceptance.Operation, acceptance.ExternalID, d.Dispatch.Operation, d.Dispatch.ExternalID)
	}
	if origin, said := d.Dispatch.Origin, acceptance.Origin; origin == nil && said != nil || origin != nil && !forwards(origin, acceptance) {
		c.found("origin", subject, "the acceptance names another author and document that it forwards than are stored")
	}
	if judged, err := verdicts(d.Verdicts, acceptance.Validation); err != nil {
		c.found("verdicts", subject, "a stored verdict cannot be read: %v", err)
	} else if !slices.Equal(judged, acceptance.Validation) {
		c.found("verdicts", subject, "the acceptance names other verdicts on the signatures than are stored")
	}
}

// forwards reports whether an acceptance is of a dispatch that forwards what is stored.
func forwards(o *hub.Origin, acceptance *hub.Evidence) bool {
	p := acceptance.Origin
	return p != nil && p.ID == o.Sender && p.Code == o.SenderCode && p.Name == o.SenderName &&
		slices.Contains(acceptance.Links, hub.Link{Kind: hub.LinkForwards, Dispatch: o.Dispatch})
}

// verdicts is what an acceptance says of reports. One of before named no report and no
// policy.
func verdicts(reports []hub.SignatureReport, named []hub.Validation) ([]hub.Validation, error) {
	var list []hub.Validation
	for i := range reports {
		digest, err := signing.ReportDigest(&reports[i])
		if err != nil {
			return nil, err
		}
		list = append(list, reports[i].Validations(digest)...)
	}
	if !slices.ContainsFunc(named, func(v hub.Validation) bool { return !v.Report.IsZero() }) {
		for i := range list {
			list[i].Report, list[i].Policy = hub.Digest{}, ""
		}
	}
	return list, nil
}

func (c *checker) delivery(v *hub.Delivery, chain *audit.RecipientChain, evidence []hub.SealedEvidence) {
	subject := "delivery " + string(v.ID)
	if v.Recipient != chain.Recipient.ID || chain.Delivery != "" && chain.Delivery != v.ID {
		c.found("recipient", subject, "it is to %s, the evidence is about delivery %q to %s", v.Recipient, chain.Delivery, chain.Recipient.ID)
	}
	if v.ForInformation != chain.Recipient.ForInformation {
		c.found("recipient", subject, "for information: stored is %t, the acceptance says %t", v.ForInformation, chain.Recipient.ForInformation)
	}
	if is, said := v.Rule, chain.Recipient.Rule; (is == nil) != (said == nil) || is != nil && *is != *said {
		c.found("recipient", subject, "the rule by which it goes there: stored is %+v, the acceptance says %+v", is, said)
	}
	if v.State != chain.State {
		c.found("state", subject, "it is %s, its evidence proves %s", v.State, chain.State)
	}
	for i := range evidence {
		e := &evidence[i].Evidence
		if e.Delivery != v.ID || e.Event != hub.EventConsignmentAcceptance || e.Registration == nil {
			continue
		}
		if v.Registration == nil || *v.Registration != *e.Registration {
			c.found("registration", subject, "its evidence says that it was registered as %q, which is not what is stored", e.Registration.Number)
		}
	}
	if last := chain.Evidence[len(chain.Evidence)-1]; v.LastEvidence.ID != last {
		c.found("head", subject, "its last evidence is %s, its chain ends with %s", v.LastEvidence.ID, last)
	}
}

// contents checks the originals of a dispatch, unless they were purged, and the packages
// of its status reports.
func (c *checker) contents(ctx context.Context, d *hub.DispatchFile) error {
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

func (c *checker) reports(d *hub.DispatchFile) {
	for i := range d.Reports {
		r := &d.Reports[i]
		if !slices.ContainsFunc(d.Deliveries, func(v hub.Delivery) bool { return v.ID == r.Delivery }) {
			c.found("report", "status report "+r.ID, "it is about delivery %s, which is not there", r.Delivery)
		}
	}
	c.reported(d)
}

// reported looks for the report that each evidence of one tells of, each once: one that
// was deleted or edited is missed. A report that was made from an acceptance or a refusal
// has no evidence of its own and says no more than that.
func (c *checker) reported(d *hub.DispatchFile) {
	taken := map[string]bool{}
	for i := range d.Evidence {
		e := &d.Evidence[i].Evidence
		if e.Status == nil {
			continue
		}
		n := slices.IndexFunc(d.Reports, func(r hub.StatusReport) bool {
			return !taken[r.ID] && r.Delivery == e.Delivery && r.Code == e.Status.Code && r.Description == e.Status.Description && r.Automatic == e.Status.Automatic && r.StatedAt.Equal(e.Status.StatedAt)
		})
		if n < 0 {
			c.found("report_gone", "delivery "+string(e.Delivery), "evidence %s tells of a status report %s, and no such report is stored", e.ID, e.Status.Code)
			continue
		}
		taken[d.Reports[n].ID] = true
	}
}
