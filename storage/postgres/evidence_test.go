package postgres

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestEvidenceTriggers: even whoever writes SQL by hand cannot change evidence, in
// whichever partition it lies.
func TestEvidenceTriggers(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	accept(t, s.Store, m, "r1")
	must[hub.Accepted](t)(s.Accept(t.Context(), dated(m.Acceptance("r1"), time.Now())))
	c := behind(t, s.url)
	if n := ask[int](t, c, "SELECT count(DISTINCT tableoid) FROM evidences"); n != 2 {
		t.Fatalf("the evidences lie in %d partitions, want 2", n)
	}
	tables := must[[]string](t)(rows(t.Context(), c, pgx.RowTo[string], "SELECT relid::text FROM pg_partition_tree('evidences')"))
	for _, table := range tables {
		for _, statement := range []string{"UPDATE " + table + " SET jws = 'forged'", "UPDATE " + table + " SET position = 7", "DELETE FROM " + table, "TRUNCATE " + table} {
			_, err := c.Exec(t.Context(), statement)
			if err == nil && strings.HasPrefix(statement, "TRUNCATE") || err != nil && !strings.Contains(err.Error(), "evidence is never") {
				t.Errorf("%s: %v", statement, err)
			}
		}
	}
	if n := ask[int](t, c, "SELECT count(*) FROM evidences WHERE jws <> 'forged' AND position <> 7"); n != 2 {
		t.Errorf("%d evidences are as they were, want 2", n)
	}
}

// TestTwoRoles: the application works as a role that owns nothing, and has no right
// to change evidence.
func TestTwoRoles(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	owner := behind(t, s.url)
	asApplication := application(t, owner, s.url)
	app := openAt(t, asApplication)
	a := must[hub.Accepted](t)(app.Accept(t.Context(), dated(m.Acceptance("r1"), time.Now())))
	if results, err := app.ApplySteps(t.Context(), m.Step(a.Deliveries[0], hub.StateConsigned)); err != nil || results[0] != nil {
		t.Error(results, err)
	}
	must[[]hub.Item](t)(app.TakeLeases(t.Context(), hub.LeaseRequest{Agency: "r1", Max: 1, Now: m.Clock, Until: m.Clock.Add(time.Minute)}))
	must[int64](t)(app.SaveAgencies(t.Context(), 0, []hub.Agency{{ID: "a"}}))
	must[hub.List[hub.SealedEvidence]](t)(app.Evidences(t.Context(), hub.EvidenceQuery{Page: hub.Page{Limit: 1}}))
	if err := app.EnsurePartitions(t.Context(), time.Now().AddDate(1, 0, 0), 0); err != nil {
		t.Error(err)
	}
	c := behind(t, asApplication)
	for _, statement := range []string{
		"UPDATE evidences SET jws = ''", "DELETE FROM evidences", "TRUNCATE evidences", "DELETE FROM evidences_default",
		"ALTER TABLE evidences DISABLE TRIGGER ALL", "DELETE FROM goose_db_version", "SELECT grant_application('postgres')",
	} {
		if _, err := c.Exec(t.Context(), statement); state(err) != "42501" {
			t.Errorf("%s: %v", statement, err)
		}
	}
}

