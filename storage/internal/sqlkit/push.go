package sqlkit

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// StoredSubscription adds to a subscription what its JSON form leaves out.
type StoredSubscription struct {
	Subscription hub.Subscription
	Secrets      []hub.SubscriptionSecret `json:",omitempty"`
}

// EncodeSubscription returns the JSON form of a subscription.
func EncodeSubscription(s *hub.Subscription) (string, error) {
	return Encode(StoredSubscription{*s, s.Secrets})
}

// DecodeSubscription reads the JSON form of a subscription.
func DecodeSubscription(body []byte) (hub.Subscription, error) {
	stored, err := Decode[StoredSubscription](body)
	stored.Subscription.Secrets = stored.Secrets
	return stored.Subscription, err
}

// OtherSubscription is the answer where no subscription was saved.
func OtherSubscription(err error) error {
	if err != nil && hub.KindOf(err) == hub.KindNotFound {
		return hub.Errorf(hub.KindConflict, "subscription", "version", "the subscription has changed in the meantime, or is gone")
	}
	return err
}

// FeedMoved is the answer to who read the log for pushes from where it was read already.
func FeedMoved() error {
	return hub.Errorf(hub.KindConflict, "pushes", "position", "another node has read the log further")
}

// shardBits is the room of an index in a place: a shard is the log of a year.
const shardBits = 40

// Place joins a shard and an index into one number that grows along the log.
func Place(shard, index int64) int64 { return shard<<shardBits | index }

// SplitPlace is the inverse of Place.
func SplitPlace(place int64) (shard, index int64) {
	return place >> shardBits, place & (1<<shardBits - 1)
}

// PushColumns are the columns of a push in the order of PushRow and ScanPush.
const PushColumns = "subscription, place, evidence, topic, dispatch, delivery, at, state, due, attempts, tried, last_error"

// PushRow returns the values of a row.
func PushRow(p *hub.Push) []any {
	return []any{
		p.Subscription, p.Place, string(p.Evidence), string(p.Topic), string(p.Dispatch), string(p.Delivery), Micros(p.At),
		string(p.State), Micros(p.Due), int64(p.Attempts), Micros(p.Tried), p.LastError,
	}
}

// ScanPush reads a row.
func ScanPush[R Row](row R) (hub.Push, error) {
	var p hub.Push
	var at, due, tried int64
	err := row.Scan(&p.Subscription, &p.Place, (*string)(&p.Evidence), (*string)(&p.Topic), (*string)(&p.Dispatch), (*string)(&p.Delivery),
		&at, (*string)(&p.State), &due, &p.Attempts, &tried, &p.LastError)
	p.At, p.Due, p.Tried = Time(at), Time(due), Time(tried)
	return p, err
}

// ScanPushRecord reads a row into its record.
func ScanPushRecord[R Row](row R) (json.RawMessage, error) {
	p, err := ScanPush(row)
	if err != nil {
		return nil, err
	}
	return marshal(p)
}

// Time is the inverse of Micros.
func Time(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.UnixMicro(n).UTC()
}

// PlacedNotes joins the notes of events of dossiers with entries l of the log.
const PlacedNotes = " LEFT JOIN log_notes n ON n.id = l.source AND n.kind = '" + string(hub.LogNoteDossier) + "' "

// ScanPlaced reads shard and index of an entry with canonical bytes and signature of its
// evidence, and the body of its note, which are NULL where it is something else.
func ScanPlaced[R Row](row R) (hub.PlacedEvidence, error) {
	var p hub.PlacedEvidence
	var shard, index int64
	var canonical, note []byte
	var jws *string
	err := row.Scan(&shard, &index, &canonical, &jws, &note)
	p.Place = Place(shard, index)
	if err == nil && jws != nil {
		p.Evidence, err = Sealed(canonical, *jws)
	}
	if err == nil && note != nil {
		p.Note = new(hub.LogNote)
		err = json.Unmarshal(note, p.Note)
	}
	return p, err
}

// PushesPage cuts a listing of pushes.
func PushesPage(found []hub.Push, limit int) hub.List[hub.Push] {
	var list hub.List[hub.Push]
	list.Items, list.Next = Cut(found, limit, func(p *hub.Push) string { return Cursor("pushes", strconv.FormatInt(p.Place, 10)) })
	return list
}

// AfterPlace is the place behind which a listing of pushes goes on.
func AfterPlace(query *hub.PushQuery) (int64, error) {
	after, err := ParseCursor("pushes", query.Page, 1)
	if err != nil || after == nil {
		return query.From - 1, err
	}
	return ParseNumber(after[0])
}
