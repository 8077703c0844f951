// Package engine opens what a hub runs on: the store of its state, the store of its
// originals, and the queue that carries references between its nodes.
//
// The defaults need nothing: a SQLite file, a folder, a queue inside the process.
// PostgreSQL, an S3 store and RabbitMQ take their places one by one, by settings
// alone; the hub above does not know the difference.
package engine

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/connection"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/enrolment"
	"github.com/lienthong/lienthong/hub/evaluation"
	"github.com/lienthong/lienthong/hub/figures"
	"github.com/lienthong/lienthong/hub/handover"
	"github.com/lienthong/lienthong/hub/inspection"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/numbering"
	"github.com/lienthong/lienthong/hub/post"
	"github.com/lienthong/lienthong/hub/procedures"
	"github.com/lienthong/lienthong/hub/push"
	"github.com/lienthong/lienthong/hub/relay"
	"github.com/lienthong/lienthong/hub/retention"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/traffic"
	"github.com/lienthong/lienthong/hub/validation"
)

// State keeps everything but the originals.
type State interface {
	Registry
	Exchange
	Records
	Operated
	io.Closer
}

// Registry keeps who takes part.
type Registry interface {
	directory.Store
	directory.KeyStore
	directory.KeyUses
	enrolment.Store
	Persons
}

// Persons keeps who works with the hub, and what they do with it just now.
type Persons interface {
	accounts.Store
	accounts.SessionStore
	handover.Store
	Drafts
}

// Drafts keeps what persons have begun to write.
type Drafts interface {
	SaveDraft(ctx context.Context, draft hub.Draft) error
	Draft(ctx context.Context, account, id string) (hub.Draft, error)
	Drafts(ctx context.Context, account string) ([]hub.Draft, error)
	DeleteDraft(ctx context.Context, account, id string) error
}

// Exchange keeps what is on its way.
type Exchange interface {
	intake.Store
	intake.UploadStore
	delivery.Store
	Booked
	Served
}

// Served keeps what people come to agencies for.
type Served interface {
	procedures.Store
	inspection.Store
	post.Store
	Filed
}

// Filed keeps dossiers.
type Filed interface {
	dossiers.Store
	dossiers.Counts
	evaluation.Feedbacks
	dossiers.Reminders
}

// Booked keeps registers and the numbers in them.
type Booked interface {
	tracking.RegisterStore
	tracking.BookStore
	tracking.YearStore
	numbering.Store
	intake.Numbers
}

// Records keeps what recipients do, what proves it, and for how long its content stays.
type Records interface {
	tracking.Store
	Tasked
	Followed
	Evidenced
	Kept
}

// Followed keeps who works on what, and what is said of it later.
type Followed interface {
	tracking.LeaseStore
	tracking.ReportStore
	tracking.LinkStore
	tracking.NoticeStore
	Told
}

// Tasked keeps what documents ask of agencies.
type Tasked interface {
	Tasks(ctx context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error)
	TaskTotals(ctx context.Context, query hub.TaskQuery) (hub.TaskTotals, error)
	DueReminders(ctx context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error)
}

// Told keeps who is told of what.
type Told interface {
	push.SubscriptionStore
	push.Feed
	push.Outbox
	push.Noted
	Counted
}

// Counted keeps figures.
type Counted interface {
	figures.Store
	figures.Sums
	figures.Log
	traffic.Store
}

// Evidenced keeps what proves what happened.
type Evidenced interface {
	audit.Store
	LogOrder
	LogRecords
}

// LogOrder is the order of the log, and the numbers of agencies in it.
type LogOrder interface {
	audit.LogStore
	audit.SequenceStore
}

// LogRecords is what belongs to the log beside its order.
type LogRecords interface {
	audit.PlaceStore
	audit.NoteStore
	audit.StampStore
	audit.CosignStore
	Renewed
}

// Renewed keeps what proves the log beyond the end of its time-stamps and its digest.
type Renewed interface {
	audit.RenewalStore
	audit.RehashStore
	audit.RehashSource
}

// Kept is for how long content stays.
type Kept interface {
	retention.Store
	retention.Notes
	validation.Rounds
	validation.Boxes
	relay.Notes
}

// Operated is what running a hub on several nodes asks of its store.
type Operated interface {
	Watched
	Together
	Maintained
	Bells
}

