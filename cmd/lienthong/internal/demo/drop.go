package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/lienthong/lienthong/adapters/filedrop"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/drop"
	"github.com/lienthong/lienthong/hub"
)

const (
	dropFolder  = "drop"
	droppedName = "15-UBND-VP" // of the folder that the commune puts into out
)

// manifestDrop tells scripts about the agency whose system knows files alone. Nobody works
// on the folders after the demonstration: lienthong drop serve does, with this key.
type manifestDrop struct {
	Agency  string `json:"agency"` // code
	KeyFile string `json:"key_file"`
	Folder  string `json:"folder"`
	In      string `json:"in"`   // what arrived
	Out     string `json:"out"`  // what is to be sent
	Sent    string `json:"sent"` // what was sent, with its receipts
}

// overDrop has a commune whose system knows files alone receive a document and answer it,
// as lienthong drop serve would.
func (s *show) overDrop(ctx context.Context) error {
	p := s.parties[camThanh]
	s.drop = manifestDrop{
		Agency: p.Code, KeyFile: p.KeyFile, Folder: s.path(dropFolder),
		In: s.path(dropFolder, "in"), Out: s.path(dropFolder, "out"), Sent: s.path(dropFolder, "sent"),
	}
	port := &drop.Port{Client: p.client}
	folders, err := filedrop.Open(filedrop.Options{Root: s.drop.Folder, Sending: port, Box: port, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		return err
	}
	defer func() { _ = folders.Close() }() // the lock ends with the process anyhow
	if _, err := p.client.Mailbox(ctx, hubclient.MailboxQuery{Free: true, Wait: 5 * time.Second}); err != nil {
		return err
	}
	if err := folders.Round(ctx); err != nil {
		return err
	}
	if err := s.findDropped(ctx, p); err != nil {
		return err
	}
	if err := s.putOut(p); err != nil {
		return err
	}
	if err := folders.Round(ctx); err != nil { // sends it
		return err
	}
	if err := s.empty(ctx, s.parties[province], 1); err != nil {
		return err
	}
	if err := folders.Round(ctx); err != nil { // puts what became of it beside it
		return err
	}
	return s.checkSent(p)
}

// findDropped does with what lies in the folder in what a clerk does with it.
func (s *show) findDropped(ctx context.Context, p *party) error {
	found, err := os.ReadDir(s.drop.In)
	if err != nil {
		return err
	}
	s.check(len(found) == 1, "one document lies in %s (%d)", s.drop.In, len(found))
	for _, e := range found {
		id, file := hub.DeliveryID(e.Name()), filepath.Join(s.drop.In, e.Name(), "p1-"+letterFile)
		content, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := s.save(content, "documents", "collected", p.Code, letterFile); err != nil {
			return err
		}
		report, err := s.verifyFile(ctx, file)
		if err != nil {
			return err
		}
		s.check(twicePassed(&report), "%s finds two valid signatures on %s (%s %s)", p.Name, file, report.Indication, report.Sub)
		s.verdicts[id] = fmt.Sprintf("%d/%d", passed(&report), len(report.Signatures))
		item, err := p.client.Delivery(ctx, id)
		if err != nil {
			return err
		}
		s.say("%s: %s -> %s", letterNumber, p.Name, filepath.Dir(file))
		if err := s.report(ctx, p, &item, hub.StatusArrived, "Đã đến, qua thư mục"); err != nil {
			return err
		}
		if err := s.enterFrom(ctx, p.Code, id); err != nil {
			return err
		}
	}
	return nil
}

// putOut puts a folder with an answer into out, and last of all the file that says that
// it is complete.
func (s *show) putOut(p *party) error {
	content, err := os.ReadFile(s.path("documents", communeFile))
	if err != nil {
		return err
	}
	var submission bytes.Buffer
	encoder := json.NewEncoder(&submission)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(map[string]any{
		"sender": p.Code, "recipients": []string{province}, "external_id": communeID,
		"document": communeData(), "files": []string{communeFile},
	}); err != nil {
		return err
	}
	for _, f := range []struct {
		name    string
		content []byte
	}{{communeFile, content}, {"submission.json", submission.Bytes()}, {"done", nil}} {
		if err := s.save(f.content, dropFolder, "out", droppedName, f.name); err != nil {
			return err
		}
	}
	return nil
}

// checkSent looks at what lies beside what was sent.
func (s *show) checkSent(p *party) error {
	sent := filepath.Join(s.drop.Sent, droppedName)
	_, err := os.Stat(filepath.Join(sent, "ended"))
	s.check(err == nil, "%s shows that all has been done with what was sent (%v)", sent, err)
	for _, event := range []hub.Event{hub.EventSubmissionAcceptance, hub.EventContentHandover, hub.EventConsignmentAcceptance} {
		files, err := filepath.Glob(filepath.Join(sent, event.Name()+"-*.json"))
		if err != nil {
			return err
		}
		s.check(len(files) == 1, "the receipt %s lies in %s (%d)", event.Name(), sent, len(files))
	}
	s.say("15/UBND-VP: %s -> %s; biên nhận / receipts: %s", s.drop.Out, s.parties[province].Name, sent)
	counts, err := filedrop.Waiting(s.drop.Folder)
	s.check(counts["out"] == 0 && counts["work"] == 0 && counts["refused"] == 0, "%s has nothing left to do in its folders (%v)", p.Name, counts)
	return err
}
