package audit

import (
	"bytes"
	"cmp"
	"context"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// numberRows are the numbers that a store keeps.
func (m *memory) numberRows(emit func(hub.LogNumberRecord) error) error {
	var all []hub.LogNumberRecord
	for _, rows := range m.numbers {
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b hub.LogNumberRecord) int {
		return cmp.Or(cmp.Compare(a.Shard, b.Shard), cmp.Compare(a.Agency, b.Agency), cmp.Compare(a.Number, b.Number))
	})
	for _, row := range all {
		if err := emit(row); err != nil {
			return err
		}
	}
	return nil
}

// compared returns the rules that a comparison of a log with its store found broken, each
// once. A log whose entries were changed is one that its operator signed so.
func compared(t *testing.T, m *memory, secret bool) []string {
	t.Helper()
	var rules []string
	found := func(rule, format string, args ...any) {
		rules = append(rules, rule)
		t.Logf(rule+": "+format, args...)
	}
	c, err := Compare(rowSeq(m.rows(), nil), found)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if secret {
		c.Sequences(NewSequenceSecret(testKey(1)))
	}
	for i := range m.shards {
		var out Replayed
		r := Replay{Found: found, Entry: c.Entry}
		out.Origin = m.shards[i].Origin
		for _, e := range m.entries[out.Origin] {
			if err := r.entry(e.Index, e.Data, &out); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := c.Rest(); err != nil {
		t.Fatal(err)
	}
	if err := c.NumberRows(m.numberRows); err != nil {
		t.Fatal(err)
	}
	slices.Sort(rules)
	return slices.Compact(rules)
}

// twoYears is a log of so many receipts in each of two years.
func twoYears(t *testing.T, n int) *memory {
	t.Helper()
	m, now := newMemory(), at(2026)
	for _, year := range []int{2026, 2027} {
		*now = *at(year)
		m.record(n)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// retag gives an entry of the first year other tags: of those numbers of S and of its
// recipient.
func retag(t *testing.T, m *memory, index int, sender, recipient int64) {
	t.Helper()
	e := &m.entries["hub/evidence/2026"][index]
	leaf, err := ParseLeaf(e.Data)
	if err != nil {
		t.Fatal(err)
	}
	secret, other := NewSequenceSecret(testKey(1)), e.Numbers[1].Agency
	leaf.Seq = seqText([]Tag{secret.Key("hub/evidence/2026", "S").Tags().Tag(sender), secret.Key("hub/evidence/2026", other).Tags().Tag(recipient)})
	if e.Data, err = encodeLeaf(&leaf); err != nil {
		t.Fatal(err)
	}
}

// TestSequences: what an operator may do with the numbers of agencies, and what an auditor
// calls it.
func TestSequences(t *testing.T) {
	const origin = "hub/evidence/2026"
	for name, c := range map[string]struct {
		change func(m *memory)
		rules  []string
	}{
		"an honest log": {func(*memory) {}, nil},
		"a number is left out": {func(m *memory) {
			for i := 10; i < 30; i++ {
				retag(t, m, i, int64(i+2), m.entries[origin][i].Numbers[1].Number)
			}
		}, []string{"sequence_gap", "sequence_row"}},
		"a number is given twice": {func(m *memory) { retag(t, m, 10, 10, m.entries[origin][10].Numbers[1].Number) },
			[]string{"sequence_gap", "sequence_repeat", "sequence_row"}},
		"two numbers change places": {func(m *memory) {
			retag(t, m, 10, 12, m.entries[origin][10].Numbers[1].Number)
			retag(t, m, 11, 11, m.entries[origin][11].Numbers[1].Number)
		}, []string{"sequence_gap", "sequence_order", "sequence_row"}},
		"a tag of nobody": {func(m *memory) {
			e := &m.entries[origin][10]
			seq := base64.StdEncoding.EncodeToString(writeTags([]Tag{{1}, {2}}))
			begin := bytes.Index(e.Data, []byte(`"seq":"`)) + len(`"seq":"`)
			e.Data = slices.Concat(e.Data[:begin], []byte(seq), e.Data[begin+len(seq):])
		}, []string{"sequence_tag"}},
		"one tag of two": {func(m *memory) {
			e := &m.entries[origin][10]
			leaf, _ := ParseLeaf(e.Data)
			tags, _ := leaf.Seq.Tags()
			leaf.Seq = seqText(tags[:1])
			e.Data, _ = encodeLeaf(&leaf)
		}, []string{"sequence_gap", "sequence_tag"}},
		"no tags behind some": {func(m *memory) {
			e := &m.entries[origin][29]
			leaf, _ := ParseLeaf(e.Data)
			leaf.Seq = ""
			e.Data, _ = encodeLeaf(&leaf)
		}, []string{"sequence_form", "sequence_row"}},
		"a number of the store is gone": {func(m *memory) {
			id := sequenceID{origin, "S"}
			m.numbers[id] = slices.Delete(m.numbers[id], 4, 5)
		}, []string{"sequence_row"}},
		"a number of the store is of another entry": {func(m *memory) { m.numbers[sequenceID{origin, "R1"}][3].Index++ }, []string{"sequence_row"}},
		"an agency is added to the store": {func(m *memory) {
			m.numbers[sequenceID{origin, "X"}] = []hub.LogNumberRecord{{AgencyNumber: hub.AgencyNumber{Agency: "X", Number: 1}}}
		}, []string{"sequence_row"}},
		"all numbers of an agency are gone": {func(m *memory) { delete(m.numbers, sequenceID{origin, "R2"}) }, []string{"sequence_row"}},
	} {
		m := twoYears(t, 30)
		c.change(m)
		if got := compared(t, m, true); !slices.Equal(got, c.rules) {
			t.Errorf("%s: found %v, want %v", name, got, c.rules)
		}
	}
	if got := compared(t, twoYears(t, 30), false); len(got) > 0 {
		t.Errorf("without the key: %v", got)
	}
}

// TestLogOfBefore: a log that began before there were sequences goes on with them, each
// from 1, and is sound.
func TestLogOfBefore(t *testing.T) {
	const origin = "hub/evidence/2026"
	m := newMemory()
	m.record(5)
	m.shards = []hub.LogShard{{Origin: origin, Size: 5}}
	for i := range m.sources {
		s := &m.sources[i]
		leaf, err := ReceiptLeaf(s.Canonical, s.JWS, nil)
		if err != nil {
			t.Fatal(err)
		}
		m.entries[origin] = append(m.entries[origin], hub.LogEntry{Index: int64(i), Source: s.ID, Data: leaf})
		m.placed[s.ID] = true
	}
	m.record(5)
	if err := grow(newTestLog(m, at(2026))); err != nil {
		t.Fatal(err)
	}
	if got := compared(t, m, true); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	if n := m.numbers[sequenceID{origin, "S"}]; len(n) != 5 || n[0].Index != 5 {
		t.Errorf("numbers %+v", n)
	}
}

// TestTakeover: who takes the log over goes on where the numbers ended, also when the step
// of the one before took effect and nobody knew.
func TestTakeover(t *testing.T) {
	m, now := newMemory(), at(2026)
	for epoch := range 6 {
		m.record(7)
		m.fuse = epoch
		if err := grow(newTestLog(m, now)); err == nil {
			t.Fatal("the log did not die")
		}
		m.fuse = -1
	}
	if err := grow(newTestLog(m, now)); err != nil {
		t.Fatal(err)
	}
	if got := compared(t, m, true); len(got) > 0 {
		t.Errorf("found %v", got)
	}
	if n := len(m.numbers[sequenceID{"hub/evidence/2026", "S"}]); n != 42 {
		t.Errorf("%d numbers for 42 receipts", n)
	}
}

// TestTagsTellNothing: no two tags are the same, of one agency or of several, in one year
// or in two, and a key of one finds none of another.
func TestTagsTellNothing(t *testing.T) {
	secret := NewSequenceSecret(testKey(1))
	seen := map[Tag]string{}
	for _, origin := range []string{"hub/evidence/2026", "hub/evidence/2027"} {
		for _, agency := range []hub.AgencyID{"S", "R1", "R2"} {
			tags := secret.Key(origin, agency).Tags()
			for n := range int64(500) {
				if other, twice := seen[tags.Tag(n)]; twice {
					t.Fatalf("%s %s %d and %s", origin, agency, n, other)
				}
				seen[tags.Tag(n)] = string(agency)
			}
		}
	}
}

// TestLargestLeaf: the acceptance of a document with as many recipients as a hub allows
// fits into the log.
func TestLargestLeaf(t *testing.T) {
	var recipients []string
	for i := range hub.MaxRecipients {
		recipients = append(recipients, `{"id":"R`+strings.Repeat("0", i%7)+string(rune('a'+i%26))+base64.StdEncoding.EncodeToString([]byte{byte(i), byte(i >> 8)})+`"}`)
	}
	m := newMemory()
	m.sources = []hub.LogSource{{ID: "e", JWS: "a..b", Canonical: []byte(`{"event":"urn:lienthong:event:x","event_time":"2026-11-23T10:15:31Z","recipients":[` + strings.Join(recipients, ",") + `],"sender":{"id":"S"}}`)}}
	if err := grow(newTestLog(m, at(2026))); err != nil {
		t.Fatal(err)
	}
	if n := len(m.entries["hub/evidence/2026"][0].Numbers); n != hub.MaxRecipients+1 {
		t.Errorf("%d numbers", n)
	}
}

// cutOff ends the context in the middle of a step, as a stop does.
type cutOff struct {
	*memory
	cancel context.CancelFunc
}

func (c *cutOff) AppendLog(ctx context.Context, first int64, b hub.LogBatch) error {
	err := c.memory.AppendLog(ctx, first, b)
	if c.cancel(); err == nil && len(c.shards) == 1 && c.shards[0].Size == 5 {
		return context.Canceled
	}
	return err
}

// TestStopWithinAStep: a stop in the middle of a step leaves nothing that was recorded
// without a checkpoint.
func TestStopWithinAStep(t *testing.T) {
	m := newMemory()
	m.record(5)
	ctx, cancel := context.WithCancel(t.Context())
	l := newTestLog(m, at(2026))
	l.Store = &cutOff{m, cancel}
	l.Run(ctx, 1)
	if c := m.head(t, "hub/evidence/2026"); c.Size != 5 {
		t.Errorf("the checkpoint is of size %d", c.Size)
	}
	if got := compared(t, m, true); len(got) > 0 {
		t.Errorf("found %v", got)
	}
}
