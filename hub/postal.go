package hub

import (
	"cmp"
	"slices"
	"time"
)

// PostalID identifies an order at the post: a UUIDv7. It is the number by which the operator
// knows the order (SoDonHang).
type PostalID string

// PostalKind is what an order at the post is for.
type PostalKind string

// The kinds.
const (
	PostalPickUp PostalKind = "pick_up" // papers of a dossier, from its owner to the unit
	PostalReturn PostalKind = "return"  // the result of a dossier, from the unit to its owner
	PostalPaper  PostalKind = "paper"   // a document on paper, to a recipient that is not connected
)

// PostalKinds lists all kinds.
func PostalKinds() []PostalKind { return []PostalKind{PostalPickUp, PostalReturn, PostalPaper} }

// PostalAct is what happened to an order.
type PostalAct string

// The acts.
const (
	PostalOrdered   PostalAct = "ordered"     // the operator has the order
	PostalRejected  PostalAct = "rejected"    // the operator does not take it
	PostalCollected PostalAct = "collected"   // a postman has the item
	PostalAccepted  PostalAct = "accepted"    // chấp nhận tại bưu cục: it has a bill
	PostalHanded    PostalAct = "handed_over" // the agency gave it to the post, as it says itself
	PostalFailed    PostalAct = "failed"      // one try to deliver it was in vain; others may follow
	PostalReturned  PostalAct = "returned"    // chuyển hoàn: it came back
	PostalDelivered PostalAct = "delivered"   // phát thành công
	PostalUnknown   PostalAct = "unknown"     // a code of the operator that stands for nothing
)

// PostalActs lists all acts in the order of the way.
func PostalActs() []PostalAct {
	return []PostalAct{PostalOrdered, PostalRejected, PostalCollected, PostalAccepted, PostalHanded, PostalFailed, PostalReturned, PostalDelivered, PostalUnknown}
}

// ReportedPostalActs lists what an agency may say itself, from the bill that it holds.
func ReportedPostalActs() []PostalAct {
	return []PostalAct{PostalCollected, PostalAccepted, PostalHanded, PostalFailed, PostalReturned, PostalDelivered}
}

// far is how far on the way an act is; of two that are equally far the later one counts.
func (a PostalAct) far() int {
	switch a {
	case PostalOrdered:
		return 1
	case PostalCollected, PostalAccepted, PostalHanded:
		return 2
	case PostalFailed:
		return 3
	case PostalReturned, PostalRejected:
		return 4
	case PostalDelivered:
		return 5
	}
	return 0
}

// Ends reports whether nothing follows.
func (a PostalAct) Ends() bool { return a.far() >= 4 }

// Posted reports whether the post has the item, or had it.
func (a PostalAct) Posted() bool { return a.far() == 2 }

// PostalParty is who sends or receives an item. Province and district are the numbers that
// the operator knows them by (MaTinh, MaHuyen); districts are gone since 2025, and either
// may be empty.
type PostalParty struct {
	Name     string `json:"name"`
	Address  string `json:"address"`
	Phone    string `json:"phone,omitempty"`
	Email    string `json:"email,omitempty"`
	Province string `json:"province,omitempty"`
	District string `json:"district,omitempty"`
}

// PostalFees are what an item costs, in đồng, as the operator says.
type PostalFees struct {
	Main    int64 `json:"main"`        // CuocChinh
	COD     int64 `json:"cod_fee"`     // CuocCOD
	Collect int64 `json:"cod_collect"` // SoTienCOD: what the postman takes from the receiver
}

// PostalEvent is one thing that happened to an order. Events are only added.
type PostalEvent struct {
	Seq      int64     `json:"seq"` // from 1 without gaps, as they were recorded
	Act      PostalAct `json:"act"`
	At       time.Time `json:"at"`             // UTC; as the operator or the bill says
	Recorded time.Time `json:"recorded_at"`    // UTC
	By       string    `json:"by,omitempty"`   // Actor.Name of who reported it; "": the operator told it
	Key      string    `json:"key,omitempty"`  // of a report: the same again changes nothing
	Bill     string    `json:"bill,omitempty"` // MaBuuGui
	Code     string    `json:"code,omitempty"` // of the operator, as it came
	Text     string    `json:"text,omitempty"`
	Unsound  bool      `json:"unsound,omitempty"` // its time cannot be: it moves nothing
}

// same reports whether an operator told this before.
func (e *PostalEvent) same(o *PostalEvent) bool {
	return e.By == o.By && e.Act == o.Act && e.Code == o.Code && e.Bill == o.Bill && (e.At.Equal(o.At) || e.Act == PostalOrdered)
}

