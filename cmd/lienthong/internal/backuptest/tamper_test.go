package backuptest

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/signing/pki"
	"github.com/lienthong/lienthong/signing/tsp"
)

// engine is a database that somebody changes behind the hub's back.
type engine struct {
	text  string // how the bytes of evidence are read as text
	bytes string // how text becomes the bytes of evidence
	open  string // takes what the hub put in the way of a change
	// run executes statements and returns the last value that they give.
	run func(t *testing.T, s *site, statements string) string
	// fork makes the site a copy of another one.
	fork func(t *testing.T, of *site) *site
}

func embedded() engine {
	return engine{
		text: "CAST(canonical AS TEXT)", bytes: "CAST(%s AS BLOB)",
		open: "PRAGMA foreign_keys = OFF; DROP TRIGGER evidences_never_change; DROP TRIGGER evidences_never_go; DROP TRIGGER log_entries_never_change; DROP TRIGGER log_entries_never_go; DROP TRIGGER log_numbers_never_change; DROP TRIGGER log_numbers_never_go; ",
		run: func(t *testing.T, s *site, statements string) string {
			t.Helper()
			db, err := sql.Open("sqlite", filepath.Join(s.data, "hub.db"))
			if err != nil {
				t.Fatal(err)
			}
			defer db.Close()
			db.SetMaxOpenConns(1)
			var answer sql.NullString
			if strings.HasPrefix(statements, "SELECT") {
				err = db.QueryRowContext(t.Context(), statements).Scan(&answer)
			} else {
				_, err = db.ExecContext(t.Context(), statements)
			}
			if err != nil {
				t.Fatal(err)
			}
			return answer.String
		},
		fork: func(t *testing.T, of *site) *site { return of.copy(t) },
	}
}

func shared(postgres *server.Postgres) engine {
	name := func(s *site) string {
		u, err := url.Parse(s.args[1])
		if err != nil {
			s.t.Fatal(err)
		}
		return strings.TrimPrefix(u.Path, "/")
	}
	return engine{
		text: "convert_from(canonical, 'UTF8')", bytes: "convert_to(%s, 'UTF8')",
		open: "SET session_replication_role = replica; ",
		run: func(t *testing.T, s *site, statements string) string {
			t.Helper()
			out, err := postgres.SQL(name(s), statements)
			if err != nil {
				t.Fatal(err)
			}
			return strings.TrimSpace(out)
		},
		fork: func(t *testing.T, of *site) *site {
			copied := of.copy(t)
			database := postgres.Database(t)
			copied.args = append([]string{"--database", database}, of.args[2:]...)
			into := name(copied)
			if _, err := postgres.SQL("postgres", "DROP DATABASE "+into); err != nil {
				t.Fatal(err)
			}
			if _, err := postgres.SQL("postgres", "CREATE DATABASE "+into+" TEMPLATE "+name(of)); err != nil {
				t.Fatal(err)
			}
			return copied
		},
	}
}

// copy returns a site with a copy of the data folder.
func (s *site) copy(t *testing.T) *site {
	t.Helper()
	copied := *s
	copied.t, copied.data = t, filepath.Join(t.TempDir(), "data")
	if out, err := exec.CommandContext(t.Context(), "cp", "-a", s.data, copied.data).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return &copied
}

// audit audits the files of the log, and the stores where it is told so.
func (s *site) audit(code int, more ...string) (c checked) {
	s.t.Helper()
	args := []string{"audit", filepath.Join(s.data, "log"), "--policy", filepath.Join(s.data, "policy.tlog")}
	s.run(code, &c, append(args, more...)...)
	return c
}

func (s *site) auditStores(code int) (c checked) {
	s.t.Helper()
	return s.audit(code, append([]string{"--stores", "--wait", "0s", "--data-dir", s.data}, s.args...)...)
}

// tampering is a change that nobody should get away with. A question mark in the change
// stands for the id of what it is about.
type tampering struct {
	what   string
	about  string // asks for the id
	change string
	rule   string
	also   string // what else stands in the message, beside the id
}

