package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// SubscriptionsVersion grows with every change of a subscription.
func (s *Store) SubscriptionsVersion(ctx context.Context) (int64, error) {
	found, err := collect(ctx, s, pgx.RowTo[int64], "SELECT value FROM counters WHERE name = 'subscriptions'")
	return first(found, "version", err)
}

// Subscriptions lists all subscriptions by id.
func (s *Store) Subscriptions(ctx context.Context) ([]hub.Subscription, error) {
	return collect(ctx, s, scanSubscription, "SELECT body FROM subscriptions ORDER BY id")
}

// Subscription returns a subscription; KindNotFound when there is none.
func (s *Store) Subscription(ctx context.Context, id string) (hub.Subscription, error) {
	found, err := collect(ctx, s, scanSubscription, "SELECT body FROM subscriptions WHERE id = $1", id)
	return first(found, "subscription", err)
}

func scanSubscription(row pgx.CollectableRow) (hub.Subscription, error) {
	body, err := pgx.RowTo[[]byte](row)
	if err != nil {
		return hub.Subscription{}, err
	}
	return sqlkit.DecodeSubscription(body)
}

// subscriptionsChanged is the beginning of a statement that changes subscriptions.
const subscriptionsChanged = "WITH changed AS (UPDATE counters SET value = value + 1 WHERE name = 'subscriptions')"

// SaveSubscription inserts a subscription of version 1 or replaces the one before it.
func (s *Store) SaveSubscription(ctx context.Context, sub hub.Subscription) error {
	body, err := sqlkit.EncodeSubscription(&sub)
	if err != nil {
		return err
	}
	statement := subscriptionsChanged + " INSERT INTO subscriptions (version, body, id) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING RETURNING 1"
	if sub.Version > 1 {
		statement = subscriptionsChanged + " UPDATE subscriptions SET version = $1, body = $2 WHERE id = $3 AND version = $1 - 1 RETURNING 1"
	}
	saved, err := change(ctx, s, "save a subscription", pgx.RowTo[int64], statement, sub.Version, body, sub.ID)
	_, err = first(saved, "subscription", err)
	return sqlkit.OtherSubscription(err)
}

// RemoveSubscription removes a subscription and all that it would tell.
func (s *Store) RemoveSubscription(ctx context.Context, id string) error {
	return s.exec(ctx, "remove a subscription", subscriptionsChanged+
		", gone AS (DELETE FROM subscriptions WHERE id = $1) DELETE FROM pushes WHERE subscription = $1", id)
}

// PushPosition tells how far the log was read for pushes, and where it ends.
func (s *Store) PushPosition(ctx context.Context) (position, end int64, err error) {
	type place struct{ position, shard, size int64 }
	found, err := collect(ctx, s, func(row pgx.CollectableRow) (p place, err error) {
		err = row.Scan(&p.position, &p.shard, &p.size)
		return p, err
	}, `SELECT c.value, coalesce(l.number, 0), coalesce(l.size, 0) FROM counters c
		LEFT JOIN (SELECT number, size FROM log_shards ORDER BY number DESC LIMIT 1) l ON true WHERE c.name = 'pushes'`)
	p, err := first(found, "position", err)
	return p.position, sqlkit.Place(p.shard, p.size), err
}

// LogFrom reads entries in their order, from a place on. What is neither evidence
// nor the note of an event of a dossier comes with
// its place alone.
func (s *Store) LogFrom(ctx context.Context, place int64, limit int) ([]hub.PlacedEvidence, error) {
	shard, index := sqlkit.SplitPlace(place)
	return collect(ctx, s, sqlkit.ScanPlaced, `SELECT l.shard, l.idx, e.canonical, `+sqlkit.PostgresJWS+`, n.body FROM log_entries l LEFT JOIN evidences e ON e.id = l.source`+sqlkit.PlacedNotes+`
		WHERE (l.shard, l.idx) >= ($1, $2) ORDER BY l.shard, l.idx LIMIT $3`, shard, index, limit)
}

const pushRows = `SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[],
	$7::bigint[], $8::text[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[])`

// insertPushes inserts rows; a push that is there stays as it is.
const insertPushes = "INSERT INTO pushes (" + sqlkit.PushColumns + ") " + pushRows

func pushColumns(pushes []hub.Push) []any {
	columns := columns{args: make([]any, 12)}
	for i := range columns.args {
		columns.args[i] = []any{}
	}
	for i := range pushes {
		columns.add(sqlkit.PushRow(&pushes[i])...)
	}
	return columns.args
}

