package backuptest

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/trust"
)

// TestDrill backs a hub up twice under load, kills it, destroys its data, restores
// it, and holds it to what its senders have in hand.
func TestDrill(t *testing.T) {
	s := newSite(t)
	p := s.start()
	s.prepare(p)
	l := s.load(p.URL)

	l.await(t, 20)
	first := s.backUp()
	files := s.files()
	promised := l.await(t, len(l.taken())+15)
	second := s.backUp()
	s.checkIncremental(files, first, second)

	l.await(t, len(l.taken())+5)
	p.Kill()
	l.stop()
	if c := s.verify(0); c.Dispatches < int64(len(l.taken())) { // as the crash left it
		t.Errorf("after the kill: %+v", c)
	}
	destroyed := time.Now()
	if err := os.RemoveAll(s.data); err != nil {
		t.Fatal(err)
	}

	result := s.restore()
	t.Logf("%d of %d promises were older than the backup; restored and checked in %s", len(promised), len(l.taken()), time.Since(destroyed).Round(time.Millisecond))
	if result.Findings > 0 || result.Dispatches < int64(len(promised)) {
		t.Errorf("after the restore: %+v", result)
	}
	p = s.start()
	s.checkKept(p.URL, promised)
	s.checkGoesOn(p.URL, l.taken())
	if c := s.verify(0); c.Findings > 0 || c.States[hub.StateAccepted] != c.Promised || c.Dispatches != int64(len(l.taken())) {
		t.Errorf("beside the running hub: %+v", c)
	}
	s.stop(p)

	// What came after the disaster goes into the same repository.
	s.backUp()
	if c := s.verify(0, "--from", s.repository, "--identity", s.identity); c.Dispatches != int64(len(l.taken())) {
		t.Errorf("the next backup holds %+v", c)
	}
	t.Run("into PostgreSQL and S3 and back", func(t *testing.T) { s.migrate(t, l.taken()) })
}

