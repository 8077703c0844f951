package audit

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// rows are what a store that holds all that was recorded says of the log.
func (m *memory) rows() []hub.LogRow {
	sources := map[string]*hub.LogSource{}
	for i := range m.sources {
		sources[m.sources[i].ID] = &m.sources[i]
	}
	var rows []hub.LogRow
	about := func(row hub.LogRow, s *hub.LogSource) {
		if s != nil {
			row.Canonical, row.JWS = s.Canonical, s.JWS
		}
		rows = append(rows, row)
	}
	for i := range m.shards {
		for _, e := range m.entries[m.shards[i].Origin] {
			about(hub.LogRow{Origin: m.shards[i].Origin, Index: e.Index, Data: e.Data, Source: e.Source}, sources[e.Source])
		}
	}
	for i := range m.sources {
		if s := &m.sources[i]; !m.placed[s.ID] {
			about(hub.LogRow{Source: s.ID}, s)
		}
	}
	return rows
}

func rowSeq(rows []hub.LogRow, end error) iter.Seq2[hub.LogRow, error] {
	return func(yield func(hub.LogRow, error) bool) {
		for _, row := range rows {
			if !yield(row, nil) {
				return
			}
		}
		if end != nil {
			yield(hub.LogRow{}, end)
		}
	}
}

// TestCompareBesideGrowth: two years are read in order, what was recorded after the
// checkpoint is waited for, and what never comes into the log is told.
func TestCompareBesideGrowth(t *testing.T) {
	m, now := newMemory(), at(2026)
	for _, year := range []int{2026, 2027} {
		*now = *at(year)
		m.record(300)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
	}
	old := m.shards[1].Head.Note
	m.record(2)
	rows := append(m.rows(), hub.LogRow{Source: "stranger", Canonical: []byte(`{"event":"x"}`)}, hub.LogRow{Source: "odd", Note: []byte("{")})
	var found []string
	note := func(rule, _ string, _ ...any) { found = append(found, rule) }
	c, err := Compare(rowSeq(rows, nil), note)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	replays := []*Replay{{Shard: "2026/"}, {Shard: "2027/", Previous: m.shards[0].Head.Note}}
	for i, head := range [][]byte{m.shards[0].Head.Note, old} {
		r := replays[i]
		r.Policy, r.Tiles, r.Found, r.Entry = testPolicy(t), m, note, c.Entry
		if _, err := r.Run(context.Background(), head); err != nil {
			t.Fatal(err)
		}
	}
	waiting, err := c.Rest()
	if err != nil || waiting != 3 || len(found) != 1 || found[0] != "not_in_log" {
		t.Fatalf("%d wait, found %v, %v", waiting, found, err)
	}
	if err := grow(newTestLog(m, now)); err != nil {
		t.Fatal(err)
	}
	later := replays[1]
	later.Entry = func(_ string, _ int64, data []byte) error { waiting = c.Later(data); return nil }
	if _, err := later.Run(context.Background(), m.shards[1].Head.Note); err != nil || waiting != 1 {
		t.Errorf("%d still wait, %v", waiting, err)
	}
	c.End()
	if len(found) != 2 || found[1] != "not_in_log" || c.Rows != int64(len(rows)) {
		t.Errorf("%d rows, found %v", c.Rows, found)
	}
	// A log that is shorter than it was a moment ago.
	if _, err := later.Run(context.Background(), old); err != nil || found[len(found)-1] != "truncated" {
		t.Errorf("found %v, %v", found, err)
	}
}

// TestCompareLinks: a row that is added and passed off as what the link between two
// years is about is told, though it is no row without an entry then.
func TestCompareLinks(t *testing.T) {
	m, now := newMemory(), at(2026)
	for _, year := range []int{2026, 2027} {
		*now = *at(year)
		m.record(3)
		if err := grow(newTestLog(m, now)); err != nil {
			t.Fatal(err)
		}
	}
	rows := m.rows()
	link := slices.IndexFunc(rows, func(r hub.LogRow) bool { return r.Origin != "" && r.Source == "" })
	rows[link].Source, rows[link].Canonical = "stranger", []byte(`{"evidence_id":"stranger"}`)
	var found []string
	c, err := Compare(rowSeq(rows, nil), func(rule, format string, args ...any) { found = append(found, rule+" "+fmt.Sprintf(format, args...)) })
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for i := range m.shards {
		for _, e := range m.entries[m.shards[i].Origin] {
			if err := c.Entry(m.shards[i].Origin, e.Index, e.Data); err != nil {
				t.Fatal(err)
			}
		}
	}
	if waiting, err := c.Rest(); err != nil || waiting != 0 || len(found) != 1 || !strings.Contains(found[0], "evidence stranger") {
		t.Errorf("%d wait, found %q, %v", waiting, found, err)
	}
}

// TestCompareStopsWithTheStore: an error of the store ends the audit and is no finding.
func TestCompareStopsWithTheStore(t *testing.T) {
	nobody := func(rule, _ string, _ ...any) { t.Error(rule) }
	away := errors.New("away")
	if _, err := Compare(rowSeq(nil, away), nobody); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
	c, err := Compare(rowSeq([]hub.LogRow{{Source: "e", Canonical: []byte("{}")}}, away), nobody)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Rest(); !errors.Is(err, away) {
		t.Errorf("got %v", err)
	}
}

// BenchmarkCompare measures an audit with the rows of a store beside the log.
func BenchmarkCompare(b *testing.B) {
	const leaves = 100_000
	m := newMemory()
	m.record(leaves)
	if err := grow(newTestLog(m, at(2026))); err != nil {
		b.Fatal(err)
	}
	head, policy, rows := m.shards[0].Head.Note, testPolicy(b), m.rows()
	found := func(rule, _ string, _ ...any) { b.Fatal(rule) }
	perCPU := leavesPerSecond(b, leaves)
	for b.Loop() {
		c, err := Compare(rowSeq(rows, nil), found)
		if err != nil {
			b.Fatal(err)
		}
		c.Sequences(NewSequenceSecret(testKey(1)))
		r := Replay{Policy: policy, Tiles: m, Shard: "2026/", Found: found, Entry: c.Entry}
		if _, err := r.Run(context.Background(), head); err != nil {
			b.Fatal(err)
		}
		if err := c.NumberRows(m.numberRows); err != nil {
			b.Fatal(err)
		}
		c.Close()
	}
	perCPU()
}

// leavesPerSecond reports how many leaves are read in a second of one core's work,
// whatever else the machine does.
func leavesPerSecond(b *testing.B, leaves int) func() {
	b.Helper()
	used := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := used()
	return func() { b.ReportMetric(float64(b.N*leaves)/(used()-before).Seconds(), "leaves/cpu-s") }
}
