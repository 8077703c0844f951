package web

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Keys issues and ends what the systems of agencies prove themselves with.
type Keys interface {
	// Issue makes a key; with the id that it is given, KindConflict where one has that.
	Issue(ctx context.Context, actor hub.Actor, key hub.APIKey) (issued hub.APIKey, secret string, err error)
	// Revoke ends a key at an instant, or with the zero time at once.
	Revoke(ctx context.Context, actor hub.Actor, id string, at time.Time) error
	List(ctx context.Context, actor hub.Actor) ([]hub.APIKey, error)
}

// keyUse is what a key is for, in forms and texts.
type keyUse string

const (
	useAPI    keyUse = "api"    // shown with every request
	useSystem keyUse = "system" // signs requests of a system of the national axis
	useClient keyUse = "client" // gets access tokens for a client of the provincial API
)

func keyUses() []keyUse { return []keyUse{useAPI, useSystem, useClient} }

func useOf(k *hub.APIKey) keyUse {
	switch {
	case k.System != "":
		return useSystem
	case k.Client != "":
		return useClient
	}
	return useAPI
}

// Scopes that a key of an agency may have, and those that most need.
func keyScopes() []hub.Scope {
	return []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify, hub.ScopeSeal, hub.ScopePortal}
}

func usualScopes() []hub.Scope { return keyScopes()[:4] }

// holderScopes are those of every system and client: its protocol asks for them.
func holderScopes() []hub.Scope { return keyScopes()[:3] }

// overlaps are the days that a key may go on beside the one that comes after it.
func overlaps() []int { return []int{0, 1, 7, 30} }

const usualOverlap = 7

// endedShown bounds the keys that are shown although they open nothing any more.
const endedShown = 50

// keyRow is a key for people.
type keyRow struct {
	hub.APIKey
	Live   bool
	Ending bool // it is in force and will end before its time
}

// Use is what the key is for.
func (k keyRow) Use() keyUse { return useOf(&k.APIKey) }

// Holder is the system or client that the key belongs to.
func (k keyRow) Holder() string { return k.System + k.Client }

// ends is when the key stops working, or has; zero for never.
func (k keyRow) ends() time.Time {
	if k.Revoked.IsZero() || !k.Expires.IsZero() && k.Expires.Before(k.Revoked) {
		return k.Expires
	}
	return k.Revoked
}

// Until is the last second in which the key works, or worked; zero for never. Of a key
// that has a last day it lies on that day.
func (k keyRow) Until() time.Time {
	if end := k.ends(); !end.IsZero() {
		return end.Add(-time.Second)
	}
	return time.Time{}
}

// State names the text that says whether the key works.
func (k keyRow) State() string {
	switch {
	case k.Ending:
		return "ending"
	case k.Live:
		return "live"
	case !k.Revoked.IsZero() && k.ends().Equal(k.Revoked):
		return "revoked"
	}
	return "expired"
}

type keyForm struct {
	Use                   keyUse
	Name, Holder, Expires string
	Chosen                []hub.Scope
}

// Has reports whether a scope is chosen.
func (f keyForm) Has(s hub.Scope) bool { return slices.Contains(f.Chosen, s) }

type keysPage struct {
	agencyRow
	InForce, Ended []keyRow
	More           bool   // have ended than are shown
	Seen           string // what stands here now
	Form           keyForm
	Uses           []keyUse
	Scopes         []hub.Scope
	Given          *givenKey
	Revoked        bool // a key was, just now
}

// givenKey is a key that was just made. Its secrets are shown this once.
type givenKey struct {
	keyRow
	Secret string
	Units  []unitSecret
	Before *keyRow // which it takes the place of
	Stays  bool    // to end that one failed
}

// unitSecret is what a client shows for one of its agencies.
type unitSecret struct {
	Agency hub.AgencyID
	Secret string
}

func (x *exchange) rowOfKey(k hub.APIKey) keyRow {
	live := k.LiveAt(x.Now())
	return keyRow{APIKey: k, Live: live, Ending: live && !k.Revoked.IsZero()}
}

