// Package appearance draws what a visible signature shows, as NĐ 30/2020/NĐ-CP,
// annex I, wants it: the picture of a leader's signature (blue) or of a seal (red),
// with transparency, or lines of text in upright black of 10 points, in a face with
// the measures of Times New Roman that is embedded as far as it is used.
//
// A Drawing is the content of a PDF form with the resources that it names; package
// pdfsig writes it into a file. Nothing here knows of files or signatures. The
// places that the decree names are computed by SealPlace and TopRight.
//
// Pictures are foreign bytes: their size is checked before they are decoded.
package appearance

import (
	"bytes"
	"fmt"
)

// Names of the resources in the content of a drawing.
const (
	ImageName = "Im0"
	FontName  = "F0"
)

// Drawing is the appearance of one signature, in a box with its lower left corner at
// the origin.
type Drawing struct {
	Width, Height float64 // points
	Content       []byte  // operators (ISO 32000-1, 8 and 9)
	Picture       *Picture
	Font          *Font
}

// FromPicture fits a picture into the middle of a box, as large as it goes without
// being stretched. Sizes are in points.
func FromPicture(p *Picture, width, height float64) *Drawing {
	scale := min(width/float64(p.Width), height/float64(p.Height))
	w, h := scale*float64(p.Width), scale*float64(p.Height)
	content := fmt.Sprintf("q %.3f 0 0 %.3f %.3f %.3f cm /%s Do Q", w, h, (width-w)/2, (height-h)/2, ImageName)
	return &Drawing{Width: width, Height: height, Content: []byte(content), Picture: p}
}

// The text of NĐ 30/2020, annex I, part II, 8 and 14: size 10, upright, black.
const (
	TextSize    = 10.0              // points
	lineSpacing = TextSize * 1.2    // from one base line to the next
	ascent      = TextSize * 0.8913 // of the face, above the base line
)

// FromLines sets lines of text from the upper left corner of a box. A text with a
// letter that the face has not, or larger than the box, is refused.
func FromLines(lines []string, width, height float64) (*Drawing, error) {
	font, err := newFont(lines)
	if err != nil {
		return nil, err
	}
	const tolerance = 0.5
	if w, h := font.measure(lines); w > width+tolerance || h > height+tolerance {
		return nil, fmt.Errorf("the text takes %.0f x %.0f points and its place has %.0f x %.0f", w, h, width, height)
	}
	var content bytes.Buffer
	fmt.Fprintf(&content, "q 0 g BT /%s %g Tf %g TL 1 0 0 1 0 %.3f Tm", FontName, TextSize, lineSpacing, height-ascent)
	for _, line := range lines {
		content.WriteString(" <")
		for _, r := range compose(line) {
			fmt.Fprintf(&content, "%04X", font.glyphs[r])
		}
		content.WriteString("> Tj T*")
	}
	content.WriteString(" ET Q")
	return &Drawing{Width: width, Height: height, Content: content.Bytes(), Font: font}, nil
}

// Measure returns the size of lines of text in points.
func Measure(lines []string) (width, height float64, err error) {
	font, err := newFont(lines)
	if err != nil {
		return 0, 0, err
	}
	width, height = font.measure(lines)
	return width, height, nil
}
