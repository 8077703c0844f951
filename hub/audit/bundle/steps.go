package bundle

import (
	"context"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// prove checks that the tree of its checkpoint holds a receipt, and takes the checkpoint.
func (v *verification) prove(r *receipt) {
	r.fact.Origin, r.fact.Index, r.fact.Size = r.head.Origin, r.proof.Index, r.head.Size
	if _, err := r.proof.Leaf(&r.SealedEvidence); err != nil {
		v.fail(stepLeaf, hub.SubFormatFailure, "unreadable", r.name, err)
		return
	}
	if err := r.proof.Holds(&r.head, &r.SealedEvidence); err != nil {
		v.fail(stepInclusion, hub.SubHashFailure, "unreadable", r.name, err)
	}
	name := tokenName(&r.head)
	if other, known := v.heads[name]; known && other != r.head {
		v.fail(stepConsistency, hub.SubHashFailure, "log_forked", r.name, r.head.Size)
	}
	v.heads[name] = r.head
}

// checkTokens asks of every checkpoint whether the log signed it, witnesses saw it and a
// time-stamp holds it.
func (v *verification) checkTokens() {
	type head struct{ name, note string }
	seen := map[head]bool{}
	for i := range v.receipts {
		r := &v.receipts[i]
		h := head{tokenName(&r.head), string(r.proof.Note)}
		if seen[h] {
			continue
		}
		seen[h] = true
		v.checkPolicy(r)
		v.checkToken(h.name, r.proof.Note)
	}
	for i := range v.receipts {
		v.checkTime(&v.receipts[i])
	}
}

func (v *verification) checkPolicy(r *receipt) {
	if v.Policy == nil {
		if v.Steps[stepCheckpoint-1].Outcome == hub.StepSkipped {
			v.doubt(stepCheckpoint, hub.SubPolicyNotAvailable, "policy_missing")
		}
		return
	}
	w, err := v.Policy.Open(r.proof.Note)
	switch {
	case err != nil:
		v.fail(stepCheckpoint, hub.SubSigCryptoFailure, "unreadable", r.name, err)
	case !w.Quorum:
		v.doubt(stepCheckpoint, hub.SubSigConstraintsFailure, "witnesses_few", r.head.Size, len(w.Cosignatures))
	default:
		v.pass(stepCheckpoint, "checkpoint_passed", w.Checkpoint.Origin, len(w.Cosignatures))
	}
}

func (v *verification) checkToken(name string, note []byte) {
	if _, there := v.files[name]; !there {
		v.doubt(stepTimestamp, hub.SubNoPOE, "stamp_none", strings.TrimSuffix(strings.TrimPrefix(name, logFolder), endToken))
		return
	}
	token, ok := v.read(name)
	if !ok {
		return
	}
	switch verdict := v.judge.Token(token, note); verdict.Indication {
	case hub.TotalPassed:
		v.tokens[name] = stamped{note, token, verdict.ProvenAt}
	case hub.TotalFailed:
		v.fail(stepTimestamp, verdict.Sub, "judged", name, english(verdict.Reason))
	default:
		v.doubt(stepTimestamp, verdict.Sub, "judged", name, english(verdict.Reason))
	}
}

// checkTime compares what the hub says of the time of an event with the time-stamp over
// the first checkpoint that holds it.
func (v *verification) checkTime(r *receipt) {
	token, counts := v.tokens[tokenName(&r.head)]
	if !counts {
		return
	}
	stamped := token.time
	r.fact.NotAfter = stamped
	at := r.Evidence.Time
	switch {
	case at.After(stamped.Add(clockSkew)):
		v.fail(stepTimestamp, hub.SubTimestampOrderFailure, "time_after_stamp", r.name, iso(at), iso(stamped))
	case stamped.Sub(at) > v.Gap:
		v.doubt(stepTimestamp, hub.SubNoPOE, "time_backdated", r.name, iso(at), iso(stamped))
	default:
		v.pass(stepTimestamp, "time_passed", v.Gap)
	}
}

func iso(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// judgeReceipt judges the signature of a receipt at the time that is proven for it.
func (v *verification) judgeReceipt(r *receipt) {
	verdict := v.judge.Receipt(&r.SealedEvidence, r.fact.NotAfter)
	say := v.doubt
	if verdict.Indication == hub.TotalFailed {
		say = v.fail
	}
	switch {
	case verdict.Indication == hub.TotalPassed:
		v.passTime(r)
	case failedCheck(&verdict) == hub.CheckCanonicalForm || failedCheck(&verdict) == hub.CheckProfile:
		say(stepCanonical, verdict.Sub, "judged", r.name, english(verdict.Reason))
	case aboutTime(verdict.Sub):
		say(stepSigningTime, verdict.Sub, "judged", r.name, english(verdict.Reason))
	default:
		say(stepSignatures, verdict.Sub, "judged", r.name, english(verdict.Reason))
	}
}

// judgeXML judges the XML form of a receipt, where there is one. It is made with the bundle,
// as the seal is: that its certificate has ended since takes nothing from the evidence.
func (v *verification) judgeXML(ctx context.Context, r *receipt) error {
	name := r.name + endXML
	if _, there := v.files[name]; !there {
		return nil
	}
	form, ok := v.readUpTo(name, maxReceiptXML)
	if !ok {
		return nil
	}
	verdict, err := v.judge.ReceiptXML(ctx, form, &r.SealedEvidence)
	switch {
	case err != nil:
		return err
	case verdict.Indication == hub.TotalPassed:
	case verdict.Indication == hub.TotalFailed:
		v.fail(stepSignatures, verdict.Sub, "judged", name, english(verdict.Reason))
	case aboutTime(verdict.Sub):
		v.note(stepSignatures, "xml_old", name, verdict.Sub, english(verdict.Reason))
	default:
		v.doubt(stepSignatures, verdict.Sub, "judged", name, english(verdict.Reason))
	}
	return nil
}

func (v *verification) passTime(r *receipt) {
	if r.fact.NotAfter.IsZero() {
		v.note(stepSigningTime, "signing_now", r.name, iso(v.ValidatedAt))
		return
	}
	v.pass(stepSigningTime, "signing_passed")
}

// failedCheck is the first check that did not pass.
func failedCheck(verdict *hub.SignatureVerdict) string {
	for _, c := range verdict.Checks {
		if !c.Passed && !c.Skipped {
			return c.Name
		}
	}
	return ""
}

// accepted is the acceptance of the submission; nil without one.
func (v *verification) accepted() *hub.Evidence {
	for i := range v.receipts {
		if e := &v.receipts[i].Evidence; e.Event == hub.EventSubmissionAcceptance {
			return e
		}
	}
	return nil
}

// checkContent compares the files of the document, in the bundle and beside it, with the
// digests that were accepted.
func (v *verification) checkContent(ctx context.Context) error {
	root := v.accepted()
	if root == nil || root.Content == nil {
		v.skip(stepContent, "content_none")
		return nil
	}
	inside := 0
	for i := range root.Content.Parts {
		part := &root.Content.Parts[i]
		name := contentName(i+1, part)
		if _, there := v.files[name]; !there {
			continue
		}
		inside++
		v.files[name] = true
		digest, err := v.digest(ctx, name)
		if err != nil {
			return err
		}
		if digest != part.SHA256 {
			v.fail(stepContent, hub.SubHashFailure, "content_other", name, part.Name)
		}
	}
	if v.Originals != nil {
		v.checkOriginals(root.Content.Parts)
	}
	switch {
	case v.Originals != nil:
		v.pass(stepContent, "content_yours", inside)
	case inside > 0:
		v.pass(stepContent, "content_passed", inside, len(root.Content.Parts))
	default:
		v.skip(stepContent, "content_not_given")
	}
	return nil
}

// checkOriginals looks for every part among the files that somebody holds. The package
// as it was received is missed only where it is all that there is.
func (v *verification) checkOriginals(parts []hub.PartFact) {
	for _, part := range parts {
		found, twin := false, false
		for _, o := range v.Originals {
			found = found || o.SHA256 == part.SHA256
			twin = twin || o.Name == part.Name
		}
		switch {
		case found || part.Role == hub.RoleEnvelope && len(parts) > 1:
		case twin:
			v.fail(stepContent, hub.SubHashFailure, "content_yours_other", part.Name)
		default:
			v.doubt(stepContent, hub.SubSignedDataNotFound, "content_yours_none", part.Name)
		}
	}
}
