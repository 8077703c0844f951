package sheet

import "io"

// Measures of a letter, in points: A4 upright.
const (
	letterMargin           = 57.0 // 2 cm
	letterSize, letterLead = 12.0, 17.0
)

// Letter is a text on upright pages.
type Letter struct {
	Left, Right []string // lines of the two heads, each in the middle of its half
	Title       string
	Body        []string // paragraphs
	Signed      []string // lines under it, in the middle of the right half
	Page        string   // the word before the number of a page
}

// WriteLetter writes a letter as a PDF.
func WriteLetter(to io.Writer, l *Letter) error {
	p, err := beginPDF(to, &Table{Title: l.Title, Page: l.Page}, pageHeight, pageWidth)
	if err != nil {
		return err
	}
	p.y, p.rows = p.high-letterMargin, 1
	width := p.wide - 2*letterMargin
	left := 0.47 * width // the motto of the state is the longer one
	begin := p.y
	if err := p.block(l.Left, letterMargin, left); err != nil {
		return err
	}
	lowest := p.y
	p.y = begin
	if err := p.block(l.Right, letterMargin+left, width-left); err != nil {
		return err
	}
	p.y = min(lowest, p.y) - titleLead
	p.lines(p.face.wrap(clean(l.Title), width/titleSize), titleSize, titleLead, true)
	for _, text := range l.Body {
		p.y -= letterLead / 2
		for _, line := range p.face.wrap(clean(text), width/letterSize) {
			if err := p.line(line, letterMargin); err != nil {
				return err
			}
		}
	}
	p.y -= letterLead
	if err := p.block(l.Signed, letterMargin+width/2, width/2); err != nil {
		return err
	}
	return p.Close()
}

// block writes texts in the middle of a column.
func (p *PDF) block(texts []string, left, width float64) error {
	for _, text := range texts {
		for _, line := range p.face.wrap(clean(text), width/letterSize) {
			if err := p.line(line, left+(width-p.face.width(line)*letterSize)/2); err != nil {
				return err
			}
		}
	}
	return nil
}

// line writes the next line, on the next page where this one is full.
func (p *PDF) line(text string, x float64) error {
	if p.y-letterLead < letterMargin {
		if err := p.endPage(); err != nil {
			return err
		}
		p.y = p.high - letterMargin
	}
	p.y -= letterLead
	p.text(x, p.y, letterSize, text)
	return nil
}