// AddPushes records what the log held from a place on for subscriptions, and how far it
// was read now. A push that is there stays as it is.
func (s *Store) AddPushes(ctx context.Context, from, next int64, pushes []hub.Push) error {
	moved, err := change(ctx, s, "add pushes", pgx.RowTo[int64],
		"WITH moved AS (UPDATE counters SET value = $14 WHERE name = 'pushes' AND value = $13 RETURNING 1), added AS ("+
			insertPushes+" WHERE EXISTS (SELECT FROM moved) ON CONFLICT DO NOTHING) SELECT count(*) FROM moved",
		append(pushColumns(pushes), from, next)...)
	if n, err := first(moved, "position", err); err != nil || n == 1 {
		return err
	}
	return sqlkit.FeedMoved()
}

// DuePushes lists waiting pushes of a subscription whose time has come, by place. When
// there are none, it tells when the first will be due; the zero time stands for never.
func (s *Store) DuePushes(ctx context.Context, subscription string, now time.Time, limit int) ([]hub.Push, time.Time, error) {
	due, err := collect(ctx, s, sqlkit.ScanPush, "SELECT "+sqlkit.PushColumns+` FROM pushes
		WHERE subscription = $1 AND state = 'waiting' AND due <= $2 ORDER BY place LIMIT $3`, subscription, sqlkit.Micros(now), limit)
	if err != nil || len(due) > 0 {
		return due, time.Time{}, err
	}
	found, err := collect(ctx, s, pgx.RowTo[int64], "SELECT coalesce(min(due), 0) FROM pushes WHERE subscription = $1 AND state = 'waiting'", subscription)
	next, err := first(found, "time", err)
	return nil, sqlkit.Time(next), err
}

// SavePushes records what became of pushes that were not settled for good before, and
// returns of how many. One that becomes unknown without an attempt waits until then.
func (s *Store) SavePushes(ctx context.Context, pushes ...hub.Push) (int, error) {
	return s.countPushes(ctx, "save pushes", `WITH saved AS (UPDATE pushes p SET state = u.state, due = u.due, attempts = u.attempts, tried = u.tried, last_error = u.last_error
		FROM (`+pushRows+") AS u ("+sqlkit.PushColumns+") WHERE p.subscription = u.subscription AND p.place = u.place AND (p.state = 'waiting' OR p.state = 'unknown' AND (u.state <> 'unknown' OR u.attempts > p.attempts)) RETURNING 1) SELECT count(*) FROM saved",
		pushColumns(pushes)...)
}

// Pushes lists pushes of a subscription by place.
func (s *Store) Pushes(ctx context.Context, query hub.PushQuery) (hub.List[hub.Push], error) {
	after, err := sqlkit.AfterPlace(&query)
	if err != nil {
		return hub.List[hub.Push]{}, err
	}
	found, err := collect(ctx, s, sqlkit.ScanPush, "SELECT "+sqlkit.PushColumns+` FROM pushes
		WHERE subscription = $1 AND place > $2 AND ($3 = '' OR state = $3) ORDER BY place LIMIT $4`,
		query.Subscription, after, string(query.State), query.Page.Limit+1)
	return sqlkit.PushesPage(found, query.Page.Limit), err
}

// ReplayPushes lets settled pushes wait again and returns how many.
func (s *Store) ReplayPushes(ctx context.Context, subscription string, which hub.Replay, now time.Time) (int, error) {
	return s.countPushes(ctx, "replay pushes", `WITH again AS (UPDATE pushes SET state = 'waiting', due = $1, attempts = 0, last_error = ''
		WHERE subscription = $2 AND state <> 'waiting' AND at >= $3 AND ($4 = '' OR evidence = $4) AND (NOT $5 OR state = 'set_aside') RETURNING 1)
		SELECT count(*) FROM again`,
		sqlkit.Micros(now), subscription, sqlkit.Micros(which.Since), string(which.Evidence), which.SetAside)
}

// PrunePushes removes the oldest pushes before a time, waiting ones included, and
// returns how many.
func (s *Store) PrunePushes(ctx context.Context, before time.Time, limit int) (int, error) {
	return s.countPushes(ctx, "prune pushes", `WITH gone AS (DELETE FROM pushes
		WHERE (subscription, place) IN (SELECT subscription, place FROM pushes WHERE at < $1 ORDER BY at LIMIT $2) RETURNING 1)
		SELECT count(*) FROM gone`, sqlkit.Micros(before), limit)
}

// countPushes runs a business act and returns how many rows it touched.
func (s *Store) countPushes(ctx context.Context, doing, text string, args ...any) (int, error) {
	counted, err := change(ctx, s, doing, pgx.RowTo[int64], text, args...)
	n, err := first(counted, "count", err)
	return int(n), err
}
