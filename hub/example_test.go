package hub_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/tracking"
)

// The way of one document: a province sends it to an office and a bureau, each
// takes it out of its box, and the province holds a receipt for every step. The
// surroundings (stores, content, clock) are those of package hubtest, in memory;
// cmd/lienthong/internal/app puts the same services upon a disk.
func Example() {
	ctx := context.Background()
	w := hubtest.NewWorld()
	queue := delivery.NewLocalQueue(100)
	evidence := audit.New(audit.Options{
		Store: w, Sealer: w.Notary, Issuer: hub.Party{ID: "hub"}, Origin: "hub.test/evidence", Now: w.Clock.Now, NewID: w.IDs.New,
	})
	boxes := tracking.New(tracking.Options{
		Store: w, Leases: w, Reports: w, Links: w, Evidences: w, Blobs: w.Blobs, Directory: w.Directory,
		Notary: evidence, Now: w.Clock.Now, NewID: w.IDs.New,
	})
	submissions := intake.New(intake.Options{
		Store: w, Uploads: w, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Verifier: w.Verifier,
		Notary: evidence, Queue: queue, Bell: boxes, Now: w.Clock.Now, NewID: w.IDs.New, Canonical: hubtest.CanonicalReport,
	})
	carriers := delivery.New(delivery.Options{Store: w, Notary: evidence, Queue: queue, Bell: boxes, Now: w.Clock.Now, NewID: w.IDs.New})

	// Submitted: an adapter has put the parts into the blob store and knows who
	// asks. Accepted: dispatch, deliveries and receipt are durable.
	province := hubtest.System(hubtest.Province)
	submission := w.Submission("000.00.00.H47,2020/01/10,173/UBND-KSTTHC", "000.00.12.H47", "000.00.13.H47")
	submission.Key = "the sender's own key"
	accepted, err := submissions.Submit(ctx, province, submission)
	must(err)
	fmt.Println(accepted.Dispatch.Document.Number(), "to", len(accepted.Deliveries), "recipients:", accepted.Receipt.Evidence.Event.Name())

	// The answer was lost on the way: the same submission gets the same receipt.
	again, err := submissions.Submit(ctx, province, submission)
	must(err)
	fmt.Println("again: duplicate", again.Duplicate, "same receipt", again.Receipt.Digest == accepted.Receipt.Digest)

	// Consigned: both recipients collect here, so the deliveries lie in their boxes
	// already, and there is nothing to carry.
	carried, err := carriers.Work(ctx, accepted.Dispatch.ID)
	must(err)
	fmt.Println(accepted.Deliveries[0].State, accepted.Deliveries[1].State, "carried", carried)

	// Handed over: the office collects under a lease and names the digests of what
	// it got. Accepted by the recipient: it enters the document in its register.
	office := hubtest.System(hubtest.Office)
	leased, err := boxes.Lease(ctx, office, hub.LeaseRequest{Agency: hubtest.Office, Max: 10})
	must(err)
	item := leased[0]
	_, err = boxes.Acknowledge(ctx, office, item.Delivery.ID, item.Delivery.Lease.Fence, map[string]hub.Digest{"p1": item.Dispatch.Parts[0].Digest})
	must(err)
	_, err = boxes.Accept(ctx, office, item.Delivery.ID, hub.Registration{Number: "1024", Date: "2026-03-02", Unit: "Phòng Tổng hợp"})
	must(err)
	_, err = boxes.Report(ctx, office, item.Delivery.ID, hub.StatusReport{Code: hub.StatusInProgress, StatedAt: w.Clock.Now()})
	must(err)

	// Nobody at the bureau collects: its delivery ends, too, and visibly.
	w.Clock.Advance(31 * 24 * time.Hour)
	_, err = carriers.Expire(ctx)
	must(err)

	// The sender sees what became of each delivery, a stranger sees nothing.
	sent, err := boxes.Dispatch(ctx, province, accepted.Dispatch.ID)
	must(err)
	for _, d := range sent.Deliveries {
		fmt.Printf("%s: %s, progress %q\n", d.Name, d.State, d.Progress)
	}
	_, err = boxes.Dispatch(ctx, hubtest.System(hubtest.Stranger), accepted.Dispatch.ID)
	fmt.Println("a stranger:", hub.KindOf(err))

	// Every step left an evidence that follows from the one before.
	list, err := evidence.Evidences(ctx, province, hub.EvidenceQuery{Dispatch: accepted.Dispatch.ID, Page: hub.Page{Limit: 100}})
	must(err)
	for _, e := range list.Items {
		fmt.Println("-", e.Evidence.Event.Name())
	}
	fmt.Println("chain:", audit.CheckChain(list.Items))

	// What breaks a rule is refused with the field, the rule and a receipt, too.
	submission.ExternalID, submission.Key, submission.Recipients = "another", "", []string{hubtest.UnknownCode}
	_, err = submissions.Submit(ctx, province, submission)
	var rejection *hub.Rejection
	if errors.As(err, &rejection) {
		fmt.Println(rejection.Receipt.Evidence.Event.Name(), rejection.Violations[0].Field, rejection.Violations[0].Rule)
	}
	// Output:
	// 173/UBND-KSTTHC to 2 recipients: SubmissionAcceptance
	// again: duplicate true same receipt true
	// consigned consigned carried 0
	// Sở Mẫu (hư cấu): accepted, progress "05"
	// Chi cục Mẫu (hư cấu): expired, progress ""
	// a stranger: not_found
	// - SubmissionAcceptance
	// - ContentConsignment
	// - ContentConsignment
	// - ContentHandover
	// - ConsignmentAcceptance
	// - StatusReport
	// - ContentHandoverFailure
	// chain: <nil>
	// SubmissionRejection recipients[0] unknown_agency
}

// must ends the example at the first error.
func must(err error) {
	if err != nil {
		panic(err)
	}
}
