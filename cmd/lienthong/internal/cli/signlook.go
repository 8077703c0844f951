package cli

import (
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
)

// signLook says what a signature shows, and where.
type signLook struct {
	Role   string   `enum:",leader,seal,attachment,copy" default:"" help:"Place it as the decree wants: leader, seal, attachment or copy."`
	Image  string   `type:"existingfile" placeholder:"FILE" help:"PNG to show, with transparency."`
	Text   []string `sep:"none" placeholder:"LINE" help:"Line of text to show instead, in black of 10 points; repeat for several. TIME stands for the time of signing."`
	Page   int      `help:"Page to show it on, from 1; negative from the last. The last one for a leader, else the first."`
	Rect   string   `placeholder:"X,Y,W,H" help:"Place in millimetres from the upper left corner of the page: x, y, width, height."`
	Beside string   `placeholder:"FIELD" help:"Field of the leader's signature, for a seal; the last one that shows when left out."`
	Side   float64  `default:"36" help:"Side of the seal in millimetres: its real size."`
	Number string   `help:"Number and notation of the document, for an attachment."`
	Kind   string   `default:"SAO Y" help:"Kind of a copy: SAO Y, SAO LỤC, TRÍCH SAO."`
	Agency string   `help:"Name of the agency that copies."`
}

// appearance returns what the flags ask for; nil shows nothing.
func (l *signLook) appearance(in io.ReaderAt, size int64, field string, at time.Time) (*pdfsig.Appearance, error) {
	a, err := l.content(at)
	if err != nil || a == nil {
		return nil, err
	}
	layout, err := pdfsig.ReadLayout(in, size)
	if err != nil {
		return nil, err
	}
	for _, shown := range layout.Fields {
		if shown.Name == field && !shown.Signed && l.Rect == "" {
			return a, nil // in its own place
		}
	}
	if l.Role == "seal" && l.Rect == "" {
		return a, l.besideLeader(a, layout)
	}
	if a.Page = l.Page; a.Page == 0 {
		a.Page = 1
		if l.Role == "leader" {
			a.Page = -1
		}
	}
	number := a.Page
	if number < 0 {
		number += len(layout.Pages) + 1
	}
	if number < 1 || number > len(layout.Pages) {
		return nil, hub.Invalid("page", "range", "the document has %d pages and no page %d", len(layout.Pages), a.Page)
	}
	a.Page = number
	return a, l.place(a, layout.Pages[number-1])
}

// content reads what is shown.
func (l *signLook) content(at time.Time) (*pdfsig.Appearance, error) {
	a := &pdfsig.Appearance{}
	switch l.Role {
	case "leader", "seal":
		if l.Image == "" {
			return nil, hub.Invalid("image", "required", "the role %s shows a picture: --image FILE", l.Role)
		}
	case "attachment":
		if l.Number == "" || l.Image != "" {
			return nil, hub.Invalid("number", "required", "the role attachment shows number and time, no picture: --number 173/UBND-KSTTHC")
		}
		a.Lines = appearance.AttachmentLines(l.Number, at)
		return a, nil
	case "copy":
		if l.Agency == "" || l.Image != "" {
			return nil, hub.Invalid("agency", "required", "the role copy shows kind, agency and time, no picture: --agency NAME")
		}
		a.Lines = appearance.CopyLines(l.Kind, l.Agency, at)
		return a, nil
	}
	for _, line := range l.Text {
		a.Lines = append(a.Lines, strings.ReplaceAll(line, "TIME", appearance.SigningTime(at)))
	}
	if l.Image == "" {
		if len(a.Lines) == 0 && l.Rect != "" {
			return nil, hub.Invalid("rect", "content", "there is a place but nothing to show: --image FILE or --text LINE")
		}
		if len(a.Lines) == 0 {
			return nil, nil
		}
		return a, nil
	}
	info, err := os.Stat(l.Image)
	if err != nil || info.Size() > appearance.MaxPictureBytes {
		return nil, hub.Invalid("image", "max_size", "a picture has at most %d bytes", appearance.MaxPictureBytes)
	}
	if a.Image, err = os.ReadFile(l.Image); err != nil {
		return nil, hub.Invalid("image", "file", "%v", err)
	}
	return a, nil
}

// besideLeader places a seal over the left third of the signature before it.
func (l *signLook) besideLeader(a *pdfsig.Appearance, layout pdfsig.Layout) error {
	if signing.PlaceSeal(a, layout, l.Beside, l.Side) {
		return nil
	}
	return hub.Invalid("beside", "exists", "no signature shows in the document that the seal could be placed beside; give its place: --rect X,Y,W,H")
}

// place takes the rectangle of the flags, or the top right corner for texts.
func (l *signLook) place(a *pdfsig.Appearance, page pdfsig.Box) error {
	if l.Rect != "" {
		return l.parseRect(a, page)
	}
	if len(a.Lines) == 0 {
		return hub.Invalid("rect", "required", "say where the picture goes: --rect X,Y,W,H in millimetres, --field for an empty field, or --role seal")
	}
	corner, err := appearance.TopRight(appearance.Rect{page.Left, page.Bottom, page.Right, page.Top}, a.Lines)
	if err != nil {
		return hub.Invalid("text", "text", "%s", err)
	}
	a.Rect = corner
	return nil
}

func (l *signLook) parseRect(a *pdfsig.Appearance, page pdfsig.Box) error {
	parts := strings.Split(l.Rect, ",")
	var n [4]float64
	ok := len(parts) == len(n)
	for i := 0; ok && i < len(n); i++ {
		value, err := strconv.ParseFloat(strings.TrimSpace(parts[i]), 64)
		ok = err == nil && value >= 0 && value < 10_000
		n[i] = value * appearance.Millimetre
	}
	if !ok || n[2] == 0 || n[3] == 0 {
		return hub.Invalid("rect", "format", "%q is not x, y, width, height in millimetres, such as 110,180,40,20", l.Rect)
	}
	a.Rect = [4]float64{page.Left + n[0], page.Top - n[1] - n[3], page.Left + n[0] + n[2], page.Top - n[1]}
	return nil
}