// PostalOrder is an item that an agency has the post carry.
type PostalOrder struct {
	ID         PostalID     `json:"id"`
	Agency     AgencyID     `json:"agency"`
	AgencyName string       `json:"agency_name"`
	Kind       PostalKind   `json:"kind"`
	Key        string       `json:"key,omitempty"` // of the agency: the same again orders nothing anew
	Dossier    DossierID    `json:"dossier,omitempty"`
	Dispatch   DispatchID   `json:"dispatch,omitempty"`
	Delivery   DeliveryID   `json:"delivery,omitempty"`
	Number     string       `json:"number"`            // of the dossier, or number and notation of the document
	Place      string       `json:"place,omitempty"`   // nơi nhận: the agency that a document goes to
	From       *PostalParty `json:"from,omitempty"`    // not in lists, and gone with what the dossier holds of persons
	To         *PostalParty `json:"to,omitempty"`      // likewise
	Content    string       `json:"content,omitempty"` // NoiDungHang; likewise
	Note       string       `json:"note,omitempty"`    // GhiChu; likewise
	Envelopes  int          `json:"envelopes"`         // số lượng bì
	Weight     int          `json:"weight,omitempty"`  // grams; 0: the post weighs it
	Collect    int64        `json:"cod_collect,omitempty"`
	By         string       `json:"by"` // Actor.Name
	Created    time.Time    `json:"created_at"`
	State      PostalAct    `json:"state,omitempty"` // the furthest; "" while the operator has not said that it has the order
	Bill       string       `json:"bill,omitempty"`  // the first that was told
	BilledAt   time.Time    `json:"billed_at,omitzero"`
	PostedAt   time.Time    `json:"posted_at,omitzero"` // ngày chuyển: the post has it since
	Fees       *PostalFees  `json:"fees,omitempty"`     // nil while the operator has not said any

	Events    []PostalEvent `json:"events,omitempty"`
	Asked     int           `json:"attempts"`         // calls for which the operator gave no answer since the last one
	SentAt    time.Time     `json:"sent_at,omitzero"` // the first time that the order was sent; its answer may be lost
	Next      time.Time     `json:"next_at,omitzero"` // when it wants work; zero: never again
	LastError string        `json:"last_error,omitempty"`
	Told      int64         `json:"told,omitempty"` // Seq of the last event that dossier and document know of
	Version   int64         `json:"version"`        // grows by one with every change

	Findings []PostalRule `json:"findings"` // computed with each answer, and never stored
}

// Open reports whether the post has more to say.
func (o *PostalOrder) Open() bool { return !o.State.Ends() }

// LastHeard is when something of the order was recorded last.
func (o *PostalOrder) LastHeard() time.Time {
	last := o.Created
	for i := range o.Events {
		last = later(last, o.Events[i].Recorded)
	}
	return last
}

// Add records an event as the last one, unless the operator told it before, and reports
// whether it did.
func (o *PostalOrder) Add(e PostalEvent) bool {
	if e.By == "" && slices.ContainsFunc(o.Events, func(was PostalEvent) bool { return was.same(&e) }) {
		return false
	}
	e.Seq = int64(len(o.Events)) + 1
	o.Events = append(slices.Clip(o.Events), e)
	if e.Unsound {
		return true
	}
	if e.Act.far() > 0 && e.Act.far() >= o.State.far() {
		o.State = e.Act
	}
	if e.Bill != "" && o.Bill == "" && e.Act != PostalUnknown {
		o.Bill, o.BilledAt = e.Bill, e.At
	}
	if e.Act.Posted() && (o.PostedAt.IsZero() || e.At.Before(o.PostedAt)) {
		o.PostedAt = e.At
	}
	return true
}

// Erased reports whether an order says nothing of persons any more. Those of lists do not, either.
func (o *PostalOrder) Erased() bool { return o.From == nil }

// Erase takes from an order what it says of persons. Nothing more is done about it.
func (o *PostalOrder) Erase() {
	o.From, o.To, o.Content, o.Note, o.LastError, o.Next = nil, nil, "", "", "", time.Time{}
	o.Events = slices.Clone(o.Events)
	for i := range o.Events {
		o.Events[i].Text = ""
	}
	o.Version++
}

// PostalRule is what is wrong with an order, or wants to be looked at.
type PostalRule string

// The findings.
const (
	PostalUnknownCode PostalRule = "unknown_code"    // the operator says something that stands for nothing
	PostalWrongTime   PostalRule = "impossible_time" // before the order, or in the future
	PostalUnordered   PostalRule = "out_of_order"    // something was told after the end, or before what must come first
	PostalOtherBill   PostalRule = "other_bill"      // two bills were told
	PostalRefused     PostalRule = "rejected"
	PostalUndelivered PostalRule = "failed"    // the last try to deliver it was in vain
	PostalCameBack    PostalRule = "returned"  // it came back
	PostalNoAnswer    PostalRule = "no_answer" // the operator does not answer
	PostalSilent      PostalRule = "silent"    // nothing was told for long
)

