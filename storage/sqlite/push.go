package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SubscriptionsVersion grows with every change of a subscription.
func (s *Store) SubscriptionsVersion(ctx context.Context) (int64, error) {
	return one(ctx, s.reader, "version", scanInt, "SELECT value FROM counters WHERE name = 'subscriptions'")
}

// Subscriptions lists all subscriptions by id.
func (s *Store) Subscriptions(ctx context.Context) ([]hub.Subscription, error) {
	return collect(ctx, s.reader, scanSubscription, "SELECT body FROM subscriptions ORDER BY id")
}

// Subscription returns a subscription; KindNotFound when there is none.
func (s *Store) Subscription(ctx context.Context, id string) (hub.Subscription, error) {
	return one(ctx, s.reader, "subscription", scanSubscription, "SELECT body FROM subscriptions WHERE id = ?", id)
}

func scanSubscription(rows *sql.Rows) (hub.Subscription, error) {
	var body sql.RawBytes
	if err := rows.Scan(&body); err != nil {
		return hub.Subscription{}, err
	}
	return sqlkit.DecodeSubscription(body)
}

// SaveSubscription inserts a subscription of version 1 or replaces the one before it.
func (s *Store) SaveSubscription(ctx context.Context, sub hub.Subscription) error {
	body, err := sqlkit.EncodeSubscription(&sub)
	if err != nil {
		return err
	}
	statement := "INSERT INTO subscriptions (version, body, id) VALUES (?, ?, ?) ON CONFLICT (id) DO NOTHING RETURNING 1"
	args := []any{sub.Version, body, sub.ID}
	if sub.Version > 1 {
		statement = "UPDATE subscriptions SET version = ?, body = ? WHERE id = ? AND version = ? RETURNING 1"
		args = append(args, sub.Version-1)
	}
	return s.do(ctx, 2, func(t *tx) error {
		_, err := one(ctx, t, "subscription", scanInt, statement, args...)
		if err == nil {
			err = t.exec(subscriptionsChanged)
		}
		return sqlkit.OtherSubscription(failed("save a subscription", err))
	})
}

const subscriptionsChanged = "UPDATE counters SET value = value + 1 WHERE name = 'subscriptions'"

// RemoveSubscription removes a subscription and all that it would tell.
func (s *Store) RemoveSubscription(ctx context.Context, id string) error {
	return s.do(ctx, maxRows, func(t *tx) error {
		err := t.exec("DELETE FROM subscriptions WHERE id = ?", id)
		if err == nil {
			err = t.exec("DELETE FROM pushes WHERE subscription = ?", id)
		}
		if err == nil {
			err = t.exec(subscriptionsChanged)
		}
		return failed("remove a subscription", err)
	})
}

// PushPosition tells how far the log was read for pushes, and where it ends.
func (s *Store) PushPosition(ctx context.Context) (position, end int64, err error) {
	if position, err = one(ctx, s.reader, "position", scanInt, "SELECT value FROM counters WHERE name = 'pushes'"); err != nil {
		return 0, 0, err
	}
	ends, err := collect(ctx, s.reader, scanEnd, "SELECT number, size FROM log_shards ORDER BY number DESC LIMIT 1")
	if err == nil && len(ends) > 0 {
		end = ends[0]
	}
	return position, end, err
}

func scanEnd(rows *sql.Rows) (int64, error) {
	var shard, size int64
	err := rows.Scan(&shard, &size)
	return sqlkit.Place(shard, size), err
}

// LogFrom reads entries in their order, from a place on. What is neither evidence
// nor the note of an event of a dossier comes with
// its place alone.
func (s *Store) LogFrom(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	shard, index := sqlkit.SplitPlace(place)
	return collect(ctx, s.reader, sqlkit.ScanPlaced, `SELECT l.shard, l.idx, e.canonical, `+sqlkit.SQLiteJWS+`, n.body FROM log_entries l LEFT JOIN evidences e ON e.id = l.source`+sqlkit.PlacedNotes+`
		WHERE (l.shard, l.idx) >= (?, ?) ORDER BY l.shard, l.idx LIMIT ?`, shard, index, limit)
}

// AddPushes records what the log held from a place on for subscriptions, and how far it
// was read now. A push that is there stays as it is.
func (s *Store) AddPushes(ctx context.Context, from, next int64, pushes []hub.Push) error {
	return s.do(ctx, 1+2*len(pushes), func(t *tx) error {
		n, err := t.change("UPDATE counters SET value = ? WHERE name = 'pushes' AND value = ?", next, from)
		if err == nil && n == 0 {
			err = sqlkit.FeedMoved()
		}
		for i := 0; i < len(pushes) && err == nil; i++ {
			err = insertPush(t, &pushes[i])
		}
		return failed("add pushes", err)
	})
}

