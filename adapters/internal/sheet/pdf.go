package sheet

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/go-fonts/liberation/liberationserifregular"
)

// Measures of a page, in points: A4 across.
const (
	pageWidth, pageHeight = 842.0, 595.0
	margin                = 36.0
	textSize, lead        = 9.0, 11.0
	titleSize, titleLead  = 14.0, 18.0
	padding               = 3.0
	bottom                = margin + 14 // the number of the page stands below
)

// The objects that every file has; pages come behind them.
const (
	catalogObject = iota + 1
	pagesObject
	fontObject
	descendantObject
	descriptorObject
	programObject
	unicodeObject
	infoObject
	firstFree
)

// PDF writes a table as a PDF 1.7. Pages are written as they fill: libraries that make
// PDFs keep all of them until the end.
type PDF struct {
	to      *bufio.Writer
	table   *Table
	face    *face
	written int64
	offsets []int64 // of objects, by number
	kids    []int   // numbers of page objects
	page    bytes.Buffer
	y       float64 // where the next line goes, from below
	rows    int
	wide    float64 // of a page
	high    float64
}

// NewPDF begins a PDF.
func NewPDF(to io.Writer, table *Table) (*PDF, error) {
	p, err := beginPDF(to, table, pageWidth, pageHeight)
	if err != nil {
		return nil, err
	}
	p.top()
	return p, nil
}

// WritePDF writes a table that is short.
func WritePDF(to io.Writer, table *Table, rows [][]string) error {
	p, err := NewPDF(to, table)
	if err != nil {
		return err
	}
	return writeAll(p, rows)
}

func beginPDF(to io.Writer, table *Table, wide, high float64) (*PDF, error) {
	f, err := newFace()
	if err != nil {
		return nil, err
	}
	p := &PDF{to: bufio.NewWriter(to), table: table, face: f, offsets: make([]int64, firstFree), wide: wide, high: high, y: high - margin}
	p.print("%%PDF-1.7\n%%\xe2\xe3\xcf\xd3\n")
	return p, nil
}

// print writes; what goes wrong is told by the last Flush.
func (p *PDF) print(format string, values ...any) {
	n, _ := fmt.Fprintf(p.to, format, values...)
	p.written += int64(n)
}

// top writes what stands above the first page.
func (p *PDF) top() {
	width := p.wide - 2*margin
	for _, text := range p.table.Above {
		p.lines(p.face.wrap(clean(text), width/textSize), textSize, lead, false)
	}
	p.y -= padding
	p.lines(p.face.wrap(clean(p.table.Title), width/titleSize), titleSize, titleLead, true)
	for _, text := range p.table.Below {
		p.lines(p.face.wrap(clean(text), width/textSize), textSize, lead, true)
	}
	p.y -= 2 * padding
	p.header()
}

func (p *PDF) lines(lines []string, size, lead float64, middle bool) {
	for _, line := range lines {
		x := margin
		if middle {
			x = (p.wide - p.face.width(line)*size) / 2
		}
		p.y -= lead
		p.text(x, p.y, size, line)
	}
}

func (p *PDF) text(x, y, size float64, text string) {
	fmt.Fprintf(&p.page, "BT /F %.1f Tf %.2f %.2f Td <%s> Tj ET\n", size, x, y, p.face.hex(text))
}

func (p *PDF) header() {
	cells := make([][]string, len(p.table.Columns))
	for i, c := range p.table.Columns {
		cells[i] = p.face.wrap(clean(c.Name), p.inside(i)/textSize)
	}
	p.cells(cells, 0, tallest(cells), true)
}

func (p *PDF) inside(column int) float64 {
	return p.table.Columns[column].Width*(p.wide-2*margin) - 2*padding
}

func tallest(cells [][]string) int {
	most := 1
	for _, c := range cells {
		most = max(most, len(c))
	}
	return most
}

// cells draws some lines of a row with the frame around them.
func (p *PDF) cells(cells [][]string, from, count int, shaded bool) {
	height := float64(count)*lead + 2*padding
	x := margin
	for i := range p.table.Columns {
		width := p.table.Columns[i].Width * (p.wide - 2*margin)
		if shaded {
			fmt.Fprintf(&p.page, "0.92 g %.2f %.2f %.2f %.2f re f 0 g\n", x, p.y-height, width, height)
		}
		fmt.Fprintf(&p.page, "0.5 w %.2f %.2f %.2f %.2f re S\n", x, p.y-height, width, height)
		for n := from; i < len(cells) && n < min(from+count, len(cells[i])); n++ {
			p.text(x+padding, p.y-padding-float64(n-from+1)*lead+2.5, textSize, cells[i][n])
		}
		x += width
	}
	p.y -= height
}

// Row implements Writer. A row that no page holds goes on over the next.
func (p *PDF) Row(cells []string) error {
	p.rows++
	broken := make([][]string, len(p.table.Columns))
	for i := range min(len(cells), len(broken)) {
		broken[i] = p.face.wrap(clean(cells[i]), p.inside(i)/textSize)
	}
	const whole = 20 // lines that are kept together where they fit
	for from, total := 0, tallest(broken); from < total; {
		room := int((p.y - bottom - 2*padding) / lead)
		if left := total - from; room < left && room < whole && left <= whole || room < 1 {
			if err := p.endPage(); err != nil {
				return err
			}
			p.header()
			continue
		}
		count := min(room, total-from)
		p.cells(broken, from, count, false)
		from += count
	}
	return nil
}

