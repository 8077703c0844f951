// Package backup keeps encrypted, incremental copies of a hub in a folder, its
// repository, and brings them back, into the same engines or into others.
//
// A backup is consistent while the hub works: first the state is read in one
// snapshot, then every original that the snapshot names. Originals are written
// before the rows that name them and outlive them by a day at least, so each is
// there; one that is not is named in the backup and by the command.
//
// The repository:
//
//	lienthong-backup.json         format, and a check of the repository key
//	chunks/ab/abcd...             records of one kind, a line each: gzip, then age
//	chunks/ab/abcd....objects     names of the objects that the records need
//	objects/ab/abcd...            an original: one byte for its form, bytes; age
//	backups/ID.manifest           what the backup consists of: JSON, age
//	backups/ID.index              names of its chunks: JSON, then its HMAC
//	temporary/  lock
//
// Nothing is ever written twice or changed: the name of a chunk or object is the
// HMAC-SHA256 of its content under the repository key, so what is there already is
// not copied again, and who sees the folder learns nothing by guessing content. The
// stream of records is cut where its content says so: what was appended or changed
// changes the chunks around it alone.
//
// The machine that makes backups holds recipients (age, X25519) and the repository
// key. It can write, count and prune, and read nothing of what it wrote; that takes an
// identity, which is kept elsewhere. Reading checks every byte against its name.
//
// The index is written last, when all else is on disk. What a crash leaves behind
// counts as nothing; the next backup goes on with it.
//
// Errors are *hub.Error: KindUntrusted for a wrong identity or repository key,
// KindInvalid with the rule "damaged" and the file's name for damage, KindConflict for
// a repository in use or a target that is not empty.
package backup

import (
	"context"
	"io"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Source is what is backed up.
type Source interface {
	// Export hands out all state of one instant, in the order of hub.RecordKinds.
	Export(ctx context.Context, emit func(hub.Record) error) error
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Target is what a backup is restored into.
type Target interface {
	Source
	// Import takes records into an empty store, all of them or none.
	Import(ctx context.Context, next func() (hub.Record, error)) error
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
}

// File is a small file beside the stores, such as the hub's key. Name is what it is,
// never a path.
type File struct {
	Name    string `json:"name"`
	Content []byte `json:"content"`
}

// recordFile is the kind of a File among the records of a backup; stores never see it.
const recordFile hub.RecordKind = "file"

// Progress is told how far long work is. Total is 0 while it is unknown.
type Progress func(doing string, done, total int64)

func (p Progress) tell(doing string, done, total int64) {
	if p != nil {
		p(doing, done, total)
	}
}

// Manifest says what a backup consists of.
type Manifest struct {
	Format  int       `json:"format"`
	ID      string    `json:"id"`
	Made    time.Time `json:"made"` // UTC, milliseconds: just before the snapshot was taken
	Hub     string    `json:"hub"`
	Version string    `json:"version"` // of the program
	Engine  string    `json:"engine"`

	Records map[hub.RecordKind]int64 `json:"records"`
	Chunks  []Chunk                  `json:"chunks"`         // in the order of their records
	Parts   Amount                   `json:"parts"`          // that the records name, shared ones each time
	Head    *hub.EvidenceRef         `json:"head,omitempty"` // the newest evidence
	// Unreadable are originals that the store could not give.
	Unreadable []Unreadable `json:"unreadable,omitempty"`
}

// Chunk is some records of one kind.
type Chunk struct {
	Name    string         `json:"name"`
	Kind    hub.RecordKind `json:"kind"`
	Records int64          `json:"records"`
}

// Amount counts files and their bytes.
type Amount struct {
	Count int64 `json:"count"`
	Bytes int64 `json:"bytes"`
}

func (a *Amount) add(bytes int64) {
	a.Count++
	a.Bytes += bytes
}

// Unreadable is an original that a backup is without.
type Unreadable struct {
	Digest hub.Digest `json:"sha256"`
	Reason string     `json:"reason"`
}

const format = 1

// copyBuffer is that of copies, in bytes.
const copyBuffer = 256 << 10

// parallel is how many files are written or read at once: enough to hide the time of
// synchronisations, little enough for the hub beside.
const parallel = 8

// copyAll copies until the end of r, or of ctx.
func copyAll(ctx context.Context, w io.Writer, r io.Reader) (int64, error) {
	return io.CopyBuffer(struct{ io.Writer }{w}, &contextReader{ctx, r}, make([]byte, copyBuffer))
}

type contextReader struct {
	ctx context.Context //nolint:containedctx // lives within one call
	r   io.Reader
}

// Read implements io.Reader.
func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
