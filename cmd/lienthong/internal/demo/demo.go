// Package demo shows the main job: in a sample province a signed directive goes
// from the People's Committee to departments, districts and communes; they
// collect, verify, register, refuse and answer; every receipt comes back and is
// verified offline, from files, without the hub.
//
// Everything runs through the REST API of a real hub. Nothing is taken for
// granted: every step is a named check, and one that fails makes the whole
// demonstration fail.
package demo

import (
	"bytes"
	"context"
	_ "embed" // the sample province
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

//go:embed province.csv
var provinceCSV string

// Hub is a running hub.
type Hub struct {
	URL             string
	OperatorKey     string
	CertificateFile string // certificates that its evidence leads to
}

// Options say how to run.
type Options struct {
	Dir   string // folder that keeps everything; it must be empty or absent
	Start func(ctx context.Context, dataDir, anchorsFile string) (Hub, error)
	Out   io.Writer // the board
	Err   io.Writer // progress
}

// Result is what the demonstration did.
type Result struct {
	Dir      string   `json:"dir"`
	URL      string   `json:"url"`
	Checks   int      `json:"checks"`
	Failed   []string `json:"failed"`
	Receipts int      `json:"receipts"`
	Seconds  float64  `json:"seconds"`
}

// party is an agency of the sample province with what it needs to take part.
type party struct {
	ID      string `json:"id"`
	Code    string `json:"code"`
	Alias   string `json:"alias"`
	Name    string `json:"name"`
	Level   string `json:"level"`
	KeyFile string `json:"key_file"`
	Key     string `json:"key"`
	client  *hubclient.Client
}

// show is one run.
type show struct {
	Options
	checks
	hub     Hub
	parties map[string]*party
	order   []string // codes in the order of the file
	pki     *pki.Authority
}

// Run plays the demonstration and returns with an error when a check failed.
func Run(ctx context.Context, o Options) (Result, error) {
	begin := time.Now()
	s := &show{Options: o, parties: map[string]*party{}}
	err := s.play(ctx)
	result := Result{
		Dir: o.Dir, URL: s.hub.URL, Checks: s.passed + len(s.failed), Failed: s.failed,
		Receipts: s.receipts, Seconds: time.Since(begin).Seconds(),
	}
	switch {
	case err != nil:
		return result, err
	case len(s.failed) > 0:
		return result, fmt.Errorf("%d of %d checks failed: %s", len(s.failed), result.Checks, strings.Join(s.failed, "; "))
	}
	fmt.Fprintf(o.Out, "\n%d lần kiểm tra, tất cả đều đúng; %d biên nhận đã kiểm tra ngoại tuyến (%.1f s)\n", result.Checks, result.Receipts, result.Seconds)
	fmt.Fprintf(o.Out, "%d checks, all passed; %d receipts verified offline\n", result.Checks, result.Receipts)
	return result, nil
}

func (s *show) play(ctx context.Context) error {
	for _, act := range []struct {
		title string
		run   func(context.Context) error
	}{
		{"Dựng hệ thống và tỉnh mẫu / starting the hub and the sample province", s.build},
		{"Soạn và ký số văn bản / writing and signing documents", s.write},
		{"Gửi văn bản / sending", s.send},
		{"Các nơi nhận lấy về, kiểm tra, vào sổ / recipients collect, verify, register", s.collect},
		{"Trả lời bằng văn bản / answering by a document", s.reply},
		{"Kiểm tra ngoại tuyến mọi biên nhận / verifying every receipt offline", s.prove},
	} {
		fmt.Fprintf(s.Err, "• %s\n", act.title)
		if err := act.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", act.title, err)
		}
	}
	return errors.Join(s.board(ctx), s.describe())
}

func (s *show) path(elements ...string) string {
	return filepath.Join(append([]string{s.Dir}, elements...)...)
}

// build starts the hub with the anchors of a test PKI and fills the directory.
func (s *show) build(ctx context.Context) error {
	for _, folder := range []string{"documents", "documents/collected", "edxml", "receipts", "keys"} {
		if err := os.MkdirAll(s.path(folder), 0o700); err != nil {
			return err
		}
	}
	var err error
	if s.pki, err = pki.New(time.Now(), pki.RSA2048); err != nil {
		return err
	}
	anchors := s.path("anchors.pem")
	if err := os.WriteFile(anchors, s.pki.AnchorsPEM(), 0o600); err != nil {
		return err
	}
	if s.hub, err = s.Start(ctx, s.path("hub-data"), anchors); err != nil {
		return err
	}
	certificate, err := os.ReadFile(s.hub.CertificateFile)
	if err != nil {
		return err
	}
	// Who verifies receipts needs the hub's certificate, too.
	if err := os.WriteFile(anchors, append(s.pki.AnchorsPEM(), certificate...), 0o600); err != nil {
		return err
	}
	return s.enroll(ctx)
}

