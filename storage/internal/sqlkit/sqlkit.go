// Package sqlkit holds what the SQL stores have in common: the form of rows, the
// cursors of pages, and the rules that a statement alone can't express. It knows no
// database.
package sqlkit

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Micros is the form of times in a database: microseconds in UTC, 0 for none.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// Encode returns the JSON form of a row.
func Encode(v any) (string, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return "", hub.Internal("encode a row", err)
	}
	return string(body), nil
}

// Decode reads the JSON form of a row.
func Decode[T any](body []byte) (T, error) {
	var v T
	if err := json.Unmarshal(body, &v); err != nil {
		return v, hub.Internal("decode a row", err)
	}
	return v, nil
}

// NotFound is the answer where a row was looked for and is not there.
func NotFound(what string) error {
	return hub.Errorf(hub.KindNotFound, what, "", "there is no such %s", what)
}

// EncodeDelivery returns the JSON form of a delivery. A lease is a right and no
// transition, so it is not in the body.
func EncodeDelivery(d *hub.Delivery) (string, error) {
	stored := *d
	stored.Lease = nil
	return Encode(&stored)
}

// DecodeDelivery puts a delivery together: the lease lives in columns of its own;
// until is 0 when there is none.
func DecodeDelivery(body []byte, fence, until int64, holder string) (hub.Delivery, error) {
	d, err := Decode[hub.Delivery](body)
	d.Lease = nil
	if until != 0 {
		d.Lease = &hub.Lease{Fence: fence, Holder: holder, Until: time.UnixMicro(until).UTC()}
	}
	return d, err
}

// StoredKey adds to an API key what its JSON form leaves out.
type StoredKey struct {
	Key    hub.APIKey
	Hash   hub.Digest
	Sealed []byte `json:",omitempty"`
}

// EncodeKey returns the JSON form of an API key.
func EncodeKey(key *hub.APIKey) (string, error) { return Encode(StoredKey{*key, key.Hash, key.Sealed}) }

// DecodeKey reads the JSON form of an API key.
func DecodeKey(body []byte) (hub.APIKey, error) {
	stored, err := Decode[StoredKey](body)
	stored.Key.Hash, stored.Key.Sealed = stored.Hash, stored.Sealed
	return stored.Key, err
}

// StoredAccount adds to an account what its JSON form leaves out.
type StoredAccount struct {
	Account  hub.Account
	Password string
}

// EncodeAccount returns the JSON form of an account.
func EncodeAccount(a *hub.Account) (string, error) { return Encode(StoredAccount{*a, a.Password}) }

// DecodeAccount reads the JSON form of an account.
func DecodeAccount(body []byte) (hub.Account, error) {
	stored, err := Decode[StoredAccount](body)
	stored.Account.Password = stored.Password
	return stored.Account, err
}

// OtherAccount is the answer where no account was saved, because another one or another
// version stands there.
func OtherAccount(err error) error {
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return hub.Errorf(hub.KindConflict, "account", "version", "the account is there already, or has changed in the meantime")
	}
	return err
}

// NumberTaken is the answer where another delivery has a number of a register.
func NumberTaken(n *hub.RegisterNumber) error {
	return hub.Errorf(hub.KindConflict, "number", "unique", "the number %.50q stands in the register of %d already", n.Number, n.Year)
}

// DecodeVerdicts reads the verdicts on the document of a delivery; without later looks,
// that column is NULL.
func DecodeVerdicts(delivery, reports, later []byte) (hub.DeliveryVerdicts, error) {
	var v hub.DeliveryVerdicts
	var err error
	if v.Delivery, err = Decode[hub.Delivery](delivery); err == nil {
		v.Reports, err = Decode[[]hub.SignatureReport](reports)
	}
	v.Later = bytes.Clone(later)
	return v, err
}

// SearchText is what a search without diacritics looks through.
func SearchText(d *hub.Dispatch) string {
	return hub.Fold(strings.Join([]string{
		d.Document.Number(), d.Document.Subject, d.SenderName, string(d.SenderCode),
		d.Document.Signer.FullName, d.Document.TypeName,
	}, " "))
}

// Patterns returns one LIKE pattern, escaped with backslashes, for each folded word
// of a search: all must be contained.
func Patterns(text string) []string {
	escape := strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)
	var patterns []string
	for word := range strings.FieldsSeq(hub.Fold(text)) {
		patterns = append(patterns, "%"+escape.Replace(word)+"%")
	}
	return patterns
}

// States are those that a mailbox query wants, each once.
func States(query *hub.MailboxQuery) []hub.DeliveryState {
	if len(query.States) == 0 {
		return []hub.DeliveryState{hub.StateConsigned}
	}
	return slices.DeleteFunc(hub.DeliveryStates(), func(s hub.DeliveryState) bool {
		return !slices.Contains(query.States, s)
	})
}

// LegalStep reports whether a step keeps the state or follows the table of
// transitions.
func LegalStep(step *hub.Step) bool {
	return step.Delivery.State == step.From || step.From.MayBecome(step.Delivery.State)
}

// NotApplied says why a step was left out.
func NotApplied(step *hub.Step) error {
	if !LegalStep(step) {
		return hub.Errorf(hub.KindConflict, "delivery", "state", "a delivery that is %s cannot become %s", step.From, step.Delivery.State)
	}
	return hub.Errorf(hub.KindConflict, "delivery", "version", "the delivery has changed, ended or been leased in the meantime")
}

// Changed says that an earlier delivery is not as a new dispatch expects it, so that
// nothing of the dispatch is recorded.
func Changed(step *hub.Step) error {
	return hub.Errorf(hub.KindConflict, "document.business", hub.RuleChanged, "delivery %s changed at the same moment", step.Delivery.ID)
}

// Duplicate is the answer to a submission in whose way an earlier one stands: that
// one, or KindConflict when it was another act.
func Duplicate(d *hub.Dispatch, first hub.Accepted) (hub.Accepted, error) {
	if first.Dispatch.Fingerprint != d.Fingerprint {
		return first, hub.Errorf(hub.KindConflict, "external_id", "duplicate",
			"this id or key already stands for dispatch %s with other content (receipt %s)", first.Dispatch.ID, first.Receipt.Evidence.ID)
	}
	first.Duplicate = true
	return first, nil
}
