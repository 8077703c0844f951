package demo

import (
	"context"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/signing/pki"
)

// The documents, by the names of their files.
const (
	directiveFile = "173-UBND-KSTTHC.pdf"
	annexFile     = "173-phu-luc.pdf"
	guidanceFile  = "42-STP-VP.pdf"
	trainingFile  = "43-STP-VP.pdf"
	materialFile  = "43-tai-lieu-tap-huan.pdf"
	answerFile    = "97-SNV-CCHC.pdf"
	axisFile      = "44-STP-VP.pdf" // sent over the axis
	waitingFile   = "45-STP-VP.pdf" // in a package for whoever tries the axis
)

// materialSize is large enough to go up in several chunks, in bytes.
const materialSize = 12 << 20

// write makes and signs every document of the demonstration.
func (s *show) write(ctx context.Context) error {
	for agency, leader := range map[string]string{
		province: directive().Signer, justice: guidance().Signer, interior: answer().Signer,
	} {
		if err := s.appoint(agency, leader); err != nil {
			return err
		}
	}
	for _, d := range []struct {
		name   string
		agency string
		render func() (sample.Paper, error)
	}{
		{directiveFile, province, directive().Paper},
		{annexFile, province, annex().Paper},
		{guidanceFile, justice, guidance().Paper},
		{trainingFile, justice, training().Paper},
		{answerFile, interior, answer().Paper},
		{axisFile, justice, axisLetter("44").Paper},
		{waitingFile, justice, axisLetter("45").Paper},
	} {
		if err := s.writeOne(ctx, d.name, d.agency, d.render); err != nil {
			return err
		}
	}
	material, err := sample.NewSeries(s.signers[justice], materialSize).Document(ctx, 1)
	if err != nil {
		return err
	}
	s.say("8 tệp PDF, mỗi tệp hai chữ ký / PDF files, two signatures each: %s", s.path("documents"))
	return s.save(material, "documents", materialFile)
}

// appoint gives an agency a leader and a seal.
func (s *show) appoint(agency, leader string) error {
	name := s.parties[agency].Name
	person, err := s.pki.Person(leader, name, pki.RSA2048)
	if err != nil {
		return err
	}
	seal, err := s.pki.Agency(name, pki.RSA2048)
	s.signers[agency] = sample.Signers{Leader: person, Agency: seal}
	return err
}

func (s *show) writeOne(ctx context.Context, name, agency string, render func() (sample.Paper, error)) error {
	paper, err := render()
	if err != nil {
		return err
	}
	if err := s.save(paper.PDF, "documents", "unsigned", name); err != nil {
		return err
	}
	signed, err := s.signers[agency].SignPaper(ctx, paper, time.Now())
	if err != nil {
		return err
	}
	return s.save(signed, "documents", name)
}
