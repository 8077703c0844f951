// Package demo shows the main job: in a sample province a signed directive goes
// from the People's Committee to departments, districts and communes; they
// collect, verify, register, refuse and answer; every receipt comes back and is
// verified offline, from files, without the hub.
//
// Everything runs through the REST API of a real hub, which the caller starts.
// Nothing is taken for granted: every step is a named check, and one that fails
// makes the whole demonstration fail with its name. What is left in the folder is
// enough to verify all of it again later (VerifyFolder) and, while the hub runs,
// to go on with: demo.json holds its address and a key for every agency.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/pki"
)

// Hub is a running hub. HubOf names its files.
type Hub struct {
	URL             string
	Portal          string // address of its portal; "" for none
	OperatorKey     string
	CertificateFile string // certificates that its evidence leads to
	// TimestampAnchors is a file with the certificates that time-stamps of its log lead to.
	TimestampAnchors string
}

// HubOf describes a hub that was started with the configuration and has an address, and its
// portal another one.
func HubOf(config *app.Config, url, portal string) (Hub, error) {
	key, err := os.ReadFile(config.OperatorKeyFile())
	return Hub{
		URL: url, Portal: portal, OperatorKey: strings.TrimSpace(string(key)),
		CertificateFile: config.CertificateFile(), TimestampAnchors: config.TimestampAnchorsFile(),
	}, err
}

// Options say how to run.
type Options struct {
	Dir    string // folder that keeps everything; it must be empty or absent
	Listen string // address of the hub of the province, HOST:PORT
	// Start starts a hub as the configuration says, of which it may change the policy; the
	// caller stops it.
	Start func(ctx context.Context, config app.Config) (Hub, error)
	// Broker is the RabbitMQ of the hub of the province; nil for none, and NoBroker says why.
	Broker   *Broker
	NoBroker string
	Out      io.Writer // the board; in colours when it is a terminal
	Err      io.Writer // progress
}

// Result is what the demonstration did.
type Result struct {
	Dir      string   `json:"dir"`
	URL      string   `json:"url"`
	Checks   int      `json:"checks"`
	Failed   []string `json:"failed"`
	Receipts int      `json:"receipts"`
	Seconds  float64  `json:"seconds"`
	Board    []Sheet  `json:"board"`
	Persons  []Person `json:"persons"` // who may sign in to the pages

	Tasks   manifestTasks   `json:"tasks"`
	Dossier manifestDossier `json:"dossier"`
}

// show is one run.
type show struct {
	Options
	checks
	*clock

	hub      Hub
	pki      *pki.Authority
	signers  map[string]sample.Signers // by code of the agency
	verifier *signing.Verifier         // that of the recipients, not the hub's
	operator *hubclient.Client
	parties  map[string]*party
	order    []string // codes in the order of the file

	mu       sync.Mutex // guards what recipients write side by side
	promised map[hub.EvidenceID]hub.Digest
	verdicts map[hub.DeliveryID]string
	handled  []hub.Delivery

	holders map[hub.EvidenceID]*party // who downloaded a receipt

	systems    []manifestSystem // of the national axis
	province   manifestProvince
	webhook    manifestWebhook
	mail       manifestMail
	drop       manifestDrop
	broker     manifestBroker
	tasks      manifestTasks
	procedures manifestProcedures
	filed      hub.DossierID
	dossier    manifestDossier
	inspection manifestInspection
	// statuses takes what waits for the system of the Department of Justice at the axis.
	statuses   func(ctx context.Context) error
	evaluation manifestEvaluation
	reform     manifestReport

	letterbox *letterbox // the mail server
	office    *postOffice
	nation    *show  // what happens at the second hub
	hubName   string // of the second hub; empty for that of the province
	away      string // code of the agency that is reached over the axis, which tells no number of a register

	axisPackages manifestAxisPackage

	sheets   []Sheet
	persons  []Person
	receipts int
}

// Run plays the demonstration and returns with an error when a check failed.
func Run(ctx context.Context, o Options) (Result, error) {
	begin := time.Now()
	s := &show{
		Options: o, clock: newClock(), parties: map[string]*party{}, signers: map[string]sample.Signers{},
		promised: map[hub.EvidenceID]hub.Digest{}, verdicts: map[hub.DeliveryID]string{},
		holders: map[hub.EvidenceID]*party{},
	}
	defer s.hangUp()
	err := s.play(ctx)
	result := Result{
		Dir: o.Dir, URL: s.hub.URL, Checks: s.passed + len(s.failed), Failed: s.failed,
		Receipts: s.receipts, Seconds: time.Since(begin).Seconds(), Board: s.sheets, Persons: s.persons, Tasks: s.tasks, Dossier: s.dossier,
	}
	if err == nil {
		printBoard(o.Out, &result)
	}
	return result, errors.Join(err, s.verdict())
}