// Watched tells the operator how a store is.
type Watched interface {
	// Ping fails while the store cannot serve.
	Ping(ctx context.Context) error
	// Backlog counts what waits, up to the limit.
	Backlog(ctx context.Context, limit int) (hub.Backlog, error)
	// FailingDeliveries returns, of each recipient to whom the last attempt of a delivery
	// failed, the oldest such delivery; of so many recipients at most.
	FailingDeliveries(ctx context.Context, limit int) ([]hub.Item, error)
}

// Together lets several nodes act as one.
type Together interface {
	Settler
	Leader
	connection.Turns
}

// Settler lets several nodes agree on a value once.
type Settler interface {
	// Settle records a value under a name unless one stands there, and returns
	// the one that stands.
	Settle(ctx context.Context, name, value string) (string, error)
}

// Leader lets one node of several hold a job.
type Leader interface {
	// Lead calls run while this node holds the job of that name, again and again
	// until ctx ends. The context of run ends as soon as the hold is no longer
	// sure. The epoch grows with every holder.
	Lead(ctx context.Context, name string, run func(ctx context.Context, epoch int64) error) error
}

// Maintained is a store that wants looking after, daily and on one node.
type Maintained interface {
	Maintain(ctx context.Context, now time.Time) error
}

// Bells carry the news that something arrived to the nodes where recipients wait for it.
// They are hints: one that is lost costs time and no document.
type Bells interface {
	RingOthers(ctx context.Context, agencies ...hub.AgencyID) error
	// Hear calls ring for what rings on any node, and resumed whenever it has begun to
	// listen, until ctx ends.
	Hear(ctx context.Context, ring func(hub.AgencyID), resumed func()) error
}

// Content keeps the originals.
type Content interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
	Stored
	// Ping fails while the store cannot serve.
	Ping(ctx context.Context) error
	io.Closer
}

// Stored is content as it is kept: what is on its way in, and what may go.
type Stored interface {
	intake.Staging
	BlobInfos(ctx context.Context, after hub.Digest, limit int) ([]hub.BlobInfo, error)
	RemoveBlob(ctx context.Context, digest hub.Digest, before time.Time) error
	SweepStaging(ctx context.Context, before time.Time) (int, error)
	// Tiles is the place of the log's files, beside the originals.
	Tiles() (audit.TileStore, error)
}

// Queue carries references between the nodes.
type Queue interface {
	delivery.Queue
	QueueState
	DeadLetters
	AgencyQueues
	io.Closer
}

// AgencyQueues are the ways of agencies that lead through the broker; none without one.
type AgencyQueues interface {
	Carriers(directory Directory) map[hub.Channel]delivery.Carrier
	// ServeAgencies serves what agencies send through the broker until ctx ends.
	ServeAgencies(ctx context.Context, o amqp.DeskOptions)
	// TestAgency walks to the queue of an agency for a connection test.
	TestAgency(ctx context.Context, agency *hub.Agency, hops *hub.Hops)
}

// QueueState tells the operator how a queue is.
type QueueState interface {
	// Health tells how the queue is: the error is what is wrong with it. A queue that
	// is away degrades a hub and never stops it.
	Health(ctx context.Context) error
	// Depths counts what waits in the broker, by queue; nil without one.
	Depths(ctx context.Context) (map[string]int, error)
}

// Directory finds recipients.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
}

// DeadLetters are the messages that the broker gave up; none without one.
type DeadLetters interface {
	DeadLetters(ctx context.Context, limit int) ([]hub.DeadLetter, error)
	// Replay puts messages back to work, all without ids, and returns how many.
	Replay(ctx context.Context, ids ...string) (int, error)
	// Discard removes messages, all without ids, and returns how many.
	Discard(ctx context.Context, ids ...string) (int, error)
}

// Options say what to open.
type Options struct {
	Settings
	DataDir string // folder of the embedded stores
	Name    string // of the hub, in connections to the servers
	Log     *slog.Logger
	// Fatal is called when a write to the disk failed and MUST NOT return.
	Fatal func(error)
	// TraceID names the trace of a context in messages; nil for none.
	TraceID func(ctx context.Context) string
	// Missed counts references that the broker did not take; nil for nobody.
	Missed func(error)
}
