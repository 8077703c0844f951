package pdfsig

import (
	"bytes"
	"cmp"
	"io"
	"math"
	"slices"
	"strings"
)

// Bounds of reading the text of a page. What is above them is not read: the text fills
// fields that a person looks at, it proves nothing.
const (
	maxPageContent = 4 << 20 // bytes of content streams, forms included
	maxGlyphs      = 100_000
	maxFormDepth   = 8
	maxDrawn       = 2000    // forms and images
	maxStates      = 64      // saved graphics states
	maxPageObjects = 8 << 20 // bytes of objects, each time that one is read
	streamCost     = 256     // bytes of content that opening a stream counts for
)

// Line is a run of text on a page, in one line and without a wide gap. Columns that stand
// side by side are lines of their own. Places are in points from the lower left corner.
type Line struct {
	Left, Right float64
	Base        float64 // of the baseline
	Size        float64 // of the largest letters
	Text        string  // what the font says its letters are; U+FFFD where it does not
}

// Lines returns the text of a page by its number from 1; a negative number counts from the
// end. Lines come from the top down, and from the left where they stand side by side. Only
// text is found that its fonts name: of scanned pages there is none. The file is read as
// strictly as for its signatures.
func Lines(source io.ReaderAt, size int64, number int) ([]Line, error) {
	f, err := open(source, size)
	if err != nil {
		return nil, err
	}
	v := f.latest()
	page, err := v.page(number)
	if err != nil {
		return nil, err
	}
	resources, err := v.inherited(page.dict, "Resources")
	if err != nil {
		return nil, err
	}
	v.spare = min(v.spare, maxPageObjects)
	r := &textReader{view: v, fonts: map[ref]*font{}, left: maxPageContent}
	content, err := r.contents(page.dict["Contents"])
	if err != nil {
		return nil, err
	}
	if err := r.run(content, resources, identity(), 0); err != nil {
		return nil, err
	}
	return inLines(r.pieces), nil
}

// inherited finds an entry of a page in it or in the nodes above it.
func (v view) inherited(d dict, key name) (dict, error) {
	for range maxPageDepth {
		found, err := v.dict(d[key])
		if err != nil || found != nil {
			return found, err
		}
		if d, err = v.dict(d["Parent"]); err != nil || d == nil {
			return nil, err
		}
	}
	return nil, nil
}

// matrix is a transformation (ISO 32000-1, 8.3.3): a b c d e f.
type matrix [6]float64

func identity() matrix { return matrix{1, 0, 0, 1, 0, 0} }

// times applies m first and then n.
func (m matrix) times(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// piece is what one operator showed.
type piece struct {
	x, y, right, size float64
	text              string
}

// textState is the part of the graphics state that text depends on (ISO 32000-1, 9.3).
type textState struct {
	ctm     matrix
	font    *font
	size    float64
	leading float64
	charGap float64
	wordGap float64
	rise    float64
	wide    float64 // the horizontal scale, 1 is as drawn
}

// textReader runs the content of a page and keeps the text that it shows.
type textReader struct {
	view
	fonts  map[ref]*font
	opened int // fonts
	tables int // entries of their tables that were read
	drawn  int // forms and images
	left   int // bytes of content that may still be read
	glyphs int
	pieces []piece
}

// contents joins the streams of a page.
func (r *textReader) contents(o object) ([]byte, error) {
	resolved, err := r.resolve(o)
	if err != nil {
		return nil, err
	}
	list, ok := resolved.(array)
	if !ok {
		list = array{resolved}
	}
	var all []byte
	for _, element := range list {
		part, err := r.resolve(element)
		if err != nil {
			return nil, err
		}
		s, ok := part.(*stream)
		if !ok {
			continue
		}
		content, err := r.content(s)
		if err != nil {
			return nil, err
		}
		all = append(append(all, content...), '\n')
	}
	return all, nil
}

// content decodes one stream, as far as there is room.
func (r *textReader) content(s *stream) ([]byte, error) {
	if r.left -= streamCost; r.left <= 0 {
		r.left = 0
		return nil, nil
	}
	decoded, err := r.decode(s, &r.view)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(decoded, int64(r.left)))
	if err != nil {
		return nil, streamError(s.offset, "the content of a page is not compressed as it says", err)
	}
	r.left -= len(content)
	return content, nil
}

