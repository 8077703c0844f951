package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// collect lets every agency but the province empty its box, all at once.
func (s *show) collect(ctx context.Context) error {
	codes := s.recipientsOf(province)
	errs := make([]error, len(codes))
	var group sync.WaitGroup
	for i, code := range codes {
		group.Go(func() { errs[i] = s.empty(ctx, s.parties[code], s.expected(code)) })
	}
	group.Wait()
	s.say("%d nơi nhận, %d văn bản / recipients and documents", len(codes), len(s.handled))
	return errors.Join(errs...)
}

// expected is how many documents an agency is to receive.
func (s *show) expected(code string) int {
	switch code {
	case interior, tamKy, hoiAn:
		return 3 // the directive, the guidance and the training material
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
			if err := s.handle(ctx, p, &item); err != nil {
				return fmt.Errorf("%s: %w", p.Name, err)
			}
			done++
		}
	}
	return nil
}

// handle is what the clerk of one agency does with one document.
func (s *show) handle(ctx context.Context, p *party, item *hub.Item) error {
	s.mu.Lock()
	s.handled = append(s.handled, item.Delivery)
	s.mu.Unlock()
	id, fence := item.Delivery.ID, item.Delivery.Lease.Fence
	if p.Code == stranger {
		return s.kept(p.client.Refuse(ctx, id, fence, hub.Reason{
			Code: hub.ReasonWrongAddressee, Detail: "Gửi sai nơi nhận: nội dung không thuộc thẩm quyền",
		}))
	}
	digests, err := s.download(ctx, p, item)
	if err != nil {
		return err
	}
	if err := s.kept(p.client.Acknowledge(ctx, id, fence, digests)); err != nil {
		return err
	}
	if err := s.report(ctx, p, item, hub.StatusArrived, "Đã đến"); err != nil {
		return err
	}
	if p.Code == slow || !p.Registers {
		return nil
	}
	return s.enter(ctx, p, item)
}

// enter registers a document under the agency's next number and starts work on it.
func (s *show) enter(ctx context.Context, p *party, item *hub.Item) error {
	p.register++
	today := hub.DateOf(s.now())
	entry := hub.Registration{Number: fmt.Sprint(p.register), Date: today, Unit: "Văn thư"}
	if err := s.kept(p.client.Accept(ctx, item.Delivery.ID, entry)); err != nil {
		return err
	}
	if err := s.report(ctx, p, item, hub.StatusAccepted, "Đã tiếp nhận"); err != nil {
		return err
	}
	return s.report(ctx, p, item, hub.StatusInProgress, "Đang xử lý")
}

// kept keeps a receipt unless there is an error instead.
func (s *show) kept(receipt hub.SealedEvidence, err error) error {
	if err == nil {
		s.keep(receipt)
	}
	return err
}

// report reports progress, one agency in edXML and the others by REST.
func (s *show) report(ctx context.Context, p *party, item *hub.Item, code hub.StatusCode, description string) error {
	if p.Code != byXML {
		return s.kept(p.client.ReportStatus(ctx, item.Delivery.ID, hubclient.Status{Code: code, Description: description}))
	}
	d := &item.Dispatch
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeStatus(&out, hub.StatusMessage{
		From: p.Code, Code: code, Description: description, StatedAt: s.now(),
		Staff: &hub.Staff{Department: "Văn thư", Name: "Võ Thị Thử Nghiệm"},
		For: hub.Reference{
			Agency: string(d.SenderCode), Number: d.Document.Number(), ExternalID: d.ExternalID, Promulgated: d.Document.Promulgated,
		},
	})
	if err != nil {
		return err
	}
	name := fmt.Sprintf("%s-status-%s.edxml", p.Code, code)
	if err := s.save(out.Bytes(), "edxml", "status", name); err != nil {
		return err
	}
	path := s.path("edxml", "status", name)
	answer, err := p.client.SubmitPackage(ctx, hubclient.Package{
		Open: func() (io.ReadCloser, error) { return os.Open(path) }, Size: int64(out.Len()),
	}, nil)
	return s.kept(answer.Receipt, err)
}

// download fetches every file, which checks its digest, and verifies the
// signatures on this side; one agency also fetches the package.
func (s *show) download(ctx context.Context, p *party, item *hub.Item) (map[string]hub.Digest, error) {
	digests := map[string]hub.Digest{}
	valid, all := 0, 0
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
		if err := s.save(content.Bytes(), "documents", "collected", p.Code, part.Name); err != nil {
			return nil, err
		}
		report, err := s.verifyFile(ctx, s.path("documents", "collected", p.Code, part.Name))
		if err != nil {
			return nil, err
		}
		s.check(twicePassed(&report), "%s finds two valid signatures on %s (%s %s)", p.Name, part.Name, report.Indication, report.Sub)
		valid, all = valid+passed(&report), all+len(report.Signatures)
	}
	s.mu.Lock()
	s.verdicts[item.Delivery.ID] = fmt.Sprintf("%d/%d", valid, all)
	s.mu.Unlock()
	if p.Code != byXML {
		return digests, nil
	}
	var content bytes.Buffer
	if err := p.client.Package(ctx, item.Dispatch.ID, &content, nil); err != nil {
		return nil, err
	}
	return digests, s.save(content.Bytes(), "edxml", "collected", p.Code, directivePackage)
}

func (s *show) verifyFile(ctx context.Context, path string) (hub.SignatureReport, error) {
	content, err := openFile(path)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	defer content.Close()
	return s.verifier.VerifyFile(ctx, path, content)
}

func twicePassed(r *hub.SignatureReport) bool {
	return r.Indication == hub.TotalPassed && len(r.Signatures) == 2
}

// passed counts the valid signatures.
func passed(r *hub.SignatureReport) int {
	n := 0
	for i := range r.Signatures {
		if r.Signatures[i].Indication == hub.TotalPassed {
			n++
		}
	}
	return n
}

// reply is the answer of the Department of the Interior, which the province
// registers; the directive is then reported as completed.
func (s *show) reply(ctx context.Context) error {
	accepted, err := s.submit(ctx, s.parties[interior], answerFile, answerID, answerData(), province)
	if err != nil {
		return err
	}
	if err := s.empty(ctx, s.parties[province], 1); err != nil {
		return err
	}
	_, err = s.parties[outsider].client.Dispatch(ctx, accepted.Dispatch.ID)
	s.check(hub.KindOf(err) == hub.KindNotFound, "%s learns nothing of a document between others (%v)", s.parties[outsider].Name, err)
	s.say("%s → %s", accepted.Dispatch.Document.Number(), s.parties[province].Name)
	return s.complete(ctx)
}

// complete finds the directive by a search without diacritics and closes it.
func (s *show) complete(ctx context.Context) error {
	p := s.parties[interior]
	list, err := p.client.Mailbox(ctx, hubclient.MailboxQuery{States: []hub.DeliveryState{hub.StateAccepted}, Text: "day manh cai cach hanh chinh"})
	if err != nil {
		return err
	}
	s.check(len(list.Items) == 1 && list.Items[0].Dispatch.ExternalID == directiveID, "a search without diacritics finds the directive (%d hits)", len(list.Items))
	for i := range list.Items {
		if err := s.report(ctx, p, &list.Items[i], hub.StatusCompleted, "Hoàn thành"); err != nil {
			return err
		}
	}
	return nil
}
