package audit

import (
	"crypto/sha256"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// ReceiptWatch looks in the whole log for receipts that somebody holds: the answer that a
// receipt is not in the log takes all of its entries.
type ReceiptWatch struct {
	found  func(rule, format string, args ...any)
	wanted map[hub.Digest]*heldReceipt // by the digest of the evidence
	order  []*heldReceipt
}

// heldReceipt is one that is looked for.
type heldReceipt struct {
	name       string
	evidence   hub.EvidenceID
	made       time.Time
	signatures map[hub.Digest]bool // of files with this evidence: whether an entry has it
	entry      bool                // one has the evidence, with whichever signature
}

// WatchReceipts returns a watch for nothing yet.
func WatchReceipts(found func(rule, format string, args ...any)) *ReceiptWatch {
	return &ReceiptWatch{found: found, wanted: map[hub.Digest]*heldReceipt{}}
}

// Add has a receipt looked for. Its signature is not judged here.
func (w *ReceiptWatch) Add(name string, s *hub.SealedEvidence) {
	h := w.wanted[s.Digest]
	if h == nil {
		h = &heldReceipt{name: name, evidence: s.Evidence.ID, made: s.Evidence.Time, signatures: map[hub.Digest]bool{}}
		w.wanted[s.Digest], w.order = h, append(w.order, h)
	}
	h.signatures[sha256.Sum256([]byte(s.JWS))] = false
}

// Entry takes the next entry of the log.
func (w *ReceiptWatch) Entry(_ string, _ int64, data []byte) error {
	leaf, err := ParseLeaf(data)
	if err != nil || leaf.Type != leafReceipt {
		return nil //nolint:nilerr // the replay says so
	}
	h := w.wanted[*leaf.SHA256]
	if h == nil {
		return nil
	}
	h.entry = true
	if _, asked := h.signatures[*leaf.SigSHA256]; asked {
		h.signatures[*leaf.SigSHA256] = true
	}
	return nil
}

// End tells which receipts the log does not hold, and returns how many it holds.
func (w *ReceiptWatch) End() (held int) {
	for _, h := range w.order {
		for _, there := range h.signatures {
			switch {
			case there:
				held++
			case h.entry:
				w.found("receipt_signature", "the log holds the evidence %s of %s with another signature", h.evidence, h.name)
			default:
				w.found("receipt_missing", "no entry of the log is about %s (evidence %s, made %s)", h.name, h.evidence, h.made.UTC().Format(time.RFC3339))
			}
		}
	}
	return held
}
