package sample

import (
	"bytes"
	"testing"
	"time"

	"github.com/lienthong/lienthong/signing/pki"
)

func testSigners(t testing.TB) Signers {
	t.Helper()
	a, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	leader, err := a.Person("Nguyễn Văn Ví Dụ", "UBND tỉnh Quảng Nam", pki.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	agency, err := a.Agency("UBND tỉnh Quảng Nam", pki.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	return Signers{Leader: leader, Agency: agency}
}

func TestSeries(t *testing.T) {
	const size = 200 << 10
	series := NewSeries(testSigners(t), size)
	first, err := series.Document(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	second, err := series.Document(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	if len(first) < size*9/10 || len(first) > size*11/10 {
		t.Errorf("a document has %d bytes, want about %d", len(first), size)
	}
	if bytes.Equal(first, second) || !bytes.Contains(second, []byte("lienthong sample 00000002")) {
		t.Error("the documents of a series must differ in their number")
	}
	if n := bytes.Count(first, []byte("/ByteRange")); n != 2 {
		t.Errorf("%d signatures, want 2", n)
	}
}

func BenchmarkSeries(b *testing.B) {
	series := NewSeries(testSigners(b), 200<<10)
	for b.Loop() {
		if _, err := series.Document(b.Context(), 7); err != nil {
			b.Fatal(err)
		}
	}
}
