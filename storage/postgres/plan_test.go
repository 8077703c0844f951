package postgres

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// explained is a statement as the server really ran it.
type explained struct {
	Text string `json:"Query Text"`
	Plan *node  `json:"Plan"`
}

type node struct {
	Type     string  `json:"Node Type"`
	Relation string  `json:"Relation Name"`
	Hit      int     `json:"Shared Hit Blocks"`
	Read     int     `json:"Shared Read Blocks"`
	Plans    []*node `json:"Plans"`
}

func (n *node) walk(visit func(*node)) {
	visit(n)
	for _, p := range n.Plans {
		p.walk(visit)
	}
}

// plans gathers what the server explains.
type plans struct {
	mu   sync.Mutex
	seen []explained
	bad  error
}

func (p *plans) notice(_ *pgconn.PgConn, n *pgconn.Notice) {
	_, body, found := strings.Cut(n.Message, "plan:\n")
	if !found {
		return
	}
	var e explained
	err := json.Unmarshal([]byte(body), &e)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.seen, p.bad = append(p.seen, e), err
}

// explain makes the server tell the plan of every statement.
func (p *plans) explain(c *pgxpool.Config) {
	for name, value := range map[string]string{
		"session_preload_libraries": "auto_explain", "auto_explain.log_min_duration": "0", "auto_explain.log_analyze": "on",
		"auto_explain.log_buffers": "on", "auto_explain.log_timing": "off", "auto_explain.log_format": "json",
		"auto_explain.log_level": "notice", "auto_explain.log_nested_statements": "off",
	} {
		c.ConnConfig.RuntimeParams[name] = value
	}
	c.ConnConfig.OnNotice = p.notice
}

// maxBuffers is what a call may touch: pages of a few dozen rows and the way to them
// in the indexes of some months, not the thousands of pages of a table.
const maxBuffers = 600