// keysOf lists the keys of the agency of the address, the latest first.
func (x *exchange) keysOf() (*hub.Agency, []hub.APIKey, error) {
	agency, ok := x.Directory.ByID(hub.AgencyID(x.r.PathValue("agency")))
	if !ok {
		return nil, nil, hub.Errorf(hub.KindNotFound, "", "unknown_agency", "no agency has this id")
	}
	all, err := x.Keys.List(x.r.Context(), x.visit.Actor)
	all = slices.DeleteFunc(all, func(k hub.APIKey) bool { return !slices.Contains(k.Agencies, agency.ID) })
	slices.SortFunc(all, func(a, b hub.APIKey) int { return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.ID, b.ID)) })
	return agency, all, err
}

// seenOf is a mark of a list of keys. A form carries it, so that a page which is loaded
// again does not do again what it did: the list is another one then.
func (x *exchange) seenOf(keys []hub.APIKey) string {
	mac, listed := hmac.New(sha256.New, []byte(x.token)), slices.Clone(keys)
	for i := range listed {
		listed[i].Used = time.Time{} // it is no change
	}
	_ = json.NewEncoder(mac).Encode(listed) // a hash never fails to write
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// nextKey is the id of the key that is made next for an agency. It hangs on the keys that
// there are, so that of two wishes at the same moment, as by a button that is pressed twice,
// one is fulfilled, on whichever nodes they are.
func nextKey(agency hub.AgencyID, keys []hub.APIKey) string {
	sum := sha256.New()
	_, _ = sum.Write([]byte(agency))
	_ = json.NewEncoder(sum).Encode(keys) // a hash never fails to write
	return strings.ToLower(base32.StdEncoding.EncodeToString(sum.Sum(nil)[:10]))
}

// issue makes a key as the next one.
func (x *exchange) issue(agency hub.AgencyID, keys []hub.APIKey, key hub.APIKey) (hub.APIKey, string, error) {
	key.ID = nextKey(agency, keys)
	issued, secret, err := x.Keys.Issue(x.r.Context(), x.visit.Actor, key)
	var e *hub.Error
	if errors.As(err, &e) && e.Kind == hub.KindConflict && e.Rule == "present" {
		err = keysChanged()
	}
	return issued, secret, err
}

func keysChanged() error {
	return hub.Errorf(hub.KindConflict, "keys", "changed", "the keys have changed since this form was made, and nothing was done: look at them again")
}

// asSeen refuses a form whose list of keys has changed since.
func (x *exchange) asSeen(keys []hub.APIKey) error {
	if !hmac.Equal([]byte(x.r.PostFormValue("seen")), []byte(x.seenOf(keys))) {
		return keysChanged()
	}
	return nil
}

func (x *exchange) keys() error {
	return x.keysShown(http.StatusOK, keysPage{Revoked: x.r.URL.Query().Get("revoked") != ""}, nil)
}

func (x *exchange) keysShown(status int, p keysPage, problems map[string]string) error {
	agency, all, err := x.keysOf()
	if err != nil {
		return err
	}
	p.agencyRow, p.Seen, p.Uses, p.Scopes = rowOf(agency, x.Now()), x.seenOf(all), keyUses(), keyScopes()
	if p.Form.Use == "" {
		p.Form = keyForm{Use: useAPI, Chosen: usualScopes()}
	}
	for _, k := range all {
		row := x.rowOfKey(k)
		switch {
		case row.Live:
			p.InForce = append(p.InForce, row)
		case len(p.Ended) < endedShown:
			p.Ended = append(p.Ended, row)
		default:
			p.More = true
		}
	}
	return x.show(status, "keys", p, problems)
}

// createKey makes a key for an agency and shows its secret, this once.
func (x *exchange) createKey() error {
	agency, all, err := x.keysOf()
	if err != nil {
		return err
	}
	value := func(name string) string { return strings.TrimSpace(x.r.PostFormValue(name)) }
	form := keyForm{Use: keyUse(value("use")), Name: value("name"), Holder: value("holder"), Expires: value("expires")}
	for _, s := range x.r.PostForm["scope"] {
		form.Chosen = append(form.Chosen, hub.Scope(s))
	}
	err = x.asSeen(all)
	var key hub.APIKey
	if err == nil {
		key, err = x.keyOf(form, agency, all)
	}
	var issued hub.APIKey
	var secret string
	if err == nil {
		issued, secret, err = x.issue(agency.ID, all, key)
	}
	switch {
	case err != nil && (again(err) || hub.KindOf(err) == hub.KindUnsupported):
		return x.keysShown(statusOf(hub.KindOf(err)), keysPage{Form: form}, x.keyProblems(err))
	case err != nil:
		return err
	}
	return x.keysShown(http.StatusOK, keysPage{Given: x.given(issued, secret)}, nil)
}

// keyOf is the key that a form asks for.
func (x *exchange) keyOf(form keyForm, agency *hub.Agency, all []hub.APIKey) (hub.APIKey, error) {
	key := hub.APIKey{Name: form.Name, Kind: hub.ActorSystem, Agencies: []hub.AgencyID{agency.ID}, Scopes: holderScopes()}
	holder := cmp.Or(form.Holder, string(agency.CodeAt(x.Now())))
	switch form.Use {
	case useAPI:
		key.Scopes = form.Chosen
		for _, s := range form.Chosen {
			if !slices.Contains(keyScopes(), s) {
				return key, hub.Invalid("scopes", "scope", "the key of an agency has the scopes %v", keyScopes())
			}
		}
	case useSystem:
		key.System = holder
	case useClient:
		key.Client = holder
	default:
		return key, hub.Invalid("use", "code_list", "a key is for one of %v", keyUses())
	}
	for i := range all {
		if k := &all[i]; form.Use != useAPI && k.System == key.System && k.Client == key.Client && k.LiveAt(x.Now()) {
			return key, hub.Errorf(hub.KindConflict, "holder", "present", "%q is in already: rotate its secret", holder)
		}
	}
	var err error
	key.Expires, err = lastDay(form.Expires)
	return key, err
}

// lastDay is the end of a day in Vietnam; the zero time where none is given.
func lastDay(day string) (time.Time, error) {
	if day == "" {
		return time.Time{}, nil
	}
	t, err := time.ParseInLocation(time.DateOnly, day, hub.Vietnam())
	if err != nil {
		return t, hub.Invalid("expires", "date", "a day is of the form YYYY-MM-DD")
	}
	return t.AddDate(0, 0, 1).UTC(), nil
}

// keyProblems says what is wrong by the fields of the forms.
func (x *exchange) keyProblems(err error) map[string]string {
	found := map[string]string{}
	for _, v := range hub.ViolationsOf(err) {
		field, _, _ := strings.Cut(v.Field, "[")
		switch {
		case field == "system" || field == "client":
			field = "holder"
		case !slices.Contains([]string{"use", "name", "scopes", "holder", "expires", "overlap", "sure"}, field):
			field = ""
		}
		found[field] = strings.TrimSpace(found[field] + " " + x.explain(v))
	}
	return found
}

func (x *exchange) given(issued hub.APIKey, secret string) *givenKey {
	g := &givenKey{keyRow: x.rowOfKey(issued), Secret: secret}
	if issued.Client != "" {
		for _, id := range issued.Agencies {
			g.Units = append(g.Units, unitSecret{id, issued.UnitSecret(id)})
		}
	}
	return g
}

type keyPage struct {
	agencyRow
	Key      keyRow
	Others   []hub.AgencyID // that it speaks for, too
	Seen     string
	Overlaps []int
	Overlap  int
	Expires  string // of the key that comes after it, as typed
}

// key shows one key of an agency and what can become of it.
func (x *exchange) key() error { return x.keyShown(http.StatusOK, keyPage{Overlap: usualOverlap}, nil) }

func (x *exchange) keyShown(status int, p keyPage, problems map[string]string) error {
	agency, all, err := x.keysOf()
	if err != nil {
		return err
	}
	k, err := x.pick(all)
	if err != nil {
		return err
	}
	p.agencyRow, p.Key, p.Seen, p.Overlaps = rowOf(agency, x.Now()), x.rowOfKey(k), x.seenOf(all), overlaps()
	p.Others = slices.DeleteFunc(slices.Clone(k.Agencies), func(id hub.AgencyID) bool { return id == agency.ID })
	return x.show(status, "key", p, problems)
}

// pick finds the key of the address.
func (x *exchange) pick(all []hub.APIKey) (hub.APIKey, error) {
	i := slices.IndexFunc(all, func(k hub.APIKey) bool { return k.ID == x.r.PathValue("key") })
	if i < 0 {
		return hub.APIKey{}, hub.Errorf(hub.KindNotFound, "key", "", "this agency has no such key")
	}
	return all[i], nil
}

// rotateKey makes a key that is like another one, shows its secret, this once, and lets
// the other one end. Should that fail both work, and the page says so.
func (x *exchange) rotateKey() error {
	agency, all, err := x.keysOf()
	if err != nil {
		return err
	}
	before, err := x.pick(all)
	if err != nil {
		return err
	}
	p := keyPage{Expires: strings.TrimSpace(x.r.PostFormValue("expires"))}
	fresh := hub.APIKey{Name: before.Name, Kind: before.Kind, Agencies: before.Agencies, Scopes: before.Scopes, System: before.System, Client: before.Client}
	if p.Overlap, err = x.overlap(); err == nil {
		fresh.Expires, err = lastDay(p.Expires)
	}
	if err == nil {
		err = x.asSeen(all)
	}
	if err == nil && (!before.LiveAt(x.Now()) || !before.Revoked.IsZero()) {
		err = hub.Errorf(hub.KindConflict, "key", "ending", "this key has ended or was replaced already")
	}
	var secret string
	if err == nil {
		fresh, secret, err = x.issue(agency.ID, all, fresh)
	}
	switch {
	case err != nil && again(err):
		return x.keyShown(statusOf(hub.KindOf(err)), p, x.keyProblems(err))
	case err != nil:
		return err
	}
	g := x.given(fresh, secret)
	var at time.Time
	if p.Overlap > 0 {
		at = x.Now().AddDate(0, 0, p.Overlap)
	}
	if err := x.Keys.Revoke(x.r.Context(), x.visit.Actor, before.ID, at); err != nil {
		x.Log.ErrorContext(x.r.Context(), "key not ended", "key", before.ID, "error", err)
		g.Stays = true
	} else if before.Revoked = at; at.IsZero() {
		before.Revoked = x.Now()
	}
	row := x.rowOfKey(before)
	g.Before = &row
	return x.keysShown(http.StatusOK, keysPage{Given: g}, nil)
}

// overlap is the number of days that was chosen.
func (x *exchange) overlap() (int, error) {
	days, err := strconv.Atoi(x.r.PostFormValue("overlap"))
	if err != nil || !slices.Contains(overlaps(), days) {
		return usualOverlap, hub.Invalid("overlap", "code_list", "the key before works on for one of %v days", overlaps())
	}
	return days, nil
}

// revokeKey ends a key at once, when the person has said twice that it shall.
func (x *exchange) revokeKey() error {
	_, all, err := x.keysOf()
	if err != nil {
		return err
	}
	k, err := x.pick(all)
	if err != nil {
		return err
	}
	if x.r.PostFormValue("sure") != "yes" {
		err := hub.Invalid("sure", "required", "say that the key shall end")
		return x.keyShown(http.StatusUnprocessableEntity, keyPage{Overlap: usualOverlap}, x.keyProblems(err))
	}
	if err := x.Keys.Revoke(x.r.Context(), x.visit.Actor, k.ID, time.Time{}); err != nil {
		return err
	}
	return x.redirect("/agencies/" + url.PathEscape(x.r.PathValue("agency")) + "/keys?revoked=1")
}