// tamperings are those of an operator who knows the schema: one of every kind.
func tamperings(e engine) []tampering {
	edit := func(old, changed string) string {
		return "UPDATE evidences SET canonical = " + fmt.Sprintf(e.bytes, "replace("+e.text+", '"+old+"', '"+changed+"')") + " WHERE id = '?'"
	}
	const (
		first   = "SELECT min(id) FROM evidences"
		last    = "SELECT max(id) FROM evidences"
		newest  = "SELECT max(source) FROM log_entries WHERE idx = (SELECT max(idx) FROM log_entries)"
		note    = "SELECT min(id) FROM log_notes"
		sharing = "SELECT min(id) FROM evidences WHERE jws NOT LIKE '%..%'" // a signature that another one keeps
		refusal = "SELECT min(id) FROM evidences WHERE rejected <> ''"
		stamped = "SELECT min(size) FROM log_renewals"
		rehash  = "SELECT number FROM log_rehashes"
		removed = "DELETE FROM log_entries WHERE source = '?'; DELETE FROM evidences WHERE id = '?'"
		swap    = "CREATE TABLE two AS SELECT id, canonical, jws FROM evidences WHERE id IN ((" + first + "), (" + last + ")); " +
			"UPDATE evidences SET canonical = (SELECT canonical FROM two WHERE two.id <> evidences.id), jws = (SELECT jws FROM two WHERE two.id <> evidences.id) WHERE id IN (SELECT id FROM two)"
		more = "INSERT INTO evidences (%sid, dispatch, delivery, rejected, canonical, jws) SELECT %sid || '0', dispatch, delivery, rejected, canonical, jws || 'x' FROM evidences WHERE id = '?'; "
	)
	extra := fmt.Sprintf(more, "", "")
	if e.open[0] == 'S' { // the order of recording has an era there
		extra = fmt.Sprintf(more, "era, ", "era, ")
	}
	return []tampering{
		{"an evidence is deleted", last, "DELETE FROM evidences WHERE id = '?'", "deleted", "evidence"},
		{"an evidence and its entry are deleted", "SELECT idx FROM log_entries WHERE source = (" + first + ")",
			"DELETE FROM evidences WHERE id = (" + first + "); DELETE FROM log_entries WHERE idx = ?", "missing_row", "is not in the store"},
		{"the end of the log is cut off", newest, removed, "missing_row", ""},
		{"an evidence is edited", last, edit(`"version":"1"`, `"version":"2"`), "changed", "SHA-256"},
		{"an evidence is backdated", last, edit(`"event_time":"20`, `"event_time":"19`), "changed", "SHA-256"},
		{"a signature is exchanged", first, "UPDATE evidences SET jws = (SELECT jws FROM evidences WHERE id = (" + last + ")) WHERE id = '?'", "changed", "the signature of"},
		{"a signature is shared with another", sharing, "UPDATE evidences SET jws = replace(jws, substr(jws, 1, 36), (" + last + ")) WHERE id = '?'", "changed", "the signature of"},
		{"a signature is shared with nobody", sharing, "UPDATE evidences SET jws = substr(jws, 37) WHERE id = '?'", "changed", "the signature of"},
		{"a shared signature is edited", sharing, "UPDATE evidences SET jws = 'x' || jws WHERE id = (SELECT substr(jws, 1, 36) FROM evidences WHERE id = '?')", "changed", "the signature of"},
		{"two evidences are swapped", first, swap, "exchanged", ""},
		{"an evidence moves to another dispatch", last, "UPDATE evidences SET dispatch = 'other' WHERE id = '?'", "changed", `"other"`},
		{"an evidence is added", last, extra, "not_in_log", ""},
		{"an evidence is added with an entry", last, extra + "INSERT INTO log_entries (shard, idx, source, data) SELECT 0, 1 + max(idx), '?0', (SELECT data FROM log_entries WHERE idx = 0) FROM log_entries", "not_in_log", "has an index"},
		{"a leaf is changed", first, "UPDATE log_entries SET data = (SELECT data FROM log_entries WHERE source = (" + last + ")) WHERE source = '?'", "entry_changed", ""},
		{"a leaf loses its id", "SELECT idx FROM log_entries WHERE source = (" + first + ")", "UPDATE log_entries SET source = NULL WHERE idx = ?", "entry_changed", "lost the id"},
		{"a note is deleted", note, "DELETE FROM log_notes WHERE id = '?'", "deleted", ""},
		{"a note is edited", note, "UPDATE log_notes SET body = replace(body, '\"kind\":\"', '\"kind\":\"x') WHERE id = '?'", "changed", "note"},
		{"a refusal is hidden from its sender", refusal, "UPDATE evidences SET rejected = 'other' WHERE id = '?'", "changed", `"other"`},
		{"an evidence is listed as a refusal", first, "UPDATE evidences SET rejected = 'h47' WHERE id = '?'", "changed", `"h47"`},
		{"a time-stamp is deleted that was renewed", stamped, "DELETE FROM log_stamps WHERE size = ?", "stamp_gone", "keeps renewal 1"},
		{"a time-stamp is deleted with its renewal", stamped, "DELETE FROM log_stamps WHERE size = ?; DELETE FROM log_renewals WHERE size = ?", "stamp_gone", "notes renewal 1"},
		{"a time-stamp is backdated", stamped, "UPDATE log_stamps SET body = replace(body, '\"time\":\"20', '\"time\":\"19') WHERE size = ?", "stamp_token", "another time"},
		{"a time-stamp stands elsewhere", stamped, "UPDATE log_stamps SET time = time - 1 WHERE size = ?", "stamp_row", ""},
		{"a token is exchanged", stamped, "UPDATE log_stamps SET body = replace(body, '\"token\":\"', '\"token\":\"MAAA') WHERE size = ?", "stamp_token", "none over"},
		{"a renewal is deleted", stamped, "DELETE FROM log_renewals WHERE size = ?", "stamp_gone", "notes renewal 1"},
		{"a renewal is edited", stamped, "UPDATE log_renewals SET body = replace(body, '\"token\":\"', '\"token\":\"MAAA') WHERE size = ?", "stamp_gone", "notes renewal 1"},
		{"a renewal is added", stamped, "INSERT INTO log_renewals (shard, size, stamped, number, body) SELECT shard, size, stamped, 2, replace(body, '\"number\":1', '\"number\":2') FROM log_renewals WHERE size = ?", "stamp_row", "no note"},
		{"a shard that was hashed anew is deleted", rehash, "DELETE FROM log_rehashes WHERE number = ?; DELETE FROM log_rehash_tiles WHERE number = ?", "rehash_gone", "notes token 1"},
		{"a rehash is deleted, and not its trees", rehash, "DELETE FROM log_rehashes WHERE number = ?", "rehash_row", "tiles of"},
		{"a rehash is added", rehash, "INSERT INTO log_rehashes (shard, number, tokens, body) SELECT shard, number + 1, tokens, replace(body, '\"number\":1', '\"number\":2') FROM log_rehashes WHERE number = ?", "rehash_row", "no note"},
		{"a rehash is about more", rehash, "UPDATE log_rehashes SET body = replace(body, '\"size\":', '\"size\":1') WHERE number = ?", "rehash_row", "something else"},
		{"a rehash is unfinished again", rehash, "UPDATE log_rehashes SET tokens = 0 WHERE number = ?", "rehash_row", "other tokens"},
		{"the token of a rehash is exchanged", rehash, "UPDATE log_rehashes SET body = replace(body, '\"der\":\"', '\"der\":\"MAAA') WHERE number = ?", "rehash_token", "none over"},
		{"a rehash is backdated", rehash, "UPDATE log_rehashes SET body = replace(body, '\"time\":\"20', '\"time\":\"19') WHERE number = ?", "rehash_token", "another time"},
		{"leaves of a rehash are exchanged", rehash, "UPDATE log_rehash_tiles SET data = (SELECT data FROM log_rehash_tiles WHERE tree = 1 AND level = -1) WHERE tree = 0 AND level = -1 AND number = ?", "rehash_tile", "do not lead"},
		{"a tile of a rehash is changed", rehash, "UPDATE log_rehash_tiles SET data = (SELECT data FROM log_rehash_tiles WHERE tree = 0 AND level = 0 AND n = 0) WHERE tree = 1 AND level = 0 AND number = ?", "rehash_tile", "not what its leaves make"},
		{"a tile of a rehash is deleted", rehash, "DELETE FROM log_rehash_tiles WHERE tree = 0 AND level = 0 AND number = ?", "rehash_tile", "lacks 1"},
		{"a tree of a rehash is deleted", rehash, "DELETE FROM log_rehash_tiles WHERE tree = 1 AND number = ?", "rehash_tile", "without tiles"},
		{"a procedure is edited", "SELECT min(seq) FROM procedure_changes", `UPDATE procedure_versions SET body = replace(body, '"amount":3', '"amount":30')`, "catalogue_gone", "notes changes"},
		{"a procedure is in force again", "SELECT code FROM procedure_versions WHERE valid_to < 9000000000000000000", "UPDATE procedure_versions SET valid_to = 9223372036854775807 WHERE code = '?'", "catalogue_row", "other columns"},
		{"a procedure is added", "SELECT '9.009'", "INSERT INTO procedure_versions (code, number, valid_from, valid_to, agency, search, body) SELECT '?', 1, valid_from, valid_to, agency, search, body FROM procedure_versions WHERE number = 1 AND code = '1.001'", "catalogue_row", "no change made"},
		{"an act is taken back", "SELECT max(seq) FROM procedure_changes", "DELETE FROM procedure_changes WHERE seq = ?", "catalogue_gone", "notes changes"},
		{"a number of an agency is deleted", "SELECT min(agency) FROM log_numbers", "DELETE FROM log_numbers WHERE agency = '?' AND number = 1", "sequence_row", ""},
		{"a number of an agency is of another entry", "SELECT min(agency) FROM log_numbers", "UPDATE log_numbers SET idx = idx + 1 WHERE agency = '?' AND number = 1", "sequence_row", ""},
		{"a delivery is set to another state", "SELECT min(id) FROM deliveries", `UPDATE deliveries SET body = replace(body, '"state":"accepted"', '"state":"refused"') WHERE id = '?'`, "state", ""},
		{"a delivery is registered otherwise", "SELECT min(id) FROM deliveries", `UPDATE deliveries SET body = replace(body, '"registration":{"number":"', '"registration":{"number":"9') WHERE id = '?'`, "registration", ""},
		{"a dispatch gets another sender", "SELECT min(id) FROM dispatches", `UPDATE dispatches SET body = replace(body, '"sender":"', '"sender":"x') WHERE id = '?'`, "sender", ""},
		{"a verdict is made another", "SELECT min(id) FROM dispatches", `UPDATE dispatches SET reports = replace(reports, '"policy":"', '"policy":"x') WHERE id = '?'`, "verdicts", ""},
		{"a dispatch is deleted", "SELECT min(id) FROM dispatches", "DELETE FROM dispatches WHERE id = '?'", "no_dispatch", ""},
	}
}

