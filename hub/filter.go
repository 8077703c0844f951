package hub

import (
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// FilterList is a list that can be filtered.
type FilterList string

// The lists.
const (
	FilterInbox FilterList = "inbox" // what came to an office
	FilterSent  FilterList = "sent"  // what it sent
)

// SavedFilter is a choice of a person among the documents of an office, kept under a name.
type SavedFilter struct {
	ID      string     `json:"id"`
	Office  AgencyID   `json:"office"`
	List    FilterList `json:"list"`
	Name    string     `json:"name"`              // another one than the others of the list, diacritics and case aside
	Show    string     `json:"show,omitempty"`    // which states, in words of the pages
	Text    string     `json:"text,omitempty"`    // what is searched for
	For     AgencyID   `json:"for,omitempty"`     // for whom the office receives; empty: for itself
	Default bool       `json:"default,omitempty"` // the list opens with it; of a list at most one
	Removed time.Time  `json:"removed,omitzero"`  // UTC; the one removed last can come back
}

// MaxFilters is how many filters a person keeps in an office.
const MaxFilters = 20

// Bounds of what a filter says.
const (
	maxFilterName = 60 // characters
	maxFilterShow = 40 // bytes; of the pages' own words
)

// FilterDeed is what is done with a saved filter.
type FilterDeed string

// The deeds.
const (
	FilterKeep    FilterDeed = "keep"    // a new one
	FilterRename  FilterDeed = "rename"  // gets the name that is given
	FilterOpen    FilterDeed = "open"    // becomes the default of its list
	FilterPlain   FilterDeed = "plain"   // is the default no more
	FilterRemove  FilterDeed = "remove"  // goes
	FilterRestore FilterDeed = "restore" // the one removed last comes back
)

// FilterAct is a deed and the filter that it is about: by id and office, but for a new one.
type FilterAct struct {
	Do     FilterDeed
	Filter SavedFilter
	At     time.Time
}

// SavedFilters are the filters of the account for a list of an office, by name.
func (a *Account) SavedFilters(office AgencyID, list FilterList) []SavedFilter {
	kept := slices.DeleteFunc(slices.Clone(a.Filters), func(f SavedFilter) bool {
		return f.Office != office || f.List != list || !f.Removed.IsZero()
	})
	slices.SortStableFunc(kept, func(x, y SavedFilter) int { return strings.Compare(Fold(x.Name), Fold(y.Name)) })
	return kept
}

// RemovedFilter is the filter of that id, where it was the last that was removed in the
// office.
func (a *Account) RemovedFilter(office AgencyID, id string) (SavedFilter, bool) {
	i := slices.IndexFunc(a.Filters, func(f SavedFilter) bool { return f.ID == id && f.Office == office && !f.Removed.IsZero() })
	if i < 0 {
		return SavedFilter{}, false
	}
	return a.Filters[i], true
}

// ChangeFilter does what is asked with the filters of the account. Errors: KindInvalid with
// the field "name"; KindConflict when another filter has the name or there are too many;
// KindNotFound when there is no such filter in the office.
func (a *Account) ChangeFilter(act FilterAct) error {
	if act.Do == FilterKeep {
		return a.keepFilter(act.Filter)
	}
	at := slices.IndexFunc(a.Filters, func(f SavedFilter) bool {
		return f.ID == act.Filter.ID && f.Office == act.Filter.Office && f.Removed.IsZero() == (act.Do != FilterRestore)
	})
	if at < 0 {
		return Errorf(KindNotFound, "filter", "", "there is no such filter in this office")
	}
	f := &a.Filters[at]
	switch act.Do {
	case FilterRename:
		named := *f
		named.Name = strings.TrimSpace(act.Filter.Name)
		if err := a.checkFilter(&named); err != nil {
			return err
		}
		f.Name = named.Name
	case FilterOpen:
		a.closeFilters(f)
		f.Default = true
	case FilterPlain:
		f.Default = false
	case FilterRemove:
		f.Removed = act.At
		id, office := f.ID, f.Office
		a.Filters = slices.DeleteFunc(a.Filters, func(o SavedFilter) bool { return o.Office == office && o.ID != id && !o.Removed.IsZero() })
	case FilterRestore:
		if err := a.checkFilter(f); err != nil {
			return err
		}
		f.Removed = time.Time{}
	default:
		return Invalid("do", "code_list", "%.20q is nothing that is done with filters", string(act.Do))
	}
	return nil
}

func (a *Account) keepFilter(f SavedFilter) error {
	f.Name, f.Removed = strings.TrimSpace(f.Name), time.Time{}
	if err := a.checkFilter(&f); err != nil {
		return err
	}
	if f.Default {
		a.closeFilters(&f)
	}
	a.Filters = append(a.Filters, f)
	return nil
}

// closeFilters leaves the list of a filter without a default.
func (a *Account) closeFilters(f *SavedFilter) {
	for i := range a.Filters {
		if o := &a.Filters[i]; o.Office == f.Office && o.List == f.List {
			o.Default = false
		}
	}
}

// checkFilter refuses a filter that cannot stand beside the others.
func (a *Account) checkFilter(f *SavedFilter) error {
	switch {
	case f.List != FilterInbox && f.List != FilterSent:
		return Invalid("list", "code_list", "there is no list %.20q", string(f.List))
	case f.Name == "":
		return Invalid("name", "required", "a filter has a name")
	case utf8.RuneCountInString(f.Name) > maxFilterName:
		return Invalid("name", "max_length", "a name has at most %d characters", maxFilterName)
	case strings.ContainsFunc(f.Name, unicode.IsControl) || !utf8.ValidString(f.Name):
		return Invalid("name", "control_character", "a name has no control characters")
	case CheckSearch(f.Text) != nil || !utf8.ValidString(f.Text):
		return Invalid("name", "max_length", "a filter searches for at most %d bytes", MaxSearch)
	case len(f.Show) > maxFilterShow || !utf8.ValidString(f.Show):
		return Invalid("show", "code_list", "the lists show no such thing")
	}
	others := 0
	for i := range a.Filters {
		o := &a.Filters[i]
		if o.Office != f.Office || o.ID == f.ID || !o.Removed.IsZero() {
			continue
		}
		if others++; others >= MaxFilters {
			return Errorf(KindConflict, "name", "max_filters", "at most %d filters are kept in an office", MaxFilters)
		}
		if o.List == f.List && Fold(o.Name) == Fold(f.Name) {
			return Errorf(KindConflict, "name", "filter_name", "another filter has this name")
		}
	}
	return nil
}
