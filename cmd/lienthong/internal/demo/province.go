package demo

import (
	"context"
	_ "embed" // the sample province
	"encoding/csv"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/trust"
)

//go:embed province.csv
var provinceCSV string

// Codes of the agencies that play a part of their own; the others are in
// province.csv.
const (
	province = "000.00.00.H47"
	interior = "000.00.12.H47" // answers by a document of its own
	justice  = "000.00.14.H47" // sends documents by REST
	stranger = "000.00.16.H47" // is the wrong addressee and says so
	tamKy    = "000.00.31.H47" // gets documents of two senders
	hoiAn    = "000.00.32.H47" // as tamKy
	camThanh = "000.02.32.H47" // has a system that knows files alone
	daiLoc   = "000.00.34.H47" // is told by webhook of what waits
	daiHiep  = "000.01.34.H47" // its clerk is told by mail
	duyVinh  = "000.01.33.H47" // is connected by RabbitMQ, where there is one
	byXML    = "000.00.33.H47" // collects the package as it was sent, reports in edXML
	slow     = "000.00.35.H47" // collects and has not registered yet
	unlisted = "000.00.41.H47" // does not register: the hand-over is the end
	outsider = "000.05.31.H47" // asks for a document that is not its own
)

// party is an agency of the sample province with what it needs to take part.
type party struct {
	ID        string
	Code      string
	Alias     string // its code in the other grammar
	Name      string
	Level     string
	Registers bool
	Key       string
	KeyFile   string

	client   *hubclient.Client
	register int // last number in its register of incoming documents
}

// build starts the hub with the anchors of a test PKI and fills the directory.
func (s *show) build(ctx context.Context) error {
	var err error
	if s.pki, err = pki.New(s.now(), pki.RSA2048); err != nil {
		return err
	}
	if err := s.save(s.pki.AnchorsPEM(), "anchors.pem"); err != nil {
		return err
	}
	if err := s.openLetterbox(ctx); err != nil {
		return err
	}
	if err := s.openOffice(ctx); err != nil {
		return err
	}
	if err := s.foundNation(ctx); err != nil {
		return err
	}
	config := s.provinceConfig()
	if err := s.useBroker(&config); err != nil {
		return err
	}
	if s.hub, err = s.Start(ctx, config); err != nil {
		return err
	}
	certificates, err := s.evidenceRoots()
	if err != nil {
		return err
	}
	stamps, err := os.ReadFile(s.hub.TimestampAnchors)
	if err != nil {
		return err
	}
	// Who verifies receipts needs the certificates of the hubs, too, and that of time-stamps.
	roots := slices.Concat([]byte("# purpose: signing\n"), s.pki.AnchorsPEM(),
		[]byte("# purpose: evidence\n"), certificates, []byte("# purpose: timestamping\n"), stamps)
	if err := s.save(roots, "anchors.pem"); err != nil {
		return err
	}
	if s.verifier, err = verifierOf(s.path("anchors.pem")); err != nil {
		return err
	}
	s.nation.verifier = s.verifier
	return s.enroll(ctx)
}

// config is what all hubs have in common.
func (s *show) config(name string, dataDir ...string) app.Config {
	return app.Config{
		DataDir: s.path(dataDir...), Listen: "127.0.0.1:0", Name: name, TrustSettings: app.TrustSettings{Anchors: s.path("anchors.pem")},
		SignaturePolicy: string(hub.PolicyRecord), TimeToLive: hub.NewTerms(720 * time.Hour), MaxRecipients: 1000,
		VXPPath: AxisPath, StopLimit: 10 * time.Second, TimeSettings: app.TimeSettings{StampEvery: time.Second}, Behind: s.late,
		RemindEvery: time.Second,
	}
}

func (s *show) provinceConfig() app.Config {
	c := s.config("lienthong-demo", "hub-data")
	c.Listen, c.LGSPPath, c.PortalListen = s.Listen, ProvincePath, "127.0.0.1:0"
	anchors := s.path("anchors.pem")
	c.PushSettings = app.PushSettings{
		WebhookNetworks: []string{webhookNetwork}, WebhookCA: anchors,
		MailServer: s.letterbox.url, MailFrom: mailFrom, MailCA: anchors,
	}
	c.PostSettings = s.postSettings()
	s.join(&c)
	return c
}

func verifierOf(anchors string) (*signing.Verifier, error) {
	pem, err := os.ReadFile(anchors)
	if err != nil {
		return nil, err
	}
	trusted, err := trust.LoadAnchors(pem)
	if err != nil {
		return nil, err
	}
	return signing.NewVerifier(signing.VerifierOptions{Anchors: trusted, Now: time.Now}), nil
}

// enroll imports the agencies and issues a key to each.
func (s *show) enroll(ctx context.Context) error {
	var err error
	if s.operator, err = hubclient.New(hubclient.Options{URL: s.hub.URL, Key: s.hub.OperatorKey}); err != nil {
		return err
	}
	imported, err := s.operator.ImportAgencies(ctx, strings.NewReader(provinceCSV), false)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(strings.NewReader(provinceCSV)).ReadAll()
	if err != nil {
		return err
	}
	s.check(imported.Added == len(rows)-1, "all %d agencies of the file were imported (%d were)", len(rows)-1, imported.Added)
	for i, row := range rows[1:] {
		p := partyOf(rows[0], row)
		p.register = 10 + 17*i%83 // every agency numbers for itself
		if err := s.issueKey(ctx, p); err != nil {
			return err
		}
		s.parties[p.Code] = p
		s.order = append(s.order, p.Code)
	}
	if err := errors.Join(s.behindAxis(ctx), s.invite(ctx), s.appointAll()); err != nil {
		return err
	}
	s.say("%d cơ quan, mỗi nơi một khóa / agencies, a key each: %s", len(s.order), s.hub.URL)
	return nil
}

func partyOf(head, row []string) *party {
	value := map[string]string{}
	for i, column := range head {
		value[column] = row[i]
	}
	return &party{
		ID: value["id"], Code: value["code"], Alias: value["aliases"], Name: value["name"],
		Level: value["level"], Registers: value["registers"] == "true",
	}
}

func (s *show) issueKey(ctx context.Context, p *party) error {
	issued, err := s.operator.IssueKey(ctx, hubclient.NewKey{
		Name: "demonstration " + p.Code, Kind: hub.ActorSystem, Agencies: []string{p.Code},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify},
	})
	if err != nil {
		return err
	}
	p.Key, p.KeyFile = issued.Secret, s.path("keys", p.Code+".key")
	if err := s.save([]byte(p.Key+"\n"), "keys", p.Code+".key"); err != nil {
		return err
	}
	p.client, err = hubclient.New(hubclient.Options{URL: s.hub.URL, Key: p.Key})
	return err
}

// hangUp ends what runs beside the hub, and closes all connections to it, so that it can
// stop at once.
func (s *show) hangUp() {
	if s.letterbox != nil {
		s.letterbox.close()
	}
	if s.office != nil {
		s.office.close()
	}
	if s.nation != nil {
		s.nation.hangUp()
	}
	if s.operator != nil {
		s.operator.CloseIdle()
	}
	for _, p := range s.parties {
		if p.client != nil {
			p.client.CloseIdle()
		}
	}
}
