package hub

import "time"

// SignaturePolicy says what a hub does with verdicts when it takes a document in.
type SignaturePolicy string

// The policies. All record every verdict.
const (
	PolicyRecord  SignaturePolicy = "record"  // accept whatever the verdict
	PolicyEnforce SignaturePolicy = "enforce" // refuse unsigned originals and TOTAL-FAILED
	PolicyStrict  SignaturePolicy = "strict"  // refuse INDETERMINATE too
)

// Valid reports whether the policy is one of the list.
func (p SignaturePolicy) Valid() bool {
	return p == PolicyRecord || p == PolicyEnforce || p == PolicyStrict
}

// CheckMode says what a check does where it fails.
type CheckMode string

// The modes.
const (
	CheckOff     CheckMode = "off"     // it is not made
	CheckNote    CheckMode = "note"    // it leaves a finding in the report
	CheckEnforce CheckMode = "enforce" // the submission is refused
)

// Valid reports whether the mode is one of the list.
func (m CheckMode) Valid() bool { return m == CheckOff || m == CheckNote || m == CheckEnforce }

// SignatureRule is what is asked of the signatures of those whom it is for.
type SignatureRule struct {
	Sender  AgencyID        `json:"sender,omitempty"`  // empty: every sender
	Channel Format          `json:"channel,omitempty"` // in which submissions come; empty: every one
	Verdict SignaturePolicy `json:"verdict"`
	// TwoSignatures asks that a person signed every original, and that the agency sealed
	// it behind (NĐ 30/2020/NĐ-CP art. 5 and 32; QĐ 28/2018/QĐ-TTg art. 4).
	TwoSignatures CheckMode `json:"two_signatures"`
	// Binding asks that a certificate which is bound to the sender signed every original.
	Binding CheckMode `json:"binding"`
}

// SignatureRules are the rules in force. Of those that fit a submission the most special
// one decides: sender and channel, sender, channel, everybody; without any, the setting
// of the hub.
type SignatureRules struct {
	Version int64           `json:"version"` // 0: none were ever set
	Rules   []SignatureRule `json:"rules"`
	SetBy   string          `json:"set_by,omitempty"`
	SetAt   time.Time       `json:"set_at,omitzero"`
}

// Decide returns the rule for a submission; nil when none fits.
func (s *SignatureRules) Decide(sender AgencyID, channel Format) *SignatureRule {
	var best *SignatureRule
	rank := -1
	for i := range s.Rules {
		r := &s.Rules[i]
		if r.Sender != "" && r.Sender != sender || r.Channel != "" && r.Channel != channel {
			continue
		}
		special := 0
		if r.Channel != "" {
			special = 1
		}
		if r.Sender != "" {
			special += 2
		}
		if special > rank {
			best, rank = r, special
		}
	}
	return best
}

// CertificateRole says whose signature a certificate makes.
type CertificateRole string

// The roles.
const (
	RolePerson CertificateRole = "person" // who signs for the agency
	RoleSeal   CertificateRole = "seal"   // of the agency itself, kept by its Văn thư
)

// CertificateBinding says that a certificate, or each of those that an authority issued
// to a name, signs for an agency.
type CertificateBinding struct {
	ID     string   `json:"id"`
	Agency AgencyID `json:"agency"`
	// SHA256 is that of the one certificate; zero when it goes by names. It counts for
	// signatures that were verified, also where the path of the certificate was not.
	SHA256 Digest `json:"sha256,omitzero"`
	// Issuer is the common name of the issuing authority, and Subject are names of the
	// holder which must all stand in the certificate, such as "O=UBND tỉnh Quảng Nam" or
	// "organizationIdentifier=*H47"; * stands for any text. They count only for signatures
	// whose path was verified.
	Issuer  string          `json:"issuer,omitempty"`
	Subject []string        `json:"subject,omitempty"`
	Role    CertificateRole `json:"role,omitempty"` // empty: not said
	Note    string          `json:"note,omitempty"`
	BoundBy string          `json:"bound_by"`
	BoundAt time.Time       `json:"bound_at"`

	RemovedBy string    `json:"removed_by,omitempty"`
	RemovedAt time.Time `json:"removed_at,omitzero"`
}

// SignatureDemands are what intake asks of one submission.
type SignatureDemands struct {
	Rule     *SignatureRule // nil: none is set
	Bindings []CertificateBinding
}
