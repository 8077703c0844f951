package axistest

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// beside starts another node of a hub that keeps its state in a server.
func beside(t *testing.T, s *site) *site {
	t.Helper()
	dir, keys := filepath.Join(t.TempDir(), s.name), filepath.Join(s.options.DataDir, "key")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(s.options.DataDir, "blobs"), filepath.Join(dir, "blobs")); err != nil {
		t.Fatal(err)
	}
	other := &site{t: t, name: s.name, keys: map[string]*hubclient.Client{}, options: s.options}
	other.options.DataDir, other.options.Listen = dir, ""
	other.options.Env = append(slices.Clone(s.options.Env), "LIENTHONG_HUB_KEY_FILE="+filepath.Join(keys, "hub.pem"),
		"LIENTHONG_LOG_KEY_FILE="+filepath.Join(keys, "log.pem"), "LIENTHONG_SECRETS_KEY_FILE="+filepath.Join(keys, "secrets.pem"))
	other.start()
	secret, err := s.process.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	other.operator = other.client(secret)
	return other
}

// TestMoveWithTwoNodes: a system passes through a hub of two nodes, of which it meets now
// the one and now the other, while the one that polls is killed; it moves back, and in and
// back again over the other node. Each document is at its recipient once, and after that
// no node lets it in.
func TestMoveWithTwoNodes(t *testing.T) {
	t.Parallel()
	e := newEvening(t, "LIENTHONG_DATABASE="+server.PostgreSQL(t).Database(t))
	ctx := t.Context()
	e.nation.send("61", department, commune)
	e.moveIn()
	second := beside(t, e.town)
	nodes := []*vxp.Client{e.here, e.client(second)}
	// next has one node show what waits and another give and acknowledge it.
	next := func(number string, shown, given *vxp.Client) {
		t.Helper()
		var ids []string
		await(t, "document "+number, func() (bool, string) {
			rows, err := shown.Received(ctx, "edoc")
			ids = nil
			for _, r := range rows {
				ids = append(ids, r.DocID)
			}
			return err == nil && len(ids) == 1, e.town.process.Log() + second.process.Log()
		})
		if !strings.Contains(e.receive(given, ids[0]), number) {
			t.Errorf("another document than %s came", number)
		}
	}
	send := func(number string, over ...*vxp.Client) {
		t.Helper()
		file, first := packaged(t, number, department), ""
		for _, c := range over {
			id, err := c.Send(ctx, "edoc", commune, file)
			if err != nil || first != "" && id != first {
				t.Fatalf("sent as %s, before as %s, %v", id, first, err)
			}
			first = id
		}
	}
	next("61", nodes[0], nodes[1])
	send("62", nodes...)
	e.nation.awaitArrival(department, "62")

	e.nation.send("63", department, commune)
	e.town.process.Kill() // it has polled until now
	next("63", nodes[1], nodes[1])
	send("64", nodes[1])
	e.nation.awaitArrival(department, "64")
	e.town.start()

	off := func(by *site, number string) {
		t.Helper()
		if _, err := by.operator.MoveBack(ctx, system); err != nil {
			t.Fatal(err)
		}
		await(t, "the passage being off", func() (bool, string) {
			all, err := by.operator.Passages(ctx)
			return err == nil && all[0].State == hub.PassageOff, e.town.process.Log() + second.process.Log()
		})
		for _, c := range nodes {
			if _, err := c.Received(ctx, "edoc"); err == nil {
				t.Error("a node lets a system in that has moved back")
			}
		}
		e.nation.send(number, department, commune)
		ids := e.waiting(e.there, "edoc")
		if len(ids) != 1 || !strings.Contains(e.receive(e.there, ids[0]), number) {
			t.Errorf("at the axis wait %v", ids)
		}
	}
	off(e.town, "65")
	if _, err := second.operator.PassThrough(ctx, system, e.wish(e.secret)); err != nil { // at once
		t.Fatal(err)
	}
	await(t, "the first node letting it in, too", func() (bool, string) {
		_, err := nodes[0].Received(ctx, "edoc")
		return err == nil, e.town.process.Log()
	})
	e.nation.send("66", department, commune)
	next("66", nodes[1], nodes[0])
	send("67", nodes...)
	e.nation.awaitArrival(department, "67")
	off(second, "68")
	e.onceAtTheNation(commune, 0, "62", "64", "67")
	if _, err := second.operator.TestConnection(ctx, commune); err != nil {
		t.Errorf("a connection test: %v", err)
	}
	_, err := e.town.operator.TestConnection(ctx, commune)
	if v := hub.ViolationsOf(err); err == nil || v[0].Kind != hub.KindBusy || v[0].Rule != "tested" {
		t.Errorf("a second one at once, on the other node: %v", err)
	}
}