// TestLateCommits lets one reader page through all evidences while eight others
// write, some of them slowly. It misses none; a reader that goes by the order of
// positions, and is content with what it sees, misses some: so the test can fail.
func TestLateCommits(t *testing.T) {
	s := openNew(t)
	const writers, each = 8, 60
	ctx, end := context.WithCancel(t.Context())
	defer end()
	var writing, reading sync.WaitGroup
	m := storagetest.NewMaker()
	for range writers {
		c := behind(t, s.url)
		writing.Go(func() {
			for i := range each {
				if err := recordSlowly(t.Context(), c, s.era, m, time.Duration(i%4)*time.Millisecond); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var careful, naive map[hub.EvidenceID]bool
	reading.Go(func() { careful = follow(ctx, t, s.Store) })
	other := behind(t, s.url)
	reading.Go(func() { naive = followNaively(ctx, t, other) })
	writing.Wait()
	// What each reader has passed over by now it would never see again: it gets one
	// more look at what lies behind its own cursor.
	end()
	reading.Wait()
	if len(careful) != writers*each {
		t.Errorf("paging missed %d of %d evidences", writers*each-len(careful), writers*each)
	}
	if len(naive) == writers*each {
		t.Error("paging by position missed nothing: the writers are not slow enough to show anything")
	}
	t.Logf("by transaction %d, by position %d of %d", len(careful), len(naive), writers*each)
}

// recordSlowly records an evidence in a transaction that stays open for a while.
func recordSlowly(ctx context.Context, c *pgx.Conn, era int, m *storagetest.Maker, while time.Duration) error {
	tx, err := c.Begin(ctx)
	if err != nil {
		return err
	}
	e := m.Seal(hub.Evidence{Event: hub.EventSubmissionRejection})
	_, err = tx.Exec(ctx, "INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws) VALUES ($1, '', '', 's1', $2, $3, $4)",
		string(e.Evidence.ID), era, e.Canonical, e.JWS)
	if err == nil {
		_, err = tx.Exec(ctx, "SELECT pg_sleep($1)", while.Seconds())
	}
	return errors.Join(err, tx.Commit(ctx))
}

// follow pages through all evidences until ctx ends, and then to the end.
func follow(ctx context.Context, t *testing.T, s *Store) map[hub.EvidenceID]bool {
	seen := map[hub.EvidenceID]bool{}
	page := hub.Page{Limit: 5}
	for {
		ended := ctx.Err() != nil
		list, err := s.Evidences(t.Context(), hub.EvidenceQuery{Page: page})
		if err != nil {
			t.Error(err)
			return seen
		}
		for _, e := range list.Items {
			seen[e.Evidence.ID] = true
		}
		if list.Next != "" {
			page.After = list.Next
		} else if ended {
			return seen
		}
	}
}

// followNaively does the same by position.
func followNaively(ctx context.Context, t *testing.T, c *pgx.Conn) map[hub.EvidenceID]bool {
	seen := map[hub.EvidenceID]bool{}
	last := int64(0)
	for {
		ended := ctx.Err() != nil
		found, err := rows(t.Context(), c, func(row pgx.CollectableRow) (id hub.EvidenceID, err error) {
			err = row.Scan(&id, &last)
			return id, err
		}, "SELECT id, position FROM evidences WHERE position > $1 ORDER BY position LIMIT 5", last)
		if err != nil {
			t.Error(err)
			return seen
		}
		for _, id := range found {
			seen[id] = true
		}
		if ended && len(found) == 0 {
			return seen
		}
	}
}

// TestSlowNeighbour: a transaction that stays open for long, also in another
// database, hides what came after it from the listing of everything, and nothing else.
func TestSlowNeighbour(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	before := accept(t, s.Store, m, "r1")
	neighbour := behind(t, shared.Get(t).Database(t))
	tx := must[pgx.Tx](t)(neighbour.Begin(t.Context()))
	if _, err := tx.Exec(t.Context(), "CREATE TABLE x ()"); err != nil { // takes a number
		t.Fatal(err)
	}
	after := accept(t, s.Store, m, "r1")
	all := func() []hub.SealedEvidence {
		return must[hub.List[hub.SealedEvidence]](t)(s.Evidences(t.Context(), hub.EvidenceQuery{Page: hub.Page{Limit: 10}})).Items
	}
	if got := all(); len(got) != 1 || got[0].Evidence.ID != before.Receipt.Evidence.ID {
		t.Errorf("%d evidences beside an open transaction, want the one before it", len(got))
	}
	one := must[hub.List[hub.SealedEvidence]](t)(s.Evidences(t.Context(), hub.EvidenceQuery{Dispatch: after.Dispatch.ID, Page: hub.Page{Limit: 10}}))
	if len(one.Items) != 1 {
		t.Error("an evidence of one dispatch is hidden")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := all(); len(got) != 2 {
		t.Errorf("%d evidences, want 2", len(got))
	}
}

// TestMovedCluster: a dump restored into another cluster takes numbers of
// transactions along that lie in that cluster's future. They count as settled there,
// and what is recorded from then on comes after them.
func TestMovedCluster(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	first := accept(t, s.Store, m, "r1")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	c := behind(t, s.url)
	run(t, c, "ALTER TABLE evidences DISABLE TRIGGER USER")
	run(t, c, "UPDATE evidences SET xid = '9000000000000'")
	run(t, c, "UPDATE eras SET cluster = 1")
	moved := openAt(t, s.url)
	second := accept(t, moved.Store, m, "r1")
	var order []hub.EvidenceID
	page := hub.Page{Limit: 1}
	for {
		list := must[hub.List[hub.SealedEvidence]](t)(moved.Evidences(t.Context(), hub.EvidenceQuery{Page: page}))
		for _, e := range list.Items {
			order = append(order, e.Evidence.ID)
		}
		if page.After = list.Next; page.After == "" {
			break
		}
	}
	if len(order) != 2 || order[0] != first.Receipt.Evidence.ID || order[1] != second.Receipt.Evidence.ID {
		t.Errorf("after the move the listing is %v", order)
	}
	if again := openAt(t, s.url); again.era != moved.era {
		t.Errorf("era %d after %d, in the same cluster", again.era, moved.era)
	}
}
