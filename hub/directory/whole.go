package directory

import (
	"bufio"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// maxWhole bounds a JSON list, in bytes.
const maxWhole = 256 << 20

// maxDated bounds how many values a property of one agency ever had.
const maxDated = 200

// writeWhole writes agencies with their history, one a line.
func writeWhole(w io.Writer, agencies []hub.Agency) error {
	out := bufio.NewWriter(w)
	_, _ = out.WriteString("{\"agencies\": [") // Flush below reports the first failure
	for i := range agencies {
		a := agencies[i]
		a.Version = 0 // of this hub alone
		text, err := json.Marshal(&a)
		if err != nil {
			return hub.Internal("encode an agency", err)
		}
		if i > 0 {
			_ = out.WriteByte(',')
		}
		_ = out.WriteByte('\n')
		_, _ = out.Write(text)
	}
	_, _ = out.WriteString("\n]}\n")
	return out.Flush()
}

// readWhole reads what writeWhole writes. Its errors are about the list as a whole.
func readWhole(r io.Reader) ([]hub.Agency, error) {
	limited := &io.LimitedReader{R: r, N: maxWhole + 1}
	d := json.NewDecoder(limited)
	d.DisallowUnknownFields()
	var list []hub.Agency
	err := expect(d, json.Delim('{'), "agencies", json.Delim('['))
	for err == nil && d.More() {
		if len(list) == maxRows {
			return nil, tooLarge()
		}
		var a hub.Agency
		if err = d.Decode(&a); err == nil {
			list = append(list, a)
		}
	}
	if err == nil {
		err = expect(d, json.Delim(']'), json.Delim('}'))
	}
	if err == nil && d.More() {
		err = errors.New("something follows behind the list")
	}
	var known *hub.Error
	switch {
	case err == nil:
		return list, nil
	case limited.N == 0:
		return nil, tooLarge()
	case errors.As(err, &known):
		return nil, err
	}
	return nil, hub.Invalid(fmt.Sprintf("agencies[%d]", len(list)), "json",
		"not a list of the form {\"agencies\": [...]} as the export writes it, at byte %d: %v", d.InputOffset(), err)
}

func tooLarge() error {
	return hub.Errorf(hub.KindTooLarge, "agencies", "max_rows", "a list has at most %d agencies and %d MiB", maxRows, maxWhole>>20)
}

func expect(d *json.Decoder, tokens ...json.Token) error {
	for _, want := range tokens {
		got, err := d.Token()
		if err != nil {
			return err
		}
		if got != want {
			return fmt.Errorf("%v where %v is expected", got, want)
		}
	}
	return nil
}

// whole works out what a JSON list makes of the directory.
type whole struct {
	world
	follow bool // the list is of a hub above
	now    time.Time
	found  problems
}

func (d *Directory) importWhole(ctx context.Context, list io.Reader, options hub.ImportOptions) (hub.ImportReport, error) {
	if !options.From.IsZero() {
		return hub.ImportReport{}, hub.Invalid("from", "json", "a JSON list says itself from when everything holds")
	}
	agencies, err := readWhole(list)
	if err != nil {
		return hub.ImportReport{}, err
	}
	var report hub.ImportReport
	err = d.changing(ctx, func() ([]hub.Agency, error) {
		if err := d.current.Load().still(options.Since); err != nil {
			return nil, err
		}
		w := &whole{
			world: world{base: d.current.Load(), merged: slices.Clone(agencies), place: make(map[hub.AgencyID]int, len(agencies))},
			now:   d.now().UTC(), follow: options.Follow,
		}
		if err := w.run(); err != nil {
			return nil, err
		}
		record(w.merged, options.Basis, w.now, d.newID)
		var changed []hub.Agency
		report, changed = w.report()
		if options.DryRun {
			return nil, nil
		}
		return changed, nil
	})
	if err != nil {
		return hub.ImportReport{}, err
	}
	return report, nil
}

func (w *whole) refuse(i int, field, rule, format string, args ...any) {
	where := fmt.Sprintf("agencies[%d]", i)
	if field != "" {
		where += "." + field
	}
	w.found.addField(where, rule, fmt.Sprintf("%s (%.64s): %s", where, w.merged[i].ID, fmt.Sprintf(format, args...)))
}

func (w *whole) run() error {
	for i := range w.merged {
		w.alone(i)
	}
	if err := w.found.err(); err != nil {
		return err
	}
	w.claim()
	for i := range w.merged {
		w.together(i)
	}
	return w.found.err()
}

// alone checks one agency by itself and brings it into the form that is kept.
func (w *whole) alone(i int) {
	a := &w.merged[i]
	if a.ID == "" || len(a.ID) > maxLength(colID) || strings.ContainsFunc(string(a.ID), func(c rune) bool { return !isIDRune(c) }) {
		w.refuse(i, "id", "agency_id", "an id has 1 to %d letters, digits, - _ .", maxLength(colID))
		return
	}
	if first, ok := w.place[a.ID]; ok {
		w.refuse(i, "id", "duplicate", "the agency is in the list already, as agencies[%d]", first)
		return
	}
	w.place[a.ID] = i
	if !soundInterval(&a.Valid) {
		w.refuse(i, "valid", "order", "valid.to must be after valid.from")
	}
	checkDated(w, i, "codes", a.Codes, true, badCode)
	checkDated(w, i, "names", a.Names, false, badName)
	checkDated(w, i, "levels", a.Levels, false, badLevel)
	checkDated(w, i, "kinds", a.Kinds, false, badKind)
	checkDated(w, i, "parents", a.Parents, false, func(hub.AgencyID) string { return "" })
	checkDated(w, i, "contacts", a.Contacts, false, badContact)
	checkDated(w, i, "channels", a.Channels, false, badChannel)
	checkDated(w, i, "received_by", a.ReceivedBy, false, func(by hub.AgencyID) string {
		if by == a.ID {
			return "self"
		}
		return ""
	})
	for field, n := range map[string]int{"codes": len(a.Codes), "names": len(a.Names), "levels": len(a.Levels)} {
		if n == 0 {
			w.refuse(i, field, "required", "%s are required", field)
		}
	}
	if len(a.Successors) > 0 && a.Valid.To.IsZero() {
		w.refuse(i, "successors", "open", "an agency without valid.to is open and has no successors")
	}
	w.normalize(a)
	w.checkActs(i)
	was, known := w.base.agency(a.ID)
	if a.Version = 0; known {
		a.Version = was.Version
	}
	if w.follow && known {
		a.Channels, a.Registers, a.ReportsArrival = was.Channels, was.Registers, was.ReportsArrival
	}
	if w.follow { // a right on documents, which this hub alone gives
		if a.ReceivedBy = nil; known {
			a.ReceivedBy = was.ReceivedBy
		}
	}
}

// normalize writes what is compared and stored in one form.
func (w *whole) normalize(a *hub.Agency) {
	for j := range a.Names {
		a.Names[j].Value = norm.NFC.String(a.Names[j].Value)
	}
	for j := range a.Kinds {
		a.Kinds[j].Value = norm.NFC.String(a.Kinds[j].Value)
	}
	for j := range a.Contacts {
		a.Contacts[j].Value.Address = norm.NFC.String(a.Contacts[j].Value.Address)
	}
	a.Test = slices.ContainsFunc(a.Codes, func(c hub.Dated[hub.Code]) bool { return c.Value.IsTestUnit() })
}

// checkActs takes the acts that the list tells beside those that are known.
func (w *whole) checkActs(i int) {
	a := &w.merged[i]
	acts := []hub.AgencyAct{}
	if was, ok := w.base.agency(a.ID); ok {
		acts = append(acts, was.Acts...)
	}
	if len(a.Acts) > maxDated {
		w.refuse(i, "acts", "count", "an agency has at most %d acts", maxDated)
		a.Acts = nil
	}
	for j := range a.Acts {
		act := &a.Acts[j]
		known := func(old hub.AgencyAct) bool { return old.ID == act.ID && sameAct(&old, act) }
		if slices.ContainsFunc(acts, known) {
			continue
		}
		idOK := act.ID != "" && len(act.ID) <= maxLength(colID) && !strings.ContainsFunc(act.ID, func(c rune) bool { return !isIDRune(c) })
		if !idOK || !slices.Contains(hub.ActKinds(), act.Kind) || len(act.To) > maxChanged || badText(act.Basis, maxBasis) != "" {
			w.refuse(i, fmt.Sprintf("acts[%d]", j), "act", "not an act as the export writes it")
			continue
		}
		act.At, act.Recorded, act.Withdrawn = act.At.UTC(), act.Recorded.UTC(), act.Withdrawn.UTC()
		acts = append(acts, *act)
	}
	if len(acts) == 0 {
		acts = nil
	}
	a.Acts = acts
}

// checkDated checks the values of one property and their times. Of codes several may
// hold at once, of everything else one.
func checkDated[T comparable](w *whole, i int, field string, list []hub.Dated[T], several bool, bad func(T) string) {
	if len(list) > maxDated {
		w.refuse(i, field, "count", "%s has more than %d values", field, maxDated)
		return
	}
	for j := range list {
		where := fmt.Sprintf("%s[%d]", field, j)
		if !soundInterval(&list[j].Valid) {
			w.refuse(i, where+".valid", "order", "valid.to must be after valid.from, and both later than 1900")
		}
		if rule := bad(list[j].Value); rule != "" {
			w.refuse(i, where+".value", rule, "%.80q is not allowed here", fmt.Sprint(list[j].Value))
		}
		for k := range j {
			if (!several || list[k].Value == list[j].Value) && list[k].Valid.Overlaps(list[j].Valid) {
				w.refuse(i, where+".valid", "overlap", "%s overlaps %s[%d]: %s and %s hold at the same time", where, field, k, spellInterval(list[j].Valid), spellInterval(list[k].Valid))
				break
			}
		}
	}
}

// soundInterval brings an interval into UTC and reports whether it can be.
func soundInterval(i *hub.Interval) bool {
	for _, t := range []*time.Time{&i.From, &i.To} {
		if t.IsZero() {
			continue
		}
		if *t = t.UTC(); t.Year() < 1900 || t.Year() > 9998 {
			return false
		}
	}
	return !empty(*i)
}

func badCode(c hub.Code) string {
	if parsed, err := hub.ParseCode(string(c)); err != nil || parsed != c {
		return "agency_code"
	}
	return ""
}

func badLevel(l hub.Level) string {
	if !l.Valid() {
		return "level"
	}
	return ""
}

func badKind(s string) string {
	if rule := badText(s, maxLength(colKind)); rule != "" || beginsWell(s) {
		return rule
	}
	return "first_character"
}

func badChannel(c hub.Channel) string {
	switch c {
	case hub.ChannelPull, hub.ChannelAMQP, hub.ChannelAxis, hub.ChannelPaper:
		return ""
	}
	return "channel"
}

func badContact(c hub.Contact) string {
	for _, s := range []string{c.Address, c.Email, c.Telephone, c.Fax, c.Website} {
		if rule := badText(s, maxLength(colEmail)); rule != "" {
			return rule
		}
	}
	switch {
	case !beginsWell(c.Address):
		return "first_character"
	case c.Email != "" && !isMailAddress(c.Email):
		return "email"
	case !isTelephone(c.Telephone) || !isTelephone(c.Fax):
		return "telephone"
	case c.Website != "" && !isWebsite(c.Website):
		return "website"
	}
	return ""
}

// together checks one agency among all others.
func (w *whole) together(i int) {
	a := &w.merged[i]
	for j, p := range a.Parents {
		if _, ok := w.after(p.Value); !ok {
			w.refuse(i, fmt.Sprintf("parents[%d].value", j), "unknown_agency", "no agency has the id %.64q", p.Value)
		}
	}
	for j, by := range a.ReceivedBy {
		if _, ok := w.after(by.Value); !ok {
			w.refuse(i, fmt.Sprintf("received_by[%d].value", j), "unknown_agency", "no agency has the id %.64q", by.Value)
		}
	}
	for j, id := range a.Successors {
		heir, ok := w.after(id)
		switch {
		case !ok:
			w.refuse(i, fmt.Sprintf("successors[%d]", j), "unknown_agency", "no agency has the id %.64q", id)
		case !heir.Valid.To.IsZero() && !heir.Valid.To.After(a.Valid.To):
			w.refuse(i, fmt.Sprintf("successors[%d]", j), "closed", "%s closes no later itself", heir.NameAt(a.Valid.To))
		case slices.Contains(a.Successors[:j], id):
			w.refuse(i, fmt.Sprintf("successors[%d]", j), "duplicate", "the successor is named twice")
		}
	}
	for j, c := range a.Codes {
		if other, ok := w.rival(a, c.Value); ok {
			w.refuse(i, fmt.Sprintf("codes[%d]", j), "code_taken", "the code %s belongs to %s at the same time", c.Value, other.NameAt(w.now))
		}
	}
	if w.underItself(a) {
		w.refuse(i, "parents", "cycle", "following the parents from here runs in a circle")
	}
	if w.inheritsFromItself(a) {
		w.refuse(i, "successors", "cycle", "following the successors from here runs in a circle")
	}
}

func (w *whole) report() (report hub.ImportReport, changed []hub.Agency) {
	for i := range w.merged {
		a := &w.merged[i]
		was, known := w.base.agency(a.ID)
		row := hub.ImportRow{Line: i + 1, Code: a.CodeAt(standing(a.Valid, w.now)), Change: "added"}
		if known {
			row.Differences = propertyDifferences(was, a)
		}
		switch {
		case known && len(row.Differences) == 0:
			report.Unchanged++
			continue
		case known:
			row.Change = ""
			for _, d := range row.Differences {
				row.Change = strings.TrimPrefix(row.Change+", "+d.Column, ", ")
			}
			report.Changed++
		default:
			report.Added++
		}
		report.Rows = append(report.Rows, row)
		changed = append(changed, *a)
	}
	return report, changed
}

// propertyDifferences tells two states of an agency apart, with all their times.
func propertyDifferences(was, is *hub.Agency) []hub.ImportDifference {
	var list []hub.ImportDifference
	add := func(column, was, is string) {
		if was != is {
			list = append(list, hub.ImportDifference{Column: column, Was: was, Is: is})
		}
	}
	add("codes", spell(was.Codes), spell(is.Codes))
	add("names", spell(was.Names), spell(is.Names))
	add("levels", spell(was.Levels), spell(is.Levels))
	add("kinds", spell(was.Kinds), spell(is.Kinds))
	add("parents", spell(was.Parents), spell(is.Parents))
	add("contacts", spell(was.Contacts), spell(is.Contacts))
	add("channels", spell(was.Channels), spell(is.Channels))
	add("received_by", spell(was.ReceivedBy), spell(is.ReceivedBy))
	add("valid", spellInterval(was.Valid), spellInterval(is.Valid))
	add("successors", fmt.Sprint(was.Successors), fmt.Sprint(is.Successors))
	add("reports_arrival", fmt.Sprint(was.ReportsArrival), fmt.Sprint(is.ReportsArrival))
	add("registers", fmt.Sprint(was.Registers), fmt.Sprint(is.Registers))
	if !slices.EqualFunc(was.Acts, is.Acts, func(x, y hub.AgencyAct) bool { return reflect.DeepEqual(x, y) }) {
		add("acts", fmt.Sprintf("%d", len(was.Acts)), fmt.Sprintf("%d, or other ones", len(is.Acts)))
	}
	return list
}

// spell writes dated values for a person, in the order in which they came to hold.
func spell[T any](list []hub.Dated[T]) string {
	ordered := slices.Clone(list)
	slices.SortStableFunc(ordered, func(a, b hub.Dated[T]) int {
		return cmp.Or(a.Valid.From.Compare(b.Valid.From), a.Valid.To.Compare(b.Valid.To))
	})
	parts := make([]string, len(ordered))
	for i, d := range ordered {
		parts[i] = strings.TrimSpace(fmt.Sprintf("%v %s", d.Value, spellInterval(d.Valid)))
	}
	return strings.Join(parts, "; ")
}

// spellInterval writes [2010-01-01, 2025-07-01) with the dates of Vietnam, and the
// instant where one is no beginning of a day.
func spellInterval(i hub.Interval) string {
	if i == (hub.Interval{}) {
		return ""
	}
	bound := func(t time.Time) string {
		local := t.In(hub.Vietnam())
		switch {
		case t.IsZero():
			return ""
		case local.Equal(time.Date(local.Year(), local.Month(), local.Day(), 0, 0, 0, 0, local.Location())):
			return local.Format(time.DateOnly)
		}
		return local.Format(time.RFC3339Nano)
	}
	return "[" + bound(i.From) + ", " + bound(i.To) + ")"
}