func insertPush(t *tx, p *hub.Push) error {
	return t.exec("INSERT INTO pushes ("+sqlkit.PushColumns+") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING", sqlkit.PushRow(p)...)
}

// DuePushes lists waiting pushes of a subscription whose time has come, by place. When
// there are none, it tells when the first will be due; the zero time stands for never.
func (s *Store) DuePushes(ctx context.Context, subscription string, now time.Time, limit int) ([]hub.Push, time.Time, error) {
	due, err := collect(ctx, s.reader, sqlkit.ScanPush, "SELECT "+sqlkit.PushColumns+` FROM pushes
		WHERE subscription = ? AND state = 'waiting' AND due <= ? ORDER BY place LIMIT ?`, subscription, sqlkit.Micros(now), limit)
	if err != nil || len(due) > 0 {
		return due, time.Time{}, err
	}
	next, err := one(ctx, s.reader, "time", scanInt, "SELECT coalesce(min(due), 0) FROM pushes WHERE subscription = ? AND state = 'waiting'", subscription)
	return nil, sqlkit.Time(next), err
}

// SavePushes records what became of pushes that were not settled for good before, and
// returns of how many. One that becomes unknown without an attempt waits until then.
func (s *Store) SavePushes(ctx context.Context, pushes ...hub.Push) (int, error) {
	var saved int64
	err := s.do(ctx, 2*len(pushes), func(t *tx) error {
		saved = 0
		for i := range pushes {
			p := &pushes[i]
			n, err := t.change(`UPDATE pushes SET state = ?1, due = ?2, attempts = ?3, tried = ?4, last_error = ?5
				WHERE subscription = ?6 AND place = ?7 AND (state = 'waiting' OR state = 'unknown' AND (?1 <> 'unknown' OR ?3 > attempts))`,
				string(p.State), sqlkit.Micros(p.Due), p.Attempts, sqlkit.Micros(p.Tried), p.LastError, p.Subscription, p.Place)
			if err != nil {
				return failed("save pushes", err)
			}
			saved += n
		}
		return nil
	})
	return int(saved), err
}

// Pushes lists pushes of a subscription by place.
func (s *Store) Pushes(ctx context.Context, query hub.PushQuery) (hub.List[hub.Push], error) {
	after, err := sqlkit.AfterPlace(&query)
	if err != nil {
		return hub.List[hub.Push]{}, err
	}
	found, err := collect(ctx, s.reader, sqlkit.ScanPush, "SELECT "+sqlkit.PushColumns+` FROM pushes
		WHERE subscription = ?1 AND place > ?2 AND (?3 = '' OR state = ?3) ORDER BY place LIMIT ?4`,
		query.Subscription, after, string(query.State), query.Page.Limit+1)
	return sqlkit.PushesPage(found, query.Page.Limit), err
}

// ReplayPushes lets settled pushes wait again and returns how many.
func (s *Store) ReplayPushes(ctx context.Context, subscription string, which hub.Replay, now time.Time) (int, error) {
	var n int64
	err := s.do(ctx, maxRows, func(t *tx) error {
		var err error
		n, err = t.change(`UPDATE pushes SET state = 'waiting', due = ?1, attempts = 0, last_error = ''
			WHERE subscription = ?2 AND state <> 'waiting' AND at >= ?3 AND (?4 = '' OR evidence = ?4) AND (?5 = 0 OR state = 'set_aside')`,
			sqlkit.Micros(now), subscription, sqlkit.Micros(which.Since), string(which.Evidence), which.SetAside)
		return failed("replay pushes", err)
	})
	return int(n), err
}

// PrunePushes removes the oldest pushes before a time, waiting ones included, and
// returns how many.
func (s *Store) PrunePushes(ctx context.Context, before time.Time, limit int) (int, error) {
	var n int64
	err := s.do(ctx, limit, func(t *tx) error {
		var err error
		n, err = t.change(`DELETE FROM pushes WHERE (subscription, place) IN (SELECT subscription, place FROM pushes WHERE at < ? ORDER BY at LIMIT ?)`,
			sqlkit.Micros(before), limit)
		return failed("prune pushes", err)
	})
	return int(n), err
}
