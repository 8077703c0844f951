package demo

import (
	"context"

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

	letterFile = "180-UBND-KSTTHC.pdf" // to those who are told or work in ways of their own

	mailedFile = "181-UBND-KSTTHC.pdf" // to one whose clerk is told by mail

	upFile   = "182-UBND-KSTTHC.pdf" // to a ministry, over the national axis
	downFile = "12-BM-VP.pdf"        // its answer

	brokeredFile     = "183-UBND-KSTTHC.pdf" // to a commune that is connected by RabbitMQ
	brokerAnswerFile = "16-UBND-VP.pdf"      // its answer

	tasksFile      = "184-UBND-KSTTHC.pdf" // sets the tasks of the directive
	taskAnswerFile = "98-STC-VP.pdf"       // answers one of them
	lateAnswerFile = "99-SNV-CCHC.pdf"     // answers it too late
	normativeFile  = "05-2020-QD-UBND.pdf" // goes where rules say

	recommendationFile = "49-STP-KTVB.pdf" // asks for what that document lacks
	explanationFile    = "186-UBND-NC.pdf" // answers it

	communeFile         = "15-UBND-VP.pdf" // from a folder of files
	provinceFile        = "46-STP-VP.pdf"  // to a unit behind the provincial API
	unitFile            = "31-UBND-VP.pdf" // its answer
	provinceWaitingFile = "47-STP-VP.pdf"  // in a package for whoever tries the provincial API
)

// materialSize is large enough to go up in several chunks, in bytes.
const materialSize = 12 << 20

// write makes and signs every document of the demonstration but those about tasks.
func (s *show) write(ctx context.Context) error {
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
		{letterFile, province, letter("180", "UBND huyện Đại Lộc", "UBND xã Cẩm Thanh").Paper},
		{upFile, province, letter("182", "Bộ Mẫu").Paper},
		{downFile, ministry, ministryLetter().Paper},
		{brokeredFile, province, letter("183", "UBND xã Duy Vinh").Paper},
		{brokerAnswerFile, duyVinh, brokeredLetter().Paper},
		{mailedFile, province, letter("181", "UBND xã Đại Hiệp").Paper},
		{communeFile, camThanh, communeLetter().Paper},
		{provinceFile, justice, provinceLetter("46").Paper},
		{unitFile, hoiAn, unitLetter().Paper},
		{provinceWaitingFile, justice, provinceLetter("47").Paper},
		{normativeFile, province, normative().Paper},
		{recommendationFile, justice, recommendation().Paper},
		{explanationFile, province, explanation().Paper},
	} {
		if err := s.writeOne(ctx, d.name, d.agency, d.render); err != nil {
			return err
		}
	}
	material, err := sample.NewSeries(s.signers[justice], materialSize).Document(ctx, 1)
	if err != nil {
		return err
	}
	s.say("24 tệp PDF, mỗi tệp hai chữ ký / PDF files, two signatures each: %s", s.path("documents"))
	return s.save(material, "documents", materialFile)
}

// appointAll gives every agency that sends documents who signs them.
func (s *show) appointAll() error {
	for agency, leader := range map[string]string{
		province: directive().Signer, justice: guidance().Signer, interior: answer().Signer,
		camThanh: communeLetter().Signer, ministry: ministryLetter().Signer, duyVinh: brokeredLetter().Signer,
		hoiAn: unitLetter().Signer, finance: taskAnswer().Signer,
	} {
		if err := s.appoint(agency, leader); err != nil {
			return err
		}
	}
	return nil
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
	signed, err := s.signers[agency].SignPaper(ctx, paper, s.now())
	if err != nil {
		return err
	}
	return s.save(signed, "documents", name)
}