// TestAuditNamesTampering: whatever somebody with all rights to the database does to it,
// the log tells, and names what it was done to.
func TestAuditNamesTampering(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { testTampering(t, embedded(), nil) })
	t.Run("PostgreSQL", func(t *testing.T) {
		postgres := server.PostgreSQL(t)
		testTampering(t, shared(postgres), []string{"--database", postgres.Database(t)})
	})
}

func testTampering(t *testing.T, e engine, args []string) {
	t.Helper()
	s := worked(t, args)
	s.renewed(t, e)
	s.published(t, e)
	if c := s.auditStores(0); c.Findings > 0 {
		t.Fatalf("the sound hub: %+v", c)
	}
	for _, x := range tamperings(e) {
		t.Run(x.what, func(t *testing.T) {
			copied := e.fork(t, s)
			id := e.run(t, copied, x.about)
			if id == "" {
				t.Fatal("there is nothing to tamper with")
			}
			e.run(t, copied, e.open+strings.ReplaceAll(x.change, "?", id))
			c := copied.auditStores(1)
			for _, f := range c.Found {
				if f.Rule == x.rule && (strings.Contains(f.Message, id) || x.rule == "missing_row") && strings.Contains(f.Message, x.also) {
					return
				}
			}
			t.Errorf("no finding [%s] about %s in %+v", x.rule, id, c.Found)
		})
	}
}

