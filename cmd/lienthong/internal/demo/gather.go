package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// gather downloads what the agencies can see, every receipt into a file, compares
// it with what was promised on the way, and describes the folder.
func (s *show) gather(ctx context.Context) error {
	senders := []string{province, justice, interior, hoiAn, camThanh, tamKy, finance}
	if s.Broker != nil {
		senders = append(senders, duyVinh)
	}
	list, err := s.gatherHub(ctx, senders...)
	if err != nil {
		return err
	}
	there, err := s.nation.gatherHub(ctx, ministry)
	if err != nil {
		return err
	}
	s.checks.add(&s.nation.checks)
	s.sheets = append(s.sheets, s.nation.sheets...)
	return s.describe(append(list, there...))
}

// gatherHub takes what those sent and what came to the hub from elsewhere.
func (s *show) gatherHub(ctx context.Context, senders ...string) ([]manifestDispatch, error) {
	gathered := map[hub.EvidenceID]hub.SealedEvidence{}
	var list []manifestDispatch
	for _, code := range senders {
		sent, err := s.gatherFrom(ctx, s.parties[code], gathered)
		if err != nil {
			return nil, err
		}
		list = append(list, sent...)
	}
	for i := range s.handled {
		d := &s.handled[i]
		if slices.ContainsFunc(list, func(m manifestDispatch) bool { return m.ID == d.Dispatch }) {
			continue
		}
		p := s.partyOf(d.Recipient)
		item, err := p.client.Dispatch(ctx, d.Dispatch)
		if err != nil {
			return nil, err
		}
		came, err := s.gatherOne(ctx, p, &item, gathered)
		if err != nil {
			return nil, err
		}
		list = append(list, came)
	}
	for id, digest := range s.promised {
		found := gathered[id]
		s.check(found.Digest == digest, "receipt %s, handed over on the way, is among the downloaded ones", id)
	}
	for i := range s.handled {
		if err := s.compare(ctx, &s.handled[i], gathered); err != nil {
			return nil, err
		}
	}
	s.say("%d biên nhận / receipts: %s", len(gathered), s.path("receipts"))
	return list, nil
}

