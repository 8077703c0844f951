package main

import (
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// alertsTold are flags that make the certificates of any hub end soon, and have operators
// told at once.
func alertsTold(room *mailroom) []string {
	return append(room.flags, "--alert-mail", "van.hanh@tinh.example", "--alert-quiet=", "--alert-gather", "0s", "--alert-settle", "1s", "--alert-expiry", "876000h")
}

// opened is a mail as its reader sees it.
func opened(t *testing.T, text string) (subject, body string, header netmail.Header) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(quotedprintable.NewReader(m.Body))
	if err != nil {
		t.Fatal(err)
	}
	if subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		t.Fatal(err)
	}
	return subject, string(raw), m.Header
}

// TestAlertsOfTwoNodes: two nodes on one database send one mail for what concerns both,
// and the one that holds the schedule tells of the other; after it was killed the next one
// tells nothing again. Operators see it by the command and say what they do about it;
// nobody else does.
func TestAlertsOfTwoNodes(t *testing.T) {
	t.Parallel()
	room := openMailroom(t, nil)
	database := server.PostgreSQL(t).Database(t)
	first := &town{T: t, bin: build(t), data: t.TempDir(), folder: t.TempDir()}
	flags := append(alertsTold(room), "--database", database, "--database-connections", "6")
	first.options = hubproc.Options{Bin: first.bin, DataDir: first.data, Args: flags}
	first.start()
	t.Cleanup(func() { first.hub.Kill() })
	first.await("the mail about the certificate", func() bool { return len(room.got()) == 1 })
	subject, body, header := opened(t, room.got()[0])
	if !strings.Contains(subject, "Chứng thư") || !strings.Contains(body, "The certificate") || header.Get("To") != "van.hanh@tinh.example" || strings.Contains(subject, "KHẨN") {
		t.Errorf("%s\n%v\n%s", subject, header, body)
	}

	second := &town{T: t, bin: first.bin, data: t.TempDir(), folder: t.TempDir()}
	key := func(name string) string { return filepath.Join(first.data, "key", name) }
	second.options = hubproc.Options{Bin: first.bin, DataDir: second.data, Args: append(flags,
		"--hub-key-file", key("hub.pem"), "--log-key-file", key("log.pem"), "--min-free", "1000000000")}
	second.start()
	t.Cleanup(func() { second.hub.Kill() })
	first.await("the mail about the disk of the second", func() bool { return len(room.got()) == 2 })
	subject, body, header = opened(t, room.got()[1])
	_, port, _ := strings.Cut(strings.TrimPrefix(second.hub.URL, "http://"), ":")
	if !strings.Contains(subject, "KHẨN: Đĩa có sự cố") || !strings.Contains(body, ":"+port+")") || header.Get("Importance") != "high" || strings.Contains(body, "Chứng thư") {
		t.Errorf("%s\n%v\n%s", subject, header, body)
	}

	operator := first.operatorKey()
	first.await("the mail is recorded as told", func() bool { // a node that dies before that sends it again, by the same Message-ID
		board, err := first.client(operator).Alerts(t.Context())
		return err == nil && len(board.Open) == 2 && board.Waiting == 0
	})
	first.hub.Kill()
	killed := time.Now()
	c := second.client(operator)
	var board hub.AlertBoard
	second.await("the second to look", func() bool {
		var err error
		board, err = c.Alerts(t.Context())
		return err == nil && len(board.Open) == 2 && board.Open[0].Last.After(killed) && board.Open[1].Last.After(killed) && board.Waiting == 0
	})
	if n := len(room.got()); n != 2 {
		t.Errorf("%d mails after the node that held the schedule was killed, want none", n-2)
	}

	listed := second.must(operator, "alerts")
	for _, words := range []string{"URGENT part disk on", "certificate_ends lienthong", board.Open[0].ID} {
		if !strings.Contains(listed, words) {
			t.Errorf("no %s in %s", words, listed)
		}
	}
	second.must(operator, "alerts", "acknowledge", board.Open[0].ID, "--reason", "đang thêm đĩa")
	second.must(operator, "alerts", "mute", board.Open[1].ID, "--days", "30", "--reason", "thay trong quý sau")
	if listed = second.must(operator, "alerts", "list"); !strings.Contains(listed, "đang thêm đĩa") || !strings.Contains(listed, "muted until") {
		t.Error(listed)
	}
	second.must(operator, "alerts", "unmute", board.Open[1].ID)
	if out, err := second.run(operator, "alerts", "unmute", board.Open[1].ID); err == nil || !strings.Contains(out, "not muted") {
		t.Errorf("unmuted twice: %v %s", err, out)
	}
	if listed = second.must(operator, "alerts", "list", "--past"); !strings.Contains(listed, "nothing has ended") {
		t.Error(listed)
	}
	for _, args := range []string{"list", "list --past", "acknowledge x --reason y", "mute x --reason y", "unmute x"} {
		if out, err := second.run("wrong", append([]string{"alerts"}, strings.Fields(args)...)...); err == nil || strings.Contains(out, "disk") {
			t.Errorf("%s with another key: %v %s", args, err, out)
		}
	}
	if n := len(room.got()); n != 2 {
		t.Errorf("%d mails, want 2: %s", n, fmt.Sprint(room.got()))
	}
}
