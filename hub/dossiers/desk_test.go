package dossiers_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/hubtest"
)

// desk is a one-stop desk "u" (H47.12, 000.00.12.H47) with everything around it: "l" may
// lead, "c" handles with others, "x" has no part in anything.
type desk struct {
	*hubtest.World // keeps notes
	*dossiers.Service
	mu     sync.Mutex
	now    time.Time
	ids    int
	files  []hub.DossierFile
	logged []hub.LogNote
	read   []string
	days   *hub.Calendar
	above  map[hub.AgencyID][]hub.Dated[hub.AgencyID]
	race   func() // before the next write
	keeps  []hub.RetentionNote
	broken bool // no verdict can be made
	judged int  // verdicts that were made

	unjudged bool // acceptances know no verdicts
	settled  []hub.DossierTakingFact

	told       []hub.DossierFact
	dispatches map[hub.DispatchID]hub.Dispatch
	fails      int // the write of that number from now on, and all behind it, fail; 0: none

	sealAway bool
	letters  int // that were written
}

func (d *desk) apology(w io.Writer, l *hub.DossierLetter) error {
	d.letters++
	const minute = "2006-01-02 15:04"
	_, err := fmt.Fprint(w, strings.Join([]string{l.Unit, l.Owner, l.Number, l.Reason, l.Due.In(hub.Vietnam()).Format(minute), l.Anew.In(hub.Vietnam()).Format(minute)}, "|"))
	return err
}

func writeReceipt(w io.Writer, r *hub.DossierReceipt) error {
	_, err := fmt.Fprint(w, strings.Join([]string{r.Unit, r.Owner.Name, r.Number, r.Procedure.Name, fmt.Sprint(r.Papers), r.Secret.String(), r.Progress}, "|"))
	return err
}

func (d *desk) VerifyPart(_ context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error) {
	d.judged++
	raw, err := io.ReadAll(content)
	if err != nil || d.broken || sha256.Sum256(raw) != part.Digest {
		return hub.SignatureReport{}, errors.Join(errors.New("no verdict"), err)
	}
	return hub.SignatureReport{SHA256: part.Digest, Indication: hub.NoSignatureFound, Policy: "test"}, nil
}

func newDesk() *desk {
	d := &desk{World: hubtest.NewWorld(), now: at("03-10 10:00"), days: year()}
	d.Service = dossiers.New(dossiers.Options{
		Store: d, Counts: d, Reminders: d, Dispatches: d, Packages: jsonPackages{}, Applications: []string{application}, Procedures: d, Directory: d, Notes: d.World, Chronicle: d, Blobs: d.World.Blobs, Verifier: d, Seals: func() dossiers.Seals { return seals{d} }, Apology: d.apology, WriteReceipt: writeReceipt, Portal: "https://p.vn", Calendar: func() *hub.Calendar { return d.days }, Now: func() time.Time { return d.now },
		NewID: func() string { d.ids++; return fmt.Sprintf("id%04d", d.ids) }, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
	})
	return d
}

// fail fails a write whose turn it is.
func (d *desk) fail() error {
	if d.fails == 0 {
		return nil
	}
	if d.fails > 1 {
		d.fails--
		return nil
	}
	return hub.Internal("write", errors.New("the disk is away"))
}

func (d *desk) raced() {
	if race := d.race; race != nil {
		d.race = nil
		race()
	}
}

