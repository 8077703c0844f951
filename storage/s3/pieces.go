package s3

import "io"

// leastPiece is how much room a piece has at least, in bytes: those who write little at a
// time share one.
const leastPiece = 4 << 10

// pieces is content in memory as it was written: unlike one growing buffer it takes no
// more room than that.
type pieces struct {
	list [][]byte
	size int64
}

// Write implements io.Writer.
func (p *pieces) Write(b []byte) (int, error) {
	p.size += int64(len(b))
	last := len(p.list) - 1
	if last < 0 || cap(p.list[last])-len(p.list[last]) < len(b) {
		p.list = append(p.list, make([]byte, 0, max(len(b), leastPiece)))
		last++
	}
	p.list[last] = append(p.list[last], b...)
	return len(b), nil
}

// ReadAt implements io.ReaderAt.
func (p *pieces) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	for _, piece := range p.list {
		if off >= int64(len(piece)) {
			off -= int64(len(piece))
			continue
		}
		n += copy(b[n:], piece[off:])
		off = 0
		if n == len(b) {
			return n, nil
		}
	}
	return n, io.EOF
}

// reader reads it from the start.
func (p *pieces) reader() *io.SectionReader { return io.NewSectionReader(p, 0, p.size) }
