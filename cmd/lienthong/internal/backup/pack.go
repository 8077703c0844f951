package backup

import (
	"bytes"
	"hash/fnv"

	"github.com/lienthong/lienthong/hub"
)

// Where the stream of records is cut. A record ends its chunk when its own hash says
// so, hence the same records are cut alike however many came before them.
const (
	minChunk = 256 << 10 // bytes of records
	maxChunk = 4 << 20   // one record may lie above
	cutMask  = 1<<8 - 1  // of the records behind minChunk, one in 256 cuts
)

// packed is some records of one kind, whose bodies are the lines of the payload.
type packed struct {
	kind    hub.RecordKind
	count   int64
	payload []byte
}

// records calls each for every record until it fails.
func (p *packed) records(each func(hub.Record) error) error {
	for line := range bytes.Lines(p.payload) {
		if err := each(hub.Record{Kind: p.kind, Body: bytes.TrimSuffix(line, []byte("\n"))}); err != nil {
			return err
		}
	}
	return nil
}

// packer cuts a stream of records into chunks.
type packer struct {
	now  packed
	full func(packed) error
}

func (p *packer) add(r hub.Record) error {
	if p.now.kind != r.Kind {
		if err := p.flush(); err != nil {
			return err
		}
		p.now.kind = r.Kind
	}
	p.now.payload = append(append(p.now.payload, r.Body...), '\n')
	p.now.count++
	if size := len(p.now.payload); size >= maxChunk || size >= minChunk && cuts(r.Body) {
		return p.flush()
	}
	return nil
}

func cuts(body []byte) bool {
	h := fnv.New64a()
	_, _ = h.Write(body) // never fails
	return h.Sum64()&cutMask == 0
}

// flush hands the chunk over, if there is one.
func (p *packer) flush() error {
	chunk := p.now
	p.now = packed{kind: chunk.kind}
	if chunk.count == 0 {
		return nil
	}
	return p.full(chunk)
}
