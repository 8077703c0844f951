package pdfsig

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"hash"
	"io"
	"slices"
)

const (
	// chunkBytes is how much of the file is in memory while it is hashed.
	chunkBytes = 128 << 10
	// maxMarks bounds the places where the text of a byte range is noted.
	maxMarks = 1024
)

// digestJob asks for the digest of a file without the bytes [low, high), up to end.
type digestJob struct {
	hash           crypto.Hash
	low, high, end int64
	sum            []byte
}

// scanResult is what one pass over the file found.
type scanResult struct {
	marks []int64 // offsets of the text "/ByteRange"
}

// trunk hashes the file from its first byte on. Every signature signs the file from
// there up to its own value, so what two signatures have in common is hashed once:
// at the gap of a job the state is copied into a branch of its own.
type trunk struct {
	state hash.Hash
	jobs  []*digestJob // by low
}

// branch is a copied state that takes the second range of one job.
type branch struct {
	state hash.Hash
	job   *digestJob
}

// scan reads the file once from end to end, computes the digests of the jobs and
// notes where the text of a byte range stands.
func scan(ctx context.Context, source io.ReaderAt, size int64, jobs []*digestJob) (scanResult, error) {
	var result scanResult
	s := newScanState(jobs)
	buffer := make([]byte, min(chunkBytes, size))
	mark := []byte("/ByteRange")
	overlap := int64(len(mark) - 1)
	for offset := int64(0); offset < size; {
		if err := ctx.Err(); err != nil {
			return result, err
		}
		n, err := source.ReadAt(buffer[:min(int64(len(buffer)), size-offset)], offset)
		if n == 0 {
			return result, shortRead(err)
		}
		result.note(buffer[:n], offset, mark)
		fresh := int64(n)
		if offset+fresh < size && fresh > overlap {
			fresh -= overlap // look at the seam again, so that no mark is cut in two
		}
		if err := s.write(buffer[:fresh], offset); err != nil {
			return result, err
		}
		offset += fresh
	}
	return result, s.finish()
}

func shortRead(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

func (r *scanResult) note(chunk []byte, offset int64, mark []byte) {
	for at := 0; len(r.marks) < maxMarks; {
		i := bytes.Index(chunk[at:], mark)
		if i < 0 {
			return
		}
		if found := offset + int64(at+i); len(r.marks) == 0 || found > r.marks[len(r.marks)-1] {
			r.marks = append(r.marks, found)
		}
		at += i + len(mark)
	}
}

// scanState holds one trunk for each hash function, and the open branches.
type scanState struct {
	trunks   []*trunk
	branches []branch
}

func newScanState(jobs []*digestJob) *scanState {
	byHash := map[crypto.Hash]*trunk{}
	s := &scanState{}
	sorted := slices.SortedFunc(slices.Values(jobs), func(a, b *digestJob) int { return int(a.low - b.low) })
	for _, job := range sorted {
		t := byHash[job.hash]
		if t == nil {
			t = &trunk{state: job.hash.New()}
			byHash[job.hash] = t
			s.trunks = append(s.trunks, t)
		}
		t.jobs = append(t.jobs, job)
	}
	return s
}

// write feeds the bytes of the file at an offset.
func (s *scanState) write(chunk []byte, offset int64) error {
	for _, b := range s.branches {
		b.state.Write(clip(chunk, offset, b.job.high, b.job.end))
	}
	for _, t := range s.trunks {
		at := offset
		for len(t.jobs) > 0 && t.jobs[0].low < offset+int64(len(chunk)) {
			job := t.jobs[0]
			t.jobs = t.jobs[1:]
			t.state.Write(clip(chunk, offset, at, job.low))
			at = job.low
			state, err := clone(t.state)
			if err != nil {
				return err
			}
			state.Write(clip(chunk, offset, job.high, job.end))
			s.branches = append(s.branches, branch{state, job})
		}
		if len(t.jobs) > 0 {
			t.state.Write(clip(chunk, offset, at, offset+int64(len(chunk))))
		}
	}
	return nil
}

func (s *scanState) finish() error {
	for _, t := range s.trunks {
		if len(t.jobs) > 0 {
			return io.ErrUnexpectedEOF
		}
	}
	for _, b := range s.branches {
		b.job.sum = b.state.Sum(nil)
	}
	return nil
}

// clip returns the part of a chunk that lies in [from, to) of the file.
func clip(chunk []byte, offset, from, to int64) []byte {
	low := min(max(from-offset, 0), int64(len(chunk)))
	high := min(max(to-offset, low), int64(len(chunk)))
	return chunk[low:high]
}

func clone(state hash.Hash) (hash.Hash, error) {
	cloner, ok := state.(hash.Cloner)
	if !ok {
		return nil, errors.New("this hash function cannot copy its state")
	}
	return cloner.Clone()
}
