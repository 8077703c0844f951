package pdfsig

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
)

// Bounds of streams that structure is read from. Images and attachments are never decoded
// here, the contents of pages only for their text.
const (
	maxXrefBytes         = 64 << 20
	maxObjectStreamBytes = 8 << 20
	maxHeldBytes         = 12 << 20  // of opened object streams in memory
	maxInflated          = 160 << 20 // over a whole verification: about a second
	maxPredictorColumns  = 1 << 12
)

// streamError keeps an I/O failure and turns any other one into a structure error.
func streamError(offset int64, reason string, err error) error {
	var structure *structureError
	if errors.As(err, &structure) {
		return err
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isCorrupt(err) {
		return broken(offset, "%s", reason)
	}
	return err
}

// isCorrupt recognises the errors of compressed data.
func isCorrupt(err error) bool {
	var corrupt flate.CorruptInputError
	return errors.As(err, &corrupt) || errors.Is(err, zlib.ErrHeader) ||
		errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary)
}

// decode returns the bytes of a structural stream: plain or Flate, with or without
// a PNG predictor. The caller bounds how much it reads.
func (f *file) decode(s *stream, in *view) (io.Reader, error) {
	length, err := f.streamLength(s, in)
	if err != nil {
		return nil, err
	}
	var reader io.Reader = bufio.NewReaderSize(io.NewSectionReader(f.source, s.offset, length), windowBytes)
	filter := s.dict["Filter"]
	if list, ok := filter.(array); ok && len(list) == 1 {
		filter = list[0]
	}
	switch filter {
	case nil:
		return reader, nil
	case name("FlateDecode"):
	default:
		return nil, broken(s.offset, "a structural stream uses another filter than FlateDecode")
	}
	inflated, err := zlib.NewReader(reader)
	if err != nil {
		return nil, streamError(s.offset, "a structural stream is not compressed as it says", err)
	}
	return f.unpredict(s, io.LimitReader(inflated, maxXrefBytes))
}

// unpredict undoes a PNG predictor (ISO 32000-1, 7.4.4.4).
func (f *file) unpredict(s *stream, from io.Reader) (io.Reader, error) {
	parameters := s.dict["DecodeParms"]
	if list, ok := parameters.(array); ok && len(list) == 1 {
		parameters = list[0]
	}
	d := dictOf(parameters)
	predictor, given := d["Predictor"].(int64)
	if !given || predictor == 1 {
		return from, nil
	}
	columns, ok := d["Columns"].(int64)
	if !ok {
		columns = 1
	}
	if predictor < 10 || predictor > 15 || columns < 1 || columns > maxPredictorColumns || !oneByteSamples(d) {
		return nil, broken(s.offset, "a structural stream uses a predictor that is not read")
	}
	return &pngReader{from: bufio.NewReaderSize(from, windowBytes), row: make([]byte, columns), offset: s.offset}, nil
}

func oneByteSamples(d dict) bool {
	colors, bits := d["Colors"], d["BitsPerComponent"]
	return (colors == nil || colors == int64(1)) && (bits == nil || bits == int64(8))
}

// pngReader undoes the PNG filters for samples of one byte.
type pngReader struct {
	from   *bufio.Reader
	row    []byte // the last row, decoded
	left   []byte // of it, not yet handed out
	offset int64
}

// Read implements io.Reader.
func (r *pngReader) Read(into []byte) (int, error) {
	if len(r.left) == 0 {
		if err := r.nextRow(); err != nil {
			return 0, err
		}
	}
	n := copy(into, r.left)
	r.left = r.left[n:]
	return n, nil
}

func (r *pngReader) nextRow() error {
	filter, err := r.from.ReadByte()
	if err != nil {
		return err
	}
	var left, corner byte // of the current row, and of the row above it
	for i := range r.row {
		raw, err := r.from.ReadByte()
		if err != nil {
			return err
		}
		above := r.row[i]
		switch filter {
		case 0:
		case 1:
			raw += left
		case 2:
			raw += above
		case 3:
			raw += byte((int(left) + int(above)) / 2)
		case 4:
			raw += paeth(left, above, corner)
		default:
			return broken(r.offset, "a structural stream has a bad predictor row")
		}
		r.row[i], left, corner = raw, raw, above
	}
	r.left = r.row
	return nil
}

func paeth(a, b, c byte) byte {
	estimate := int(a) + int(b) - int(c)
	distance := func(x byte) int { return max(estimate-int(x), int(x)-estimate) }
	switch {
	case distance(a) <= distance(b) && distance(a) <= distance(c):
		return a
	case distance(b) <= distance(c):
		return b
	}
	return c
}