func (d *desk) AddDossier(_ context.Context, f hub.DossierFile, next bool, notes []hub.LogNote, keep ...hub.RetentionNote) error {
	d.raced()
	if err := d.fail(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	last := int64(0)
	for _, o := range d.files {
		if o.Number == f.Number || o.Unit == f.Unit && (f.Key != "" && o.Key == f.Key || o.Day == f.Day && o.Sequence == f.Sequence) {
			return hub.Errorf(hub.KindConflict, "", "", "taken")
		}
		if o.Unit == f.Unit && o.Day == f.Day {
			last = max(last, o.Sequence)
		}
	}
	if next && f.Sequence != last+1 {
		return hub.Errorf(hub.KindConflict, "", "", "a gap")
	}
	d.files = append(d.files, f)
	d.logged = append(d.logged, notes...)
	d.keeps = append(d.keeps, keep...)
	return nil
}

func (d *desk) AddDossierEvent(_ context.Context, f hub.DossierFile, note hub.LogNote, keep ...hub.RetentionNote) error {
	d.raced()
	if err := d.fail(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for i := range d.files {
		if d.files[i].ID == f.ID && d.files[i].Version == f.Version-1 {
			d.files[i] = f
			d.logged, d.keeps = append(d.logged, note), append(d.keeps, keep...)
			return nil
		}
	}
	return hub.Errorf(hub.KindConflict, "", "", "moved")
}

func (d *desk) FindDossier(_ context.Context, key hub.DossierKey) (hub.DossierFile, error) {
	for _, f := range d.files {
		if key.ID != "" && f.ID == key.ID || key.Number != "" && f.Number == key.Number || !key.Lookup.IsZero() && f.Lookup == key.Lookup || key.Key != "" && f.Unit == key.Unit && f.Key == key.Key {
			f.Events = slices.Clone(f.Events)
			return f, nil
		}
	}
	return hub.DossierFile{}, hub.Errorf(hub.KindNotFound, "", "", "none")
}

func (d *desk) LastDossier(_ context.Context, unit hub.AgencyID, day hub.Date) (last int64, err error) {
	for _, f := range d.files {
		if f.Unit == unit && f.Day == day {
			last = max(last, f.Sequence)
		}
	}
	return last, nil
}

func (d *desk) Dossiers(_ context.Context, q hub.DossierQuery) (hub.List[hub.DossierFile], error) {
	var l hub.List[hub.DossierFile]
	for _, f := range slices.Backward(d.files) {
		if slices.Contains(f.Parties, q.Agency) && (!q.Open || f.Open()) && (q.Status == 0 || f.Status == q.Status) && listed(f.Kept, &q) {
			l.Items = append(l.Items, f)
		}
	}
	return l, nil
}

// DossierNews tells what it was asked for.
func (d *desk) DossierNews(_ context.Context, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error) {
	return []hub.DossierNews{{Seq: after + 1, Unit: agency, Number: fmt.Sprint(limit)}}, nil
}

// listed says of what is kept of a dossier what stores select by it.
func listed(k *hub.DossierKept, q *hub.DossierQuery) bool {
	before := func(t, at time.Time) bool { return !t.IsZero() && t.Before(at) }
	m := &q.Moments
	late := before(k.Late, m.Look)
	stands := hub.InTime
	switch {
	case !k.Marks.Has(hub.MarkBegun):
		stands = hub.NoDeadline
	case late:
		stands = hub.Overdue
	case before(k.Late, m.Soon):
		stands = hub.DueSoon
	}
	found := map[hub.DossierRule]bool{
		"": true, hub.RuleLate: late, hub.RuleSecond: k.Marks.Has(hub.MarkSecond), hub.FindingNoLetter: late && !k.Marks.Has(hub.MarkLetter), hub.FindingLateLetter: late && k.Marks.Has(hub.MarkTardy),
		hub.FindingLetterDue: !late && before(k.Late, m.Letter) && !k.Marks.Has(hub.MarkLetter), hub.FindingUndelivered: k.Marks.Has(hub.MarkWaits), hub.FindingForeseen: !late && before(k.Foreseen, m.Look),
		hub.FindingOutOfOrder: k.Marks.Has(hub.MarkOutOfOrder), hub.FindingUnknownWord: k.Marks.Has(hub.MarkUnknown),
	}
	return (len(q.Timeliness) == 0 || slices.Contains(q.Timeliness, stands)) && found[q.Finding]
}

// held are the facts of the dossiers of a look, by their end.
func (d *desk) held(look *hub.DossierLook, emit func(*hub.DossierFile, *hub.DossierFacts)) {
	for i := range d.files {
		f := &d.files[i]
		for n := range f.Kept.Facts {
			if k := &f.Kept.Facts[n]; f.Unit == look.Unit && k.Holds(look.From, look.At) && look.Begun.Contains(k.Start) {
				emit(f, k)
			}
		}
	}
}

func (d *desk) DossierSums(_ context.Context, look hub.DossierLook) ([]hub.DossierSum, error) {
	var list []hub.DossierSum
	d.held(&look, func(f *hub.DossierFile, k *hub.DossierFacts) {
		sum := hub.DossierSum{Procedure: f.Procedure.Code, Channel: f.Channel, DossierTally: hub.DossierTally{Counts: map[hub.DossierMeasure]int64{}, Worked: k.Worked, Allowed: k.Allowed, Parties: int64(k.Parties)}}
		for _, m := range hub.DossierMeasures() {
			if k.Counts(m, f.Channel, look.From, look.At) {
				sum.Counts[m]++
			}
		}
		list = append(list, sum)
	})
	return list, nil
}

func (d *desk) DossierCount(ctx context.Context, look hub.DossierLook) (hub.DossierCount, error) {
	sums, err := d.DossierSums(ctx, look)
	f := hub.DossierFigures{Channels: map[hub.DossierChannel]hub.DossierCount{}}
	for i := range sums {
		f.Add(&sums[i])
	}
	return f.DossierCount, err
}

func (d *desk) CountedDossiers(_ context.Context, look hub.DossierLook, m hub.DossierMeasure, _ hub.Page) (hub.List[hub.DossierFile], error) {
	var l hub.List[hub.DossierFile]
	d.held(&look, func(f *hub.DossierFile, k *hub.DossierFacts) {
		if k.Counts(m, f.Channel, look.From, look.At) {
			l.Items = append(l.Items, *f)
		}
	})
	return l, nil
}

func (d *desk) DossierUnits(context.Context) ([]hub.AgencyID, error) {
	var units []hub.AgencyID
	for i := range d.files {
		units = append(units, d.files[i].Unit)
	}
	slices.Sort(units)
	return slices.Compact(units), nil
}

func (d *desk) UncountedDossiers(_ context.Context, basis string, limit int) ([]hub.DossierFile, error) {
	var list []hub.DossierFile
	for i := range d.files {
		if k := d.files[i].Kept; (k == nil || k.Basis != basis) && len(list) < limit {
			list = append(list, d.files[i])
		}
	}
	return list, nil
}

func (d *desk) CountDossiers(_ context.Context, files []hub.DossierFile) error {
	for i := range d.files {
		for n := range files {
			if d.files[i].ID == files[n].ID && d.files[i].Version == files[n].Version {
				d.files[i].Kept = files[n].Kept
			}
		}
	}
	return nil
}

func (d *desk) Versions(_ context.Context, code string) ([]hub.ProcedureVersion, error) {
	if code != "1.001" {
		return nil, hub.Errorf(hub.KindNotFound, "code", "", "none")
	}
	version := func(n int64, limit int, from, to time.Time) hub.ProcedureVersion {
		return hub.ProcedureVersion{Procedure: hub.Procedure{Code: code, Name: "Khai sinh", Online: hub.OnlineFull, Limit: hub.ProcedureLimit{Amount: limit, Unit: hub.LimitWorkingDays}}, Version: n, Valid: hub.Interval{From: from, To: to}}
	}
	return []hub.ProcedureVersion{version(1, 5, at("01-01 00:00"), at("03-02 00:00")), version(2, 2, at("03-02 00:00"), time.Time{})}, nil
}

func (d *desk) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	a := &hub.Agency{ID: id, Names: []hub.Dated[string]{{Value: "Đơn vị " + string(id)}}, Parents: d.above[id]}
	switch id {
	case "u":
		a.Codes = []hub.Dated[hub.Code]{{Value: "H47.12"}, {Value: "000.00.12.H47"}, {Value: "H48", Valid: hub.Interval{To: at("01-01 00:00")}}}
	case "gone":
		a.Valid.To = at("01-01 00:00")
	}
	return a, strings.Contains(" u l c x p q gone ", " "+string(id)+" ")
}

func (d *desk) Resolve(code string, _ time.Time) (hub.Resolution, error) {
	if id, ok := strings.CutPrefix(code, "H47."); ok {
		if a, ok := d.ByID(hub.AgencyID(id)); ok {
			return hub.Resolution{Agency: a, Code: hub.Code(code)}, nil
		}
	}
	return hub.Resolution{}, hub.Errorf(hub.KindUnknownAgency, "", "", "none")
}

func (d *desk) DossierNote(fact hub.DossierFact, id string, _ time.Time) (hub.LogNote, error) {
	d.told = append(d.told, fact)
	return hub.LogNote{ID: id, Kind: hub.LogNoteDossier, Body: []byte(fact.SHA256.String())}, nil
}

func (d *desk) DossierRead(_ context.Context, actor hub.Actor, id hub.DossierID) error {
	d.read = append(d.read, actor.Name+" "+string(id))
	return nil
}

func (d *desk) PackageSettled(_ context.Context, fact hub.DossierTakingFact) error {
	if err := d.fail(); err != nil {
		return err
	}
	d.settled = append(d.settled, fact)
	return nil
}

func of(agency hub.AgencyID) hub.Actor {
	return hub.Actor{Name: "of " + string(agency), Kind: hub.ActorSystem, Agencies: []hub.AgencyID{agency}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeRead}}
}

