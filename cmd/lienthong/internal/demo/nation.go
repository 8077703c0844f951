package demo

import (
	"bytes"
	"context"
	_ "embed" // who is on the national axis
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

//go:embed nation.csv
var nationCSV string

const (
	ministry       = "000.00.00.G99" // is on the national axis, at a hub of its own
	nationFolder   = "nation"
	axisSystem     = "H47" // the province, as the axis knows it
	nationPatience = time.Minute
	nationPause    = 100 * time.Millisecond // between two looks at what comes over the axis
)

// manifestNation tells scripts about the second hub, which plays the national axis of
// which that of the province is a member.
type manifestNation struct {
	URL    string              `json:"url"`
	Hub    manifestHub         `json:"hub"`
	Axis   manifestMembership  `json:"axis"`
	Agency manifestAxisAgency  `json:"agency"`
	Sent   manifestAxisPackage `json:"sent"`
}

type manifestMembership struct {
	Endpoint   string `json:"endpoint"`
	System     string `json:"system_id"` // as which the hub of the province is known there
	SecretFile string `json:"secret_file"`
}

type manifestAxisAgency struct {
	Code string `json:"code"`
	Name string `json:"name"`
	manifestCredential
}

// manifestAxisPackage is what went over the axis: a dispatch of the hub of the province, and
// one of the nation's.
type manifestAxisPackage struct {
	Up   hub.DispatchID `json:"up"`
	Down hub.DispatchID `json:"down"`
}

// foundNation starts the second hub, lets the province in as a system, and gives a key to
// the ministry.
func (s *show) foundNation(ctx context.Context) error {
	n := &show{
		Options: s.Options, clock: s.clock, parties: map[string]*party{}, hubName: nationFolder,
		promised: map[hub.EvidenceID]hub.Digest{}, verdicts: map[hub.DeliveryID]string{}, holders: map[hub.EvidenceID]*party{},
	}
	s.nation = n
	config := s.config("lienthong-demo-nation", nationFolder, "hub-data")
	var err error
	if n.hub, err = s.Start(ctx, config); err != nil {
		return err
	}
	if n.operator, err = hubclient.New(hubclient.Options{URL: n.hub.URL, Key: n.hub.OperatorKey}); err != nil {
		return err
	}
	if _, err := n.operator.ImportAgencies(ctx, strings.NewReader(nationCSV), false); err != nil {
		return err
	}
	system, err := n.operator.IssueKey(ctx, hubclient.NewKey{
		Name: "demonstration, province", Kind: hub.ActorSystem, System: axisSystem, Agencies: []string{province},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		return err
	}
	if err := s.save([]byte(system.Secret+"\n"), nationFolder, "axis.secret"); err != nil {
		return err
	}
	p := &party{ID: "g99", Code: ministry, Alias: "G99", Name: "Bộ Mẫu (hư cấu)", Level: "central", Registers: true, register: 300}
	if err := n.issueKey(ctx, p); err != nil {
		return err
	}
	s.parties[ministry], n.parties[ministry], n.parties[province] = p, p, &party{ID: "h47", Code: province}
	s.away, n.away = ministry, province
	return nil
}

// join makes the hub of the province a member of the axis.
func (s *show) join(config *app.Config) {
	config.AxisSettings = app.AxisSettings{
		Axis: s.nation.hub.URL + AxisPath, AxisSystem: axisSystem, AxisSecretFile: s.path(nationFolder, "axis.secret"),
		AxisPoll: 500 * time.Millisecond, AxisPatience: nationPatience,
		NoAxisRegister: true, // only the province itself is known there
	}
}

// behindAxis tells the directory of the province who lives behind the axis: the same
// list, with the channel axis for whom it does not serve itself.
func (s *show) behindAxis(ctx context.Context) error {
	var away strings.Builder
	for line := range strings.Lines(nationCSV) {
		if strings.HasPrefix(line, "h47,") {
			continue
		}
		if strings.HasPrefix(line, "g99,") {
			line = strings.TrimSuffix(line, "\n") + "axis\n"
		}
		away.WriteString(line)
	}
	imported, err := s.operator.ImportAgencies(ctx, strings.NewReader(away.String()), false)
	s.check(imported.Added == 1, "one agency lives behind the axis (%d)", imported.Added)
	return err
}

// overNation lets the province and a ministry exchange documents, each at its own hub: the
// hub of the province is a member of the axis and hands over and takes there.
func (s *show) overNation(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, nationPatience)
	defer cancel()
	n, here, there := s.nation, s.parties[province], s.parties[ministry]
	up, err := s.submit(ctx, here, upFile, upID, letterData("182"), ministry)
	if err != nil {
		return err
	}
	if err := n.empty(ctx, there, 1); err != nil {
		return err
	}
	if err := n.savePackage(ctx, there, "182-UBND-KSTTHC.edxml"); err != nil {
		return err
	}
	if err := awaitEnd(ctx, here, up.Dispatch.ID, "182/UBND-KSTTHC"); err != nil {
		return err
	}
	for _, d := range up.Deliveries { // one: what the ministry found is the same document there
		s.verdicts[d.ID] = n.verdicts[n.handled[0].ID]
	}
	down, err := n.submit(ctx, there, downFile, downID, ministryData(), province)
	if err != nil {
		return err
	}
	if err := s.empty(ctx, here, 1); err != nil {
		return err
	}
	if err := s.savePackage(ctx, here, "12-BM-VP.edxml"); err != nil {
		return err
	}
	if err := awaitEnd(ctx, there, down.Dispatch.ID, "12/BM-VP"); err != nil {
		return err
	}
	for _, d := range down.Deliveries {
		n.verdicts[d.ID] = s.verdicts[s.handled[len(s.handled)-1].ID]
	}
	status, err := s.operator.AxisStatus(ctx)
	s.check(status.Held == 0 && status.LastError == "", "nothing is held of what came over the axis (%d, %q)", status.Held, status.LastError)
	s.axisPackages = manifestAxisPackage{Up: up.Dispatch.ID, Down: down.Dispatch.ID}
	s.say("182/UBND-KSTTHC: %s -> %s; 12/BM-VP: %s -> %s", here.Name, there.Name, there.Name, here.Name)
	return err
}

// savePackage keeps the package in which the last document came over the axis: the hub that
// sent it has made it, of what came by REST.
func (s *show) savePackage(ctx context.Context, p *party, name string) error {
	var content bytes.Buffer
	if err := p.client.Package(ctx, s.handled[len(s.handled)-1].Dispatch, &content, nil); err != nil {
		return err
	}
	return s.save(content.Bytes(), "edxml", "axis", name)
}

// submit sends a letter by REST.
func (s *show) submit(ctx context.Context, p *party, file, id string, document hub.Document, to ...string) (hub.Accepted, error) {
	original, err := s.file("p1", hub.RoleOriginal, file)
	if err != nil {
		return hub.Accepted{}, err
	}
	accepted, err := p.client.Submit(ctx, hub.Submission{
		Sender: p.Code, Recipients: to, ExternalID: id, Operation: hub.OperationNew, Document: document, Key: id,
	}, []hubclient.File{original}, nil)
	if err == nil {
		s.keep(accepted.Receipt)
	}
	return accepted, err
}

// awaitEnd waits until the sender sees what the recipient at the other hub did last.
func awaitEnd(ctx context.Context, sender *party, id hub.DispatchID, number string) error {
	for {
		item, err := sender.client.Dispatch(ctx, id)
		if err != nil {
			return err
		}
		if d := item.Deliveries[0]; d.State == hub.StateAccepted && d.Progress == hub.StatusInProgress {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%s is %s over the axis: %w", number, item.Deliveries[0].State, ctx.Err())
		case <-time.After(nationPause):
		}
	}
}

func (s *show) nationManifest() manifestNation {
	n, p := s.nation, s.parties[ministry]
	return manifestNation{
		URL: n.hub.URL,
		Hub: manifestHub{
			DataDir: s.path(nationFolder, "hub-data"), Certificate: n.hub.CertificateFile,
			Operator: manifestCredential{KeyFile: s.path(nationFolder, "hub-data", "operator.key"), Key: n.hub.OperatorKey},
		},
		Axis:   manifestMembership{Endpoint: n.hub.URL + AxisPath, System: axisSystem, SecretFile: s.path(nationFolder, "axis.secret")},
		Agency: manifestAxisAgency{Code: p.Code, Name: p.Name, manifestCredential: manifestCredential{KeyFile: p.KeyFile, Key: p.Key}},
		Sent:   s.axisPackages,
	}
}

// evidenceRoots are the certificates that evidence of both hubs leads to.
func (s *show) evidenceRoots() ([]byte, error) {
	var roots []byte
	for _, h := range []Hub{s.hub, s.nation.hub} {
		certificate, err := os.ReadFile(h.CertificateFile)
		if err != nil {
			return nil, err
		}
		roots = append(roots, certificate...)
	}
	return roots, nil
}