// enroll imports the agencies and issues a key to each.
func (s *show) enroll(ctx context.Context) error {
	operator, err := hubclient.New(hubclient.Options{URL: s.hub.URL, Key: s.hub.OperatorKey})
	if err != nil {
		return err
	}
	imported, err := operator.ImportAgencies(ctx, strings.NewReader(provinceCSV), false)
	if err != nil {
		return err
	}
	rows, err := csv.NewReader(strings.NewReader(provinceCSV)).ReadAll()
	if err != nil {
		return err
	}
	s.check(imported.Added == len(rows)-1, "%d agencies were imported of %d", imported.Added, len(rows)-1)
	for _, row := range rows[1:] {
		p := &party{ID: row[0], Code: row[1], Name: row[2], Level: row[3], Alias: row[11]}
		if err := s.issueKey(ctx, operator, p); err != nil {
			return err
		}
		s.parties[p.Code] = p
		s.order = append(s.order, p.Code)
	}
	return nil
}

func (s *show) issueKey(ctx context.Context, operator *hubclient.Client, p *party) error {
	issued, err := operator.IssueKey(ctx, hubclient.NewKey{
		Name: "demonstration " + p.Code, Kind: hub.ActorSystem, Agencies: []string{p.Code},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify},
	})
	if err != nil {
		return err
	}
	p.Key, p.KeyFile = issued.Secret, s.path("keys", p.Code+".key")
	if err := os.WriteFile(p.KeyFile, []byte(p.Key+"\n"), 0o600); err != nil {
		return err
	}
	p.client, err = hubclient.New(hubclient.Options{URL: s.hub.URL, Key: p.Key})
	return err
}

// write makes and signs every document of the demonstration.
func (s *show) write(ctx context.Context) error {
	for _, d := range []struct {
		name   string
		letter sample.Letter
		agency string
	}{
		{"173-UBND-KSTTHC.pdf", directive(), province},
		{"173-phu-luc.pdf", annex(), province},
		{"42-STP-VP.pdf", guidance(), justice},
		{"97-SNV-CCHC.pdf", answer(), interior},
	} {
		if err := s.writeOne(ctx, d.name, d.letter, s.parties[d.agency].Name); err != nil {
			return err
		}
	}
	return nil
}

func (s *show) writeOne(ctx context.Context, name string, letter sample.Letter, agency string) error {
	pdf, err := letter.PDF()
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path("documents", "unsigned-"+name), pdf, 0o600); err != nil {
		return err
	}
	leader, err := s.pki.Person(letter.Signer, agency, pki.RSA2048)
	if err != nil {
		return err
	}
	seal, err := s.pki.Agency(agency, pki.RSA2048)
	if err != nil {
		return err
	}
	signed, err := sample.Signers{Leader: leader, Agency: seal}.Sign(ctx, pdf, time.Now())
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("documents", name), signed, 0o600)
}

// describe writes demo.json, which scripts start from.
func (s *show) describe() error {
	list := make([]map[string]any, 0, len(s.order))
	for _, code := range s.order {
		p := s.parties[code]
		list = append(list, map[string]any{
			"id": p.ID, "codes": []string{p.Code, p.Alias}, "name": p.Name, "level": p.Level,
			"credentials": map[string]any{"rest": map[string]string{"key_file": p.KeyFile, "key": p.Key}},
		})
	}
	out, err := json.MarshalIndent(map[string]any{
		"url": s.hub.URL, "api": s.hub.URL + "/v1", "docs": s.hub.URL + "/v1/docs",
		"anchors": s.path("anchors.pem"), "data_dir": s.path("hub-data"),
		"operator": map[string]string{"key": s.hub.OperatorKey},
		"agencies": list, "accounts": []any{},
		"documents": s.path("documents"), "edxml": s.path("edxml"), "receipts": s.path("receipts"),
		"notice": "Dữ liệu mẫu; mọi mã và tên dưới cấp tỉnh là hư cấu. Sample data; everything below the province is fictional.",
	}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(s.path("demo.json"), append(bytes.TrimSpace(out), '\n'), 0o600)
}
