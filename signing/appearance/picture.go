package appearance

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
)

// Bounds of a picture. A signature of 50 mm at 600 dots per inch has 1,200 pixels.
const (
	MaxPictureBytes = 4 << 20
	maxPictureSide  = 4096
	maxPixels       = 4 << 20
)

// Picture is a decoded PNG: colours, and how much each pixel covers.
type Picture struct {
	Width, Height int
	RGB           []byte // three bytes for each pixel, from the top left; not multiplied by Alpha
	Alpha         []byte // one byte for each pixel; nil when all of it covers
}

// DecodePNG reads a picture. Its size is known before its pixels are unpacked.
func DecodePNG(data []byte) (*Picture, error) {
	if len(data) > MaxPictureBytes {
		return nil, fmt.Errorf("the picture has %d bytes, at most %d are taken", len(data), MaxPictureBytes)
	}
	config, err := png.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the picture is not a PNG that can be read: %w", err)
	}
	if config.Width > maxPictureSide || config.Height > maxPictureSide || config.Width*config.Height > maxPixels {
		return nil, fmt.Errorf("the picture has %d x %d pixels, too many", config.Width, config.Height)
	}
	decoded, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the picture is not a PNG that can be read: %w", err)
	}
	return newPicture(decoded), nil
}

func newPicture(from image.Image) *Picture {
	bounds := from.Bounds()
	p := &Picture{Width: bounds.Dx(), Height: bounds.Dy()}
	p.RGB = make([]byte, 0, 3*p.Width*p.Height)
	p.Alpha = make([]byte, 0, p.Width*p.Height)
	opaque := true
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			c, _ := color.NRGBAModel.Convert(from.At(x, y)).(color.NRGBA)
			p.RGB = append(p.RGB, c.R, c.G, c.B)
			p.Alpha = append(p.Alpha, c.A)
			opaque = opaque && c.A == 0xFF
		}
	}
	if opaque {
		p.Alpha = nil
	}
	return p
}
