package sqlkit

import (
	"cmp"
	"encoding/hex"
	"math"
	"slices"
	"strings"
	"unicode"

	"github.com/lienthong/lienthong/hub"
)

// A search asks for whole words. Two ways lead to a page of what matches: to walk
// through the list in its order, which is short where much matches, and to ask the index
// of words, which is short where little does. Neither is short in the worst case, so both
// are bounded.
const (
	// Stretch is how many rows of a list a search walks through for one page, about twenty
	// milliseconds. What one of 120 has fills a page of 25 within it.
	Stretch = 3_000
	// FirstStretch is how many are walked through before the index is asked, which tells
	// what is frequent: what one of twelve has fills a page of 25 within it.
	FirstStretch = 300
	// MaxMatches is how many matches the index may give for one page, about fifty
	// milliseconds. Of a million rows, what has more and is spread evenly gives the better
	// part of a page within the stretch.
	MaxMatches = 3_000
)

// words is text folded, with one blank for everything between words. A word is a run of
// letters and digits.
func words(text string) []string {
	return strings.FieldsFunc(hub.Fold(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsNumber(r) })
}

// SearchText is what a search looks through: the words of a dispatch and of what it asks
// for, each between blanks, with two of them between fields, so that the last word of one
// and the first of the next do not stand together.
func SearchText(d *hub.Dispatch) string {
	texts := []string{
		d.Document.Number(), d.Document.Subject, d.SenderName, string(d.SenderCode), author(d),
		d.Document.Signer.FullName, d.Document.TypeName,
	}
	for i := range d.Tasks {
		texts = append(texts, d.Tasks[i].Content, d.Tasks[i].Section)
	}
	var text strings.Builder
	for _, t := range texts {
		if spaced := Spaced(t); spaced != " " {
			text.WriteString(spaced)
		}
	}
	return text.String()
}

// Spaced is the words of a text, each between blanks; a blank where there are none.
func Spaced(text string) string {
	list := words(text)
	if len(list) == 0 {
		return " "
	}
	return " " + strings.Join(list, " ") + " "
}

// Pairs are, of words each between blanks, those that begin with a digit together with the
// next one: parts of the numbers of documents, which alone stand in many. Two blanks end a
// field.
func Pairs(spaced string) []string {
	var pairs []string
	for field := range strings.SplitSeq(spaced, "  ") {
		list := strings.Fields(field)
		for i := 1; i < len(list); i++ {
			if numeric(list[i-1]) {
				pairs = append(pairs, pair(list[i-1], list[i]))
			}
		}
	}
	return pairs
}

func numeric(word string) bool { return word[0] >= '0' && word[0] <= '9' }

func pair(word, next string) string { return word + "+" + next }

// author is whose document a dispatch forwards; empty for one of the sender itself.
func author(d *hub.Dispatch) string {
	if d.Origin == nil {
		return ""
	}
	return d.Origin.SenderName + " " + string(d.Origin.SenderCode)
}

// SenderWord stands among the words of a dispatch for its sender, as CalmWord and UrgentWord
// do for its recipients, so that the index finds what is of one agency.
func SenderWord(id hub.AgencyID) string { return CalmWord(id) }

// CalmWord is that of a recipient to whom the dispatch is not urgent.
func CalmWord(id hub.AgencyID) string { return "@" + hex.EncodeToString([]byte(id)) }

// UrgentWord is that of a recipient to whom the dispatch is urgent.
func UrgentWord(id hub.AgencyID) string { return "!" + hex.EncodeToString([]byte(id)) }

// IndexedWords are all that the index holds of a dispatch.
func IndexedWords(d *hub.Dispatch, deliveries []hub.Delivery) []string {
	text := SearchText(d)
	list := append(append(strings.Fields(text), Pairs(text)...), SenderWord(d.Sender))
	for i := range deliveries {
		word := CalmWord
		if deliveries[i].Urgent {
			word = UrgentWord
		}
		list = append(list, word(deliveries[i].Recipient))
	}
	return list
}

// Search is one page of a search in a list, or in a part of it.
type Search[T any] struct {
	Cursor func(*T) string
	// Walk returns the first rows that match among so many of the list, at most as many as
	// it is asked for.
	Walk func(stretch, rows int) ([]T, error)
	// Look returns the first rows that match of the whole list by the index, at most as
	// many as it is asked for, and false when more than MaxMatches match.
	Look func(rows int) ([]T, bool, error)
	// End returns the cursor after the next Stretch rows, empty where the list is shorter.
	End func() (string, error)
}