// renewed lets the hub refuse a submission, and have its log time-stamped, the
// time-stamps renewed, and the log hashed anew.
func (s *site) renewed(t *testing.T, e engine) {
	t.Helper()
	settings := func(from time.Time) []string {
		ca, err := pki.New(from, pki.P256)
		if err != nil {
			t.Fatal(err)
		}
		id, err := ca.TimestampAuthority("Dấu thời gian (thử nghiệm)", pki.P256)
		if err != nil {
			t.Fatal(err)
		}
		tsa, err := tsp.NewAuthority(tsp.AuthorityOptions{Key: id.Key, Chain: id.Chain, Now: time.Now})
		if err != nil {
			t.Fatal(err)
		}
		web := httptest.NewServer(tsa)
		t.Cleanup(web.Close)
		anchors := filepath.Join(t.TempDir(), "anchors.pem")
		if err := os.WriteFile(anchors, ca.AnchorsPEM(), 0o600); err != nil {
			t.Fatal(err)
		}
		return []string{"--tsa", web.URL, "--tsa-anchors", anchors}
	}
	bare := s.args
	s.args = append(slices.Clone(bare), settings(time.Now().AddDate(0, -20, 0))...) // ends in four months
	p := s.start()
	refused := newPromise(5000)
	refused.submission.Recipients = []string{"000.00.99.H47"}
	var rejection *hub.Error
	if err := refused.send(t.Context(), client(t, p.URL, s.sender)); err == nil || errors.As(err, &rejection) && rejection.Kind == hub.KindUnavailable {
		t.Fatal("a document for nobody: ", err)
	}
	s.await(t, e, "SELECT count(*) FROM log_stamps")
	s.stop(p)
	var done audit.RenewalSummary
	s.args = append(slices.Clone(bare), settings(time.Now())...)
	s.run(0, &done, append([]string{"renew", "--data-dir", s.data}, s.args...)...)
	if done.Renewed == 0 {
		t.Fatalf("nothing was renewed: %+v", done)
	}
	var hashed audit.RehashSummary
	s.run(0, &hashed, append([]string{"renew", "--rehash", "SHA-384", "--data-dir", s.data}, s.args...)...)
	if hashed.Rehashed != 1 {
		t.Fatalf("nothing was hashed anew: %+v", hashed)
	}
	p = s.start()
	for _, kind := range []hub.LogNoteKind{hub.LogNoteRenewal, hub.LogNoteRehash} {
		s.await(t, e, "SELECT count(*) FROM log_entries JOIN log_notes ON id = source WHERE kind = '"+string(kind)+"'")
	}
	s.stop(p)
}

