package sheet

import (
	"fmt"
	"io"

	"rsc.io/qr"
)

// Measures of a letter, in points: A4 upright.
const (
	letterMargin           = 57.0 // 2 cm
	letterSize, letterLead = 12.0, 17.0
	codeSize               = 96.0 // of the code, with what stays empty around it
	codeQuiet              = 4    // modules that stay empty on each side (ISO/IEC 18004, 6.3.8)
)

// Letter is a text on upright pages.
type Letter struct {
	Left, Right []string // lines of the two heads, each in the middle of its half
	Title       string
	Body        []string // paragraphs
	Signed      []string // lines under it, in the middle of the right half
	Countersign []string // the same, in the middle of the left half
	Code        string   // what a QR code under all says; "" for none
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
	if err := p.under(l, width); err != nil {
		return err
	}
	return p.Close()
}

// under writes what stands under a letter: who signs, side by side, and a code.
func (p *PDF) under(l *Letter, width float64) error {
	most := 0
	for _, texts := range [][]string{l.Signed, l.Countersign} {
		n := 0
		for _, text := range texts {
			n += len(p.face.wrap(clean(text), width/2/letterSize))
		}
		most = max(most, n)
	}
	if err := p.keep(float64(most+1) * letterLead); err != nil {
		return err
	}
	p.y -= letterLead
	begin := p.y
	if err := p.block(l.Countersign, letterMargin, width/2); err != nil {
		return err
	}
	lowest := p.y
	p.y = begin
	if err := p.block(l.Signed, letterMargin+width/2, width/2); err != nil {
		return err
	}
	p.y = min(lowest, p.y)
	if l.Code == "" {
		return nil
	}
	if err := p.keep(codeSize + letterLead); err != nil {
		return err
	}
	p.y -= letterLead
	return p.code(l.Code, letterMargin)
}

// keep goes on to the next page where there is no room for a height.
func (p *PDF) keep(height float64) error {
	if p.y-height >= letterMargin {
		return nil
	}
	err := p.endPage()
	p.y = p.high - letterMargin
	return err
}

// code draws a QR code below the last line.
func (p *PDF) code(text string, x float64) error {
	c, err := qr.Encode(text, qr.M)
	if err != nil {
		return fmt.Errorf("make a QR code: %w", err)
	}
	module := codeSize / float64(c.Size+2*codeQuiet)
	for row := range c.Size {
		for column := range c.Size {
			if c.Black(column, row) {
				fmt.Fprintf(&p.page, "%.3f %.3f %.3f %.3f re\n", x+float64(column+codeQuiet)*module, p.y-float64(row+codeQuiet+1)*module, module, module)
			}
		}
	}
	p.page.WriteString("f\n")
	p.y -= codeSize
	return nil
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
