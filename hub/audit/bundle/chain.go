package bundle

import (
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// checkChain checks that the receipts are the whole way of one delivery, in order of
// time, to its end.
func (v *verification) checkChain() {
	if len(v.receipts) == 0 {
		return
	}
	evidence := make([]hub.SealedEvidence, len(v.receipts))
	for i := range v.receipts {
		evidence[i] = v.receipts[i].SealedEvidence
	}
	report, err := audit.InspectChain(evidence)
	if err != nil {
		for _, wrong := range hub.ViolationsOf(err) {
			sub := hub.SubSigConstraintsFailure
			if wrong.Rule == audit.RuleTimeOrder {
				sub = hub.SubTimestampOrderFailure
			}
			v.fail(stepChain, sub, "chain_broken", wrong)
		}
		return
	}
	v.Dispatch, v.Sender = report.Dispatch, evidence[0].Evidence.Sender
	chain := v.only(report.Recipients)
	if chain == nil {
		return
	}
	v.Delivery, v.Recipient, v.State = chain.Delivery, &chain.Recipient, chain.State
	switch {
	case chain.Terminal != "":
		v.pass(stepChain, "chain_passed", len(evidence), chain.State)
	case chain.State == hub.StateHandedOver && v.HandoverEnds:
		v.pass(stepChain, "chain_handed_over", len(evidence))
	case chain.State == hub.StateHandedOver:
		v.doubt(stepChain, hub.SubSignedDataNotFound, "chain_after_hand_over")
	default:
		v.doubt(stepChain, hub.SubSignedDataNotFound, "chain_open", chain.State)
	}
}

// only returns the chain of the one recipient that the bundle is about. Before its first
// evidence that is the acceptance alone, which may name many.
func (v *verification) only(recipients []audit.RecipientChain) *audit.RecipientChain {
	var chain *audit.RecipientChain
	for i := range recipients {
		switch r := &recipients[i]; {
		case r.Delivery == "" && len(recipients) > 1:
		case chain != nil:
			v.fail(stepChain, hub.SubFormatFailure, "chain_two", chain.Recipient.ID, r.Recipient.ID)
			return nil
		default:
			chain = r
		}
	}
	if chain == nil {
		v.doubt(stepChain, hub.SubSignedDataNotFound, "chain_nobody")
	}
	return chain
}

// checkConsistency checks that all checkpoints, those of the bundle and those that
// somebody kept, are of one history.
func (v *verification) checkConsistency() {
	heads := sortedHeads(v.heads)
	compared := 0
	for i := 1; i < len(heads); i++ {
		if older, newer := &heads[i-1], &heads[i]; older.Origin == newer.Origin {
			compared++
			v.checkGrowth(older, newer)
		}
	}
	for i := range v.Kept {
		if v.checkKept(&v.Kept[i], heads) {
			compared++
		}
	}
	if compared == 0 {
		v.skip(stepConsistency, "consistency_none")
		return
	}
	v.pass(stepConsistency, "consistency_passed", compared)
}

func (v *verification) checkGrowth(older, newer *audit.Checkpoint) {
	name := growthName(older, newer)
	if _, there := v.files[name]; !there {
		v.doubt(stepConsistency, hub.SubSignedDataNotFound, "consistency_open", older.Size, newer.Size)
		return
	}
	text, ok := v.read(name)
	if !ok {
		return
	}
	hashes, err := audit.ReadConsistency(text)
	if err == nil {
		err = audit.CheckConsistency(older, newer, hashes)
	}
	if err != nil {
		v.fail(stepConsistency, hub.SubHashFailure, "broken", err)
	}
}

// checkKept compares a checkpoint that somebody kept with those of the bundle, and
// reports whether that was possible: of one size they have one root.
func (v *verification) checkKept(by *audit.Kept, heads []audit.Checkpoint) bool {
	if v.Policy == nil {
		return false
	}
	kept, err := v.Policy.Open(by.Note)
	if err != nil {
		v.note(stepConsistency, "kept_ignored", by.Name, err)
		return false
	}
	compared := false
	for i := range heads {
		c := &heads[i]
		if c.Origin != kept.Checkpoint.Origin {
			continue
		}
		if c.Size != kept.Checkpoint.Size {
			v.note(stepConsistency, "kept_open", c.Size, kept.Checkpoint.Size)
			continue
		}
		compared = true
		if c.Root != kept.Checkpoint.Root {
			v.fail(stepConsistency, hub.SubHashFailure, "kept_forked", c.Size, by.Name)
		}
	}
	return compared
}
