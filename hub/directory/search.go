package directory

import (
	"maps"
	"math/bits"
	"slices"
	"sort"
	"strings"
	"time"
	"unicode"

	"github.com/lienthong/lienthong/hub"
)

// maxSearchWords bounds the work of one search; further words are not looked at.
const maxSearchWords = 8

// Search lists the agencies that live at an instant and have, for every word of
// the text, a word in a name or code (present or past) that begins with it, case
// and diacritics aside. Empty text lists all. The list is ordered by code and
// paged by Page.After; test units are hidden.
func (d *Directory) Search(text string, at time.Time, page hub.Page) hub.List[hub.Agency] {
	s := d.current.Load()
	limit := max(page.Limit, 1)
	var list hub.List[hub.Agency]
	last := 0
	matches := s.words.match(queryWords(text))
	for i := matches.next(s.after(page.After)); i < len(s.agencies); i = matches.next(i + 1) {
		a := &s.agencies[i]
		if a.Test || !a.LivesAt(at) {
			continue
		}
		if len(list.Items) == limit {
			list.Next = s.keys[last]
			break
		}
		list.Items = append(list.Items, *a)
		last = i
	}
	return list
}

// after returns the place of the first agency behind a cursor.
func (s *snapshot) after(cursor string) int {
	i, found := slices.BinarySearch(s.keys, cursor)
	if found {
		i++
	}
	return i
}

// wordIndex finds agencies by the beginnings of words. All words with the same
// beginning lie side by side, and so do the places of their agencies.
type wordIndex struct {
	words  []string // folded, ascending
	starts []int    // where the places of each word start; one more at the end
	places []int32  // places of the agencies that have the word
	size   int      // number of agencies
}

func indexWords(agencies []hub.Agency) wordIndex {
	found := make(map[string][]int32)
	total := 0
	for i := range agencies {
		for _, w := range agencyWords(&agencies[i]) {
			if p := found[w]; len(p) == 0 || p[len(p)-1] != int32(i) {
				found[w] = append(p, int32(i))
				total++
			}
		}
	}
	x := wordIndex{
		words:  slices.Sorted(maps.Keys(found)),
		starts: make([]int, 1, len(found)+1),
		places: make([]int32, 0, total),
		size:   len(agencies),
	}
	for _, w := range x.words {
		x.places = append(x.places, found[w]...)
		x.starts = append(x.starts, len(x.places))
	}
	return x
}

// beginningWith returns the places of the agencies that have a word which begins
// so; a place may occur several times.
func (x *wordIndex) beginningWith(prefix string) []int32 {
	from, _ := slices.BinarySearch(x.words, prefix)
	count := sort.Search(len(x.words)-from, func(i int) bool { return !strings.HasPrefix(x.words[from+i], prefix) })
	return x.places[x.starts[from]:x.starts[from+count]]
}

func agencyWords(a *hub.Agency) []string {
	var words []string
	for _, n := range a.Names {
		words = appendWords(words, n.Value)
	}
	for _, c := range a.Codes {
		words = appendWords(words, string(c.Value))
	}
	return words
}

// appendWords adds the words of a name or code; one with inner dots (a code,
// "TP.Tam Kỳ") counts whole and in pieces.
func appendWords(words []string, text string) []string {
	for _, w := range splitWords(text) {
		words = append(words, w)
		if strings.Contains(w, ".") {
			words = append(words, splitDots(w)...)
		}
	}
	return words
}

// queryWords splits what a person typed. Dots hold a code together ("h47.12") but
// not an abbreviation ("tp.tam").
func queryWords(text string) []string {
	var words []string
	for _, w := range splitWords(text) {
		if strings.ContainsAny(w, "0123456789") {
			words = append(words, w)
		} else {
			words = append(words, splitDots(w)...)
		}
	}
	return words[:min(len(words), maxSearchWords)]
}

func splitWords(text string) []string {
	words := strings.FieldsFunc(hub.Fold(text), func(r rune) bool {
		return r != '.' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
	})
	for i, w := range words {
		words[i] = strings.Trim(w, ".")
	}
	return slices.DeleteFunc(words, func(w string) bool { return w == "" })
}

func splitDots(word string) []string {
	return strings.FieldsFunc(word, func(r rune) bool { return r == '.' })
}

// match returns the places of the agencies that have, for every word, a word
// that begins with it.
func (x *wordIndex) match(words []string) placeSet {
	set := fullSet(x.size)
	for _, w := range words {
		one := make(placeSet, len(set))
		one.add(x.beginningWith(w))
		set.intersect(one)
	}
	return set
}

// placeSet is a set of places, one bit each: 16 KB for 125,000 agencies, which
// makes unions and intersections cheap however common the words are.
type placeSet []uint64

func fullSet(size int) placeSet {
	set := make(placeSet, (size+63)/64)
	for i := range set {
		set[i] = ^uint64(0)
	}
	if size%64 != 0 {
		set[len(set)-1] = 1<<(size%64) - 1
	}
	return set
}

func (s placeSet) add(places []int32) {
	for _, p := range places {
		s[p/64] |= 1 << (p % 64)
	}
}

func (s placeSet) intersect(other placeSet) {
	for i := range s {
		s[i] &= other[i]
	}
}

// next returns the first place in the set at or behind from, or one behind all.
func (s placeSet) next(from int) int {
	for word := from / 64; word < len(s); word++ {
		rest := s[word]
		if word == from/64 {
			rest &= ^uint64(0) << (from % 64)
		}
		if rest != 0 {
			return word*64 + bits.TrailingZeros64(rest)
		}
	}
	return len(s) * 64
}
