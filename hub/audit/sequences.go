package audit

import (
	"fmt"
	"hash/maphash"

	"github.com/lienthong/lienthong/hub"
)

// How far from the number that comes next the number of a tag is looked for.
const (
	tagsAhead  = 64
	tagsBehind = 4096
)

// line follows the sequence of one agency through one shard.
type line struct {
	name    string // for findings
	last    int64
	tags    *TagMaker      // nil where the key is not known
	skipped map[int64]bool // numbers that have not come in their turn
	sum     uint64         // over the indexes, in order
}

// take takes a number, and says what is wrong with its place.
func (l *line) take(number int64, origin string, index int64, found func(rule, format string, args ...any)) {
	switch {
	case number == l.last+1:
	case number > l.last:
		found("sequence_gap", "%s in %s: entry %d has the number %d, and the one before has %d: %d receipts that name the agency are missing",
			l.name, origin, index, number, l.last, number-l.last-1)
		if l.skipped == nil {
			l.skipped = map[int64]bool{}
		}
		for n := l.last + 1; n < number && len(l.skipped) < tagsBehind; n++ {
			l.skipped[n] = true
		}
	case l.skipped[number]:
		found("sequence_order", "%s in %s: entry %d has the number %d, and a greater one was given before", l.name, origin, index, number)
		delete(l.skipped, number)
	default:
		found("sequence_repeat", "%s in %s: entry %d has the number %d, which another entry has", l.name, origin, index, number)
	}
	l.last = max(l.last, number)
}

// numberOf looks for the number of a tag near the one that comes next; 0 when it is not
// there.
func (l *line) numberOf(tag Tag) int64 {
	next := l.last + 1
	for n := next; n < next+tagsAhead; n++ {
		if l.tags.Tag(n) == tag {
			return n
		}
	}
	for n := l.last; n > max(0, l.last-tagsBehind); n-- {
		if l.tags.Tag(n) == tag {
			return n
		}
	}
	return 0
}

// sequences compares the numbers and tags of all agencies with what the evidence names.
type sequences struct {
	secret *SequenceSecret // nil: numbers are counted, and tags believed
	found  func(rule, format string, args ...any)
	lines  map[sequenceID]*line
	shards []string // origins, in order
	sizes  map[string]int64
	seed   maphash.Seed
	unsure bool // evidence is gone, so that nobody can say whom it named
}

type sequenceID struct {
	origin string
	agency hub.AgencyID
}

func newSequences(found func(rule, format string, args ...any)) *sequences {
	return &sequences{found: found, lines: map[sequenceID]*line{}, sizes: map[string]int64{}, seed: maphash.MakeSeed()}
}

// entry notes that an entry was read.
func (s *sequences) entry(origin string, index int64) {
	if _, known := s.sizes[origin]; !known {
		s.shards = append(s.shards, origin)
	}
	s.sizes[origin] = index + 1
}

// receipt compares a leaf with the agencies that its evidence names.
func (s *sequences) receipt(origin string, index int64, seq Seq, named []hub.AgencyID) {
	tags, err := seq.Tags()
	switch {
	case tags == nil: // of before; the replay says where one may not be
		return
	case err != nil || len(tags) != len(named):
		s.found("sequence_tag", "entry %d of %s has %d tags of sequences, and its evidence names %d agencies", index, origin, len(tags), len(named))
		s.unsure = true
		return
	}
	for i, agency := range named {
		l := s.line(origin, agency)
		number := l.last + 1
		if l.tags != nil {
			number = l.numberOf(tags[i])
		}
		if number == 0 {
			s.found("sequence_tag", "%s in %s: the tag of entry %d is of no number near %d of this agency", l.name, origin, index, l.last+1)
			number = l.last + 1
		}
		l.take(number, origin, index, s.found)
		l.sum = maphash.Comparable(s.seed, [3]uint64{l.sum, uint64(number), uint64(index)})
	}
}

func (s *sequences) line(origin string, agency hub.AgencyID) *line {
	id := sequenceID{origin, agency}
	l := s.lines[id]
	if l == nil {
		l = &line{name: fmt.Sprintf("the sequence of %.80s", agency)}
		if s.secret != nil {
			l.tags = s.secret.Key(origin, agency).Tags()
		}
		s.lines[id] = l
	}
	return l
}

// NumberRows compares the numbers that a store keeps with those of the log, as far as that
// was read. The rows come by shard, agency and number.
func (c *Comparison) NumberRows(rows func(emit func(hub.LogNumberRecord) error) error) error {
	s := c.sequences
	if s.unsure {
		return nil // the evidence that is gone was told
	}
	there := map[sequenceID]*line{}
	err := rows(func(n hub.LogNumberRecord) error {
		if n.Shard == int64(len(s.shards)) {
			return nil // of a year that began since
		}
		if n.Shard < 0 || n.Shard > int64(len(s.shards)) {
			s.found("sequence_row", "the store numbers entry %d of a log that is not there for agency %.80s", n.Index, n.Agency)
			return nil
		}
		id := sequenceID{s.shards[n.Shard], n.Agency}
		if n.Index >= s.sizes[id.origin] {
			return nil // came since
		}
		l := there[id]
		if l == nil {
			l = &line{}
			there[id] = l
		}
		l.last = n.Number
		l.sum = maphash.Comparable(s.seed, [3]uint64{l.sum, uint64(n.Number), uint64(n.Index)})
		c.Rows++
		return nil
	})
	if err != nil {
		return err
	}
	for id, l := range s.lines {
		if t := there[id]; t == nil || t.sum != l.sum {
			s.found("sequence_row", "%s in %s: the numbers that the store keeps are not those of the log", l.name, id.origin)
		}
	}
	for id := range there {
		if s.lines[id] == nil {
			s.found("sequence_row", "the store keeps numbers of agency %.80s in %s, and the log has none", id.agency, id.origin)
		}
	}
	return nil
}
