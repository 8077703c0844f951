package demo

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// AxisPath is where the hub of the demonstration serves systems of the national axis.
const AxisPath = "/vxp"

// waitingPackage is left for whoever tries the axis: from the first system of demo.json
// to the second, and never sent.
const waitingPackage = "45-STP-VP.edxml"

const sentPackage = "44-STP-VP.edxml"

// overAxis lets two agencies exchange a document and its status as existing systems do:
// with the protocol of the national document axis.
func (s *show) overAxis(ctx context.Context) error {
	http := &http.Client{Transport: &http.Transport{}}
	defer http.CloseIdleConnections()
	from, err := s.admit(ctx, http, justice)
	if err != nil {
		return err
	}
	s.statuses = func(ctx context.Context) error {
		defer http.CloseIdleConnections()
		_, err := s.takeStatuses(ctx, from, "")
		return err
	}
	to, err := s.admit(ctx, http, interior)
	if err != nil {
		return err
	}
	waiting, err := s.packed(ctx, interior, "45", waitingFile)
	if err == nil {
		err = s.save(waiting, "edxml", waitingPackage)
	}
	if err != nil {
		return err
	}
	sent, err := s.packed(ctx, interior, "44", axisFile)
	if err == nil {
		err = s.save(sent, "edxml", "sent", sentPackage)
	}
	if err != nil {
		return err
	}
	id, err := from.Send(ctx, "edoc", justice, sent)
	if err != nil {
		return err
	}
	again, err := from.Send(ctx, "edoc", justice, sent)
	s.check(err == nil && again == id, "the same package again has the same DocId (%q, %q, %v)", id, again, err)
	if err := s.collectOverAxis(ctx, to, sent); err != nil {
		return err
	}
	if _, err := s.takeStatuses(ctx, to, "44/STP-VP"); err != nil { // about its answer, sent by REST
		return err
	}
	return s.learnOverAxis(ctx, from, id)
}

// admit gives the system of an agency a secret; its id is the code of the agency.
func (s *show) admit(ctx context.Context, client *http.Client, agency string) (*vxp.Client, error) {
	issued, err := s.operator.IssueKey(ctx, hubclient.NewKey{
		Name: "demonstration, axis", Kind: hub.ActorSystem, System: agency, Agencies: []string{agency},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		return nil, err
	}
	s.systems = append(s.systems, manifestSystem{ID: agency, Secret: issued.Secret, Agencies: []string{agency}})
	return s.systemOf(client, s.systems[len(s.systems)-1]), nil
}

// packedID is the id of a document in a package.
func packedID(sender, number string) string { return sender + ",2020/01/17," + number + "/STP-VP" }

// packed is a package from the Department of Justice to another agency.
func (s *show) packed(ctx context.Context, recipient, number, file string) ([]byte, error) {
	return s.envelope(ctx, hub.Submission{
		Sender: justice, Recipients: []string{recipient}, ExternalID: packedID(justice, number), Document: axisData(number),
	}, file)
}

// envelope is the package of a new document of one file.
func (s *show) envelope(ctx context.Context, sub hub.Submission, file string) ([]byte, error) {
	sub.Operation = hub.OperationNew
	sub.Parts = []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: file, MediaType: pdfType}}
	sub.Trace = []hub.Hop{{Agency: sub.Sender, Time: s.now()}}
	names := func(code string) edxml.Organization { return edxml.Organization{Name: s.parties[code].Name} }
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(ctx, &out, sub, names, func(_ context.Context, p hub.Part) (hub.Blob, error) {
		return openFile(s.path("documents", p.Name))
	})
	return out.Bytes(), err
}

