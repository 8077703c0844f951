package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// ProvincePath is what stands before the paths of the provincial API.
const ProvincePath = "/"

// provincePackage is left for whoever tries the provincial API: from the second unit of
// demo.json to the first, and never sent.
const (
	provincePackage     = "47-STP-VP.edxml"
	provinceSentPackage = "46-STP-VP.edxml"
	unitPackage         = "31-UBND-VP.edxml"
)

// manifestProvince tells scripts how to connect to the provincial API.
type manifestProvince struct {
	Token   string         `json:"token"`
	API     string         `json:"api"`
	Client  manifestClient `json:"client"`
	Package string         `json:"package"` // from the second unit to the first, not sent yet
}

type manifestClient struct {
	Key    string         `json:"consumer_key"`
	Secret string         `json:"consumer_secret"`
	Units  []manifestUnit `json:"units"`
}

type manifestUnit struct {
	Agency string `json:"agency"` // code
	Secret string `json:"unit_secret"`
}

// overProvince has an application of the provincial API receive what a system of the
// national axis sends, report on it and answer it: the doors are those of one hub.
func (s *show) overProvince(ctx context.Context) error {
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	unit, err := s.admitClient(ctx, client, "qlvb-tinh", hoiAn, justice)
	if err != nil {
		return err
	}
	waiting, err := s.packed(ctx, hoiAn, "47", provinceWaitingFile)
	if err == nil {
		err = s.save(waiting, "edxml", provincePackage)
	}
	if err != nil {
		return err
	}
	sent, err := s.packed(ctx, hoiAn, "46", provinceFile)
	if err == nil {
		err = s.save(sent, "edxml", "sent", provinceSentPackage)
	}
	if err != nil {
		return err
	}
	from := s.systemOf(client, s.systems[0])
	if _, err := from.Send(ctx, "edoc", justice, sent); err != nil {
		return err
	}
	if err := s.collectOverProvince(ctx, unit, sent); err != nil {
		return err
	}
	statuses, err := s.takeStatuses(ctx, from, "46/STP-VP")
	s.check(statuses == 4, "all four status messages about 46/STP-VP reach its sender (%d)", statuses)
	if err != nil {
		return err
	}
	answers, err := s.answerOverProvince(ctx, unit, from)
	s.check(answers == 4, "all four status messages about %s reach the unit that sent it (%d)", unitNumber, answers)
	s.say("46/STP-VP: trục / axis -> %s, %d tin trạng thái / status messages", s.province.API, statuses)
	s.say("%s: %s -> trục / axis, %d tin trạng thái / status messages", unitNumber, s.province.API, answers)
	return err
}

// answerOverProvince has the unit send a document, which a system of the national axis
// takes and registers, and counts the status messages that the unit then takes.
func (s *show) answerOverProvince(ctx context.Context, unit *lgsp.Client, to *vxp.Client) (int, error) {
	sent, err := s.envelope(ctx, hub.Submission{Sender: hoiAn, Recipients: []string{justice}, ExternalID: unitID, Document: unitData()}, unitFile)
	if err == nil {
		err = s.save(sent, "edxml", "sent", unitPackage)
	}
	if err != nil {
		return 0, err
	}
	id, err := unit.Send(ctx, "edoc", sent)
	if err != nil {
		return 0, err
	}
	again, err := unit.Send(ctx, "edoc", sent)
	s.check(err == nil && again == id, "the same package again has the same docId (%q, %q, %v)", id, again, err)
	if err := s.collectAnswer(ctx, to, sent); err != nil {
		return 0, err
	}
	return s.takeUnitStatuses(ctx, unit)
}

// collectAnswer takes what the unit sent and registers it.
func (s *show) collectAnswer(ctx context.Context, to *vxp.Client, sent []byte) error {
	rows, err := to.Received(ctx, "edoc")
	if err != nil {
		return err
	}
	s.check(len(rows) == 1 && rows[0].From == hoiAn && rows[0].To == justice, "the answer of the unit waits on the axis (%v)", rows)
	for _, row := range rows {
		file, err := to.Fetch(ctx, row.DocID)
		if err != nil {
			return err
		}
		s.check(bytes.Equal(file, sent), "the axis hands out the package as the unit sent it")
		if err := s.save(file, "edxml", "collected", justice, unitPackage); err != nil {
			return err
		}
		if err := to.Update(ctx, row.DocID, "done"); err != nil {
			return err
		}
		message, err := arrived(justice, "Đã đến, qua trục", hub.Reference{
			Agency: hoiAn, Number: unitNumber, ExternalID: unitID, Promulgated: unitData().Promulgated,
		})
		if err != nil {
			return err
		}
		if _, err := to.Send(ctx, "status", justice, message); err != nil {
			return err
		}
		if err := s.enterFrom(ctx, justice, hub.DeliveryID(row.DocID)); err != nil {
			return err
		}
	}
	return nil
}

