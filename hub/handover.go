package hub

import "time"

// HandOverOrder asks that an agency that has closed is handed over to who took over. Both
// are codes or ids; To may be empty where one agency took over.
type HandOverOrder struct {
	Agency string
	To     string
	Basis  string // the decision behind it
}

// HandOver is the act by which a closed agency was handed over: from then on its successor
// acts for it, its people work there, too, and its registers take no number any more.
type HandOver struct {
	Agency AgencyID  `json:"agency"`
	To     AgencyID  `json:"to"`
	Basis  string    `json:"basis,omitempty"`
	By     string    `json:"by"`
	At     time.Time `json:"at"` // UTC
	// Deliveries are those to the agency that have not ended: the successor collects,
	// registers, refuses and answers them. More says that there are more than were counted.
	Deliveries int      `json:"deliveries"`
	More       bool     `json:"more,omitempty"`
	Accounts   []string `json:"accounts"` // people who got their role in the successor, too
	Drafts     int      `json:"drafts"`   // that moved with their people
	Tasks      int      `json:"tasks"`    // open ones of the agency, which the successor has from then on; in a dry run at most MaxTotalled
	// Further are agencies that had been handed over to the agency before, and go on with it.
	Further []AgencyID `json:"further,omitempty"`
	// Before says that the agency had been handed over already, and this is that act.
	Before bool `json:"before,omitempty"`
}

// HandOverChange is what a hand-over changes in the store, all of it or nothing: agencies
// where the directory is of Version, each account where its version is lower by one, and
// the office of all drafts in From, and deliveries by steps.
type HandOverChange struct {
	Version  int64
	Agencies []Agency
	Accounts []Account
	From, To AgencyID
	Steps    []Step
	Note     RetentionNote
}

// TookOverAt returns who acts for the agency at t since it closed; "" for nobody: whoever
// received for it while it lived was not handed anything over.
func (a *Agency) TookOverAt(t time.Time) AgencyID {
	if a.Valid.To.IsZero() || t.Before(a.Valid.To) {
		return ""
	}
	for _, by := range a.ReceivedBy {
		if by.Valid.Contains(t) && !by.Valid.From.Before(a.Valid.To) {
			return by.Value
		}
	}
	return ""
}