// endPage writes the page that is full and begins another.
func (p *PDF) endPage() error {
	number := fmt.Sprintf("%s %d", p.table.Page, len(p.kids)+1)
	p.text((p.wide-p.face.width(number)*textSize)/2, margin-8, textSize, number)
	content := len(p.offsets)
	if err := p.stream(content, "", p.page.Bytes()); err != nil {
		return err
	}
	p.object(content+1, "<< /Type /Page /Parent %d 0 R /MediaBox [0 0 %.0f %.0f] /Resources << /Font << /F %d 0 R >> >> /Contents %d 0 R >>",
		pagesObject, p.wide, p.high, fontObject, content)
	p.kids = append(p.kids, content+1)
	p.page.Reset()
	p.y = p.high - margin
	return nil
}

func (p *PDF) object(number int, format string, values ...any) {
	p.begin(number)
	p.print(format, values...)
	p.print("\nendobj\n")
}

func (p *PDF) begin(number int) {
	for len(p.offsets) <= number {
		p.offsets = append(p.offsets, 0)
	}
	p.offsets[number] = p.written
	p.print("%d 0 obj\n", number)
}

func (p *PDF) stream(number int, keys string, content []byte) error {
	var packed bytes.Buffer
	z := zlib.NewWriter(&packed)
	if _, err := z.Write(content); err != nil {
		return fmt.Errorf("pack a stream of a PDF: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("pack a stream of a PDF: %w", err)
	}
	p.begin(number)
	p.print("<< /Length %d /Filter /FlateDecode %s>>\nstream\n", packed.Len(), keys)
	n, err := p.to.Write(packed.Bytes())
	p.written += int64(n)
	p.print("\nendstream\nendobj\n")
	if err != nil {
		return fmt.Errorf("write a PDF: %w", err)
	}
	return nil
}

// Close implements Writer.
func (p *PDF) Close() error {
	if p.rows == 0 {
		p.y -= lead + padding
		p.text(margin, p.y, textSize, clean(p.table.Unsaid))
	}
	if err := p.endPage(); err != nil {
		return err
	}
	var kids strings.Builder
	for _, kid := range p.kids {
		fmt.Fprintf(&kids, "%d 0 R ", kid)
	}
	p.object(catalogObject, "<< /Type /Catalog /Pages %d 0 R /Lang (vi) >>", pagesObject)
	p.object(pagesObject, "<< /Type /Pages /Count %d /Kids [%s] >>", len(p.kids), kids.String())
	p.object(infoObject, "<< /Title %s >>", utf16Text(p.table.Title))
	if err := p.fonts(); err != nil {
		return err
	}
	start := p.written
	p.print("xref\n0 %d\n0000000000 65535 f \n", len(p.offsets))
	for _, offset := range p.offsets[1:] {
		p.print("%010d 00000 n \n", offset)
	}
	p.print("trailer\n<< /Size %d /Root %d 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n", len(p.offsets), catalogObject, infoObject, start)
	if err := p.to.Flush(); err != nil {
		return fmt.Errorf("write a PDF: %w", err)
	}
	return nil
}

// Discard implements Writer.
func (*PDF) Discard() {}

// fonts writes the face: whole, so that a table can go on without end before anybody
// knows which letters it uses.
func (p *PDF) fonts() error {
	const name = "LiberationSerif"
	p.object(fontObject, "<< /Type /Font /Subtype /Type0 /BaseFont /%s /Encoding /Identity-H /DescendantFonts [%d 0 R] /ToUnicode %d 0 R >>", name, descendantObject, unicodeObject)
	p.object(descendantObject, "<< /Type /Font /Subtype /CIDFontType2 /BaseFont /%s /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> /FontDescriptor %d 0 R /CIDToGIDMap /Identity /DW 500 /W [%s] >>",
		name, descriptorObject, p.face.widths())
	p.object(descriptorObject, "<< /Type /FontDescriptor /FontName /%s /Flags 6 /FontBBox [-203 -303 1050 910] /ItalicAngle 0 /Ascent 891 /Descent -216 /CapHeight 655 /StemV 80 /FontFile2 %d 0 R >>", name, programObject)
	if err := p.stream(programObject, fmt.Sprintf("/Length1 %d ", len(liberationserifregular.TTF)), liberationserifregular.TTF); err != nil {
		return err
	}
	return p.stream(unicodeObject, "", []byte(p.face.unicodeMap()))
}

// utf16Text is a text string of a PDF (ISO 32000-1, 7.9.2.2).
func utf16Text(text string) string {
	var b strings.Builder
	b.WriteString("<FEFF")
	for _, unit := range utf16.Encode([]rune(clean(text))) {
		fmt.Fprintf(&b, "%04X", unit)
	}
	return b.String() + ">"
}