// List looks for a page. It is shorter than its limit and names a next one only where a
// whole stretch has less than a page of what is found all over the list.
func (s Search[T]) List(limit int) (hub.List[T], error) {
	var list hub.List[T]
	for _, way := range []func() ([]T, bool, error){
		func() ([]T, bool, error) { return s.page(FirstStretch, limit) },
		func() ([]T, bool, error) { return s.Look(limit + 1) },
		func() ([]T, bool, error) { return s.page(Stretch, limit) },
	} {
		found, whole, err := way()
		if err != nil {
			return list, err
		}
		if whole {
			list.Items, list.Next = Cut(found, limit, s.Cursor)
			return list, nil
		}
		list.Items = found
	}
	var err error
	list.Next, err = s.End()
	return list, err
}

// page walks through so many rows and reports whether they have more than a page.
func (s Search[T]) page(stretch, limit int) ([]T, bool, error) {
	found, err := s.Walk(stretch, limit+1)
	return found, len(found) > limit, err
}

// SearchLanes looks for a page in a mailbox: first in the lane of the urgent ones, then in
// the other, since what many calm ones have may be rare among the urgent. A cursor in the
// second lane leaves the first out.
func SearchLanes(query *hub.MailboxQuery, lane func(calm int) Search[hub.Item]) (hub.List[hub.Item], error) {
	var list hub.List[hub.Item]
	after, err := ParseCursor("mailbox", query.Page, 2)
	if err != nil {
		return list, err
	}
	if after == nil || after[0] == "0" {
		if list, err = lane(0).List(query.Page.Limit); err != nil || list.Next != "" {
			return list, err
		}
	}
	left := query.Page.Limit - len(list.Items)
	calm, err := lane(1).List(max(left, 1))
	switch {
	case err != nil:
		return list, err
	case left > 0:
		list.Items, list.Next = append(list.Items, calm.Items...), calm.Next
	case len(calm.Items) > 0 || calm.Next != "":
		list.Next = MailboxCursor(&list.Items[len(list.Items)-1])
	}
	return list, nil
}

// MailboxCursor is the cursor after a row of a mailbox.
func MailboxCursor(it *hub.Item) string {
	return Cursor("mailbox", Calm(&it.Delivery), string(it.Delivery.ID))
}

// SentCursor is the cursor after a row of what was sent.
func SentCursor(it *hub.SentItem) string { return Cursor("sent", string(it.Dispatch.ID)) }

const (
	askedWords = 16 // of a search the index is asked for
	fewWords   = 4  // that mostly say enough
)

// Asked is the text of a search as stores look for it.
type Asked struct {
	Words    []string // which the index has of all that matches; empty: nothing matches
	Patterns []string // for LIKE, one for each typed word: what stands together in it, as in a number, stands together
	Exactly  bool     // what has the words need not match: the patterns decide
}

// Ask reads the text of a search and reports whether there is any. Text without a letter
// or digit asks for what nothing has.
func Ask(text string) (Asked, bool) {
	typed := strings.Fields(text)
	var a Asked
	for _, t := range typed {
		together := words(t)
		if len(together) == 0 {
			continue
		}
		for i, word := range together {
			switch {
			case i+1 < len(together) && numeric(word):
				a.Words = append(a.Words, pair(word, together[i+1])) // and so each of both
			case i == 0 || !numeric(together[i-1]):
				a.Words = append(a.Words, word)
			}
		}
		a.Patterns = append(a.Patterns, "% "+strings.Join(together, " ")+" %")
		a.Exactly = a.Exactly || len(together) > 1
	}
	if len(a.Words) > askedWords {
		a.Words, a.Exactly = a.Words[:askedWords], true
	}
	return a, len(typed) > 0
}

// Few asks the index for a few of the words alone, those that may be expected in the fewest
// documents: numbers, then the longest. The patterns decide on what it finds. An engine that
// walks through all documents of each word is asked for them first; false where they are
// all that there are.
func (a Asked) Few() (Asked, bool) {
	if len(a.Words) <= fewWords {
		return a, false
	}
	list := slices.Clone(a.Words)
	expected := func(word string) int {
		if numeric(word) {
			return math.MinInt
		}
		return -len(word)
	}
	slices.SortStableFunc(list, func(x, y string) int { return cmp.Compare(expected(x), expected(y)) })
	a.Words, a.Exactly = list[:fewWords], true
	return a, true
}