// drawing is one content stream while it runs.
type drawing struct {
	*textReader
	textState
	resources  dict
	shapes     dict // its forms and images
	faces      dict // and fonts
	saved      []textState
	line, text matrix // of the text line and of the next glyph
	operands   array
	depth      int
}

// run draws a content stream.
func (r *textReader) run(content []byte, resources dict, ctm matrix, depth int) error {
	d := &drawing{textReader: r, textState: textState{ctm: ctm, wide: 1}, resources: resources, line: identity(), text: identity(), depth: depth}
	var err error
	if d.shapes, err = r.dict(resources["XObject"]); err != nil {
		return err
	}
	if d.faces, err = r.dict(resources["Font"]); err != nil {
		return err
	}
	p := newParser(bytes.NewReader(content), 0)
	for r.glyphs < maxGlyphs {
		p.skipSpace()
		b, ok := p.peek()
		switch {
		case !ok:
			return nil // a page that breaks off shows what it showed
		case isOperand(b):
			p.elements = 0
			d.operands = append(d.operands, p.object(0))
		case isDelimiter(b):
			return nil
		default:
			operator := p.word()
			if operator == "BI" {
				skipImage(p, content)
			} else if err := d.operate(operator); err != nil {
				return err
			}
			d.operands = d.operands[:0]
		}
		if len(d.operands) > maxStates {
			d.operands = d.operands[:0]
		}
	}
	return nil
}

func isOperand(b byte) bool {
	return b == '(' || b == '[' || b == '<' || b == '/' || b == '-' || b == '+' || b == '.' || b >= '0' && b <= '9'
}

// skipImage passes the data of an image in the content (ISO 32000-1, 8.9.7).
func skipImage(p *parser, content []byte) {
	at := int(p.offset())
	for at < len(content) {
		end := bytes.Index(content[at:], []byte("EI"))
		if end < 0 {
			at = len(content)
			break
		}
		at += end + 2
		if isSpace(content[at-3]) && (at == len(content) || isSpace(content[at])) {
			break
		}
	}
	p.seek(int64(at))
}

// number is the operand at a place, or 0.
func (d *drawing) number(i int) float64 {
	if i < len(d.operands) {
		if n, ok := number(d.operands[i]); ok && !math.IsInf(n, 0) && !math.IsNaN(n) {
			return n
		}
	}
	return 0
}

func (d *drawing) matrix() (m matrix) {
	for i := range m {
		m[i] = d.number(i)
	}
	return m
}

// operate does one operator (ISO 32000-1, 9.3, 9.4 and 8.4.4); those that show no text and
// move none are passed.
func (d *drawing) operate(operator string) error {
	switch operator {
	case "q":
		if len(d.saved) < maxStates {
			d.saved = append(d.saved, d.textState)
		}
	case "Q":
		if n := len(d.saved); n > 0 {
			d.textState, d.saved = d.saved[n-1], d.saved[:n-1]
		}
	case "cm":
		d.ctm = d.matrix().times(d.ctm)
	case "Do":
		return d.form()
	case "Tf":
		return d.choose()
	case "Tc":
		d.charGap = d.number(0)
	case "Tw":
		d.wordGap = d.number(0)
	case "Tz":
		d.wide = d.number(0) / 100
	case "TL":
		d.leading = d.number(0)
	case "Ts":
		d.rise = d.number(0)
	case "BT":
		d.line, d.text = identity(), identity()
	case "Tm":
		d.line = d.matrix()
		d.text = d.line
	default:
		d.move(operator)
	}
	return nil
}

// move does the operators that begin a line or show text.
func (d *drawing) move(operator string) {
	switch operator {
	case "TD":
		d.leading = -d.number(1)
		d.nextLine(d.number(0), d.number(1))
	case "Td":
		d.nextLine(d.number(0), d.number(1))
	case "T*":
		d.nextLine(0, -d.leading)
	case "Tj", "TJ":
		d.show(d.operand(0))
	case "'":
		d.nextLine(0, -d.leading)
		d.show(d.operand(0))
	case "\"":
		d.wordGap, d.charGap = d.number(0), d.number(1)
		d.nextLine(0, -d.leading)
		d.show(d.operand(2))
	}
}

func (d *drawing) operand(i int) object {
	if i < len(d.operands) {
		return d.operands[i]
	}
	return nil
}

func (d *drawing) nextLine(x, y float64) {
	d.line = matrix{1, 0, 0, 1, x, y}.times(d.line)
	d.text = d.line
}

