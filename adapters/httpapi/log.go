package httpapi

import (
	"context"
	"math"
	"net/http"
	"path"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Log shows the tamper-evident log. Its files hold no personal data and are for
// everybody; a proof is for those whom its evidence concerns.
type Log interface {
	Shards(ctx context.Context) ([]hub.LogShard, error)
	// Checkpoint and Tile answer KindNotFound for what is not there.
	Checkpoint(ctx context.Context, shard string) ([]byte, error)
	Tile(ctx context.Context, shard, name string) ([]byte, error)
	// Stamp returns the smallest time-stamped checkpoint of at least that many entries;
	// KindNotFound while there is none.
	Stamp(ctx context.Context, shard string, size int64) (hub.LogStamp, error)
	Proof(ctx context.Context, actor hub.Actor, id hub.EvidenceID) ([]byte, error)
}

// Sequences shows the sequence of an agency to it and to auditors.
type Sequences interface {
	Sequence(ctx context.Context, actor hub.Actor, query hub.SequenceQuery) (hub.Sequence, error)
}

// Media types of c2sp.org/tlog-tiles and of what people read.
const (
	octets    = "application/octet-stream"
	plainText = "text/plain; charset=utf-8"
)

func logRoutes() []route {
	evidence := []hub.Scope{hub.ScopeRead, hub.ScopeAudit}
	return []route{
		{method: http.MethodGet, pattern: "/log", public: true, shared: true, handle: (*api).logShards},
		{method: http.MethodGet, pattern: "/log/{shard}/checkpoint", public: true, shared: true, handle: (*api).logCheckpoint},
		{method: http.MethodGet, pattern: "/log/{shard}/timestamp", public: true, shared: true, handle: (*api).logStamp},
		{method: http.MethodGet, pattern: "/log/{shard}/tile/{tile}", served: "/log/{shard}/tile/*", public: true, shared: true, handle: (*api).logTile},
		{method: http.MethodGet, pattern: "/v1/evidence/{evidence}/proof", scopes: evidence, handle: (*api).proof},
		{method: http.MethodGet, pattern: "/v1/sequence", scopes: evidence, handle: (*api).sequence},
	}
}

// logShards names the shards, one a line.
func (a *api) logShards(x *exchange) error {
	shards, err := a.Proofs.Shards(x.r.Context())
	if err != nil {
		return err
	}
	var names strings.Builder
	for i := range shards {
		origin := shards[i].Origin
		names.WriteString(path.Base(origin) + " " + origin + "\n") // named by the year
	}
	return x.text(http.StatusOK, plainText, []byte(names.String()))
}

func (a *api) logCheckpoint(x *exchange) error {
	signed, err := a.Proofs.Checkpoint(x.r.Context(), x.param("shard"))
	if err != nil {
		return err
	}
	return x.text(http.StatusOK, plainText, signed)
}

func (a *api) logStamp(x *exchange) error {
	q := x.query()
	size := q.number("size", 0, math.MaxInt64, 0)
	if err := q.done(); err != nil {
		return err
	}
	stamp, err := a.Proofs.Stamp(x.r.Context(), x.param("shard"), size)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, stamp)
}

// logTile answers with a file that never changes, so that everybody may keep it.
func (a *api) logTile(x *exchange) error {
	data, err := a.Proofs.Tile(x.r.Context(), x.param("shard"), x.param("*"))
	if err != nil {
		return err
	}
	return x.forEver(octets, data)
}

func (a *api) proof(x *exchange) error {
	proof, err := a.Proofs.Proof(x.r.Context(), x.actor, hub.EvidenceID(x.param("evidence")))
	if err != nil {
		return err
	}
	return x.text(http.StatusOK, plainText, proof)
}

func (a *api) sequence(x *exchange) error {
	q := x.query()
	agency := q.text("agency")
	wanted := hub.SequenceQuery{Year: int(q.number("year", 0, 9999, 0)), After: q.number("after", 0, math.MaxInt64, 0), Limit: int(q.number("limit", 1, 1000, 200))}
	if err := q.done(); err != nil {
		return err
	}
	var err error
	if wanted.Agency, err = a.agencyOf(x.actor, agency); err != nil {
		return err
	}
	sequence, err := a.Sequences.Sequence(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, sequence)
}
