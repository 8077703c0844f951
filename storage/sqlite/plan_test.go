package sqlite

import (
	"database/sql"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// TestPlans: no statement of daily work walks through a table that grows, and
// what is paged comes sorted out of an index.
func TestPlans(t *testing.T) {
	s := openInside(t, nil)
	ctx, now := t.Context(), time.Date(2026, 3, 4, 10, 0, 0, 0, hub.Vietnam()) // a working day: on others nothing is due soon
	use := func(_ any, err error) {
		if err != nil && hub.KindOf(err) != hub.KindNotFound {
			t.Error(err)
		}
	}
	use(s.Item(ctx, "x"))
	use(s.DispatchItem(ctx, "x"))
	use(s.DueDeliveries(ctx, now, 1))
	use(s.DueDeliveries(ctx, now, 1, "x"))
	use(s.ExpiringDeliveries(ctx, now, 1))
	use(s.FailingDeliveries(ctx, 1))
	use(s.FindAccepted(ctx, "s", "k", "e", hub.OperationNew))
	use(s.MatchDelivery(ctx, "s", "r", hub.Reference{ExternalID: "e", Number: "n"}))
	use(s.StatusReports(ctx, "x"))
	use(s.LinksTo(ctx, "x", 1))
	use(s.SignatureReports(ctx, "x"))
	use(s.DeliveryVerdicts(ctx, "r", []hub.DeliveryID{"x"}, "recheck/"))
	use(s.Evidence(ctx, "x"))
	use(s.KeyByID(ctx, "x"))
	use(s.Upload(ctx, "x"))
	use(s.NextNumber(ctx, "r", 2026, "x"))
	use(s.ExpiredUploads(ctx, now, 1))
	use(s.Completed(ctx, hub.CompletedQuery{Until: now, Limit: 1}))
	use(s.NamedContent(ctx, hub.Digest{1}, 1))
	use(s.DispatchesWith(ctx, hub.Digest{1}, 1))
	use(s.NoticeAgencies(ctx, "", 1))
	use(s.DueReminders(ctx, "2026-03-02", 1))
	use(s.RulesVersion(ctx))
	use(s.Note(ctx, "x"))
	use(s.Notes(ctx, hub.NotesQuery{Limit: 1}))
	use(s.Notes(ctx, hub.NotesQuery{Backwards: true, Limit: 1}))
	use(s.FindDossier(ctx, hub.DossierKey{ID: "x"}))
	use(s.FindDossier(ctx, hub.DossierKey{Number: "x"}))
	use(s.FindDossier(ctx, hub.DossierKey{Unit: "u", Key: "x"}))
	use(s.LastDossier(ctx, "u", "2026-03-02"))
	use(s.FindInspection(ctx, hub.InspectionKey{ID: "x"}))
	use(s.FindInspection(ctx, hub.InspectionKey{Delivery: "x"}))
	use(s.FindInspection(ctx, hub.InspectionKey{Agency: "j", Key: "x"}))
	use(s.WaitingInspections(ctx, "x", 1))
	for text := range s.reader.prepared {
		checkPlan(t, s, text, indexOf(text), make([]any, strings.Count(text, "?"))...)
	}

	checkPlan(t, s, shareText, "deliveries_by_share (dispatch=? AND recipient=?)", "x", `["a","b"]`)
	use(s.Unreferenced(ctx, []hub.Digest{{1}})) // walks through what is asked and the open uploads
	page := hub.Page{Limit: 10}
	paged := func(text string, args []any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		checkPlan(t, s, text, "sorted", args...)
	}
	box := hub.MailboxQuery{Agency: "r", Free: true, Now: now, Page: page}
	paged(mailboxQuery(&box))
	box.States = hub.DeliveryStates()
	paged(mailboxQuery(&box))
	paged(mailboxQuery(&hub.MailboxQuery{Agency: "r", Asked: true, Page: hub.Page{Limit: 1, After: sqlkit.Cursor("mailbox", "1", "x")}}))
	box.Page.After = sqlkit.Cursor("mailbox", "1", "x")
	paged(mailboxQuery(&box))
	law := &hub.LegalTerms{Terms: []hub.LegalTerm{{Duty: hub.DutyNotice, From: "2025-01-01"}, {Duty: hub.DutyRegister, From: "2025-01-01", Days: 1}}}
	box.Pressed = law.Pressed(hub.NewCalendar(), []hub.Timeliness{hub.DueSoon}, now)
	for _, after := range []*sqlkit.PressKey{nil, {Due: "2026-03-02", Arrived: 1, ID: "x"}} {
		for index, lane := range map[string]sqlkit.PressLane{
			"deliveries_due_first (recipient=? AND state=? AND calm=? AND ":             {Calm: 1, Tasks: true},
			"deliveries_awaiting (recipient=? AND state=? AND calm=? AND awaits=? AND ": {Calm: 1},
		} {
			text, args := pressingQuery(&box, lane, after, 9)
			checkPlan(t, s, text, "sorted", args...)
			checkPlan(t, s, text, index, args...)
		}
	}
	paged(tasksQuery(&hub.TaskQuery{Agency: "r", States: hub.TaskStates(), Timeliness: hub.Timelinesses(), Today: "2026-03-02", Soon: "2026-03-05", Page: hub.Page{Limit: 1, After: sqlkit.Cursor("tasks", "0", "2026-03-02", "x", "y")}}))
	paged(tasksQuery(&hub.TaskQuery{Assigner: "s", Page: page}))
	paged(tasksQuery(&hub.TaskQuery{Assigner: "s", Text: "cải cách", Page: page}))
	paged(tasksEnd(&hub.TaskQuery{Agency: "r", Text: "cải cách", Page: page}))
	paged(tasksQuery(&hub.TaskQuery{Assigner: "s", Noticed: true, Page: page}))
	totals, counted := totalsQuery(&hub.TaskQuery{Agency: "r", Shown: true})
	paged(totals, counted, nil)
	checkPlan(t, s, totals, "COVERING INDEX tasks_by_agency", counted...)
	paged(dossiersQuery(&hub.DossierQuery{Agency: "u", Page: page}))
	paged(dossiersQuery(&hub.DossierQuery{Agency: "u", Status: hub.DossierDone, Page: hub.Page{Limit: 1, After: sqlkit.Cursor("dossiers", "x")}}))
	for _, finding := range hub.DossierFindings() {
		paged(dossiersQuery(&hub.DossierQuery{Agency: "u", Finding: finding, Timeliness: hub.Timelinesses(), Page: page}))
	}
	for _, q := range []hub.InspectionQuery{{}, {State: hub.InspectionOpen}, {Kind: hub.InspectSurprise}, {Kind: hub.InspectSurprise, State: hub.InspectionOpen}} {
		q.Agency, q.Page = "j", hub.Page{Limit: 1, After: sqlkit.Cursor("inspections", "x")}
		paged(inspectionsQuery(&q))
	}
	paged(inspectionSpanQuery(&hub.InspectionSpan{Agency: "j", From: "2026-01-01", Until: "2027-01-01", Page: page}))
	paged(sentQuery(&hub.SentQuery{Agency: "s", Page: page}))
	paged(sentQuery(&hub.SentQuery{Agency: "s", States: hub.DeliveryStates(), Page: hub.Page{Limit: 1, After: sqlkit.Cursor("sent", "x")}}))
	paged(sentQuery(&hub.SentQuery{Agency: "s", Number: "n", Page: page}))
	searched := func(index string, text string, args []any, err error) {
		use(text, err)
		checkPlan(t, s, text, index, args...)
	}
	asked, _ := sqlkit.Ask("cải cách 4/UBND")
	lane := mailboxLane{&box, &asked, 1}
	text, args, err := lane.end()
	paged(text, args, err)
	text, args, err = lane.walk(9, 2)
	paged(text, args, err)
	text, args, err = lane.look(matches{asked: &asked, dispatches: []string{"x"}}, 2)
	searched("deliveries_by_share (dispatch=? AND recipient=?)", text, args, err)
	behind := hub.CountedQuery{Agency: "r", Side: hub.SideReceived, Measure: hub.MeasureRefused, Period: "2026", Page: page}
	for _, behind.Page.After = range []string{"", sqlkit.Cursor("counted", "2026-03-02", "x", "1")} {
		for side, index := range map[hub.Side]string{hub.SideReceived: "COVERING INDEX figure_facts_received (recipient=? AND ", hub.SideSent: "COVERING INDEX figure_facts_sent (sender=? AND "} {
			behind.Side, behind.Reason = side, ""
			paged(countedQuery(&behind))
			text, args, err = countedQuery(&behind)
			searched(index, text, args, err)
		}
		for side, index := range map[hub.Side]string{hub.SideReceived: "COVERING INDEX figure_facts_refused_received (recipient=? AND reason=? AND ", hub.SideSent: "COVERING INDEX figure_facts_refused_sent (sender=? AND reason=? AND "} {
			behind.Side, behind.Reason = side, hub.ReasonIncomplete
			paged(countedQuery(&behind))
			text, args, err = countedQuery(&behind)
			searched(index, text, args, err)
		}
	}
	desk := hub.DossierQuery{Agency: "u", Open: true, Page: page}
	for index, status := range map[string]hub.DossierStatus{"dossier_parties_open (agency=?)": 0, "dossier_parties_status (agency=? AND status=?)": hub.DossierDone} {
		desk.Status = status
		paged(dossiersQuery(&desk))
		text, args, err = dossiersQuery(&desk)
		searched(index, text, args, err)
	}
	desk.Status, desk.Finding = 0, hub.RuleLate
	text, args, err = dossiersQuery(&desk)
	searched("COVERING INDEX dossier_parties_open (agency=?)", text, args, err)
	look := sqlkit.DossierLookValues(&hub.DossierLook{Unit: "u", From: now, At: now})
	for _, part := range []string{"PRIMARY KEY (unit=? AND ended>? AND ended<?)", "PRIMARY KEY (unit=? AND ended=? AND until>?)"} {
		searched(part, dossierSums(), look, nil)
		searched(part, dossierCount(), look, nil)
		searched("COVERING INDEX dossier_facts_late"+strings.TrimPrefix(part, "PRIMARY KEY"), dossierCount(), look, nil)
	}
	behindPlace := append(look, 0, 0, "x", 2)
	searched("PRIMARY KEY (unit=? AND ended>? AND ended<?)", sqlkit.CountedText(hub.DossiersLate, false, place), behindPlace, nil)
	searched("PRIMARY KEY (unit=? AND ended=? AND until>?)", sqlkit.CountedText(hub.DossiersLate, true, place), behindPlace, nil)
	for index, text := range map[string]string{"dossiers_counted (counted<?)": uncountedDossiers()[0], "dossiers_counted (counted>?)": uncountedDossiers()[1], "INDEX dossiers_uncounted": uncountedDossiers()[2]} {
		searched(index, text, []any{"x", 2}, nil)
	}
	text, args, err = inspectionSpanQuery(&hub.InspectionSpan{Agency: "j", From: "2026-01-01", Until: "2027-01-01", Page: page})
	searched("inspections_by_day (agency=? AND (day,id)>(?,?)", text, args, err)
	searched("dossiers_by_lookup (lookup=?)", dossierByLookup, []any{"x"}, nil)
	sent := hub.SentQuery{Agency: "s", States: hub.DeliveryStates(), Page: page}
	text, args = walkSent(" FROM dispatches d WHERE d.sender = ? ORDER BY d.id DESC", []any{"s"}, &sent, &asked, 9, 2)
	paged(text, args, nil)
	text, args, err = lookSent(matches{asked: &asked, dispatches: []string{"x"}}, &sent, 2)
	searched("dispatches_by_sender (sender=? AND id=?)", text, args, err)
	text, args, err = sentQuery(&hub.SentQuery{Agency: "s", ExternalID: "e", Page: page})
	use(text, err)
	checkPlan(t, s, text, "dispatches_by_external_id", args...)
	book := hub.RegisterQuery{Agency: "r", From: "2026-01-01", To: "2026-12-31", Page: hub.Page{Limit: 1, After: sqlkit.Cursor("register", "2026-02-01", "1", "7", "x")}}
	paged(registeredQuery(&book))
	text, args, err = registeredQuery(&book)
	use(text, err)
	checkPlan(t, s, text, "deliveries_registered (recipient=? AND <expr>>", args...)
	paged(evidenceQuery(&hub.EvidenceQuery{Dispatch: "x", Page: hub.Page{Limit: 1, After: sqlkit.Cursor("evidence", "1")}}))
	paged(evidenceQuery(&hub.EvidenceQuery{Delivery: "x", Page: page}))
	paged(evidenceQuery(&hub.EvidenceQuery{Sender: "x", Page: page}))
}

// indexOf names the index that a statement must use where several would do.
func indexOf(text string) string {
	switch {
	case strings.Contains(text, "d.external_id = ?3"):
		return "dispatches_by_external_id"
	case strings.Contains(text, "d.number = ?3"):
		return "dispatches_by_number"
	case strings.Contains(text, "v.dispatch IN") && strings.Contains(text, "v.state = 'queued'"):
		return "deliveries_by_" // whichever: it sorts by what is due first
	case strings.Contains(text, "v.dispatch IN"):
		return "deliveries_by_share"
	}
	return ""
}

// checkPlan fails when a statement walks through a table, when it does not use the
// index that it should ("" for any), or when it sorts ("sorted").
func checkPlan(t *testing.T, s *Store, text, index string, args ...any) {
	t.Helper()
	steps, err := collect(t.Context(), free{s.reader.db}, func(rows *sql.Rows) (string, error) {
		var id, parent, unused int
		var detail string
		err := rows.Scan(&id, &parent, &unused, &detail)
		return detail, err
	}, "EXPLAIN QUERY PLAN "+text, args...)
	if err != nil {
		t.Fatal(err)
	}
	plan := strings.Join(steps, "\n      ")
	bad := index == "sorted" && strings.Contains(plan, "TEMP B-TREE") || index != "sorted" && !strings.Contains(plan, index)
	for _, step := range steps {
		inMemory := strings.Contains(step, "json_each") || strings.Contains(step, "(subquery") || step == "SCAN steps" || step == "SCAN f" ||
			strings.HasPrefix(step, "SCAN w") || step == "SCAN d" && strings.Contains(plan, "CO-ROUTINE d")
		bad = bad || strings.HasPrefix(step, "SCAN ") && !inMemory
	}
	if bad {
		t.Errorf("%s\n  by: %s", text, plan)
	}
}