func (s *site) files() map[string]fs.FileInfo {
	s.t.Helper()
	found := map[string]fs.FileInfo{}
	err := filepath.WalkDir(s.repository, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() && e.Name() != "lock" {
			found[path], err = e.Info()
		}
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// checkIncremental: no file of the first backup was written again, and the second one
// added its own bytes and no more.
func (s *site) checkIncremental(before map[string]fs.FileInfo, first, second made) {
	s.t.Helper()
	after := s.files()
	var added, objects int64
	for path, info := range after {
		was, ok := before[path]
		switch {
		case !ok && !strings.HasSuffix(path, ".index"):
			added += info.Size()
			if strings.Contains(path, "/objects/") {
				objects++
			}
		case ok && (!was.ModTime().Equal(info.ModTime()) || was.Size() != info.Size()):
			s.t.Errorf("%s was written again", path)
		}
	}
	for path := range before {
		if after[path] == nil {
			s.t.Errorf("%s is gone", path)
		}
	}
	if added != second.Added.Bytes || objects < 15 {
		s.t.Errorf("%d bytes and %d objects were added, the command says %+v", added, objects, second.Added)
	}
	s.t.Logf("the first backup wrote %d bytes, the second %d", first.Added.Bytes, second.Added.Bytes)
}

// checkKept: every promise is there to the byte: the receipt, signed by the hub, and
// the original.
func (s *site) checkKept(url string, promises []promise) {
	s.t.Helper()
	c := client(s.t, url, s.sender)
	pem, err := os.ReadFile(filepath.Join(s.data, "hub-certificate.pem"))
	if err != nil {
		s.t.Fatal(err)
	}
	anchors, err := trust.LoadAnchors(pem)
	if err != nil {
		s.t.Fatal(err)
	}
	verifier := signing.NewVerifier(signing.VerifierOptions{Anchors: anchors, Now: time.Now})
	for i := range promises {
		p := &promises[i].accepted
		kept, err := c.Evidence(s.t.Context(), p.Receipt.Evidence.ID)
		if err != nil {
			s.t.Errorf("the receipt of %s is lost: %v", p.Dispatch.ExternalID, err)
			continue
		}
		receipt := hub.MarshalReceipt(p.Receipt)
		if !bytes.Equal(hub.MarshalReceipt(kept), receipt) {
			s.t.Errorf("the receipt of %s is another one", p.Dispatch.ExternalID)
		}
		if _, report, err := verifier.VerifyReceipt(receipt, time.Time{}); err != nil || report.Indication != hub.TotalPassed {
			s.t.Errorf("the receipt of %s: %s, %v", p.Dispatch.ExternalID, report.Indication, err)
		}
		var content bytes.Buffer
		if _, err := c.Part(s.t.Context(), p.Dispatch.ID, p.Dispatch.Parts[0], &content, nil); err != nil || !bytes.Equal(content.Bytes(), promises[i].content) {
			s.t.Errorf("the original of %s: %v", p.Dispatch.ExternalID, err)
		}
	}
}

// checkGoesOn: senders that send everything again with the same ids end with each
// document accepted once, and recipients collect all of it.
func (s *site) checkGoesOn(url string, promises []promise) {
	s.t.Helper()
	c := client(s.t, url, s.sender)
	lost := 0
	for i := range promises {
		again := promises[i]
		if err := again.send(s.t.Context(), c); err != nil {
			s.t.Fatalf("%s cannot be sent again: %v", again.submission.ExternalID, err)
		}
		same := again.accepted.Dispatch.ID == promises[i].accepted.Dispatch.ID
		if same != again.accepted.Duplicate {
			s.t.Errorf("%s: dispatch %s was %s, duplicate %v", again.submission.ExternalID, again.accepted.Dispatch.ID, promises[i].accepted.Dispatch.ID, again.accepted.Duplicate)
		}
		if !same {
			lost++
		}
	}
	s.t.Logf("%d documents that were younger than the backup were accepted anew", lost)
	s.drain(url)
}

// drain collects until nothing is open. What was handed over before the backup and
// registered after it is registered again.
func (s *site) drain(url string) {
	s.t.Helper()
	sender := client(s.t, url, s.sender)
	for deadline := time.Now().Add(server.Patience); ; {
		for _, key := range s.collectors {
			for n := 1; n > 0; {
				var err error
				if n, err = collect(s.t.Context(), client(s.t, url, key), 0); err != nil {
					s.t.Fatal(err)
				}
			}
			register(s.t, client(s.t, url, key))
		}
		open, err := sender.Sent(s.t.Context(), hubclient.SentQuery{
			States: []hub.DeliveryState{hub.StateQueued, hub.StateConsigned, hub.StateHandedOver}, Page: hub.Page{Limit: 1},
		})
		if err != nil {
			s.t.Fatal(err)
		}
		if len(open.Items) == 0 {
			return
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("still open: %+v", open.Items[0].Deliveries)
		}
	}
}

func register(t *testing.T, c *hubclient.Client) {
	t.Helper()
	list, err := c.Mailbox(t.Context(), hubclient.MailboxQuery{States: []hub.DeliveryState{hub.StateHandedOver}, Page: hub.Page{Limit: 100}})
	for i := 0; err == nil && i < len(list.Items); i++ {
		_, err = c.Accept(t.Context(), list.Items[i].Delivery.ID, hub.Registration{Number: "8", Date: "2026-03-02"})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// migrate brings the hub into PostgreSQL and S3 by a restore, lets it work there, and
// brings it back into a file and a folder.
func (s *site) migrate(t *testing.T, promises []promise) {
	database, objects := server.PostgreSQL(t), server.S3(t)
	moved := *s
	moved.t, moved.data = t, filepath.Join(t.TempDir(), "data")
	moved.args = []string{"--database", database.Database(t), "--objects", objects.Bucket(t), "--objects-key-file", objects.KeyFile(t)}
	before := s.verify(0)
	if c := moved.restore(); c.Dispatches != before.Dispatches || fmt.Sprint(c.States) != fmt.Sprint(before.States) {
		t.Errorf("on servers %+v, before %+v", c, before)
	}
	p := moved.start()
	fresh := newPromise(1_000_000)
	if err := fresh.send(t.Context(), client(t, p.URL, s.sender)); err != nil {
		t.Fatal(err)
	}
	promises = append(promises[len(promises)-10:len(promises):len(promises)], fresh)
	// Not those that were accepted anew after the first restore: their receipts changed.
	moved.checkKept(p.URL, promises[10:])
	moved.drain(p.URL)
	moved.backUp()
	moved.stop(p)

	home := moved
	home.data, home.args = filepath.Join(t.TempDir(), "home"), nil
	if c := home.restore(); c.Dispatches != before.Dispatches+1 || c.Findings > 0 {
		t.Errorf("back at home %+v", c)
	}
	home.checkKept(home.start().URL, promises[10:])

	// A second hub cannot be restored over this one.
	if text := moved.run(7, nil, append([]string{"restore", "--from", s.repository, "--identity", s.identity, "--data-dir", t.TempDir()}, moved.args...)...); !strings.Contains(text, "empty") {
		t.Error(text)
	}
}