func (s *show) play(ctx context.Context) error {
	for _, act := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Dựng hệ thống và tỉnh mẫu / starting the hub and the sample province", s.build},
		{"Giao và theo dõi nhiệm vụ, bảy tuần trước / setting tasks and following them, seven weeks ago", s.setTasks},
		{"Soạn và ký số văn bản / writing and signing documents", s.write},
		{"Gửi văn bản / sending", s.send},
		{"Các nơi nhận lấy về, kiểm tra, vào sổ / recipients collect, verify, register", s.collect},
		{"Trả lời bằng văn bản / answering by a document", s.reply},
		{"Trao đổi qua giao thức trục liên thông quốc gia / exchange over the protocol of the national axis", s.overAxis},
		{"Trao đổi qua API của tỉnh (LGSP) / exchange over the provincial API", s.overProvince},
		{"Trao đổi với cơ quan trung ương qua trục quốc gia / exchange with the nation, as a member of its axis", s.overNation},
		{"Báo tin bằng webhook / told by webhook", s.overWebhook},
		{"Báo tin bằng thư điện tử / told by mail", s.overMail},
		{"Gửi, nhận qua RabbitMQ (AMQP) / exchange by RabbitMQ", s.overBroker},
		{"Gửi, nhận qua thư mục tệp / exchange by folders", s.overDrop},
		{"Quy tắc chuyển văn bản / routing rules", s.byRules},
		{"Kiểm tra văn bản quy phạm pháp luật / inspecting a normative document", s.inspect},
		{"Đánh giá việc giải quyết thủ tục hành chính / evaluating the handling of procedures", s.evaluate},
		{"Báo cáo cải cách hành chính / the report on reform", s.reportReform},
		{"Tải biên nhận về tệp / downloading every receipt", s.gather},
		{"Chờ dấu thời gian / waiting for the time-stamp over the log", s.stamp},
		{"Tải gói bằng chứng / downloading evidence bundles", s.pack},
		{"Kiểm tra ngoại tuyến mọi biên nhận / verifying every receipt offline", s.prove},
	} {
		fmt.Fprintf(s.Err, "• %s\n", act.title)
		if err := act.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", act.title, err)
		}
	}
	return nil
}

// say tells how far an act is.
func (s *show) say(format string, args ...any) {
	fmt.Fprintf(s.Err, "    "+format+"\n", args...)
}

func (s *show) path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// save writes a file that only the owner reads, and the folders above it.
func (s *show) save(content []byte, elements ...string) error {
	path := s.path(elements...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// prove forgets the hub: what it reads are files. What they prove must be what
// the hub said.
func (s *show) prove(ctx context.Context) error {
	proof, err := VerifyFolder(ctx, s.Dir)
	if err != nil {
		return err
	}
	s.passed += proof.Checks - len(proof.Failed)
	s.failed = append(s.failed, proof.Failed...)
	s.receipts = proof.Receipts
	for i := range s.sheets {
		for j := range s.sheets[i].Rows {
			row := &s.sheets[i].Rows[j]
			line := proof.Lines[row.Delivery]
			row.Receipts, row.Verified = line.Receipts, line.Whole && line.State == row.State
			s.check(row.Verified, "the receipts of %s at %s prove the state %s (they prove %q)", s.sheets[i].Number, row.Name, row.State, line.State)
		}
	}
	s.say("%d biên nhận / receipts, %d lần kiểm tra / checks", proof.Receipts, proof.Checks)
	return nil
}

// checks counts what was right and names what was not.
type checks struct {
	lock   sync.Mutex
	passed int
	failed []string
}

func (c *checks) check(ok bool, format string, args ...any) {
	c.lock.Lock()
	defer c.lock.Unlock()
	if ok {
		c.passed++
		return
	}
	c.failed = append(c.failed, fmt.Sprintf(format, args...))
}

// add takes over what another one counted.
func (c *checks) add(other *checks) {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.passed += other.passed
	c.failed = append(c.failed, other.failed...)
}

// verdict is an error that names the failed checks, the first ones if many.
func (c *checks) verdict() error {
	const most = 10
	named := c.failed
	if len(named) == 0 {
		return nil
	}
	more := ""
	if len(named) > most {
		named, more = named[:most], fmt.Sprintf("; and %d more", len(c.failed)-most)
	}
	return fmt.Errorf("%d of %d checks failed, not true: %s%s", len(c.failed), c.passed+len(c.failed), strings.Join(named, "; "), more)
}
