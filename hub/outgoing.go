package hub

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// NumberState is what became of a number that was given.
type NumberState string

// The states of outgoing numbers.
const (
	NumberReserved  NumberState = "reserved"  // given, and no document was sent under it yet
	NumberUsed      NumberState = "used"      // a document was sent under it
	NumberCancelled NumberState = "cancelled" // given up for good, with a reason; it is not given again
)

// OutgoingNumber is a number that an agency gave to a document of its own. Numbers begin
// anew every year, run in a series for each kind of document without gaps, and number and
// notation together are unique in the year (NĐ 30/2020/NĐ-CP, article 15).
type OutgoingNumber struct {
	Agency   AgencyID    `json:"agency"`
	Year     int         `json:"year"` // of the date of promulgation
	Kind     string      `json:"kind"` // of document, "Quyết định"; names the series
	Number   int64       `json:"number"`
	Notation string      `json:"notation"` // "QĐ-UBND"
	State    NumberState `json:"state"`
	Subject  string      `json:"subject,omitempty"` // what it was taken for
	Key      string      `json:"key,omitempty"`     // of the act that took it; the same key gives the same number
	TakenBy  string      `json:"taken_by"`          // Actor.Name
	TakenAt  time.Time   `json:"taken_at"`          // UTC

	Dispatch    DispatchID `json:"dispatch,omitempty"` // that used it
	Reason      string     `json:"reason,omitempty"`   // why it was cancelled
	CancelledBy string     `json:"cancelled_by,omitempty"`
	CancelledAt time.Time  `json:"cancelled_at,omitzero"` // UTC
}

// NumberWish is a number to take. Year 0 is this one in Viet Nam, Number 0 the next.
type NumberWish struct {
	Agency   AgencyID
	Year     int
	Kind     string
	Notation string
	Number   int64
	Subject  string
	Key      string
}

// CheckNotation checks a notation under which a number is taken: parts joined by "-" and "/"
// without spaces, as NĐ 30/2020/NĐ-CP, annex I, prints "QĐ-UBND" and "2026/QĐ-UBND". It is a
// rule for new numbers; documents that come under other notations are taken as they were
// issued. Its error is of KindInvalid with the field "notation".
func CheckNotation(notation string) error {
	parts := strings.FieldsFunc(notation, func(r rune) bool { return r == '-' || r == '/' })
	joints := strings.Count(notation, "-") + strings.Count(notation, "/")
	if strings.ContainsFunc(notation, unicode.IsSpace) || len(parts) != joints+1 {
		return Invalid("notation", "notation", "%.40q is no notation: its parts are joined by - or / without spaces, as QĐ-UBND", notation)
	}
	return nil
}

// Printed is the number with its notation as it is printed: below 10 with a zero before it.
func (n *OutgoingNumber) Printed() string {
	text := strconv.FormatInt(n.Number, 10)
	if n.Number < 10 {
		text = "0" + text
	}
	return text + "/" + n.Notation
}

// SeriesOf is the series of a kind of document: kinds that differ in diacritics, case or
// blanks alone are the same.
func SeriesOf(kind string) string { return Fold(strings.Join(strings.Fields(kind), " ")) }

// OutgoingQuery selects numbers of an agency in a year, by series and number.
type OutgoingQuery struct {
	Agency AgencyID
	Year   int
	State  NumberState // empty: all
	Page   Page
}

// The rules of the refusal to send a document under a number, on the field
// "document.code_number". They apply in a series of which a number was taken in the year.
const (
	RuleNumberUsed      = "number_used"      // another document was sent under number and notation
	RuleNumberCancelled = "number_cancelled" // it was given up for good
	RuleNumberSeries    = "number_series"    // it was not taken and is not the next one: it would leave a gap
)

// NumberClaim is the number under which a dispatch is sent.
type NumberClaim struct {
	Agency   AgencyID
	Year     int
	Kind     string
	Number   int64 // 0: it is no number
	Notation string
}

// Claims tells under which number a dispatch is sent; false for what has no number of its
// own: recalls, updates and what is forwarded.
func (d *Dispatch) Claims() (NumberClaim, bool) {
	day, err := time.Parse(time.DateOnly, string(d.Document.Promulgated))
	if err != nil || d.Origin != nil || d.Operation != OperationNew && d.Operation != OperationReplace {
		return NumberClaim{}, false
	}
	n, err := strconv.ParseInt(d.Document.CodeNumber, 10, 64)
	if err != nil || n < 0 || strings.HasPrefix(d.Document.CodeNumber, "+") {
		n = 0
	}
	return NumberClaim{Agency: d.Sender, Year: day.Year(), Kind: d.Document.TypeName, Number: n, Notation: d.Document.CodeNotation}, true
}

// Settle decides about the claim of a dispatch that is accepted now: held is what number
// and notation stand for already, nil for nothing, and last the highest number of the
// series, 0 where it has none. It returns what is to be recorded, false for nothing.
// Errors are of KindInvalid.
func (c *NumberClaim) Settle(held *OutgoingNumber, last int64, d *Dispatch) (OutgoingNumber, bool, error) {
	const field = "document.code_number"
	switch {
	case held != nil && held.State == NumberReserved:
		n := *held
		n.State, n.Dispatch = NumberUsed, d.ID
		return n, true, nil
	case held != nil && held.State == NumberCancelled:
		return OutgoingNumber{}, false, Invalid(field, RuleNumberCancelled, "the number %s was cancelled: %s", held.Printed(), held.Reason)
	case held != nil:
		return OutgoingNumber{}, false, Invalid(field, RuleNumberUsed, "another document was sent under the number %s in %d", held.Printed(), held.Year)
	case last == 0:
		return OutgoingNumber{}, false, nil
	case c.Number != last+1:
		return OutgoingNumber{}, false, Invalid(field, RuleNumberSeries, "the number was not taken, and the next of its series in %d is %d", c.Year, last+1)
	}
	return OutgoingNumber{
		Agency: c.Agency, Year: c.Year, Kind: c.Kind, Number: c.Number, Notation: c.Notation, State: NumberUsed,
		Subject: d.Document.Subject, TakenBy: string(d.SenderCode), TakenAt: d.AcceptedAt, Dispatch: d.ID,
	}, true, nil
}

// RefusesNumber reports whether an error says that a document cannot be sent under its
// number.
func RefusesNumber(err error) bool {
	if err == nil {
		return false
	}
	for _, v := range ViolationsOf(err) {
		switch v.Rule {
		case RuleNumberUsed, RuleNumberCancelled, RuleNumberSeries:
			return true
		}
	}
	return false
}
