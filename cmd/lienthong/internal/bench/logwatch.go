package bench

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// logLook is the time between two looks at the log: what they add to the figures.
const logLook = 20 * time.Millisecond

// watchLog measures how long evidence takes to be in the log that everybody can read: of
// each checkpoint that is larger than the one before, how old the first entry is that
// only this one covers, by the time of the entry.
func (r *round) watchLog(ctx context.Context) {
	w := logWatch{client: newClient(r.target.url, "")}
	defer w.close()
	var published []time.Duration
	for !r.ended(ctx) {
		if age, grew := w.look(ctx); grew {
			published = append(published, age)
		}
		waitUntil(ctx, time.Now().Add(logLook))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tally.published = published
}

// logWatch reads a log as everybody can (c2sp.org/tlog-tiles).
type logWatch struct {
	*client
	shard string // the newest
	size  int64  // that was seen last
}

// look tells how old the oldest entry is that was not published at the look before; not
// where there is none, and nothing where the log is not to be read for a moment.
func (w *logWatch) look(ctx context.Context) (time.Duration, bool) {
	shard, size, err := w.head(ctx)
	now := time.Now()
	if err != nil || size <= w.size && shard == w.shard {
		return 0, false
	}
	first := w.shard == ""
	if shard != w.shard {
		w.shard, w.size = shard, 0
	}
	index := w.size
	w.size = size
	if first {
		return 0, false
	}
	made, err := w.made(ctx, index, size)
	return now.Sub(made), err == nil
}

// head returns the newest shard and its size.
func (w *logWatch) head(ctx context.Context) (shard string, size int64, err error) {
	list, err := w.do(ctx, http.MethodGet, "/log", "", nil, 0)
	if err != nil {
		return "", 0, err
	}
	lines := strings.Split(strings.TrimSpace(string(list)), "\n")
	shard, _, _ = strings.Cut(lines[len(lines)-1], " ")
	note, err := w.do(ctx, http.MethodGet, "/log/"+shard+"/checkpoint", "", nil, 0)
	if err != nil {
		return "", 0, err
	}
	lines = strings.SplitN(string(note), "\n", 3)
	if len(lines) < 3 {
		return "", 0, errors.New("the checkpoint is none")
	}
	size, err = strconv.ParseInt(lines[1], 10, 64)
	return shard, size, err
}

// made reads when an entry of a tree of that size was made.
func (w *logWatch) made(ctx context.Context, index, size int64) (time.Time, error) {
	bundle, err := w.do(ctx, http.MethodGet, "/log/"+w.shard+"/"+entriesPath(index, size), "", nil, 0)
	if err != nil {
		return time.Time{}, err
	}
	var entry []byte
	for range index%entriesInTile + 1 { // each has its length before it
		if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
			return time.Time{}, errors.New("the entries end early")
		}
		entry, bundle = bundle[2:2+binary.BigEndian.Uint16(bundle)], bundle[2+binary.BigEndian.Uint16(bundle):]
	}
	var leaf struct {
		Time time.Time `json:"time"`
	}
	if err := json.Unmarshal(entry, &leaf); err != nil || leaf.Time.IsZero() {
		return time.Time{}, errors.New("the entry has no time")
	}
	return leaf.Time, nil
}

const entriesInTile = 256

// entriesPath is the file that holds an entry of a tree of that size.
func entriesPath(index, size int64) string {
	n := index / entriesInTile
	path := fmt.Sprintf("%03d", n%1000)
	for n /= 1000; n > 0; n /= 1000 {
		path = fmt.Sprintf("x%03d/%s", n%1000, path)
	}
	if left := size - index/entriesInTile*entriesInTile; left < entriesInTile {
		path += ".p/" + strconv.FormatInt(left, 10)
	}
	return "tile/entries/" + path
}
