package hubtest_test

import (
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/lists"
)

// TestSendingToAList: a list stands for its members as they are at that moment, each gets
// the document once, and a repetition gets the first answer whatever became of the list.
func TestSendingToAList(t *testing.T) {
	w, ctx, province := hubtest.NewWorld(), t.Context(), hubtest.System(hubtest.Province)
	kept := lists.New(lists.Options{Notes: w.Memory, Directory: w.Directory, Now: w.Clock.Now})
	s := intake.New(intake.Options{
		Store: w.Memory, Uploads: w.Memory, Blobs: w.Blobs, Staging: w.Blobs, Directory: w.Directory, Lists: kept, Verifier: w.Verifier,
		Notary: w.Notary, Queue: w.Queue, Now: w.Clock.Now, NewID: w.IDs.New, Canonical: hubtest.CanonicalReport, MaxRecipients: 3,
	})
	save := func(recipients ...string) {
		t.Helper()
		if _, err := kept.Save(ctx, province, hub.DistributionList{Agency: hubtest.Province, Name: "Các sở", Recipients: recipients}); err != nil {
			t.Fatal(err)
		}
	}
	save("000.00.12.H47", hubtest.ClosedCode)
	sub := w.Submission("1", "H47.12", "list: Các sở", "000.00.13.H47")
	sub.Key, sub.ForInformation = "k", []string{"list:Các sở"}
	first, err := s.Submit(ctx, province, sub)
	if err != nil {
		t.Fatal(err)
	}
	var to []hub.AgencyID
	for _, d := range first.Deliveries {
		to = append(to, d.Recipient)
	}
	if len(to) != 3 || to[0] != hubtest.Office || to[1] != hubtest.Ward || to[2] != hubtest.Bureau {
		t.Errorf("it goes to %v", to)
	}
	if d := first.Deliveries[1]; d.AddressedAs != hubtest.ClosedCode || d.Note == "" || first.Receipt.Evidence.Recipients[1].Note == "" {
		t.Errorf("the member that closed: %+v", d)
	}
	for _, d := range first.Deliveries {
		if d.ForInformation != (d.Recipient != hubtest.Bureau) {
			t.Errorf("%s has it for information: %t", d.Recipient, d.ForInformation)
		}
	}
	save("000.00.13.H47")
	again, err := s.Submit(ctx, province, sub)
	if err != nil || !again.Duplicate || again.Receipt.Digest != first.Receipt.Digest {
		t.Errorf("again, after the list has changed: %+v, %v", again.Duplicate, err)
	}
	save("000.00.12.H47", "000.00.13.H47", "000.31.05.H47", "000.00.14.H47")
	for _, tt := range []struct {
		recipients []string
		want       string
	}{
		{[]string{"000.00.12.H47", "list:Không có"}, "recipients[1] [list]"},
		{[]string{"list:" + strings.Repeat("x", 200)}, "recipients[0] [list]"},
		{[]string{"list:Các sở"}, "max_items"},
		{[]string{"000.00.12.H47", "H47.12"}, "recipients[1] [unique]"},
	} {
		if _, err := s.Submit(ctx, province, w.Submission("2", tt.recipients...)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("to %.40v: %v, want %s", tt.recipients, err, tt.want)
		}
	}
	// The list of another is no list.
	other := w.Submission("3", "list:Các sở")
	other.Sender = "000.00.12.H47"
	if _, err := s.Submit(ctx, hubtest.System(hubtest.Office), other); err == nil || !strings.Contains(err.Error(), "[list]") {
		t.Errorf("to the list of another: %v", err)
	}
}
