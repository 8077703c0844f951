package hub

import (
	"encoding/json"
	"strings"
)

// RecordKind says what a record of an archive is about.
type RecordKind string

// The kinds of records.
const (
	RecordAgency       RecordKind = "agency"        // Agency
	RecordCounter      RecordKind = "counter"       // a name and a number
	RecordSetting      RecordKind = "setting"       // what the nodes of a hub settled
	RecordKey          RecordKind = "key"           // APIKey with its hash
	RecordKeyUse       RecordKind = "key_use"       // the id of an APIKey, and when it last opened something, in microseconds
	RecordUpload       RecordKind = "upload"        // Upload
	RecordAccount      RecordKind = "account"       // Account with the hash of its password
	RecordRegister     RecordKind = "register"      // RegisterNumber
	RecordRegisterYear RecordKind = "register_year" // RegisterYear
	RecordOutgoing     RecordKind = "outgoing"      // OutgoingNumber
	RecordProcedure    RecordKind = "procedure"     // ProcedureVersion
	RecordProcedureAct RecordKind = "procedure_act" // ProcedureChange
	RecordDossier      RecordKind = "dossier"       // Dossier
	RecordDossierEvent RecordKind = "dossier_event" // DossierEvent with its dossier, by that and number
	RecordInspection   RecordKind = "inspection"    // Inspection
	RecordPostal       RecordKind = "postal_order"  // PostalOrder
	RecordDossierNews  RecordKind = "dossier_news"  // the place of a DossierEvent in the series of an agency, by that and place
	RecordFeedback     RecordKind = "feedback"      // Feedback, by agency and id
	RecordSubscription RecordKind = "subscription"  // Subscription with its sealed secrets
	RecordPush         RecordKind = "push"          // Push, by subscription and place
	RecordDispatch     RecordKind = "dispatch"      // DispatchRecord
	RecordDelivery     RecordKind = "delivery"      // DeliveryRecord
	RecordEvidence     RecordKind = "evidence"      // EvidenceRecord, in the order of recording
	RecordStatusReport RecordKind = "status_report" // StatusReport, in the order of recording
	RecordRetention    RecordKind = "retention"     // RetentionNote
	RecordLogNote      RecordKind = "log_note"      // LogNote, in the order of recording
	RecordLogShard     RecordKind = "log_shard"     // LogShardRecord, oldest first
	RecordLogEntry     RecordKind = "log_entry"     // LogEntryRecord, by shard and index
	RecordLogNumber    RecordKind = "log_number"    // LogNumberRecord, by shard, agency and number
	RecordLogStamp     RecordKind = "log_stamp"     // LogStamp
	RecordLogRenewal   RecordKind = "log_renewal"   // LogRenewal, by the stamp that it renews and in order
	RecordLogRehash    RecordKind = "log_rehash"    // LogRehash, by shard and number
	RecordRehashTile   RecordKind = "rehash_tile"   // RehashTileRecord, by shard, number, tree, level and place
)

// RecordInspectionEvent is an InspectionEvent with its inspection, by that and number.
const RecordInspectionEvent RecordKind = "inspection_event"

// RecordKinds lists all kinds in the order in which an archive holds them: what a
// record refers to comes before it.
func RecordKinds() []RecordKind {
	return []RecordKind{
		RecordAgency, RecordCounter, RecordSetting, RecordKey, RecordKeyUse, RecordUpload, RecordAccount, RecordRegister, RecordRegisterYear, RecordOutgoing, RecordProcedure, RecordProcedureAct, RecordDossier, RecordDossierEvent, RecordDossierNews, RecordInspection, RecordInspectionEvent, RecordPostal, RecordFeedback, RecordSubscription, RecordPush,
		RecordDispatch, RecordDelivery, RecordEvidence, RecordStatusReport, RecordRetention,
		RecordLogNote, RecordLogShard, RecordLogEntry, RecordLogNumber, RecordLogStamp, RecordLogRenewal, RecordLogRehash, RecordRehashTile,
	}
}

// Record is one entry of an archive: the state of a hub as a stream that knows
// nothing of the store that it came from. Body is one JSON object on one line. The
// same state gives the same records, byte for byte and in the same order, from
// whichever store.
type Record struct {
	Kind RecordKind
	Body json.RawMessage
}

