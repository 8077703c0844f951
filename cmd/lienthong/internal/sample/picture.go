package sample

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"math"

	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
)

// What signatures show on the page (NĐ 30/2020, annex I, part II, 7 and 8): a
// signature in blue, a seal in red. Nobody shall take ours for real ones: the
// one is a wave, the other says MẪU (sample).

// Sides of the pictures on the page in millimetres.
const (
	signatureSide = 30
	sealSide      = 34
)

// appearances are what the leader and the agency show: the seal covers the left
// third of the signature, as the decree wants it. Both are nil when the paper
// has no place for them.
func (p *Paper) appearances() (leader, agency *pdfsig.Appearance, err error) {
	if p.Page == 0 {
		return nil, nil, nil
	}
	wave, err := signature()
	if err != nil {
		return nil, nil, err
	}
	stamp, err := seal()
	if err != nil {
		return nil, nil, err
	}
	shown := p.square(signatureSide)
	leader = &pdfsig.Appearance{Page: p.Page, Image: wave, Rect: shown}
	agency = &pdfsig.Appearance{Page: p.Page, Image: stamp, Rect: appearance.SealPlace(shown, sealSide*appearance.Millimetre)}
	return leader, agency, nil
}

// square is a square around (p.X, p.Y); a PDF counts points from the lower left
// corner.
func (p *Paper) square(side float64) appearance.Rect {
	const point = appearance.Millimetre
	left, bottom := p.X-side/2, pageHeight-p.Y-side/2
	return appearance.Rect{left * point, bottom * point, (left + side) * point, (bottom + side) * point}
}

// pictureSize is the side of a picture in pixels.
const pictureSize = 220

// stroke is a line through points of the unit square, y downwards.
type stroke [][2]float64

// signature is a wave that rises.
func signature() ([]byte, error) {
	var wave stroke
	for i := range 120 {
		t := float64(i) / 119
		wave = append(wave, [2]float64{0.05 + 0.9*t, 0.55 - 0.2*t + 0.25*(1-t)*math.Sin(26*t)})
	}
	return draw(color.NRGBA{R: 20, G: 60, B: 170, A: 255}, 0.016, []stroke{wave, {{0.1, 0.85}, {0.9, 0.7}}})
}

// seal is a double ring with the word in it.
func seal() ([]byte, error) {
	strokes := []stroke{ring(0.48), ring(0.43)}
	for i, letter := range [][]stroke{
		{{{0, 1}, {0, 0}, {0.5, 0.6}, {1, 0}, {1, 1}}},
		{{{0, 1}, {0.5, 0}, {1, 1}}, {{0.2, 0.65}, {0.8, 0.65}}, {{0.25, -0.15}, {0.5, -0.4}, {0.75, -0.15}}, {{0.2, -0.55}, {0.4, -0.7}, {0.6, -0.55}, {0.8, -0.7}}},
		{{{0, 0}, {0, 0.8}, {0.3, 1}, {0.7, 1}, {1, 0.8}, {1, 0}}},
	} {
		for _, s := range letter {
			var placed stroke
			for _, p := range s {
				placed = append(placed, [2]float64{0.2 + 0.22*float64(i) + 0.16*p[0], 0.45 + 0.2*p[1]})
			}
			strokes = append(strokes, placed)
		}
	}
	return draw(color.NRGBA{R: 210, G: 20, B: 30, A: 255}, 0.014, strokes)
}

func ring(radius float64) stroke {
	var s stroke
	for i := range 73 {
		sin, cos := math.Sincos(float64(i) * math.Pi / 36)
		s = append(s, [2]float64{0.5 + radius*cos, 0.5 + radius*sin})
	}
	return s
}

// draw returns a transparent PNG with the strokes in ink; thickness is half the
// width of a stroke as a part of the side.
func draw(ink color.NRGBA, thickness float64, strokes []stroke) ([]byte, error) {
	picture := image.NewNRGBA(image.Rect(0, 0, pictureSize, pictureSize))
	for _, s := range strokes {
		for i := range len(s) - 1 {
			line(picture, ink, thickness, s[i], s[i+1])
		}
	}
	var out bytes.Buffer
	err := png.Encode(&out, picture)
	return out.Bytes(), err
}

// line draws a straight stroke. It looks at no pixel that is too far away to get ink.
func line(picture *image.NRGBA, ink color.NRGBA, thickness float64, a, b [2]float64) {
	reach := thickness + 1.0/pictureSize
	pixel := func(part float64) int { return int(min(max(part, 0), 1) * pictureSize) }
	for y := pixel(min(a[1], b[1]) - reach); y < min(pixel(max(a[1], b[1])+reach)+1, pictureSize); y++ {
		for x := pixel(min(a[0], b[0]) - reach); x < min(pixel(max(a[0], b[0])+reach)+1, pictureSize); x++ {
			at := [2]float64{(float64(x) + 0.5) / pictureSize, (float64(y) + 0.5) / pictureSize}
			cover := (thickness-toSegment(at, a, b))*pictureSize + 0.5
			ink.A = uint8(255 * min(max(cover, 0), 1))
			if ink.A > picture.NRGBAAt(x, y).A {
				picture.SetNRGBA(x, y, ink)
			}
		}
	}
}

func toSegment(p, a, b [2]float64) float64 {
	dx, dy := b[0]-a[0], b[1]-a[1]
	t := ((p[0]-a[0])*dx + (p[1]-a[1])*dy) / (dx*dx + dy*dy)
	t = min(max(t, 0), 1)
	return math.Hypot(p[0]-a[0]-t*dx, p[1]-a[1]-t*dy)
}
