// Package sqlkit holds what the SQL stores have in common: the form of rows, the
// cursors of pages, and the rules that a statement alone can't express. It knows no
// database.
package sqlkit

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"slices"
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

// EncodeReports is the column reports of a dispatch.
func EncodeReports(a *hub.Acceptance) (string, error) {
	if len(a.ReportTexts) == 0 {
		return Encode(a.Reports)
	}
	return "[" + string(bytes.Join(a.ReportTexts, []byte{','})) + "]", nil
}

// EncodeNoted is Encode of a row and of the note that goes with it.
func EncodeNoted(v any, note hub.LogNote) (body, noted string, err error) {
	if body, err = Encode(v); err != nil {
		return "", "", err
	}
	noted, err = Encode(note)
	return body, noted, err
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

// EncodeKey returns the JSON form of an API key, without its last use.
func EncodeKey(key *hub.APIKey) (string, error) {
	kept := *key
	kept.Used = time.Time{}
	return Encode(StoredKey{kept, key.Hash, key.Sealed})
}

// DecodeKey reads the JSON form of an API key that was last used at an instant of Micros.
func DecodeKey(body []byte, used int64) (hub.APIKey, error) {
	stored, err := Decode[StoredKey](body)
	stored.Key.Hash, stored.Key.Sealed = stored.Hash, stored.Sealed
	if used != 0 {
		stored.Key.Used = time.UnixMicro(used).UTC()
	}
	return stored.Key, err
}

// KeySeal is how a sealed secret stands in the JSON form of an API key.
func KeySeal(sealed []byte) string {
	return `"Sealed":"` + base64.StdEncoding.EncodeToString(sealed) + `"`
}

// KeyPresent is the answer where a key is added whose id another one has.
func KeyPresent() error {
	return hub.Errorf(hub.KindConflict, "key", "present", "there is a key of this id")
}

// EndsKey has a key end at an instant and reports whether that is sooner than before.
func EndsKey(key *hub.APIKey, at time.Time) bool {
	if !key.Revoked.IsZero() && !key.Revoked.After(at) {
		return false
	}
	key.Revoked = at
	return true
}

// OtherSeal is the answer where a key has another secret than the one to be replaced.
func OtherSeal(err error) error {
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return hub.Errorf(hub.KindConflict, "key", "version", "the secret of the key has changed in the meantime, or the key is gone")
	}
	return err
}

// StoredAccount adds to an account what its JSON form leaves out.
type StoredAccount struct {
	Account      hub.Account
	Password     string
	Seed         string            `json:",omitempty"`
	SecondFactor *hub.SecondFactor `json:",omitempty"`
	Filters      []hub.SavedFilter `json:",omitempty"`
}

// EncodeAccount returns the JSON form of an account.
func EncodeAccount(a *hub.Account) (string, error) {
	return Encode(StoredAccount{*a, a.Password, a.Seed, a.SecondFactor, a.Filters})
}

// DecodeAccount reads the JSON form of an account.
func DecodeAccount(body []byte) (hub.Account, error) {
	stored, err := Decode[StoredAccount](body)
	stored.Account.Password, stored.Account.Seed = stored.Password, stored.Seed
	stored.Account.SecondFactor, stored.Account.Filters = stored.SecondFactor, stored.Filters
	return stored.Account, err
}

// LoginOf is the login of an account as its column holds it; nil for none.
func LoginOf(a *hub.Account) any {
	if a.Login == nil {
		return nil
	}
	return a.Login.Key()
}

// OtherOffice is the answer where a session works in another office than the one that it was
// to be changed from.
func OtherOffice() error {
	return hub.Errorf(hub.KindConflict, "session", "version", "the session has changed its office in the meantime")
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

// OriginPurged is the answer to an acceptance that forwards what was purged meanwhile.
func OriginPurged(d *hub.Dispatch) error {
	return hub.Errorf(hub.KindNotFound, "delivery", "purged", "the content of dispatch %s was removed at the end of its time of retention", d.Origin.Dispatch)
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