// DispatchRecord is an accepted dispatch with what is kept beside it.
type DispatchRecord struct {
	Dispatch      Dispatch          `json:"dispatch"`
	Reports       []SignatureReport `json:"reports"`
	Receipt       EvidenceID        `json:"receipt"`        // the SubmissionAcceptance
	FirstDelivery DeliveryID        `json:"first_delivery"` // least and greatest id of its
	LastDelivery  DeliveryID        `json:"last_delivery"`  // deliveries when accepted
	CompletedAt   int64             `json:"completed_at"`   // microseconds since 1970 in UTC; 0 while one is open, and after a purge
}

// DeliveryRecord is a delivery with its lease. The fence outlives leases: no lease
// that comes later may have one that is not greater.
type DeliveryRecord struct {
	Delivery    Delivery `json:"delivery"` // its Lease is empty
	Fence       int64    `json:"fence"`
	LeaseUntil  int64    `json:"lease_until"` // microseconds since 1970 in UTC; 0 without a lease
	LeaseHolder string   `json:"lease_holder"`
}

// EvidenceRecord is a sealed evidence. Canonical holds the signed bytes; bytes that
// are not UTF-8, which only damage can make of them, are in Raw instead.
type EvidenceRecord struct {
	Canonical string   `json:"canonical,omitempty"`
	Raw       []byte   `json:"raw,omitempty"`
	JWS       string   `json:"jws"`
	Rejected  AgencyID `json:"rejected,omitempty"` // sender of a refused submission
}

// Bytes returns the signed bytes.
func (r *EvidenceRecord) Bytes() []byte {
	if r.Raw != nil {
		return r.Raw
	}
	return []byte(r.Canonical)
}

// ContentRef names content that a record needs.
type ContentRef struct {
	Digest Digest
	Size   int64 // bytes
	Role   PartRole
}

// Contents lists the content that a record needs in the blob store: none for a
// dispatch whose content was purged. Errors are of
// KindInvalid: the record is not what its kind says.
func (r *Record) Contents() ([]ContentRef, error) {
	var parts []Part
	var err error
	switch r.Kind {
	case RecordDispatch:
		var record struct {
			Dispatch struct {
				Parts  []Part `json:"parts"`
				Purged *Purge `json:"purged"`
			} `json:"dispatch"`
		}
		if err = json.Unmarshal(r.Body, &record); record.Dispatch.Purged == nil {
			parts = record.Dispatch.Parts
		}
	case RecordStatusReport:
		var record struct {
			Envelope *Part `json:"envelope"`
		}
		if err = json.Unmarshal(r.Body, &record); record.Envelope != nil {
			parts = []Part{*record.Envelope}
		}
	case RecordRetention:
		return r.kept()
	case RecordUpload:
		var record Upload
		err = json.Unmarshal(r.Body, &record)
		parts = record.complete()
	}
	if err != nil {
		return nil, r.unreadable(err)
	}
	refs := make([]ContentRef, len(parts))
	for i, p := range parts {
		refs[i] = ContentRef{Digest: p.Digest, Size: p.Size, Role: p.Role}
	}
	return refs, nil
}

func (r *Record) unreadable(err error) error {
	return &Error{Kind: KindInvalid, Field: "archive", Rule: "record", Message: "a record of kind " + string(r.Kind) + " cannot be read", Err: err}
}

// kept is the content that a note keeps.
func (r *Record) kept() ([]ContentRef, error) {
	var note RetentionNote
	if err := json.Unmarshal(r.Body, &note); err != nil {
		return nil, r.unreadable(err)
	}
	if !strings.HasPrefix(note.Name, KeepNotes) {
		return nil, nil
	}
	var content KeptContent
	if err := json.Unmarshal(note.Body, &content); err != nil {
		return nil, r.unreadable(err)
	}
	return []ContentRef{{Digest: content.Digest, Size: content.Size, Role: RoleEnvelope}}, nil
}

// complete lists the parts of an upload whose bytes are all there.
func (u *Upload) complete() []Part {
	var parts []Part
	for _, progress := range u.Parts {
		for _, p := range u.Submission.Parts {
			if progress.Done && p.ID == progress.ID {
				parts = append(parts, p)
			}
		}
	}
	return parts
}

// DispatchFile is all that a store holds about one dispatch at one instant. Of a refused
// submission there is the evidence alone, and no id.
type DispatchFile struct {
	ID         DispatchID
	Dispatch   *Dispatch         // nil where other rows name a dispatch that is not there
	Receipt    EvidenceID        // as the store says
	Verdicts   []SignatureReport // on its signatures, as recorded at acceptance
	Deliveries []Delivery        // by index
	Evidence   []SealedEvidence
	Reports    []StatusReport // evidence and reports are in the order of recording
}