// published lets the hub publish two procedures by a signed decision, and abolish one.
func (s *site) published(t *testing.T, e engine) {
	t.Helper()
	pdf, anchors := signedDecision(t)
	roots := filepath.Join(t.TempDir(), "anchors.pem")
	if err := os.WriteFile(roots, anchors, 0o600); err != nil {
		t.Fatal(err)
	}
	bare := s.args
	s.args = append(slices.Clone(bare), "--anchors", roots)
	p := s.start()
	c := client(t, p.URL, s.sender)
	decision := newPromise(6000)
	decision.content, decision.submission.Document.TypeName = pdf, "Quyết định"
	if err := decision.send(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	wish := hub.ProcedureWish{Decision: decision.accepted.Dispatch.ID}
	const list = "code,name,field,levels,agency,limit\n1.001,Khai sinh,Hộ tịch,xã,000.00.00.H47,1 ngày\n1.002,Khai tử,Hộ tịch,xã,000.00.00.H47,3 ngày\n"
	if _, err := c.ImportProcedures(t.Context(), wish, strings.NewReader(list)); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AbolishProcedures(t.Context(), wish, "1.001"); err != nil {
		t.Fatal(err)
	}
	s.await(t, e, "SELECT count(*) / 2 FROM log_entries JOIN log_notes ON id = source WHERE body LIKE '%procedures.change%'")
	s.stop(p)
	s.args = bare
}

// signedDecision is a signed document and the roots that its signatures lead to.
func signedDecision(t *testing.T) (pdf, anchors []byte) {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	signers, err := sample.NewSigners(authority, "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	if pdf, err = sample.NewSeries(signers, 40<<10).Document(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return pdf, authority.AnchorsPEM()
}

// await waits until a query no longer gives 0.
func (s *site) await(t *testing.T, e engine, query string) {
	t.Helper()
	for deadline := time.Now().Add(server.Patience); e.run(t, s, query) == "0"; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("nothing came of ", query)
		}
	}
}

