package pdfsig_test

import (
	"crypto"
	"fmt"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// directRoots is a hybrid file whose two views name catalogs that are no references.
func directRoots() []byte {
	file := "%PDF-1.7\n"
	catalog := len(file)
	file += "1 0 obj\n<< /Type /Catalog >>\nendobj\n"
	hidden := len(file)
	file += "5 0 obj\n<< /Type /XRef /Size 6 /W [1 2 1] /Index [0 1] /Root << >> /Length 4 >>\nstream\n\x00\x00\x00\x00\nendstream\nendobj\n"
	table := len(file)
	return []byte(file + fmt.Sprintf("xref\n0 2\n0000000000 65535 f \n%010d 00000 n \ntrailer\n<< /Size 6 /Root << >> /XRefStm %d >>\nstartxref\n%d\n%%%%EOF\n",
		catalog, hidden, table))
}

func TestDirectRootsOfHybridFile(t *testing.T) {
	report := verify(t, directRoots(), trust.NewValidator(nil))
	if len(report.Signatures) != 0 || len(report.Findings) != 1 {
		t.Errorf("%+v", report)
	}
	signed := append(directRoots()[:9], append([]byte("% /ByteRange [0 1 2 3]\n"), directRoots()[9:]...)...)
	expectFailed(t, verify(t, signed, trust.NewValidator(nil)), verdict.FormatFailure, "cannot be read strictly")
}

// An error of the program is no verdict on the file, and must not end the process.
func TestPanicIsUndecided(t *testing.T) {
	a := authority(t, pki.P256)
	fails := func([]byte, func(crypto.Hash) []byte, verdict.Material, time.Time) verdict.Stamp {
		panic("index out of range")
	}
	file := newStamper(t, a).stamped(signTarget(t, a), 200, "/Rect [0 0 0 0]")
	expectProblem(t, verifyStamped(t, file, validator(t, a), fails), verdict.Indeterminate, verdict.FormatFailure)
}
