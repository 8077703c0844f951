package faulttest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// check compares the promises with what the hub shows and returns every
// violation. It reads as the sender (promises about documents it sent).
func check(ctx context.Context, sender *client, r *record) ([]string, error) {
	violations := append([]string(nil), r.doubled...)
	sent, err := sender.sent(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the sent list: %w", err)
	}
	for externalID, dispatches := range sent {
		if len(dispatches) > 1 {
			violations = append(violations, fmt.Sprintf("doubled: %s became %d dispatches", externalID, len(dispatches)))
		}
		if _, ok := r.attempted[externalID]; !ok {
			violations = append(violations, "invented: the hub shows "+externalID+" that nobody sent")
		}
	}
	for _, p := range r.accepted {
		found, err := checkPromise(ctx, sender, p, sent[p.document.externalID], r.handed)
		if err != nil {
			return nil, err
		}
		violations = append(violations, found...)
	}
	return violations, nil
}

func checkPromise(ctx context.Context, sender *client, p promise, dispatches []string, handed map[string]json.RawMessage) ([]string, error) {
	id := p.document.externalID
	if len(dispatches) == 0 || dispatches[0] != p.dispatch {
		return []string{"lost: the receipt of " + id + " has no dispatch"}, nil
	}
	var violations []string
	deliveries, err := sender.dispatch(ctx, p.dispatch)
	if v, err := known(err, "unreadable: dispatch of "+id); v != nil || err != nil {
		return v, err
	}
	if missing := unaddressed(p.document.recipients, deliveries); missing != "" {
		violations = append(violations, "lost: "+id+" has no single delivery to "+missing)
	}
	digest, err := sender.fetch(ctx, p.dispatch, "p1")
	if v, err := known(err, "no original: "+id); err != nil {
		return nil, err
	} else if v != nil {
		violations = append(violations, v...)
	} else if digest != p.document.sha256 {
		violations = append(violations, "no original: "+id+" has other bytes than were sent")
	}
	evidence, err := sender.evidence(ctx, p.dispatch)
	if v, err := known(err, "no evidence: "+id); v != nil || err != nil {
		return append(violations, v...), err
	}
	return append(violations, checkEvidence(p, deliveries, evidence, handed)...), nil
}

// known turns a refusal of the hub into a violation and passes other errors on.
func known(err error, what string) ([]string, error) {
	var no *refused
	switch {
	case err == nil:
		return nil, nil
	case errors.As(err, &no):
		return []string{what + ": " + no.Error()}, nil
	case strings.Contains(err.Error(), "EOF"):
		return []string{what + ": " + err.Error()}, nil // the hub broke off because a digest was wrong
	}
	return nil, err
}

// unaddressed returns the first recipient without exactly one delivery.
func unaddressed(recipients []string, deliveries []delivery) string {
	count := map[string]int{}
	for _, d := range deliveries {
		count[d.AddressedAs]++
	}
	for _, r := range recipients {
		if count[r] != 1 {
			return r
		}
	}
	return ""
}

// fact is the part of an evidence that the checker reads.
type fact struct {
	ID       string `json:"evidence_id"`
	Event    string `json:"event"`
	Delivery string `json:"delivery_id"`
	Prev     *struct {
		ID     string `json:"id"`
		SHA256 string `json:"sha256"`
	} `json:"prev_evidence"`
	Content struct {
		Parts []part `json:"parts"`
	} `json:"content"`
}

// checkEvidence follows the chain of every delivery from the acceptance to its
// head by digests of its own making.
func checkEvidence(p promise, deliveries []delivery, evidence []json.RawMessage, handed map[string]json.RawMessage) []string {
	id := p.document.externalID
	var violations []string
	bad := func(format string, args ...any) {
		violations = append(violations, "evidence: "+id+": "+fmt.Sprintf(format, args...))
	}
	digestOf := map[string]string{}
	facts := map[string]fact{}
	next := map[string]string{} // delivery and digest of the earlier evidence -> evidence id
	acceptance := ""
	for _, raw := range evidence {
		var receipt struct {
			Evidence json.RawMessage `json:"evidence"`
		}
		var f fact
		if json.Unmarshal(raw, &receipt) != nil || json.Unmarshal(receipt.Evidence, &f) != nil {
			bad("unreadable receipt")
			continue
		}
		sum := sha256.Sum256(receipt.Evidence)
		digestOf[f.ID], facts[f.ID] = hex.EncodeToString(sum[:]), f
		switch {
		case strings.HasSuffix(f.Event, "/SubmissionAcceptance"):
			if acceptance != "" {
				bad("two acceptances")
			}
			acceptance = f.ID
			if string(raw) != string(p.receipt) {
				bad("the stored receipt differs from the one given")
			}
		case f.Prev == nil:
			bad("%s has no predecessor", f.Event)
		default:
			link := f.Delivery + " " + f.Prev.SHA256
			if next[link] != "" {
				bad("two evidences follow the same one")
			}
			next[link] = f.ID
		}
	}
	if acceptance == "" {
		bad("no acceptance")
		return violations
	}
	for _, d := range deliveries {
		length, terminal, handover := followChain(d.ID, digestOf[acceptance], next, digestOf, facts)
		if want := minimumChain(d.State); length < want {
			bad("delivery in state %s has a chain of %d evidences", d.State, length)
		}
		if terminal > 1 {
			bad("delivery has %d terminal evidences", terminal)
		}
		if handed[d.ID] != nil && handover == 0 {
			bad("lost: the hand-over that the recipient holds a receipt for")
		}
		if handover > 1 {
			bad("handed over %d times", handover)
		}
	}
	return violations
}

func followChain(deliveryID, head string, next, digestOf map[string]string, facts map[string]fact) (length, terminal, handover int) {
	for {
		id, ok := next[deliveryID+" "+head]
		if !ok {
			return length, terminal, handover
		}
		length++
		switch event := facts[id].Event; {
		case strings.HasSuffix(event, "/ContentHandover"):
			handover++
		case strings.HasSuffix(event, "/ConsignmentAcceptance"), strings.HasSuffix(event, "/ConsignmentRejection"),
			strings.HasSuffix(event, "Failure"), strings.HasSuffix(event, "Expiry"):
			terminal++
		}
		head = digestOf[id]
	}
}

// minimumChain is the number of evidences after the acceptance that a delivery
// in the state must have.
func minimumChain(state string) int {
	switch state {
	case "queued":
		return 0
	case "consigned", "failed", "expired", "withdrawn":
		return 1
	case "handed_over":
		return 2
	case "accepted":
		return 3
	}
	return 1
}
