package demo

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/xmldsig"
)

// directivePackage is the name of the package that carries the directive.
const directivePackage = "173-UBND-KSTTHC.edxml"

const pdfType = "application/pdf"

// send sends the directive as edXML, the guidance by REST and the training
// material in resumable chunks.
func (s *show) send(ctx context.Context) error {
	for _, send := range []func(context.Context) error{s.sendDirective, s.sendGuidance, s.sendTraining} {
		if err := send(ctx); err != nil {
			return err
		}
	}
	return nil
}

// recipientsOf are all agencies but one.
func (s *show) recipientsOf(sender string) []string {
	return slices.DeleteFunc(slices.Clone(s.order), func(code string) bool { return code == sender })
}

// sendDirective sends the same package twice: that must change nothing.
func (s *show) sendDirective(ctx context.Context) error {
	if err := s.packDirective(ctx); err != nil {
		return err
	}
	first, err := s.sendPackage(ctx)
	if err != nil {
		return err
	}
	again, err := s.sendPackage(ctx)
	if err != nil {
		return err
	}
	s.sameReceipt("the directive", &first, &again)
	s.check(len(first.Deliveries) == len(s.order)-1, "the directive goes to all %d other agencies (%d)", len(s.order)-1, len(first.Deliveries))
	s.say("%s: edXML, %d nơi nhận / recipients", first.Dispatch.Document.Number(), len(first.Deliveries))
	return nil
}

// packDirective writes the edXML package of the directive, signed by the province as a
// whole besides the files in it.
func (s *show) packDirective(ctx context.Context) error {
	sub := hub.Submission{
		Sender: province, Recipients: s.recipientsOf(province), ExternalID: directiveID,
		Operation: hub.OperationNew, Document: directiveData(),
		Parts: []hub.Part{
			{ID: "p1", Role: hub.RoleOriginal, Name: directiveFile, MediaType: pdfType},
			{ID: "p2", Role: hub.RoleAttachment, Name: annexFile, MediaType: pdfType, Description: "Phụ lục"},
		},
		Trace: []hub.Hop{{Agency: province, Time: s.now()}},
	}
	names := func(code string) edxml.Organization { return edxml.Organization{Name: s.parties[code].Name} }
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(ctx, &out, sub, names, func(_ context.Context, p hub.Part) (hub.Blob, error) {
		return openFile(s.path("documents", p.Name))
	})
	if err != nil {
		return err
	}
	seal := s.signers[province].Agency
	signed, err := xmldsig.Maker{Key: seal.Key, Chain: seal.Chain}.SignEnvelope(ctx, out.Bytes(), s.now())
	if err != nil {
		return err
	}
	return s.save(signed, "edxml", directivePackage)
}

func (s *show) sendPackage(ctx context.Context) (hub.Accepted, error) {
	path := s.path("edxml", directivePackage)
	info, err := os.Stat(path)
	if err != nil {
		return hub.Accepted{}, err
	}
	answer, err := s.parties[province].client.SubmitPackage(ctx, hubclient.Package{
		Open: func() (io.ReadCloser, error) { return os.Open(path) }, Size: info.Size(),
	}, nil)
	if err != nil {
		return hub.Accepted{}, err
	}
	if answer.Accepted == nil {
		return hub.Accepted{}, errors.New("the hub took the package for a status message")
	}
	s.keep(answer.Receipt)
	return *answer.Accepted, nil
}

func (s *show) sendGuidance(ctx context.Context) error {
	sub := hub.Submission{
		Sender: justice, Recipients: []string{interior, s.parties[tamKy].Alias, hoiAn}, // one by its other code
		ExternalID: guidanceID, Operation: hub.OperationNew, Document: guidanceData(), Key: guidanceID,
	}
	original, err := s.file("p1", hub.RoleOriginal, guidanceFile)
	if err != nil {
		return err
	}
	first, err := s.parties[justice].client.Submit(ctx, sub, []hubclient.File{original}, nil)
	if err != nil {
		return err
	}
	s.keep(first.Receipt)
	again, err := s.parties[justice].client.Submit(ctx, sub, []hubclient.File{original}, nil)
	if err != nil {
		return err
	}
	s.sameReceipt("the guidance", &first, &again)
	s.check(len(first.Deliveries) == 3 && string(first.Deliveries[1].Recipient) == s.parties[tamKy].ID,
		"the guidance goes to 3 agencies, one of them named by its other code")
	s.say("%s: REST, %d nơi nhận / recipients", first.Dispatch.Document.Number(), len(first.Deliveries))
	return nil
}

func (s *show) sameReceipt(what string, first, again *hub.Accepted) {
	s.check(!first.Duplicate && again.Duplicate, "%s sent a second time is recognised", what)
	s.check(bytes.Equal(hub.MarshalReceipt(first.Receipt), hub.MarshalReceipt(again.Receipt)),
		"%s sent a second time gets the first receipt, byte for byte", what)
}

// sendTraining registers a large submission, loses the connection after half of
// the large file and goes on where it stopped.
func (s *show) sendTraining(ctx context.Context) error {
	sub := hub.Submission{
		Sender: justice, Recipients: []string{interior, tamKy, hoiAn}, ExternalID: trainingID,
		Operation: hub.OperationNew, Document: trainingData(), Key: trainingID,
	}
	original, err := s.file("p1", hub.RoleOriginal, trainingFile)
	if err != nil {
		return err
	}
	material, err := s.file("p2", hub.RoleAttachment, materialFile)
	if err != nil {
		return err
	}
	client, files := s.parties[justice].client, []hubclient.File{original, material}
	upload, err := client.Register(ctx, sub, files)
	if err != nil {
		return err
	}
	if err := s.sendHalf(ctx, client, upload.ID, &material); err != nil {
		return err
	}
	accepted, err := client.Resume(ctx, upload.ID, files, nil)
	if err != nil {
		return err
	}
	s.keep(accepted.Receipt)
	s.say("%s: tải lên từng phần / resumable upload, %d MB, %d nơi nhận / recipients",
		accepted.Dispatch.Document.Number(), material.Part.Size>>20, len(accepted.Deliveries))
	return nil
}

// sendHalf sends the first half of a file.
func (s *show) sendHalf(ctx context.Context, client *hubclient.Client, upload string, f *hubclient.File) error {
	content, err := f.Open()
	if err != nil {
		return err
	}
	defer content.Close()
	half := f.Part.Size / 2
	if _, err := client.Append(ctx, upload, f.Part.ID, 0, io.LimitReader(content, half), half); err != nil {
		return err
	}
	status, err := client.UploadStatus(ctx, upload)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(status.Parts, func(p hub.UploadPart) bool { return p.ID == f.Part.ID })
	s.check(i >= 0 && status.Parts[i].Offset == half && !status.Parts[i].Done, "the hub knows that half of the large file is there")
	return nil
}

// file is a measured file of the documents folder.
func (s *show) file(id string, role hub.PartRole, name string) (hubclient.File, error) {
	f, err := hubclient.FileAt(s.path("documents", name))
	if err != nil {
		return f, err
	}
	f.Part.ID, f.Part.Role, f.Part.MediaType = id, role, pdfType
	return f, f.Measure()
}

// keep remembers a receipt that the hub handed over, to be found again later.
func (s *show) keep(receipts ...hub.SealedEvidence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range receipts {
		s.promised[r.Evidence.ID] = r.Digest
	}
}
