package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// recipientsOf are all agencies but the given ones.
func (s *show) recipientsOf(without ...string) []string {
	return slices.DeleteFunc(slices.Clone(s.order), func(code string) bool { return slices.Contains(without, code) })
}

// send sends the directive as edXML and the guidance by REST, its annex in
// resumable chunks, and each a second time: that must change nothing.
func (s *show) send(ctx context.Context) error {
	path, err := s.packDirective(ctx)
	if err != nil {
		return err
	}
	first, err := s.sendPackage(ctx, path)
	if err != nil {
		return err
	}
	again, err := s.sendPackage(ctx, path)
	if err != nil {
		return err
	}
	s.check(!first.Duplicate && again.Duplicate, "sending the package again is recognised")
	s.check(bytes.Equal(hub.MarshalReceipt(first.Receipt), hub.MarshalReceipt(again.Receipt)), "both times the same receipt, byte for byte")
	s.check(len(first.Deliveries) == len(s.order)-1, "the directive has %d deliveries", len(first.Deliveries))
	return s.sendGuidance(ctx)
}

// packDirective writes the edXML package of the directive.
func (s *show) packDirective(ctx context.Context) (string, error) {
	sub := hub.Submission{
		Sender: province, Recipients: s.recipientsOf(province), ExternalID: directiveID,
		Operation: hub.OperationNew, Document: directiveData(),
		Parts: []hub.Part{
			{ID: "p1", Role: hub.RoleOriginal, Name: "173-UBND-KSTTHC.pdf", MediaType: "application/pdf"},
			{ID: "p2", Role: hub.RoleAttachment, Name: "173-phu-luc.pdf", MediaType: "application/pdf", Description: "Phụ lục"},
		},
		Trace: []hub.Hop{{Agency: province, Time: time.Now()}},
	}
	names := func(code string) edxml.Organization { return edxml.Organization{Name: s.parties[code].Name} }
	path := s.path("edxml", "173-UBND-KSTTHC.edxml")
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(ctx, &out, sub, names, func(_ context.Context, p hub.Part) (hub.Blob, error) {
		return openFile(s.path("documents", p.Name))
	})
	if err != nil {
		return "", err
	}
	return path, os.WriteFile(path, out.Bytes(), 0o600)
}

func (s *show) sendPackage(ctx context.Context, path string) (hub.Accepted, error) {
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
		return hub.Accepted{}, errors.New("the package was taken for a status message")
	}
	return *answer.Accepted, nil
}

func (s *show) sendGuidance(ctx context.Context) error {
	sub := hub.Submission{
		Sender: justice, Recipients: []string{interior, "H47.31", "000.00.32.H47"}, // one by its other code
		ExternalID: guidanceID, Operation: hub.OperationNew, Document: guidanceData(), Key: guidanceID,
	}
	original, err := s.file("p1", hub.RoleOriginal, "42-STP-VP.pdf")
	if err != nil {
		return err
	}
	client := s.parties[justice].client
	accepted, err := client.Submit(ctx, sub, []hubclient.File{original}, nil)
	if err != nil {
		return err
	}
	s.check(len(accepted.Deliveries) == 3, "the guidance has %d deliveries, one to an agency named by its other code", len(accepted.Deliveries))

	material := s.path("documents", "tai-lieu-tap-huan.bin")
	if err := os.WriteFile(material, bytes.Repeat([]byte("Tài liệu tập huấn (mẫu). "), 200_000), 0o600); err != nil {
		return err
	}
	attachment, err := s.file("p2", hub.RoleAttachment, "tai-lieu-tap-huan.bin")
	if err != nil {
		return err
	}
	sub.ExternalID, sub.Key = guidanceID+"-tap-huan", guidanceID+"-tap-huan"
	sub.Document.CodeNumber, sub.Document.Subject = "43", "V/v gửi tài liệu tập huấn (tệp lớn)"
	_, uploaded, err := client.Upload(ctx, sub, []hubclient.File{original, attachment}, nil)
	if err != nil {
		return err
	}
	s.check(len(uploaded.Deliveries) == 3, "the large attachment went up in chunks")
	return nil
}

func (s *show) file(id string, role hub.PartRole, name string) (hubclient.File, error) {
	f, err := hubclient.FileAt(s.path("documents", name))
	f.Part.ID, f.Part.Role, f.Part.MediaType = id, role, "application/octet-stream"
	if filepath.Ext(name) == ".pdf" {
		f.Part.MediaType = "application/pdf"
	}
	return f, err
}

// collect lets every agency but the province empty its box, all at once.
func (s *show) collect(ctx context.Context) error {
	codes := s.recipientsOf(province)
	errs := make([]error, len(codes))
	var group sync.WaitGroup
	for i, code := range codes {
		group.Go(func() { errs[i] = s.empty(ctx, s.parties[code], s.expected(code)) })
	}
	group.Wait()
	return errors.Join(errs...)
}

// expected is how many documents an agency is to receive.
func (s *show) expected(code string) int {
	switch code {
	case interior, "000.00.31.H47", "000.00.32.H47":
		return 3
	}
	return 1
}

