package sqlkit

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// LogHead returns a checkpoint of a column: empty when there is none.
func LogHead(body []byte) (hub.LogHead, error) {
	if len(body) == 0 {
		return hub.LogHead{}, nil
	}
	return Decode[hub.LogHead](body)
}

// ShardBody is the record of a shard, with checkpoints as their columns hold them.
func ShardBody(origin string, size int64, head, witnessed []byte) (json.RawMessage, error) {
	s := hub.LogShardRecord{Origin: origin, Size: size}
	var err error
	if s.Head, err = headOf(head); err != nil {
		return nil, err
	}
	if s.Witnessed, err = headOf(witnessed); err != nil {
		return nil, err
	}
	return marshal(s)
}

func headOf(body []byte) (*hub.LogHead, error) {
	if len(body) == 0 {
		return nil, nil //nolint:nilnil // there is none
	}
	head, err := LogHead(body)
	return &head, err
}

// HeadColumn is what a column holds for a checkpoint of a record.
func HeadColumn(head *hub.LogHead) (string, error) {
	if head == nil {
		return "", nil
	}
	return Encode(head)
}

// LogEntryBody is the record of an entry.
func LogEntryBody(shard int64, e *hub.LogEntry) (json.RawMessage, error) {
	return marshal(hub.LogEntryRecord{Shard: shard, LogEntry: *e})
}

// LogStampBody is the record of a time-stamped checkpoint.
func LogStampBody(s *hub.LogStamp) (json.RawMessage, error) { return marshal(s) }

// LogRefused says that a step of the log does not follow what stands.
func LogRefused() error {
	return hub.Errorf(hub.KindConflict, "log", "order",
		"this step does not follow the last one: another node lets the log grow, or the shard is not the newest")
}

// Pointer returns nil for the empty text, as a column that may be NULL wants it.
func Pointer(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
