// Package qrsvg draws QR codes for pages.
package qrsvg

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// Square is a QR code as a picture: a path of dark squares on a field of this side.
type Square struct {
	Side int
	Path string
}

// quietZone is what stays empty around a QR code (ISO/IEC 18004, 6.3.8).
const quietZone = 4

// Of is the QR code of a text.
func Of(text string) (Square, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return Square{}, err
	}
	var path strings.Builder
	for y := range code.Size {
		for x := range code.Size {
			if code.Black(x, y) {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x+quietZone, y+quietZone)
			}
		}
	}
	return Square{code.Size + 2*quietZone, path.String()}, nil
}