// empty collects documents as they arrive until the expected number was handled.
func (s *show) empty(ctx context.Context, p *party, count int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for done := 0; done < count; {
		if _, err := p.client.Mailbox(ctx, hubclient.MailboxQuery{Free: true, Wait: 5 * time.Second}); err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		items, err := p.client.Lease(ctx, hubclient.LeaseRequest{Max: 10, For: time.Minute})
		if err != nil {
			return fmt.Errorf("%s: %w", p.Name, err)
		}
		for _, item := range items {
			if err := s.handle(ctx, p, &item, done+1); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			done++
		}
	}
	return nil
}

// handle is what the clerk of one agency does with one document.
func (s *show) handle(ctx context.Context, p *party, item *hub.Item, n int) error {
	id, fence := item.Delivery.ID, item.Delivery.Lease.Fence
	if p.Code == stranger {
		_, err := p.client.Refuse(ctx, id, fence, hub.Reason{
			Code: hub.ReasonWrongAddressee, Detail: "Gửi sai nơi nhận: nội dung không thuộc thẩm quyền",
		})
		return err
	}
	digests, err := s.download(ctx, p, item)
	if err != nil {
		return err
	}
	if p.Code == packaging {
		if err := s.downloadPackage(ctx, p, item); err != nil {
			return err
		}
	}
	if _, err := p.client.Acknowledge(ctx, id, fence, digests); err != nil {
		return err
	}
	if _, err := p.client.ReportStatus(ctx, id, hubclient.Status{Code: hub.StatusArrived, Description: "Đã đến"}); err != nil {
		return err
	}
	if p.Code == slow || p.Code == unlisted {
		return nil
	}
	today := hub.Date(time.Now().In(hub.Vietnam()).Format(time.DateOnly))
	if _, err := p.client.Accept(ctx, id, hub.Registration{Number: fmt.Sprint(100 + n), Date: today, Unit: "Văn thư"}); err != nil {
		return err
	}
	_, err = p.client.ReportStatus(ctx, id, hubclient.Status{Code: hub.StatusInProgress, Description: "Đang xử lý"})
	return err
}

// download fetches every file, which checks its digest, and verifies the
// signatures of the signed ones on this side.
func (s *show) download(ctx context.Context, p *party, item *hub.Item) (map[string]hub.Digest, error) {
	digests := map[string]hub.Digest{}
	folder := s.path("documents", "collected", p.Code)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	for _, part := range item.Dispatch.Parts {
		if part.Role == hub.RoleEnvelope {
			continue
		}
		var content bytes.Buffer
		digest, err := p.client.Part(ctx, item.Dispatch.ID, part, &content, nil)
		if err != nil {
			return nil, err
		}
		digests[part.ID] = digest
		sent, err := os.ReadFile(s.path("documents", part.Name))
		s.check(err == nil && bytes.Equal(sent, content.Bytes()), "%s got %s byte for byte as it was sent", p.Name, part.Name)
		path := filepath.Join(folder, part.Name)
		if err := os.WriteFile(path, content.Bytes(), 0o600); err != nil {
			return nil, err
		}
		if part.MediaType == "application/pdf" {
			report, err := s.verifyPDF(ctx, path)
			if err != nil {
				return nil, err
			}
			s.check(report.Indication == hub.TotalPassed && len(report.Signatures) == 2,
				"%s finds both signatures of %s valid (%s %s)", p.Name, part.Name, report.Indication, report.Sub)
		}
	}
	return digests, nil
}

// downloadPackage collects the package and compares it with the one sent.
func (s *show) downloadPackage(ctx context.Context, p *party, item *hub.Item) error {
	var content bytes.Buffer
	if err := p.client.Package(ctx, item.Dispatch.ID, &content, nil); err != nil {
		return err
	}
	if err := os.WriteFile(s.path("edxml", "collected-by-"+p.Code+".edxml"), content.Bytes(), 0o600); err != nil {
		return err
	}
	sent, err := os.ReadFile(s.path("edxml", "173-UBND-KSTTHC.edxml"))
	s.check(err == nil && bytes.Equal(sent, content.Bytes()), "%s got the package byte for byte as it was sent", p.Name)
	return nil
}

// reply is the answer of the Department of the Interior, which the province
// registers; the task is then reported as completed.
func (s *show) reply(ctx context.Context) error {
	original, err := s.file("p1", hub.RoleOriginal, "97-SNV-CCHC.pdf")
	if err != nil {
		return err
	}
	accepted, err := s.parties[interior].client.Submit(ctx, hub.Submission{
		Sender: interior, Recipients: []string{province}, ExternalID: answerID,
		Operation: hub.OperationNew, Document: answerData(), Key: answerID,
	}, []hubclient.File{original}, nil)
	if err != nil {
		return err
	}
	s.check(len(accepted.Dispatch.Document.ResponseFor) == 1, "the answer names the document that it answers")
	if err := s.empty(ctx, s.parties[province], 1); err != nil {
		return err
	}
	return s.complete(ctx)
}

func (s *show) complete(ctx context.Context) error {
	client := s.parties[interior].client
	list, err := client.Mailbox(ctx, hubclient.MailboxQuery{States: []hub.DeliveryState{hub.StateAccepted}, Text: "cai cach hanh chinh"})
	if err != nil {
		return err
	}
	s.check(len(list.Items) == 1, "a search without diacritics finds the directive")
	for _, item := range list.Items {
		if _, err := client.ReportStatus(ctx, item.Delivery.ID, hubclient.Status{Code: hub.StatusCompleted, Description: "Hoàn thành"}); err != nil {
			return err
		}
	}
	return nil
}
