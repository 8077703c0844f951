package sample

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"github.com/go-fonts/liberation/liberationserifregular"

	"github.com/lienthong/lienthong/signing/appearance"
	"github.com/lienthong/lienthong/signing/pdfsig"
	"github.com/lienthong/lienthong/signing/pki"
)

// Signers are the two identities that sign a document, in the order of NĐ
// 30/2020/NĐ-CP art. 32: the leader, then the agency.
type Signers struct{ Leader, Agency pki.Identity }

// NewSigners lets an authority certify a leader of an agency, and the agency.
func NewSigners(authority *pki.Authority, agency string, algorithm pki.Algorithm) (Signers, error) {
	leader, err := authority.Person("Nguyễn Văn Ví Dụ", agency, algorithm)
	if err != nil {
		return Signers{}, err
	}
	seal, err := authority.Agency(agency, algorithm)
	return Signers{Leader: leader, Agency: seal}, err
}

// Sign signs twice, invisibly.
func (s Signers) Sign(ctx context.Context, document []byte, at time.Time) ([]byte, error) {
	return s.SignPaper(ctx, Paper{PDF: document}, at)
}

// SignPaper signs twice and shows the signatures where the paper has room for them.
// The leader's signature has the older form, as the tools of agencies make it; the
// seal of the agency follows the baseline (PAdES B-B).
func (s Signers) SignPaper(ctx context.Context, p Paper, at time.Time) ([]byte, error) {
	wave, stamp, err := p.appearances()
	if err != nil {
		return nil, fmt.Errorf("draw the signatures: %w", err)
	}
	once, err := signOnce(ctx, p.PDF, pdfsig.SignRequest{
		Key: s.Leader.Key, Chain: s.Leader.Chain, Reason: "Ký ban hành", Time: at, Appearance: wave,
	})
	if err != nil {
		return nil, fmt.Errorf("leader: %w", err)
	}
	twice, err := signOnce(ctx, once, pdfsig.SignRequest{
		Key: s.Agency.Key, Chain: s.Agency.Chain, Level: pdfsig.LevelB,
		Reason: "Ký số của cơ quan, tổ chức", Time: at.Add(time.Minute).In(appearance.Zone()), Appearance: stamp,
	})
	if err != nil {
		return nil, fmt.Errorf("agency: %w", err)
	}
	return twice, nil
}

func signOnce(ctx context.Context, document []byte, request pdfsig.SignRequest) ([]byte, error) {
	var out bytes.Buffer
	err := pdfsig.Sign(ctx, bytes.NewReader(document), int64(len(document)), &out, request)
	return out.Bytes(), err
}

// Series makes many different signed documents of about the same size quickly:
// one page is rendered once, and each document differs in a number in it.
type Series struct {
	signers Signers
	base    func() ([]byte, error)
}

// serialMark is replaced by a number of the same length in each document.
const serialMark = "lienthong sample 00000000"

// signatureRoom is about what two signatures add to a document, in bytes.
const signatureRoom = 28 << 10

// NewSeries returns a series of documents of about size bytes.
func NewSeries(signers Signers, size int) *Series {
	return &Series{signers: signers, base: sync.OnceValues(func() ([]byte, error) { return padded(size) })}
}

// Document returns the n-th document of the series.
func (s *Series) Document(ctx context.Context, n int) ([]byte, error) {
	base, err := s.base()
	if err != nil {
		return nil, err
	}
	mark := fmt.Appendf(nil, "lienthong sample %08d", n)
	return s.signers.Sign(ctx, bytes.Replace(base, []byte(serialMark), mark, 1), time.Now())
}

func padded(size int) ([]byte, error) {
	p := fpdf.New("P", "mm", "A4", "")
	p.SetCatalogSort(true)
	p.SetProducer(serialMark, false)
	p.AddUTF8FontFromBytes("serif", "", liberationserifregular.TTF)
	p.SetFont("serif", "", 14)
	p.AddPage()
	p.MultiCell(0, 8, composed("Tài liệu mẫu dùng để thử và đo tải; phần lớn dung lượng là một tệp đính kèm bên trong.\n"+notice), "", "C", false)
	if padding := size - signatureRoom; padding > 0 {
		p.SetAttachments([]fpdf.Attachment{{Content: noise(padding), Filename: "phu-luc.bin"}})
	}
	var out bytes.Buffer
	err := p.Output(&out)
	return out.Bytes(), err
}

// noise does not compress; it is the same every time.
func noise(size int) []byte {
	b := make([]byte, size)
	state := uint32(1)
	for i := range b {
		state = state*1664525 + 1013904223
		b[i] = byte(state >> 24)
	}
	return b
}
