package sqlkit

import (
	"cmp"
	"iter"

	"github.com/lienthong/lienthong/hub"
)

// About is a row with the dispatch that it is about.
type About[T any] struct {
	Dispatch hub.DispatchID
	Row      T
}

// Head is a dispatch with its receipt and the verdicts on its signatures.
type Head struct {
	Dispatch hub.Dispatch
	Receipt  hub.EvidenceID
	Verdicts []hub.SignatureReport
}

// DispatchFileRows are the rows of all files, each kind in the order of dispatches, all
// from one snapshot. Refused holds the evidence of refused submissions.
type DispatchFileRows struct {
	Heads      iter.Seq2[About[Head], error]
	Deliveries iter.Seq2[About[hub.Delivery], error]
	Evidence   iter.Seq2[About[hub.SealedEvidence], error]
	Reports    iter.Seq2[About[hub.StatusReport], error]
	Refused    iter.Seq2[About[hub.SealedEvidence], error]
}

// Emit joins the rows by merging: one file is in memory at a time.
func (r *DispatchFileRows) Emit(emit func(hub.DispatchFile) error) error {
	heads, deliveries, evidence, reports := pull(r.Heads), pull(r.Deliveries), pull(r.Evidence), pull(r.Reports)
	defer heads.stop()
	defer deliveries.stop()
	defer evidence.stop()
	defer reports.stop()
	for {
		id, more := least(heads.next(), deliveries.next(), evidence.next(), reports.next())
		if err := cmp.Or(heads.err, deliveries.err, evidence.err, reports.err); err != nil {
			return err
		}
		if !more {
			return r.emitRefused(emit)
		}
		d := hub.DispatchFile{ID: id, Deliveries: deliveries.take(id), Evidence: evidence.take(id), Reports: reports.take(id)}
		if found := heads.take(id); len(found) > 0 {
			d.Dispatch, d.Receipt, d.Verdicts = &found[0].Dispatch, found[0].Receipt, found[0].Verdicts
		}
		if err := cmp.Or(heads.err, deliveries.err, evidence.err, reports.err); err != nil {
			return err
		}
		if err := emit(d); err != nil {
			return err
		}
	}
}

func (r *DispatchFileRows) emitRefused(emit func(hub.DispatchFile) error) error {
	for row, err := range r.Refused {
		if err != nil {
			return err
		}
		if err := emit(hub.DispatchFile{Evidence: []hub.SealedEvidence{row.Row}}); err != nil {
			return err
		}
	}
	return nil
}

// ahead is a sequence of rows with a look at the next one.
type ahead[T any] struct {
	pull func() (About[T], error, bool)
	stop func()
	row  About[T]
	has  bool // row is the next one
	err  error
}

func pull[T any](rows iter.Seq2[About[T], error]) *ahead[T] {
	a := &ahead[T]{}
	a.pull, a.stop = iter.Pull2(rows)
	return a
}

// next returns the dispatch of the next row, or nil at the end.
func (a *ahead[T]) next() *hub.DispatchID {
	if !a.has && a.err == nil {
		a.row, a.err, a.has = a.pull()
	}
	if !a.has || a.err != nil {
		return nil
	}
	return &a.row.Dispatch
}

// take returns the rows of one dispatch.
func (a *ahead[T]) take(id hub.DispatchID) []T {
	var rows []T
	for next := a.next(); next != nil && *next == id; next = a.next() {
		rows = append(rows, a.row.Row)
		a.has = false
	}
	return rows
}

func least(ids ...*hub.DispatchID) (hub.DispatchID, bool) {
	var first hub.DispatchID
	found := false
	for _, id := range ids {
		if id != nil && (!found || *id < first) {
			first, found = *id, true
		}
	}
	return first, found
}