// gatherFrom takes the dispatches of one sender, oldest first.
func (s *show) gatherFrom(ctx context.Context, p *party, gathered map[hub.EvidenceID]hub.SealedEvidence) ([]manifestDispatch, error) {
	var items []hub.SentItem
	for item, err := range hubclient.All(func(page hub.Page) (hub.List[hub.SentItem], error) {
		return p.client.Sent(ctx, hubclient.SentQuery{Page: page})
	}) {
		if err != nil {
			return nil, err
		}
		items = append(items, item)
	}
	slices.SortFunc(items, func(a, b hub.SentItem) int { return a.Dispatch.AcceptedAt.Compare(b.Dispatch.AcceptedAt) })
	var list []manifestDispatch
	for i := range items {
		one, err := s.gatherOne(ctx, p, &items[i], gathered)
		if err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, nil
}

// gatherOne takes one dispatch, as a party of it sees it.
func (s *show) gatherOne(ctx context.Context, p *party, item *hub.SentItem, gathered map[hub.EvidenceID]hub.SealedEvidence) (manifestDispatch, error) {
	d := &item.Dispatch
	count, err := s.gatherReceipts(ctx, p, d.ID, gathered)
	if err != nil {
		return manifestDispatch{}, err
	}
	reports, err := p.client.SignatureReports(ctx, d.ID)
	if err != nil {
		return manifestDispatch{}, err
	}
	s.addSheet(item, reports)
	return manifestDispatch{
		ID: d.ID, Number: d.Document.Number(), ExternalID: d.ExternalID, Sender: string(d.SenderCode), Hub: s.hubName,
		Format: d.Format, Recipients: len(item.Deliveries), Receipts: count,
	}, nil
}

// gatherReceipts writes the receipts of one dispatch and returns their number.
func (s *show) gatherReceipts(ctx context.Context, p *party, id hub.DispatchID, gathered map[hub.EvidenceID]hub.SealedEvidence) (int, error) {
	n := 0
	for sealed, err := range evidenceOf(ctx, p, id) {
		if err != nil {
			return n, err
		}
		n++
		gathered[sealed.Evidence.ID] = sealed
		s.holders[sealed.Evidence.ID] = p
		name := fmt.Sprintf("%03d-%s.receipt.json", n, sealed.Evidence.Event.Name())
		if err := s.save(hub.MarshalReceipt(sealed), "receipts", string(id), name); err != nil {
			return n, err
		}
	}
	return n, nil
}

func evidenceOf(ctx context.Context, p *party, id hub.DispatchID) func(func(hub.SealedEvidence, error) bool) {
	return hubclient.All(func(page hub.Page) (hub.List[hub.SealedEvidence], error) {
		return p.client.DispatchEvidence(ctx, id, page)
	})
}

// compare lets a recipient ask for its receipts: the same bytes as the sender's,
// about the acceptance and itself and nobody else.
func (s *show) compare(ctx context.Context, d *hub.Delivery, gathered map[hub.EvidenceID]hub.SealedEvidence) error {
	own := 0
	for sealed, err := range evidenceOf(ctx, s.partyOf(d.Recipient), d.Dispatch) {
		if err != nil {
			return err
		}
		sender, ok := gathered[sealed.Evidence.ID]
		same := ok && bytes.Equal(hub.MarshalReceipt(sealed), hub.MarshalReceipt(sender))
		s.check(same, "%s and the sender hold the same receipt %s", d.Name, sealed.Evidence.ID)
		s.check(sealed.Evidence.Delivery == "" || sealed.Evidence.Delivery == d.ID, "%s sees only receipts about itself", d.Name)
		own++
	}
	all := 0
	for _, sealed := range gathered {
		if sealed.Evidence.Dispatch == d.Dispatch && (sealed.Evidence.Delivery == "" || sealed.Evidence.Delivery == d.ID) {
			all++
		}
	}
	s.check(own == all, "%s holds all of its %d receipts of %s (%d)", d.Name, all, d.Dispatch, own)
	return nil
}

func (s *show) partyOf(id hub.AgencyID) *party {
	for _, p := range s.parties {
		if p.ID == string(id) {
			return p
		}
	}
	return &party{Name: string(id)}
}

// manifest is demo.json: where scripts start from.
type manifest struct {
	Notice     string             `json:"notice"`
	URL        string             `json:"url"`
	API        string             `json:"api"`
	Docs       string             `json:"docs"`
	Anchors    string             `json:"anchors"`
	Hub        manifestHub        `json:"hub"`
	Folders    map[string]string  `json:"folders"`
	Agencies   []manifestAgency   `json:"agencies"`
	Dispatches []manifestDispatch `json:"dispatches"`
	VXP        manifestAxis       `json:"vxp"`    // national document axis
	LGSP       manifestProvince   `json:"lgsp"`   // provincial API
	Nation     manifestNation     `json:"nation"` // second hub: the axis of which the first is a member
	Webhook    manifestWebhook    `json:"webhook"`
	Tasks      manifestTasks      `json:"tasks"` // of the directive
	Procedures manifestProcedures `json:"procedures"`
	Dossier    manifestDossier    `json:"dossier"` // that comes back late
	Inspection manifestInspection `json:"inspection"`
	Evaluation manifestEvaluation `json:"evaluation"`
	Report     manifestReport     `json:"report"` // on reform
	Mail       manifestMail       `json:"mail"`
	AMQP       manifestBroker     `json:"amqp"` // RabbitMQ
	Drop       manifestDrop       `json:"drop"` // folders of files
}

type manifestHub struct {
	DataDir     string             `json:"data_dir"`
	Certificate string             `json:"certificate"`
	Operator    manifestCredential `json:"operator"`
}

type manifestAgency struct {
	ID          string                        `json:"id"`
	Codes       []string                      `json:"codes"` // both grammars
	Name        string                        `json:"name"`
	Level       string                        `json:"level"`
	Registers   bool                          `json:"registers"`
	Credentials map[string]manifestCredential `json:"credentials"` // by channel
}

type manifestCredential struct {
	KeyFile string `json:"key_file"`
	Key     string `json:"key"`
}

type manifestDispatch struct {
	ID         hub.DispatchID `json:"id"`
	Number     string         `json:"number"`
	ExternalID string         `json:"external_id"`
	Sender     string         `json:"sender"`
	Hub        string         `json:"hub,omitempty"` // nation, where it is a dispatch of the second hub
	Format     hub.Format     `json:"format"`
	Recipients int            `json:"recipients"`
	Receipts   int            `json:"receipts"`
}

// describe writes demo.json.
func (s *show) describe(dispatches []manifestDispatch) error {
	operatorKey := s.path("keys", "operator.key")
	if err := s.save([]byte(s.hub.OperatorKey+"\n"), "keys", "operator.key"); err != nil {
		return err
	}
	m := manifest{
		Notice: "Dữ liệu mẫu; người, mã và tên đơn vị dưới cấp tỉnh là hư cấu. Sample data; people, and codes and names below the province, are fictional.",
		URL:    s.hub.URL, API: s.hub.URL + "/v1", Docs: s.hub.URL + "/v1/docs", Anchors: s.path("anchors.pem"),
		Hub: manifestHub{
			DataDir: s.path("hub-data"), Certificate: s.hub.CertificateFile,
			Operator: manifestCredential{KeyFile: operatorKey, Key: s.hub.OperatorKey},
		},
		Folders:    map[string]string{},
		VXP:        s.axisManifest(),
		LGSP:       s.province,
		Nation:     s.nationManifest(),
		Webhook:    s.webhook,
		Mail:       s.mail,
		Tasks:      s.tasks,
		Procedures: s.procedures,
		Dossier:    s.dossier,
		Inspection: s.inspection,
		Evaluation: s.evaluation,
		Report:     s.reform,
		AMQP:       s.broker,
		Drop:       s.drop,
		Dispatches: dispatches,
	}
	for _, folder := range []string{"documents", "edxml", "receipts", "keys", bundleFolder} {
		m.Folders[folder] = s.path(folder)
	}
	for _, code := range s.order {
		p := s.parties[code]
		m.Agencies = append(m.Agencies, manifestAgency{
			ID: p.ID, Codes: []string{p.Code, p.Alias}, Name: p.Name, Level: p.Level, Registers: p.Registers,
			Credentials: map[string]manifestCredential{"rest": {KeyFile: p.KeyFile, Key: p.Key}},
		})
	}
	out, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return s.save(append(out, '\n'), "demo.json")
}