// worked is a hub that did something and was stopped.
func worked(t *testing.T, args []string) *site {
	t.Helper()
	s := newSite(t)
	s.args = args
	p := s.start()
	s.prepare(p)
	l := s.load(p.URL)
	l.await(t, 4)
	l.stop()
	s.drain(p.URL)
	for deadline := time.Now().Add(server.Patience); ; { // the right to let the log grow may come late
		if heads, err := filepath.Glob(filepath.Join(s.data, "log", "*", "checkpoint")); err != nil || time.Now().After(deadline) {
			t.Fatal("there is no log", err)
		} else if len(heads) > 0 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	s.stop(p)
	return s
}

// TestAuditNamesForks: a hub that is set back and goes on tells a second history, which
// whoever kept a checkpoint of the first one finds; and one whose files were cut.
func TestAuditNamesForks(t *testing.T) {
	s := worked(t, nil)
	again := s.copy(t)
	for i, one := range []*site{s, again} {
		p := one.start()
		fresh := newPromise(int64(1000 + i))
		if err := fresh.send(t.Context(), client(t, p.URL, s.sender)); err != nil {
			t.Fatal(err)
		}
		one.stop(p)
	}
	heads, err := filepath.Glob(filepath.Join(s.data, "log", "*", "checkpoint"))
	if err != nil || len(heads) != 1 {
		t.Fatal(heads, err)
	}
	kept := t.TempDir()
	head, err := os.ReadFile(heads[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(kept, "mine"), head, 0o600); err != nil {
		t.Fatal(err)
	}
	s.audit(0, "--checkpoints", kept)
	if c := again.audit(1, "--checkpoints", kept); len(c.Found) == 0 || c.Found[0].Rule != "fork" && c.Found[0].Rule != "truncated" || !strings.Contains(c.Found[0].Message, "mine") {
		t.Errorf("a second history: %+v", c)
	}
	tiles, err := filepath.Glob(filepath.Join(s.data, "log", "*", "tile", "0", "000.p", "*"))
	if err != nil || len(tiles) == 0 {
		t.Fatal(tiles, err)
	}
	for _, tile := range tiles {
		if err := os.Truncate(tile, 32); err != nil {
			t.Fatal(err)
		}
	}
	if c := s.audit(1); len(c.Found) != 1 || c.Found[0].Rule != "tile" || !strings.Contains(c.Found[0].Message, "tile/0/000.p/") {
		t.Errorf("a tile that was cut: %+v", c)
	}
}