// PostalRules lists all findings.
func PostalRules() []PostalRule {
	return []PostalRule{PostalUnknownCode, PostalWrongTime, PostalUnordered, PostalOtherBill, PostalRefused, PostalUndelivered, PostalCameBack, PostalNoAnswer, PostalSilent}
}

const (
	postalSilence = 15 * 24 * time.Hour // after which somebody asks at the counter
	postalTries   = 3                   // without an answer, after which that is a finding
)

// Look is what is wrong with the order at an instant.
func (o *PostalOrder) Look(now time.Time) []PostalRule {
	found := []PostalRule{}
	add := func(rule PostalRule, on bool) {
		if on && !slices.Contains(found, rule) {
			found = append(found, rule)
		}
	}
	for i := range o.Events {
		e := &o.Events[i]
		add(PostalUnknownCode, e.Act == PostalUnknown)
		add(PostalWrongTime, e.Unsound)
		add(PostalOtherBill, e.Bill != "" && o.Bill != "" && e.Bill != o.Bill)
	}
	add(PostalUnordered, o.unordered())
	add(PostalRefused, o.State == PostalRejected)
	add(PostalUndelivered, o.State == PostalFailed)
	add(PostalCameBack, o.State == PostalReturned)
	add(PostalNoAnswer, o.Open() && o.Asked >= postalTries)
	add(PostalSilent, o.Open() && now.Sub(o.LastHeard()) >= postalSilence)
	return found
}

// unordered reports whether what was told cannot have happened in the order of its times.
func (o *PostalOrder) unordered() bool {
	events := slices.DeleteFunc(slices.Clone(o.Events), func(e PostalEvent) bool { return e.Unsound || e.Act.far() == 0 || e.Act == PostalOrdered })
	slices.SortStableFunc(events, func(a, b PostalEvent) int { return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Act.far(), b.Act.far())) })
	for i := 1; i < len(events); i++ {
		was, is := events[i-1].Act, events[i].Act
		if was.Ends() || is.far() < was.far() && was != PostalFailed {
			return true
		}
	}
	return false
}

// PostalWish is an order as an agency gives it.
type PostalWish struct {
	Agency    AgencyID     `json:"-"`
	Kind      PostalKind   `json:"kind"`
	Key       string       `json:"key,omitempty"`
	Dossier   string       `json:"dossier,omitempty"`  // number or id
	Dispatch  DispatchID   `json:"dispatch,omitempty"` // of a document
	Delivery  DeliveryID   `json:"delivery,omitempty"` // to the recipient that is not connected; "": the only one
	From      *PostalParty `json:"from,omitempty"`     // its name may be empty: that of the agency, or of the owner
	To        *PostalParty `json:"to,omitempty"`       // likewise
	Content   string       `json:"content,omitempty"`
	Note      string       `json:"note,omitempty"`
	Envelopes int          `json:"envelopes,omitempty"` // 0: one
	Weight    int          `json:"weight,omitempty"`
	Collect   int64        `json:"cod_collect,omitempty"`
}

// PostalReport is what an agency says itself of an order, from the bill that it holds.
type PostalReport struct {
	Act  PostalAct     `json:"act"`
	At   DossierMoment `json:"at,omitempty"` // "": now
	Key  string        `json:"key,omitempty"`
	Bill string        `json:"bill,omitempty"`
	Text string        `json:"text,omitempty"`
}

// PostalNews is what the operator tells of an order.
type PostalNews struct {
	Events []PostalEvent
	Fees   *PostalFees // nil: none were told
}

// PostalQuery selects orders of one agency, those ordered last first.
type PostalQuery struct {
	Agency   AgencyID
	Open     bool       // only those of which the post has more to say
	Outgoing bool       // only what the agency sends: the register of NĐ 30/2020/NĐ-CP, annex IV
	Oldest   bool       // those ordered first come first
	Dossier  DossierID  // "": all
	Dispatch DispatchID // "": all
	From, To Date       // days on which they were ordered, both included; "": no bound
	Finding  PostalRule // "": all
	Page     Page
}

// PostalKey finds one order: by its id, or the key of its agency.
type PostalKey struct {
	ID     PostalID
	Agency AgencyID
	Key    string
}

// PostalBacklog is what waits for the post.
type PostalBacklog struct {
	Open    int       // orders of which the post has more to say
	Unsent  int       // orders that the operator has not got yet
	Overdue time.Time // of these, since when the first one wants work; zero for none
}

// DossierPost is what the post did for a dossier, in the event that says so.
type DossierPost struct {
	Order PostalID   `json:"order"`
	Kind  PostalKind `json:"kind"`
	Act   PostalAct  `json:"act"`
	Bill  string     `json:"bill,omitempty"`
}