func wish() hub.DossierWish {
	return hub.DossierWish{Unit: "u", Procedure: "1.001", Owner: hub.DossierOwner{Name: "Trần Thị Mẫu"}, Received: "2026-03-02T08:00"}
}

func (d *desk) register(t *testing.T, w hub.DossierWish) hub.DossierView {
	t.Helper()
	v, made, err := d.Register(t.Context(), of("u"), w)
	if err != nil || !made {
		t.Fatal(made, err)
	}
	return v
}

func (d *desk) act(t *testing.T, agency hub.AgencyID, id hub.DossierID, o hub.DossierOrder) hub.DossierView {
	t.Helper()
	v, err := d.Act(t.Context(), of(agency), id, o)
	if err != nil {
		t.Fatalf("%s: %v", o.Act, err)
	}
	return v
}

// wrong holds an error against its kind, field and rule.
func wrong(t *testing.T, what string, err error, want string) {
	t.Helper()
	got := ""
	if found := hub.ViolationsOf(err); len(found) > 0 {
		got = strings.Join(strings.Fields(fmt.Sprint(found[0].Kind, " ", found[0].Field, " ", found[0].Rule)), " ")
	}
	if got != want {
		t.Errorf("%s: %q (%v), want %q", what, got, err, want)
	}
}