// takeUnitStatuses takes all status messages that wait for the unit and counts those about
// its document.
func (s *show) takeUnitStatuses(ctx context.Context, unit *lgsp.Client) (int, error) {
	rows, err := unit.Received(ctx)
	if err != nil {
		return 0, err
	}
	about := 0
	for _, row := range rows {
		file, err := unit.Fetch(ctx, row.DocID)
		if err != nil {
			return about, err
		}
		if row.MessageType == "status" && bytes.Contains(file, []byte(unitNumber)) {
			about++
		}
		if err := unit.Update(ctx, row.DocID, "DONE"); err != nil {
			return about, err
		}
	}
	rows, err = unit.Received(ctx)
	s.check(err == nil && len(rows) == 0, "nothing waits for the unit after DONE (%v, %v)", rows, err)
	return about, err
}

func (s *show) systemOf(client *http.Client, m manifestSystem) *vxp.Client {
	return &vxp.Client{HTTP: client, Endpoint: s.hub.URL + AxisPath, System: m.ID, Secret: m.Secret, Now: time.Now}
}

// admitClient lets an application in and returns it, as it calls for its first unit.
func (s *show) admitClient(ctx context.Context, client *http.Client, id string, agencies ...string) (*lgsp.Client, error) {
	issued, err := s.operator.IssueKey(ctx, hubclient.NewKey{
		Name: "demonstration, provincial API", Kind: hub.ActorSystem, Client: id, Agencies: agencies,
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		return nil, err
	}
	profile := lgsp.DefaultProfile()
	s.province = manifestProvince{
		Token: s.hub.URL + profile.TokenPath, API: s.hub.URL + profile.APIPath,
		Client: manifestClient{Key: id, Secret: issued.Secret}, Package: s.path("edxml", provincePackage),
	}
	key := hub.APIKey{Hash: sha256.Sum256([]byte(issued.Secret))}
	for i, agency := range agencies {
		s.province.Client.Units = append(s.province.Client.Units, manifestUnit{agency, key.UnitSecret(issued.Key.Agencies[i])})
	}
	return &lgsp.Client{
		HTTP: client, URL: s.hub.URL, ID: id, Secret: issued.Secret, UnitSecret: s.province.Client.Units[0].Secret, Now: time.Now,
	}, nil
}

// collectOverProvince does what a receiving application does: list, fetch, store,
// acknowledge, report.
func (s *show) collectOverProvince(ctx context.Context, unit *lgsp.Client, sent []byte) error {
	rows, err := unit.Received(ctx)
	if err != nil {
		return err
	}
	s.check(len(rows) == 1 && rows[0].From == justice && rows[0].To == hoiAn, "one document waits at the provincial API (%v)", rows)
	for _, row := range rows {
		file, err := unit.Fetch(ctx, row.DocID)
		if err != nil {
			return err
		}
		s.check(bytes.Equal(file, sent), "the provincial API hands out the package as it was sent over the axis")
		if err := s.save(file, "edxml", "collected", hoiAn, provinceSentPackage); err != nil {
			return err
		}
		if err := unit.Update(ctx, row.DocID, "DONE"); err != nil {
			return err
		}
		if err := s.reportOverProvince(ctx, unit); err != nil {
			return err
		}
		if err := s.enterFrom(ctx, hoiAn, hub.DeliveryID(row.DocID)); err != nil {
			return err
		}
	}
	rows, err = unit.Received(ctx)
	s.check(err == nil && len(rows) == 0, "nothing waits after DONE (%v, %v)", rows, err)
	return err
}

// reportOverProvince sends a status message: the document has arrived.
func (s *show) reportOverProvince(ctx context.Context, unit *lgsp.Client) error {
	message, err := arrived(hoiAn, "Đã đến, qua LGSP", axisReference("46"))
	if err == nil {
		_, err = unit.Send(ctx, "status", message)
	}
	return err
}
