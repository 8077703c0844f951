package pdfsig_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/internal/budget"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// largeSigned writes a signed PDF with an attachment of about that size to a file,
// without ever holding it in memory: the attachment is a hole in the file. It is
// signed by hand, because the library that signs keeps the whole file.
func largeSigned(t testing.TB, size int64, by pki.Identity) *os.File {
	t.Helper()
	const hole = "\x00HOLE\x00"
	objects := map[int]string{
		1: `<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [21 0 R] /SigFlags 3 >> >>`,
		2: `<< /Type /Pages /Kids [3 0 R] /Count 1 >>`,
		3: `<< /Type /Page /Parent 2 0 R /Annots [21 0 R] /Contents 4 0 R >>`,
		4: fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", size, hole),
		20: `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<` +
			strings.Repeat("0", 8192) + `> >>`,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R >>`,
	}
	head, tail, _ := bytes.Cut(rawPDF(objects, "/Root 1 0 R"), []byte(hole))
	shift := size - int64(len(hole))
	tail = shiftTable(t, tail, int64(len(head)), shift)
	file, err := os.Create(filepath.Join(t.TempDir(), "large.pdf"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { file.Close() })
	start := int64(len(head)) + size
	total := start + int64(len(tail))
	at := start + int64(bytes.Index(tail, []byte("/Contents<"))+len("/Contents"))
	end := at + 8192 + 2
	copy(tail[bytes.Index(tail, []byte("[0 ****")):], fmt.Sprintf("[0 %-10d %-10d %-10d]", at, end, total-end))
	for offset, data := range map[int64][]byte{0: head, start: tail} {
		if _, err := file.WriteAt(data, offset); err != nil {
			t.Fatal(err)
		}
	}
	content := io.MultiReader(io.NewSectionReader(file, 0, at), io.NewSectionReader(file, end, total-end))
	value := detachedOver(t, content, by)
	if _, err := file.WriteAt(fmt.Appendf(nil, "%x", value), at+1); err != nil {
		t.Fatal(err)
	}
	return file
}

// shiftTable adds to the offsets that lie behind the hole.
func shiftTable(t testing.TB, tail []byte, behind, by int64) []byte {
	t.Helper()
	out := replaceNumbers(tail, `\d{10} 00000 n`, func(offset int64) string {
		if offset > behind {
			offset += by
		}
		return fmt.Sprintf("%010d 00000 n", offset)
	})
	return replaceNumbers(out, `startxref\n\d+`, func(offset int64) string { return fmt.Sprintf("startxref\n%d", offset+by) })
}

func sizeOf(t testing.TB, file *os.File) int64 {
	t.Helper()
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// peakDuring returns how much the heap grew while f ran.
func peakDuring(f func()) uint64 {
	var start, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&start)
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(time.Millisecond) // sampling stops the world
		defer tick.Stop()
		for {
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
			select {
			case <-done:
				peak <- most
				return
			case <-tick.C:
			}
		}
	}()
	f()
	close(done)
	return max(<-peak, start.HeapAlloc) - start.HeapAlloc
}

// checkBudget runs f and fails when it takes more processor time than any input may.
func checkBudget(t testing.TB, f func()) {
	t.Helper()
	budget.Check(t, 2*time.Second, f)
}

func TestMemoryDoesNotGrowWithTheFile(t *testing.T) {
	a := authority(t, pki.P256)
	file := largeSigned(t, 100<<20, person(t, a, pki.P256))
	v := validator(t, a)
	var report pdfsig.Report
	grown := peakDuring(func() {
		var err error
		if report, err = pdfsig.Verify(t.Context(), file, sizeOf(t, file), v, now); err != nil {
			t.Error(err)
		}
	})
	expectPassed(t, report, 1)
	if grown > 16<<20 {
		t.Errorf("the heap grew by %d KiB", grown>>10)
	}
}

// No input may take long or much memory, whatever it says about itself.
func TestHostileStructures(t *testing.T) {
	huge := strings.Repeat("[", 100_000)
	many := strings.Repeat("<< /A ", 100_000)
	loop := rawPDF(map[int]string{1: "<< /Type /Catalog /AcroForm << /Fields [2 0 R] >> >>",
		2: "<< /T (a) /FT /Sig /Kids [3 0 R] >>", 3: "<< /T (b) /Kids [2 0 R] >>"}, "/Root 1 0 R")
	chain := map[int]string{1: "<< /Type /Catalog /AcroForm 2 0 R >>"}
	for i := 2; i < 60; i++ {
		chain[i] = fmt.Sprintf("%d 0 R", i+1)
	}
	chain[60] = "2 0 R"
	prev := rawPDF(map[int]string{1: "<< /Type /Catalog >>"}, "/Root 1 0 R")
	at := bytes.LastIndex(prev, []byte("xref\n0"))
	prev = bytes.Replace(prev, []byte("/Root 1 0 R"), fmt.Appendf(nil, "/Prev %d /Root 1 0 R", at), 1)
	length := rawPDF(map[int]string{1: "<< /Type /Catalog /AcroForm 2 0 R >>", 2: "<< /Length 2 0 R >>\nstream\nx\nendstream"}, "/Root 1 0 R")
	cases := map[string][]byte{
		"deep arrays":            rawPDF(map[int]string{1: huge}, "/Root 1 0 R"),
		"deep dictionaries":      rawPDF(map[int]string{1: many}, "/Root 1 0 R"),
		"form loop":              loop,
		"references in a circle": rawPDF(chain, "/Root 1 0 R"),
		"revision loop":          prev,
		"length of itself":       length,
		"huge table":             []byte("%PDF-1.7\nxref\n0 9999999\ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"),
		"negative table":         []byte("%PDF-1.7\nxref\n0 -5\ntrailer\n<< /Size 1 /Root 1 0 R >>\nstartxref\n9\n%%EOF\n"),
		"startxref outside":      []byte("%PDF-1.7\nstartxref\n99999999999\n%%EOF\n"),
		"endless name":           rawPDF(map[int]string{1: "/" + strings.Repeat("a", 1<<20)}, "/Root 1 0 R"),
		"endless string":         rawPDF(map[int]string{1: "(" + strings.Repeat("a", 5<<20)}, "/Root 1 0 R"),
		"stream bomb":            xrefBomb(t),
	}
	for name, file := range cases {
		t.Run(name, func(t *testing.T) {
			var report pdfsig.Report
			var grown uint64
			checkBudget(t, func() { grown = peakDuring(func() { report = verify(t, file, trust.NewValidator(nil)) }) })
			if len(report.Signatures) != 0 || len(report.Findings) != 1 {
				t.Errorf("%+v", report)
			}
			t.Log(report.Findings)
			if limit := uint64(10*len(file) + 8<<20); grown > limit {
				t.Errorf("the heap grew by %d KiB for %d KiB", grown>>10, len(file)>>10)
			}
		})
	}
}

func FuzzVerify(f *testing.F) {
	a := authority(f, pki.P256)
	v := validator(f, a)
	id := person(f, a, pki.P256)
	f.Add(target())
	f.Add(handSigned(f, target(), id, map[int]string{
		20: `<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 ********** ********** **********] /Contents<0000> >>`,
		21: `<< /Type /Annot /Subtype /Widget /FT /Sig /T (leader) /V 20 0 R /Rect [0 0 0 0] /P 3 0 R >>`,
		8:  `<< /Fields [9 0 R 10 0 R 21 0 R] /SigFlags 3 >>`,
		11: `[9 0 R 10 0 R 21 0 R]`,
	}))
	f.Add(xrefBomb(f)[:4096])
	f.Add(directRoots())
	f.Add([]byte("%PDF-1.7\n1 0 obj<</Type/XRef/W[1 1 1]/Size 1/Root 1 0 R/Length 3>>stream\n\x01\x09\x00\nendstream endobj startxref 9 %%EOF"))
	genuine := target()
	f.Fuzz(func(t *testing.T, file []byte) {
		report, err := pdfsig.Verify(t.Context(), bytes.NewReader(file), int64(len(file)), v, now)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range report.Signatures {
			if s.Indication() == verdict.Passed && !bytes.HasPrefix(file, genuine) {
				t.Fatal("a file that nobody signed passed")
			}
		}
	})
}

// The verification of a document as agencies send it: 200 KB, two RSA signatures,
// the chain known from before.
func BenchmarkVerify200KB(b *testing.B) {
	a := authority(b, pki.RSA2048)
	file := signed(b, signed(b, documentOfSize(b, 180<<10), person(b, a, pki.RSA2048)), agency(b, a, pki.RSA2048))
	v := validator(b, a)
	expectPassed(b, verify(b, file, v), 2)
	b.SetBytes(int64(len(file)))
	b.ReportAllocs()
	for b.Loop() {
		verify(b, file, v)
	}
}

// Beside it, the plain digest of the same bytes says what the machine can do.
func BenchmarkVerify50MB(b *testing.B) {
	a := authority(b, pki.P256)
	file := largeSigned(b, 50<<20, person(b, a, pki.P256))
	v := validator(b, a)
	size := sizeOf(b, file)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		report, err := pdfsig.Verify(b.Context(), file, size, v, now)
		if err != nil {
			b.Fatal(err)
		}
		expectPassed(b, report, 1)
	}
}

func BenchmarkSHA256of50MB(b *testing.B) {
	a := authority(b, pki.P256)
	file := largeSigned(b, 50<<20, person(b, a, pki.P256))
	size := sizeOf(b, file)
	b.SetBytes(size)
	buffer := make([]byte, 128<<10)
	for b.Loop() {
		if _, err := io.CopyBuffer(sha256.New(), struct{ io.Reader }{io.NewSectionReader(file, 0, size)}, buffer); err != nil {
			b.Fatal(err)
		}
	}
}
