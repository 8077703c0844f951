// Package directory knows the agencies: who they are, what their codes mean at an
// instant, who took over when one closed, and whose credentials are in force.
//
// It promises that every look-up is answered from memory (an immutable snapshot
// that is swapped whole, so a reader never sees half an import), that a code means
// at most one agency at any instant, and that an import changes everything it says
// or nothing at all. A closed code leads to its successor with a visible note and
// never silently; where an agency was split the sender must choose.
//
// The caller loads the directory at start and calls Refresh now and then when
// other nodes write to the same store. Agencies that it hands out are shared:
// they MUST NOT be changed.
//
// Keys issues and checks the API keys of agencies, of which it keeps only hashes, and
// the secrets of systems that sign their requests, which it keeps encrypted.
package directory

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Options are what a Directory needs; all fields are required.
type Options struct {
	Store Store
	Now   func() time.Time
	NewID func() string // ids of agencies that an import adds without one
}

// Directory answers from memory; it is safe for concurrent use.
type Directory struct {
	store   Store
	now     func() time.Time
	newID   func() string
	writing sync.Mutex // one load or import at a time
	current atomic.Pointer[snapshot]
}

// New returns an empty directory; call Load before use.
func New(o Options) *Directory {
	d := &Directory{store: o.Store, now: o.Now, newID: o.NewID}
	d.current.Store(newSnapshot(nil, neverLoaded))
	return d
}

// neverLoaded is below every version of a store.
const neverLoaded = -1

// Load reads all agencies from the store.
func (d *Directory) Load(ctx context.Context) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.load(ctx)
}

// Refresh loads again when the store has moved on since the last load.
func (d *Directory) Refresh(ctx context.Context) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	return d.refresh(ctx)
}

func (d *Directory) refresh(ctx context.Context) error {
	version, err := d.store.AgenciesVersion(ctx)
	if err != nil {
		return fmt.Errorf("asking for the version of the agencies: %w", err)
	}
	if version == d.current.Load().version {
		return nil
	}
	return d.load(ctx)
}

func (d *Directory) load(ctx context.Context) error {
	agencies, version, err := d.store.LoadAgencies(ctx)
	if err != nil {
		return fmt.Errorf("loading the agencies: %w", err)
	}
	d.current.Store(newSnapshot(agencies, version))
	return nil
}

// ByID returns the agency with the id, closed ones included.
func (d *Directory) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	return d.current.Load().agency(id)
}

// Resolve returns what a code means at an instant. A closed code leads to the one
// agency that took over, with a note in Vietnamese and English; the agency itself
// when only its code has changed. Errors: KindUnknownAgency when the code means
// nothing, is not yet in force or closed without a successor; KindConflict when
// several agencies took over (all are named).
func (d *Directory) Resolve(code string, at time.Time) (hub.Resolution, error) {
	s := d.current.Load()
	c := hub.Code(strings.TrimSpace(code))
	held := s.lookUp(c, at)
	switch {
	case held.now != nil:
		return hub.Resolution{Agency: held.now.agency, Code: c}, nil
	case held.before == nil:
		return hub.Resolution{}, unknownCode(c, held.after)
	}
	closed := vietnamDate(held.before.valid.To)
	heirs := s.heirs(held.before.agency, at)
	switch len(heirs) {
	case 0:
		return hub.Resolution{}, hub.Errorf(hub.KindUnknownAgency, "", "closed", "the code %s was closed on %s and nobody took over", c, closed)
	case 1:
		return hub.Resolution{Agency: heirs[0], Code: c, Note: successorNote(c, closed, heirs[0], at)}, nil
	}
	return hub.Resolution{}, hub.Errorf(hub.KindConflict, "", "several_successors",
		"the code %s was closed on %s and several agencies took over, choose among them: %s", c, closed, nameAll(heirs, at))
}

// Holder returns the agency that has a code at an instant or had it last, itself, even
// when it has closed.
func (d *Directory) Holder(code string, at time.Time) (*hub.Agency, bool) {
	switch held := d.current.Load().lookUp(hub.Code(strings.TrimSpace(code)), at); {
	case held.now != nil:
		return held.now.agency, true
	case held.before != nil:
		return held.before.agency, true
	}
	return nil, false
}

// ResolveSender returns the agency that may send under the code at an instant.
// It follows no successor: a closed code is KindDenied, with the date.
func (d *Directory) ResolveSender(code string, at time.Time) (*hub.Agency, error) {
	c := hub.Code(strings.TrimSpace(code))
	held := d.current.Load().lookUp(c, at)
	switch {
	case held.now != nil:
		return held.now.agency, nil
	case held.before == nil:
		return nil, unknownCode(c, held.after)
	}
	return nil, hub.Errorf(hub.KindDenied, "", "closed", "the code %s was closed on %s: nothing can be sent under it", c, vietnamDate(held.before.valid.To))
}

// Children returns the agencies whose parent at the instant is the given one,
// ordered by code, without test units.
func (d *Directory) Children(parent hub.AgencyID, at time.Time) []hub.Agency {
	s := d.current.Load()
	var list []hub.Agency
	for _, i := range s.children[parent] {
		a := &s.agencies[i]
		if p, ok := hub.At(a.Parents, at); ok && p == parent && a.LivesAt(at) && !a.Test {
			list = append(list, *a)
		}
	}
	return list
}

func unknownCode(c hub.Code, opens *holding) error {
	if opens != nil {
		return hub.Errorf(hub.KindUnknownAgency, "", "not_yet_open", "the code %s is in force only from %s", c, vietnamDate(opens.valid.From))
	}
	if _, err := hub.ParseCode(string(c)); err != nil {
		return hub.Errorf(hub.KindUnknownAgency, "", "agency_code", "no agency: %s", hub.ViolationsOf(err)[0].Message)
	}
	return hub.Errorf(hub.KindUnknownAgency, "", "unknown_agency", "no agency has the code %s", c)
}

func successorNote(c hub.Code, closed string, heir *hub.Agency, at time.Time) string {
	to := fmt.Sprintf("%s %s", heir.CodeAt(at), heir.NameAt(at))
	return fmt.Sprintf("mã %s đã đóng từ %s, chuyển tới %s / code %s was closed on %s, forwarded to %s", c, closed, to, c, closed, to)
}

func nameAll(agencies []*hub.Agency, at time.Time) string {
	names := make([]string, len(agencies))
	for i, a := range agencies {
		names[i] = fmt.Sprintf("%s %s", a.CodeAt(at), a.NameAt(at))
	}
	return strings.Join(names, "; ")
}

// vietnamDate writes the date as people in Vietnam do, 01/07/2025.
func vietnamDate(t time.Time) string { return t.In(hub.Vietnam()).Format("02/01/2006") }
