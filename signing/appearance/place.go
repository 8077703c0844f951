package appearance

import "time"

// Millimetre in points.
const Millimetre = 72 / 25.4

// Rect is a rectangle on a page: lower left x, y, upper right x, y in points.
type Rect = [4]float64

// SealPlace returns where the seal of an agency goes: a square of that side, in real
// size, which covers the left third of the leader's signature and stands at its
// height (NĐ 30/2020, annex I, part II, 8).
func SealPlace(leader Rect, side float64) Rect {
	right := leader[0] + (leader[2]-leader[0])/3
	middle := (leader[1] + leader[3]) / 2
	return Rect{right - side, middle - side/2, right, middle + side/2}
}

// Margins of a text at the top right of a page: in the upper margin, which is 20 to
// 25 mm high, and as far from the edge as the right margin (15 to 20 mm).
const (
	topMargin   = 7 * Millimetre
	rightMargin = 15 * Millimetre
)

// TopRight returns the place of lines of text at the top right of a page (NĐ
// 30/2020, annex I, part II, 8 and 14).
func TopRight(page Rect, lines []string) (Rect, error) {
	width, height, err := Measure(lines)
	if err != nil {
		return Rect{}, err
	}
	right, top := page[2]-rightMargin, page[3]-topMargin
	return Rect{right - width, top - height, right, top}, nil
}

// Zone is the time of Vietnam, which has no summer time.
func Zone() *time.Location { return time.FixedZone("+07", 7*60*60) }

// SigningTime writes a time as the decree wants it: day, time to the second and zone
// of Vietnam, by ISO 8601.
func SigningTime(at time.Time) string { return at.In(Zone()).Format("2006-01-02T15:04:05-07:00") }

// AttachmentLines is the text on a file that goes with a document: number and
// notation of the document, and when it was signed (part II, 8).
func AttachmentLines(notation string, at time.Time) []string {
	return []string{notation, SigningTime(at)}
}

// CopyLines is the text on a copy: its kind, such as SAO Y, who copied, and when
// (part II, 14).
func CopyLines(kind, agency string, at time.Time) []string {
	return []string{kind, agency, SigningTime(at)}
}
