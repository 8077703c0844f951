package hub

import (
	"crypto/sha256"
	"encoding/json"
	"time"
)

// Origin says what a dispatch forwards: a document that its sender received, and whose it
// is. What a recipient forwards is still the document of its author.
type Origin struct {
	Dispatch DispatchID `json:"dispatch"` // that the forwarder received
	Delivery DeliveryID `json:"delivery"` // to the forwarder

	// The author, and what it called the document: those of the first dispatch, however
	// often it was forwarded since.
	Sender     AgencyID  `json:"sender"`
	SenderCode Code      `json:"sender_code"`
	SenderName string    `json:"sender_name"`
	ExternalID string    `json:"external_id"`
	AcceptedAt time.Time `json:"accepted_at"`

	Note string `json:"note,omitempty"` // from the forwarder to its recipients

	Rule  *RuleRef `json:"rule,omitempty"`  // of the forwarder, by which it was forwarded; nil: a person or system did
	Steps int      `json:"steps,omitempty"` // how often it was forwarded by rules
}

// stub leaves out what the forwarder wrote.
func (o *Origin) stub() *Origin {
	if o == nil {
		return nil
	}
	bare := *o
	bare.Note, bare.Rule = "", nil
	return &bare
}

// Author returns whose document a dispatch carries: that of its sender, or of another that
// the sender forwards.
func (d *Dispatch) Author() (id AgencyID, code Code, name string) {
	if o := d.Origin; o != nil {
		return o.Sender, o.SenderCode, o.SenderName
	}
	return d.Sender, d.SenderCode, d.SenderName
}

// AuthorName is the name of the author.
func (d *Dispatch) AuthorName() string {
	_, _, name := d.Author()
	return name
}

// ForwardOrder is what a recipient wants forwarded to whom.
type ForwardOrder struct {
	Delivery   DeliveryID
	Recipients []string // agency codes
	Note       string   // for them; may be empty
	Key        string   // idempotency key; empty: the same order again is the same act
	TraceID    string   // correlation id of the request
	Rule       *RuleRef // by which the hub forwards it; nil: somebody asks for it
}

// Fingerprint tells orders apart: two with the same key are the same act exactly when it
// is equal.
func (o *ForwardOrder) Fingerprint() Digest {
	body, _ := json.Marshal(struct { //nolint:errchkjson // strings cannot fail
		Forward    DeliveryID
		Recipients []string
		Note       string
	}{o.Delivery, o.Recipients, o.Note})
	return sha256.Sum256(body)
}

// Forwardable reports whether the recipient of a delivery can forward its document, else
// why not: it must have acknowledged it, keep it, and not be asked to give it back.
func (i *Item) Forwardable() error {
	d := &i.Delivery
	switch {
	case d.TakenBack():
		return Errorf(KindNotFound, "delivery", "recalled", "the document was taken back by its sender")
	case i.Dispatch.Purged != nil:
		return Errorf(KindNotFound, "delivery", "purged", "the content was removed at the end of its time of retention")
	case i.Dispatch.Operation == OperationRecall || len(i.Dispatch.files()) == 0:
		return Errorf(KindConflict, "delivery", "operation", "this is a recall or has no files: there is nothing to forward")
	case d.State != StateHandedOver && d.State != StateAccepted:
		return Errorf(KindConflict, "delivery", "state", "the delivery is %s: only what was received can be forwarded", d.State)
	case d.Recalled():
		return Errorf(KindConflict, "delivery", "request", "the sender asks to take the document back: answer that first")
	}
	return nil
}

// files are the parts of a dispatch without the package as received.
func (d *Dispatch) files() []Part {
	var files []Part
	for _, p := range d.Parts {
		if p.Role != RoleEnvelope {
			files = append(files, p)
		}
	}
	return files
}

// Forwarded begins the dispatch that forwards an item: the same document and files, byte
// for byte, and the verdicts on them. The package as received stays behind with the verdict
// on it, since it names other addressees; so do the orders in it, which are between the
// sender and its own recipients.
func (i *Item) Forwarded(note string, reports []SignatureReport) (Dispatch, []SignatureReport) {
	from := &i.Dispatch
	origin := Origin{
		Sender: from.Sender, SenderCode: from.SenderCode, SenderName: from.SenderName,
		ExternalID: from.ExternalID, AcceptedAt: from.AcceptedAt,
	}
	if from.Origin != nil {
		origin = *from.Origin
	}
	origin.Dispatch, origin.Delivery, origin.Note, origin.Rule = from.ID, i.Delivery.ID, note, nil
	d := Dispatch{
		Operation: OperationNew, Format: FormatREST, Document: from.Document, Parts: from.files(),
		Links: []Link{{Kind: LinkForwards, Dispatch: from.ID}}, Origin: &origin,
	}
	d.Document.Business = BusinessInfo{}
	var kept []SignatureReport
	for _, r := range reports {
		if d.PartByID(r.Part) != nil {
			kept = append(kept, r)
		}
	}
	return d, kept
}