// collectOverAxis does what a receiving system does: list, fetch, store, acknowledge.
func (s *show) collectOverAxis(ctx context.Context, to *vxp.Client, sent []byte) error {
	rows, err := to.Received(ctx, "edoc")
	if err != nil {
		return err
	}
	s.check(len(rows) == 1 && rows[0].From == justice && rows[0].To == interior, "one document waits on the axis (%v)", rows)
	for _, row := range rows {
		file, err := to.Fetch(ctx, row.DocID)
		if err != nil {
			return err
		}
		s.check(bytes.Equal(file, sent), "the axis hands out the package as it was sent")
		if err := s.save(file, "edxml", "collected", interior, sentPackage); err != nil {
			return err
		}
		if err := to.Update(ctx, row.DocID, "done"); err != nil {
			return err
		}
		if err := s.reportOverAxis(ctx, to); err != nil {
			return err
		}
		if err := s.enterFrom(ctx, interior, hub.DeliveryID(row.DocID)); err != nil {
			return err
		}
	}
	rows, err = to.Received(ctx, "edoc")
	s.check(err == nil && len(rows) == 0, "nothing waits after done (%v, %v)", rows, err)
	return err
}

// reportOverAxis sends a status message: the document has arrived.
func (s *show) reportOverAxis(ctx context.Context, to *vxp.Client) error {
	message, err := arrived(interior, "Đã đến, qua trục", axisReference("44"))
	if err == nil {
		_, err = to.Send(ctx, "status", interior, message)
	}
	return err
}

// arrived is a status message of an agency: the document has arrived.
func arrived(agency, description string, document hub.Reference) ([]byte, error) {
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeStatus(&out, hub.StatusMessage{
		From: agency, Code: hub.StatusArrived, Description: description, StatedAt: time.Now(), For: document,
	})
	return out.Bytes(), err
}

// enterFrom registers what came over another door as everything else: the channel makes
// no difference to the register, nor to what its sender hears over the axis.
func (s *show) enterFrom(ctx context.Context, agency string, id hub.DeliveryID) error {
	p := s.parties[agency]
	item, err := p.client.Delivery(ctx, id)
	if err != nil {
		return err
	}
	s.handled = append(s.handled, item.Delivery)
	return s.enter(ctx, p, &item)
}

// learnOverAxis lets the sender see what became of its document, and take the status
// messages, among them those about what it sent by REST.
func (s *show) learnOverAxis(ctx context.Context, from *vxp.Client, id string) error {
	sent, err := from.Sent(ctx, id)
	if err != nil {
		return err
	}
	s.check(len(sent) == 1 && sent[0].ReceiveStatus == "done", "the axis tells the sender that its document arrived (%v)", sent)
	overAxis, err := s.takeStatuses(ctx, from, "44/STP-VP")
	s.check(overAxis == 4, "all four status messages about the document reach its sender (%d)", overAxis)
	s.say("44/STP-VP: %s%s, %d tin trạng thái / status messages", s.hub.URL, AxisPath, overAxis)
	return err
}

// takeStatuses takes all status messages that wait and counts those about the document of
// that number.
func (s *show) takeStatuses(ctx context.Context, system *vxp.Client, number string) (int, error) {
	rows, err := system.Received(ctx, "status")
	if err != nil {
		return 0, err
	}
	about := 0
	for _, row := range rows {
		file, err := system.Fetch(ctx, row.DocID)
		if err != nil {
			return about, err
		}
		if bytes.Contains(file, []byte(number)) {
			about++
		}
		if err := system.Update(ctx, row.DocID, "done"); err != nil {
			return about, err
		}
	}
	rows, err = system.Received(ctx, "status")
	s.check(err == nil && len(rows) == 0, "no status message waits after done (%v, %v)", rows, err)
	return about, err
}

// manifestAxis tells scripts how to connect to the axis.
type manifestAxis struct {
	Endpoint string           `json:"endpoint"`
	Systems  []manifestSystem `json:"systems"`
	Package  string           `json:"package"` // from the first system to the second, not sent yet
}

type manifestSystem struct {
	ID       string   `json:"system_id"`
	Secret   string   `json:"secret"`
	Agencies []string `json:"agencies"` // codes that it speaks for
}

func (s *show) axisManifest() manifestAxis {
	return manifestAxis{Endpoint: fmt.Sprint(s.hub.URL, AxisPath), Systems: s.systems, Package: s.path("edxml", waitingPackage)}
}