// form draws a form of the resources inside this content.
func (d *drawing) form() error {
	title, _ := d.operand(0).(name)
	if d.depth == maxFormDepth || d.drawn == maxDrawn || d.left == 0 {
		return nil
	}
	d.drawn++
	found, err := d.resolve(d.shapes[title])
	if err != nil {
		return err
	}
	s, ok := found.(*stream)
	if !ok || s.dict["Subtype"] != name("Form") {
		return nil
	}
	resources, err := d.dict(s.dict["Resources"])
	if err != nil {
		return err
	}
	if resources == nil {
		resources = d.resources
	}
	content, err := d.content(s)
	if err != nil {
		return err
	}
	ctm := d.ctm
	if list, ok := s.dict["Matrix"].(array); ok && len(list) == 6 {
		inner := drawing{operands: list}
		ctm = inner.matrix().times(ctm)
	}
	return d.run(content, resources, ctm, d.depth+1)
}

// choose takes a font of the resources.
func (d *drawing) choose() error {
	title, _ := d.operand(0).(name)
	d.size = d.number(1)
	var err error
	d.font, err = d.open(d.faces[title])
	return err
}

// show keeps a string, or the strings and gaps of an array, as one piece.
func (d *drawing) show(o object) {
	list, ok := o.(array)
	if !ok {
		list = array{o}
	}
	begin := d.place()
	var said strings.Builder
	for _, element := range list {
		switch v := element.(type) {
		case *text:
			d.letters(&said, v.value)
		default:
			gap, _ := number(v)
			d.advance(-gap / 1000 * d.size * d.wide)
			if gap < -blankGap && said.Len() > 0 {
				said.WriteByte(' ')
			}
		}
	}
	end := d.place()
	if said.Len() == 0 || math.Abs(begin[1]) > math.Abs(begin[0])/10 { // text that stands upright or on its head fills no field
		return
	}
	scale := math.Hypot(begin[2], begin[3])
	d.pieces = append(d.pieces, piece{x: begin[4], y: begin[5], right: end[4], size: scale * d.size, text: said.String()})
}

// blankGap is what counts as a blank inside a line, in thousandths of the size of the font.
const blankGap = 200

// letters adds what a string says and moves behind it.
func (d *drawing) letters(said *strings.Builder, value []byte) {
	for len(value) > 0 && d.glyphs < maxGlyphs {
		d.glyphs++
		code, n := d.font.code(value)
		said.WriteString(d.font.meaning(code, n))
		along := d.font.width(code)/1000*d.size + d.charGap
		if n == 1 && code == ' ' {
			along += d.wordGap
		}
		d.advance(along * d.wide)
		value = value[n:]
	}
}

func (d *drawing) advance(along float64) {
	d.text = matrix{1, 0, 0, 1, along, 0}.times(d.text)
}

// place is where the next glyph stands on the page.
func (d *drawing) place() matrix {
	return matrix{1, 0, 0, 1, 0, d.rise}.times(d.text).times(d.ctm)
}

// inLines makes lines of pieces: those on one baseline, with gaps no wider than a letter and
// a half between them.
func inLines(pieces []piece) []Line {
	slices.SortStableFunc(pieces, func(a, b piece) int { return cmp.Compare(b.y, a.y) })
	var lines []Line
	for start := 0; start < len(pieces); {
		end := start + 1
		for end < len(pieces) && pieces[start].y-pieces[end].y <= 0.3*max(pieces[start].size, pieces[end].size) {
			end++
		}
		lines = append(lines, across(pieces[start:end])...)
		start = end
	}
	return lines
}

// across joins the pieces of one baseline from the left.
func across(row []piece) []Line {
	slices.SortStableFunc(row, func(a, b piece) int { return cmp.Compare(a.x, b.x) })
	var lines []Line
	var said strings.Builder
	line := Line{Left: row[0].x, Right: row[0].x, Base: row[0].y}
	end := func() {
		if line.Text = strings.Join(strings.Fields(said.String()), " "); line.Text != "" {
			lines = append(lines, line)
		}
		said.Reset()
	}
	for _, p := range row {
		switch gap := p.x - line.Right; {
		case gap > 1.5*max(p.size, line.Size):
			end()
			line = Line{Left: p.x, Base: p.y}
		case gap > blankGap/1000.*p.size:
			said.WriteByte(' ')
		}
		said.WriteString(p.text)
		line.Right, line.Size = max(line.Right, p.right), max(line.Size, p.size)
	}
	end()
	return lines
}
