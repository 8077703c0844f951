package hub

import (
	"crypto/sha256"
	"encoding/base32"
	"strings"
	"time"
)

// DossierSecret is what the owner of a dossier has and nobody else: with its number it finds
// the dossier on the portal. It is 80 random bits in 16 letters and digits, of which none
// looks like another on paper; the hub keeps no more than its Lookup.
type DossierSecret string

// DossierSecretBits are the bytes that a secret is made from.
type DossierSecretBits [10]byte

const dossierSecretGroup = 4

func dossierSecrets() *base32.Encoding {
	return base32.NewEncoding("0123456789ABCDEFGHJKMNPQRSTVWXYZ").WithPadding(base32.NoPadding)
}

// Secret is the secret of some bits.
func (b DossierSecretBits) Secret() DossierSecret {
	return DossierSecret(dossierSecrets().EncodeToString(b[:]))
}

// ParseDossierSecret reads a secret as people type it: in any case, with blanks and hyphens,
// and with the letters that are mistaken for digits. It reports false for what is none.
func ParseDossierSecret(s string) (DossierSecret, bool) {
	if len(s) > 100 {
		return "", false
	}
	s = strings.NewReplacer(" ", "", "-", "", "\u00a0", "", "O", "0", "I", "1", "L", "1").Replace(strings.ToUpper(strings.TrimSpace(s)))
	raw, err := dossierSecrets().DecodeString(s)
	return DossierSecret(s), err == nil && len(raw) == len(DossierSecretBits{}) && len(s) == dossierSecrets().EncodedLen(len(raw))
}

// String is the secret as it is printed: 7K3M-Q9XD-2VBT-H5RW.
func (s DossierSecret) String() string {
	var groups []string
	for rest := string(s); rest != ""; {
		n := min(dossierSecretGroup, len(rest))
		groups, rest = append(groups, rest[:n]), rest[n:]
	}
	return strings.Join(groups, "-")
}

// Lookup is by what a dossier is found that has the number and the secret: a digest of both,
// so that a wrong number and a wrong secret are the same to whoever looks.
func (s DossierSecret) Lookup(number string) Digest {
	return sha256.Sum256([]byte("lienthong dossier\n" + number + "\n" + string(s)))
}

// DossierProgress is what the owner of a dossier is shown of it on the portal: how it stands,
// and where it went by names of agencies. It holds no words of agencies and no name of a
// person.
type DossierProgress struct {
	Number        string         `json:"number"`
	Procedure     string         `json:"procedure"` // code
	ProcedureName string         `json:"procedure_name"`
	Unit          string         `json:"unit"` // name of the agency that received it
	Channel       DossierChannel `json:"channel"`
	Received      time.Time      `json:"received_at"` // UTC
	Status        DossierStatus  `json:"status"`
	Due           time.Time      `json:"due_at,omitzero"`        // UTC; behind the time that stood still
	Late          bool           `json:"late"`                   // its time ended, or it ended, behind Due
	Ended         time.Time      `json:"ended_at,omitzero"`      // UTC
	Apologised    time.Time      `json:"apologised_at,omitzero"` // UTC; the first letter of apology
	Anew          time.Time      `json:"new_due_at,omitzero"`    // UTC; what the last one promises
	Steps         []DossierStep  `json:"steps"`
	Files         []DossierOffer `json:"files"` // that the owner may download
}

// DossierStep is something that happened to a dossier, as its owner is shown it.
type DossierStep struct {
	At     time.Time     `json:"at"` // UTC
	Act    DossierAct    `json:"act"`
	Status DossierStatus `json:"status,omitempty"` // that it brought
	Agency string        `json:"agency"`           // name
	To     string        `json:"to,omitempty"`     // name; of a hand-over
}

// DossierOffer is a file that the owner of a dossier may download.
type DossierOffer struct {
	Event     int64            `json:"event"` // by which it is asked for
	Kind      DossierPaperKind `json:"kind"`  // result or letter
	At        time.Time        `json:"at"`    // UTC
	Name      string           `json:"name"`
	MediaType string           `json:"media_type"`
	Size      int64            `json:"size"` // bytes
	Digest    Digest           `json:"sha256"`
}

// PublicProcedure is a procedure in force as the portal shows it to everybody.
type PublicProcedure struct {
	Code       string         `json:"code"`
	Version    int64          `json:"version"`
	Name       string         `json:"name"`
	Field      string         `json:"field"`
	Levels     []Level        `json:"levels"`
	Agency     string         `json:"agency"` // name of the one that is responsible
	AgencyCode Code           `json:"agency_code"`
	Limit      ProcedureLimit `json:"limit"`
	Online     OnlineLevel    `json:"online"`
	Fees       []ProcedureFee `json:"fees"`
	Papers     []string       `json:"papers"`
	Basis      []string       `json:"basis"`
	Valid      Interval       `json:"valid"`    // UTC
	Decision   string         `json:"decision"` // number and notation
	Decided    Date           `json:"decided"`
}
