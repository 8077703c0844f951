package cli

import (
	"fmt"
	"io"
	"slices"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// verifyChains checks what receipts say together, for every dispatch of whose
// receipts the acceptance is among the files: links, order of events, contents.
func verifyChains(files []fileVerdict) []fileVerdict {
	byDispatch := map[hub.DispatchID][]hub.SealedEvidence{}
	var accepted []hub.DispatchID
	for i := range files {
		sealed := files[i].sealed
		if sealed == nil || sealed.Evidence.Dispatch == "" {
			continue
		}
		id := sealed.Evidence.Dispatch
		same := func(e hub.SealedEvidence) bool { return e.Digest == sealed.Digest && e.JWS == sealed.JWS }
		if slices.ContainsFunc(byDispatch[id], same) {
			continue // a receipt beside its XML form is one receipt
		}
		byDispatch[id] = append(byDispatch[id], *sealed)
		if sealed.Evidence.Event == hub.EventSubmissionAcceptance {
			accepted = append(accepted, id)
		}
	}
	var chains []fileVerdict
	for _, id := range accepted {
		if receipts := byDispatch[id]; len(receipts) > 1 {
			delete(byDispatch, id) // a second acceptance of it is one of its faults
			chains = append(chains, verifyChain(id, receipts))
		}
	}
	return chains
}

func verifyChain(id hub.DispatchID, receipts []hub.SealedEvidence) fileVerdict {
	v := fileVerdict{File: "dispatch " + string(id), Kind: "chain", Report: hub.SignatureReport{Indication: hub.TotalPassed}}
	report, err := audit.InspectChain(receipts)
	if err == nil {
		v.Chain = &report
		return v
	}
	v.Report.Indication = hub.TotalFailed
	for _, wrong := range hub.ViolationsOf(err) {
		v.Report.Findings = append(v.Report.Findings, fmt.Sprintf("%s [%s]: %s", wrong.Field, wrong.Rule, messageOf(wrong)))
	}
	return v
}

func printChain(w io.Writer, chain *audit.ChainReport) {
	for _, r := range chain.Recipients {
		fmt.Fprintf(w, "  %s %s: %s, %d receipts in an unbroken chain\n", r.Recipient.Code, text.Printable(r.Recipient.Name), r.State, len(r.Evidence))
	}
}