// TestPlans: no statement of daily work walks through a table that grows, however
// full it is, nor through the months that it does not ask for.
func TestPlans(t *testing.T) {
	url := shared.Get(t).Database(t)
	now, page := time.Now(), hub.Page{Limit: 20}
	fill(t, openAt(t, url), now)
	p := &plans{}
	s, m, ctx := openAt(t, url, p.explain), storagetest.NewMaker(), t.Context()
	noticed := func(what string, err error, most int) {
		t.Helper()
		if err != nil && hub.KindOf(err) != hub.KindNotFound {
			t.Errorf("%s: %v", what, err)
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		if p.bad != nil || len(p.seen) == 0 {
			t.Fatalf("%s: the server explained nothing: %v", what, p.bad)
		}
		for _, e := range p.seen {
			checkPlan(t, what, e, most)
		}
		p.seen = nil
	}
	use := func(what string) func(any, error) {
		return func(_ any, err error) { t.Helper(); noticed(what, err, maxBuffers) }
	}
	p.seen = nil // of opening
	someDispatch, someDelivery := hub.DispatchID(fillID(now, 'd', 77)), hub.DeliveryID(fillID(now, 'v', 77))

	use("Item")(s.Item(ctx, someDelivery))
	use("DispatchItem")(s.DispatchItem(ctx, someDispatch))
	use("DispatchShare")(s.DispatchShare(ctx, someDispatch, []hub.AgencyID{"r1"}))
	use("DueDeliveries")(s.DueDeliveries(ctx, now, 20))
	use("DueDeliveries of dispatches")(s.DueDeliveries(ctx, now, 20, someDispatch))
	use("ExpiringDeliveries")(s.ExpiringDeliveries(ctx, now, 20))
	use("FailingDeliveries")(s.FailingDeliveries(ctx, 20))
	use("FindAccepted")(s.FindAccepted(ctx, "s1", "key 77", "ext 77", hub.OperationNew))
	use("MatchDelivery")(s.MatchDelivery(ctx, "s1", "r1", hub.Reference{ExternalID: "none", Number: "1"}))
	use("StatusReports")(s.StatusReports(ctx, someDispatch))
	use("SignatureReports")(s.SignatureReports(ctx, someDispatch))
	var boxed []hub.DeliveryID
	for i := range 25 {
		boxed = append(boxed, hub.DeliveryID(fillID(now, 'v', 70+i)))
	}
	use("DeliveryVerdicts")(s.DeliveryVerdicts(ctx, "r1", boxed, "recheck/"))
	use("Backlog")(s.Backlog(ctx, 20))
	use("Mailbox")(s.Mailbox(ctx, hub.MailboxQuery{Agency: "r1", Free: true, Now: now, Page: page}))
	use("Mailbox of all states")(s.Mailbox(ctx, hub.MailboxQuery{Agency: "r1", States: hub.DeliveryStates(), Page: hub.Page{
		Limit: 20, After: sqlkit.Cursor("mailbox", "1", fillID(now, 'v', 50)),
	}}))
	use("Mailbox of requests")(s.Mailbox(ctx, hub.MailboxQuery{Agency: "r1", Asked: true, Page: page}))
	law := &hub.LegalTerms{Terms: []hub.LegalTerm{{Duty: hub.DutyNotice, From: "2020-01-01"}, {Duty: hub.DutyRegister, From: "2020-01-01", Days: 1}}}
	for _, wanted := range []hub.Timeliness{hub.Overdue, hub.DueSoon} {
		pressed := hub.MailboxQuery{Agency: "r1", States: hub.DeliveryStates(), Pressed: law.Pressed(hub.NewCalendar(), []hub.Timeliness{wanted}, now), Page: page}
		list, err := s.Mailbox(ctx, pressed)
		use("Mailbox of what is "+string(wanted))(list, err)
		if want := map[hub.Timeliness]int{hub.Overdue: page.Limit}[wanted]; len(list.Items) != want {
			t.Errorf("%d are %s", len(list.Items), wanted)
		}
		if pressed.Page.After = list.Next; list.Next != "" {
			use("Mailbox of what is " + string(wanted) + ", on")(s.Mailbox(ctx, pressed))
		}
	}
	for _, side := range []hub.Side{hub.SideSent, hub.SideReceived} {
		for _, reason := range []hub.ReasonCode{"", hub.ReasonIncomplete} {
			behind := hub.CountedQuery{Agency: "a1", Side: side, Measure: hub.MeasureRefused, Reason: reason, Period: "2026", Page: page}
			for _, behind.Page.After = range []string{"", sqlkit.Cursor("counted", "2026-07-01", "x", "1")} {
				list, err := s.Counted(ctx, behind)
				use(fmt.Sprintf("Counted %s %s", side, reason))(list, err)
				if len(list.Items) != page.Limit {
					t.Errorf("%s, for %q: %d are listed", side, reason, len(list.Items))
				}
			}
		}
	}
	use("LinksTo")(s.LinksTo(ctx, someDispatch, 20))
	use("FindDossier")(s.FindDossier(ctx, hub.DossierKey{ID: "dossier 00077"}))
	use("FindDossier by number")(s.FindDossier(ctx, hub.DossierKey{Number: "H47-00077"}))
	use("FindDossier by key")(s.FindDossier(ctx, hub.DossierKey{Unit: "u1", Key: "77"}))
	use("LastDossier")(s.LastDossier(ctx, "u1", "2026-03-02"))
	for name, query := range map[string]hub.DossierQuery{"all": {}, "open": {Open: true}, "done": {Status: hub.DossierDone}, "behind": {Page: hub.Page{After: sqlkit.Cursor("dossiers", "dossier 00500")}}} {
		query.Agency, query.Page.Limit = "u1", 20
		list, err := s.Dossiers(ctx, query)
		use("Dossiers "+name)(list, err)
		if len(list.Items) != 20 || len(list.Items[0].Events) != 2 {
			t.Errorf("Dossiers %s: %d are listed", name, len(list.Items))
		}
	}
	moments := hub.DossierMoments{Look: now, Soon: now, Letter: now}
	late, err := s.Dossiers(ctx, hub.DossierQuery{Agency: "u1", Open: true, Finding: hub.RuleLate, Moments: moments, Page: page})
	use("Dossiers late")(late, err)
	look := hub.DossierLook{Unit: "u2", From: now.Add(-time.Hour), At: now}
	sums, err := s.DossierSums(ctx, look)
	use("DossierSums")(sums, err)
	use("DossierCount")(s.DossierCount(ctx, look))
	for unit, want := range map[hub.AgencyID]int{"u1": 20, "u2": 9} {
		look.Unit = unit
		counted, err := s.CountedDossiers(ctx, look, hub.DossiersLate, page)
		use("CountedDossiers")(counted, err)
		if len(counted.Items) != want {
			t.Errorf("CountedDossiers of %s: %d are listed, want %d", unit, len(counted.Items), want)
		}
	}
	use("DossierUnits")(s.DossierUnits(ctx))
	for _, basis := range []string{"b", "a", "c"} {
		uncounted, err := s.UncountedDossiers(ctx, basis, 20)
		use("UncountedDossiers "+basis)(uncounted, err)
	}
	use("FindInspection")(s.FindInspection(ctx, hub.InspectionKey{ID: "inspection 00077"}))
	use("FindInspection by copy")(s.FindInspection(ctx, hub.InspectionKey{Delivery: "copy 77"}))
	use("FindInspection by key")(s.FindInspection(ctx, hub.InspectionKey{Agency: "j1", Key: "78"}))
	for name, query := range map[string]hub.InspectionQuery{"all": {}, "recommended": {State: hub.InspectionRecommended}, "documents": {Kind: hub.InspectDocument}} {
		query.Agency, query.Page.Limit = "j1", 20
		list, err := s.Inspections(ctx, query)
		use("Inspections "+name)(list, err)
		if len(list.Items) != 20 || len(list.Items[0].Events) != 2 {
			t.Errorf("Inspections %s: %d are listed", name, len(list.Items))
		}
	}
	year, err := s.InspectionsBetween(ctx, hub.InspectionSpan{Agency: "j1", From: "2026-01-01", Until: "2027-01-01", Page: page})
	use("InspectionsBetween")(year, err)
	if len(year.Items) != 20 {
		t.Errorf("InspectionsBetween: %d are listed", len(year.Items))
	}
	waits, err := s.WaitingInspections(ctx, "inspection 00100", 20)
	use("WaitingInspections")(waits, err)
	if len(waits) != 20 {
		t.Errorf("WaitingInspections: %d are listed", len(waits))
	}
	use("Sent search")(s.Sent(ctx, hub.SentQuery{Agency: "s1", Text: "cải cách", Page: page}))
	use("Sent")(s.Sent(ctx, hub.SentQuery{Agency: "s1", Page: hub.Page{Limit: 20, After: sqlkit.Cursor("sent", fillID(now, 'd', 50))}}))
	use("Sent by state")(s.Sent(ctx, hub.SentQuery{Agency: "s1", States: []hub.DeliveryState{hub.StateAccepted}, Page: page}))
	use("Sent by number")(s.Sent(ctx, hub.SentQuery{Agency: "s1", Number: "7", Page: page}))
	use("Sent by external id")(s.Sent(ctx, hub.SentQuery{Agency: "s1", ExternalID: "ext 77", Page: page}))
	use("Evidence")(s.Evidence(ctx, hub.EvidenceID(fillID(now, 'e', 77))))
	for name, query := range map[string]hub.EvidenceQuery{
		"all": {}, "of a dispatch": {Dispatch: someDispatch}, "of a delivery": {Delivery: someDelivery}, "of a sender": {Sender: "s1"},
		"after a cursor": {Page: hub.Page{After: sqlkit.Cursor("evidence", "1", "1", "1")}},
	} {
		query.Page.Limit = 20
		use("Evidences " + name)(s.Evidences(ctx, query))
	}
	lease := hub.LeaseRequest{Agency: "r1", Holder: "k1", Max: 20, Now: now, Until: now.Add(time.Minute)}
	items, err := s.TakeLeases(ctx, lease)
	noticed("TakeLeases", err, 400) // 600 where a page has no room for the lease, and every index is told
	lease.IDs = []hub.DeliveryID{items[0].Delivery.ID}
	use("TakeLeases by id")(s.TakeLeases(ctx, lease))
	steps := make([]hub.Step, len(items))
	for i := range items {
		d := items[i].Delivery
		if i == 0 {
			d.Lease.Fence++
		}
		steps[i] = m.Step(d, hub.StateHandedOver)
	}
	use("ApplySteps")(s.ApplySteps(ctx, steps...))
	use("Completed")(s.Completed(ctx, hub.CompletedQuery{After: now.Add(-time.Hour), Until: now, Limit: 20}))
	use("Unreferenced")(s.Unreferenced(ctx, []hub.Digest{{1}, {2}}))
	use("NamedContent")(s.NamedContent(ctx, hub.Digest{1}, 20))
	use("DispatchesWith")(s.DispatchesWith(ctx, hub.Digest{1}, 20))
	use("Notes")(s.Notes(ctx, hub.NotesQuery{Prefix: "run/", Backwards: true, Limit: 20}))
	purged, err := s.Purge(ctx, hub.PurgeBatch{Items: []hub.PurgeItem{
		{Dispatch: hub.DispatchID(fillID(now, 'd', 10)), Evidence: m.Seal(hub.Evidence{Dispatch: hub.DispatchID(fillID(now, 'd', 10))})},
		{Dispatch: someDispatch, Evidence: m.Seal(hub.Evidence{Dispatch: someDispatch})},
	}})
	use("Purge")(purged, errors.Join(append(purged, err)...))
	use("Accept")(s.Accept(ctx, dated(m.Acceptance(recipients(10)...), now)))

	// What walks through a stretch in vain, and what the index then finds, stays in bounds
	// that do not grow with the box.
	check := func(what string, most int) func(any, error) {
		return func(_ any, err error) {
			t.Helper()
			noticed(what, err, most)
		}
	}
	check("Mailbox search", 2*maxBuffers)(s.Mailbox(ctx, hub.MailboxQuery{Agency: "r1", States: []hub.DeliveryState{hub.StateConsigned}, Text: "cải cách", Page: page}))
	walked := 5 * sqlkit.Stretch // pages for each row: of the indexes of deliveries and dispatches, and the rows
	for text, found := range map[string][2]int{"77": {4, 4}, "không có": {}, "cải cách 4713/CU": {2, 2}} {
		box, err := s.Mailbox(ctx, hub.MailboxQuery{Agency: "r1", States: hub.DeliveryStates(), Text: text, Page: page})
		check("Mailbox search of "+text, walked)(box, err)
		sent, err := s.Sent(ctx, hub.SentQuery{Agency: "s1", Text: text, Page: page})
		check("Sent search of "+text, walked)(sent, err)
		if got := [2]int{len(box.Items), len(sent.Items)}; got != found || box.Next != "" || sent.Next != "" {
			t.Errorf("search of %q finds %v, want %v", text, got, found)
		}
	}
	// What a whole stretch has not and many after it have is found by going on.
	query := hub.SentQuery{Agency: "s1", Text: "cũ", Page: page}
	for empty := 0; ; empty++ {
		sent, err := s.Sent(ctx, query)
		check("Sent search of what is old", walked)(sent, err)
		if query.Page.After = sent.Next; len(sent.Items) == 0 && sent.Next != "" {
			continue
		}
		if want := 2 * 6000 / sqlkit.Stretch; len(sent.Items) != 20 || empty != want {
			t.Errorf("after %d pages without any, a page has %d, want %d pages", empty, len(sent.Items), want)
		}
		break
	}
}

func checkPlan(t *testing.T, what string, e explained, most int) {
	t.Helper()
	e.Plan.walk(func(n *node) {
		if n.Type == "Seq Scan" && n.Hit+n.Read > 8 { // it may walk through a month that holds next to nothing
			t.Errorf("%s walks through %s", what, n.Relation)
		}
	})
	if got := e.Plan.Hit + e.Plan.Read; got > most {
		t.Errorf("%s touches %d buffers, at most %d", what, got, most)
	}
	if testing.Verbose() {
		t.Logf("%-30s %4d buffers", what, e.Plan.Hit+e.Plan.Read)
	}
}

// fillID is the id of row n, letter tells what of, at the start of the month of at.
func fillID(at time.Time, letter byte, n int) string {
	hex := fmt.Sprintf("%012x", monthsBefore(at, 0).UnixMilli())
	return fmt.Sprintf("%s-%s-7%03x-8000-%010d%02x", hex[:8], hex[8:], n%4096, n, letter)
}

// monthsBefore is the start of the month n months before that of at, in UTC, as months
// are kept.
func monthsBefore(at time.Time, n int) time.Time {
	year, month, _ := at.UTC().Date()
	return time.Date(year, month-time.Month(n), 1, 0, 0, 0, 0, time.UTC)
}

// fill writes some months of rows up to now the quick way: 4 recipients that get
// everything, one sender, mostly accepted.
func fill(t *testing.T, s stored, now time.Time) {
	t.Helper()
	c := behind(t, s.url)
	m := storagetest.NewMaker()
	a := m.Acceptance("r1")
	dispatch, err := sqlkit.Encode(a.Dispatch)
	if err != nil {
		t.Fatal(err)
	}
	delivery, err := sqlkit.EncodeDelivery(&a.Deliveries[0])
	if err != nil {
		t.Fatal(err)
	}
	for month := range 4 {
		at := monthsBefore(now, month)
		run(t, c, "SELECT ensure_partitions($1::date, $1::date)", at)
		prefix := fillID(at, 0, 0)[:13]
		id := func(letter byte) string {
			return fmt.Sprintf("'%s-7' || lpad(to_hex(n %% 4096), 3, '0') || '-8000-' || lpad(n::text, 10, '0') || '%02x'", prefix, letter)
		}
		const rows = 6000
		run(t, c, fmt.Sprintf(`INSERT INTO acceptances SELECT %s, 's1', 'ext ' || n || $1, 'new', 'key ' || n || $1, %s FROM generate_series(1, %d) n`,
			id('d'), id('e'), rows), suffix(month))
		run(t, c, fmt.Sprintf(`INSERT INTO dispatches SELECT %s, 's1', (n %% 100)::text, '2026-01-01', ' cai cach ' || n || CASE WHEN $2 >= 2 THEN ' cu ' ELSE ' ' END, %s, %[2]s,
			json_build_object('id', %[1]s)::jsonb || ($1::jsonb - 'id'), '[]' FROM generate_series(1, %[3]d) n`, id('d'), id('v'), rows), dispatch, month)
		run(t, c, fmt.Sprintf(`INSERT INTO deliveries SELECT %s, %s, 0, 'r' || n %% 4, state, 1, state = 'accepted', 1, 1, $2, 0, 0, '',
			jsonb_build_object('id', %[1]s, 'dispatch', %[2]s, 'state', state) || ($1::jsonb - '{id,dispatch,state}'::text[])
			FROM generate_series(1, %d) n, LATERAL (SELECT CASE WHEN n %% 50 = 1 THEN 'queued' WHEN n %% 50 < 6 THEN 'consigned' ELSE 'accepted' END AS state) x`,
			id('v'), id('d'), rows), delivery, now.UnixMicro())
		run(t, c, fmt.Sprintf(`INSERT INTO dispatch_words SELECT %s, ARRAY['cai', 'cach', n::text, n || '+cu', CASE WHEN $1 >= 2 THEN 'cu' ELSE 'moi' END, '@' || encode('s1', 'hex'), '@' || encode(convert_to('r' || n %% 4, 'UTF8'), 'hex')]
			FROM generate_series(1, %d) n`, id('d'), rows), month)
		run(t, c, fmt.Sprintf(`INSERT INTO completions SELECT %s, CASE WHEN n %% 50 < 6 AND n %% 50 > 0 THEN 1 ELSE 0 END, $1::bigint - n::bigint * 1000000 FROM generate_series(1, %d) n`, id('d'), rows), at.UnixMicro())
		run(t, c, fmt.Sprintf(`INSERT INTO dispatch_parts SELECT %s, p, sha256((n || ' ' || p)::bytea) FROM generate_series(1, %d) n, generate_series(1, 2) p`, id('d'), rows))
		run(t, c, fmt.Sprintf(`INSERT INTO report_parts SELECT %s, sha256(('r' || n)::bytea) FROM generate_series(1, %d) n`, id('r'), rows))
		run(t, c, fmt.Sprintf(`INSERT INTO evidences (id, dispatch, delivery, rejected, era, canonical, jws)
			SELECT %s, %s, %s, CASE WHEN n %% 100 = 0 THEN 's1' ELSE '' END, 1, '{}', '' FROM generate_series(1, %d) n`, id('e'), id('d'), id('v'), rows))
		run(t, c, fmt.Sprintf(`INSERT INTO status_reports (id, dispatch, body) SELECT %s, %s, '{}' FROM generate_series(1, %d) n`, id('r'), id('d'), rows))
	}
	run(t, c, `UPDATE deliveries SET awaits = 1 + length(state) % 3, arrived = $1 - 5 * 86400 * 1000000::bigint, due = CASE WHEN id < $2 THEN '2026-01-01' ELSE '' END WHERE state = 'consigned'`,
		now.UnixMicro(), fillID(now, 'v', 100))
	// Of one agency very many: each tenth was refused, one of fifty of these as incomplete.
	run(t, c, fmt.Sprintf(`INSERT INTO figure_facts (dispatch, position, delivery, sender, recipient, day, kind, measures, reason, body)
		SELECT d, n, v, 'a1', 'a1', to_char(date '2026-01-01' + (n %% 365)::integer, 'YYYY-MM-DD'), 'khac', CASE WHEN n %% 10 = 0 THEN %d ELSE 2 END,
			CASE WHEN n %% 500 = 0 THEN '%s' WHEN n %% 10 = 0 THEN 'other' END, '{}'
		FROM (SELECT id AS v, dispatch AS d, row_number() OVER (ORDER BY id) AS k FROM deliveries LIMIT 100) x, generate_series(0, 399) m, LATERAL (SELECT m * 100 + k AS n) y`,
		hub.MeasureRefused.Mark(), hub.ReasonIncomplete))
	run(t, c, `INSERT INTO dossiers SELECT 'dossier ' || lpad(n::text, 5, '0'), 'H47-' || lpad(n::text, 5, '0'), 'u1', '2026-03-02', n, n::text, n, CASE WHEN n % 10 = 0 THEN 9223372036854775807 ELSE $1 - n * 1000000 END,
		json_build_object('id', 'dossier ' || lpad(n::text, 5, '0'), 'version', 2, 'last_event_sha256', repeat('00', 32)), false, 'b', 2 FROM generate_series(1, 20000::bigint) n`, now.UnixMicro())
	run(t, c, "INSERT INTO dossier_parties SELECT 'u1', id, ended = 9223372036854775807, CASE WHEN sequence % 50 = 0 THEN 9 ELSE 2 END FROM dossiers")
	run(t, c, `INSERT INTO dossier_facts SELECT id, received, 9223372036854775807, CASE WHEN sequence < 100 THEN 'u2' ELSE 'u1' END, '1.001', 'post', received, ended, CASE WHEN sequence % 10 = 0 THEN 0 ELSE 9223372036854775807 END, 0, 1, 0, 1, 1 FROM dossiers`)
	run(t, c, "INSERT INTO dossier_events SELECT id, n, json_build_object('seq', n, 'previous_sha256', repeat('00', 32)) FROM dossiers, generate_series(1, 2) n")
	run(t, c, `INSERT INTO inspections SELECT 'inspection ' || lpad(n::text, 5, '0'), 'j1', '2026-' || lpad((1 + n % 12)::text, 2, '0') || '-02', CASE WHEN n % 2 = 0 THEN n::text ELSE '' END, CASE WHEN n % 2 = 1 THEN 'copy ' || n ELSE '' END, n % 50 = 0,
		json_build_object('id', 'inspection ' || lpad(n::text, 5, '0'), 'version', 2, 'last_event_sha256', repeat('00', 32)) FROM generate_series(1, 20000::bigint) n`)
	run(t, c, "INSERT INTO inspection_parties SELECT 'j1', id, CASE WHEN waits THEN 'recommended' ELSE 'open' END, CASE WHEN delivery = '' THEN 'announced' ELSE 'document' END FROM inspections")
	run(t, c, "INSERT INTO inspection_events SELECT id, n, json_build_object('seq', n, 'previous_sha256', repeat('00', 32)) FROM inspections, generate_series(1, 2) n")
	run(t, c, "VACUUM ANALYZE")
}

func suffix(month int) string {
	if month == 0 {
		return ""
	}
	return fmt.Sprint(" of month ", month)
}
