package web

import (
	"io/fs"
	"maps"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestCataloguesAreComplete: both languages have the same texts with the same gaps, and
// every name that a template or the code asks for by itself has one.
func TestCataloguesAreComplete(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	vi, en := all[vietnamese], all[english]
	if !slices.Equal(slices.Sorted(maps.Keys(vi)), slices.Sorted(maps.Keys(en))) {
		t.Error("the catalogues have different names")
	}
	gaps := regexp.MustCompile(`\{\d\}`)
	for name := range vi {
		if a, b := gaps.FindAllString(vi[name], -1), gaps.FindAllString(en[name], -1); !slices.Equal(a, b) || vi[name] == "" || en[name] == "" {
			t.Errorf("%s: %q and %q", name, vi[name], en[name])
		}
	}
	asked := regexp.MustCompile(`\.T "([^"]+)"`)
	for _, text := range readTemplates(t) {
		for _, name := range asked.FindAllStringSubmatch(text, -1) {
			if _, ok := vi[name[1]]; !ok {
				t.Errorf("no text for %s", name[1])
			}
		}
	}
	for _, name := range named() {
		if _, ok := vi[name]; !ok {
			t.Errorf("no text for %s", name)
		}
	}
}

// named are the texts that templates and code put together.
func named() []string {
	var names []string
	add := func(prefix string, words ...string) {
		for _, w := range words {
			names = append(names, prefix+w)
		}
	}
	for _, s := range hub.DeliveryStates() {
		add("state.", string(s))
		add("count.", string(s))
	}
	for _, k := range hub.ActKinds() {
		add("act.", string(k))
	}
	add("agency.what.", "name", "code", "level", "kind", "parent", "received_by", "contact", "channel")
	add("agency.column.", "id", "code", "name", "level", "kind", "parent_code", "valid_from", "valid_to", "registers", "email", "telephone",
		"aliases", "successors", "channel", "reports_arrival", "address", "fax", "website", "received_by")
	add("level.", "central", "province", "department", "district", "commune", "unit")
	add("title.", "agency", "acts", "keys", "key")
	for _, use := range keyUses() {
		add("key.use.", string(use))
	}
	for _, s := range hub.Scopes() {
		add("scope.", string(s))
	}
	for _, k := range []hub.ErrorKind{
		hub.KindInternal, hub.KindInvalid, hub.KindUntrusted, hub.KindUnknownAgency, hub.KindDenied, hub.KindNotFound, hub.KindConflict,
		hub.KindTooLarge, hub.KindUnsupported, hub.KindBusy, hub.KindUnavailable,
	} {
		add("fault.", string(k))
	}
	add("title.", "signedout")
	add("rule.provider.", "state", "refused", "code", "token", "claim", "away", "busy")
	add("rule.", "login.login", "login.unique", "login_value", "only_way", "login.provider")
	add("key.state.", "live", "ending", "revoked", "expired")
	add("rule.", "scopes.required", "scopes.scope", "system_id", "client_id", "holder.present", "expires.future", "keys.changed", "key.ending", "sure.required", "sure.for_good", "vault")
	add("rule.checkpoint.", "consistency", "log", "signature")
	for _, topic := range hub.Topics() {
		add("topic.", string(topic))
	}
	add("subscription.kind.", string(hub.SubscriptionWebhook), string(hub.SubscriptionMail))
	add("pause.", string(hub.PauseAsked), string(hub.PauseGone), string(hub.PauseUnreachable))
	add("push.", string(hub.PushWaiting), string(hub.PushSetAside))
	for _, r := range hub.Roles() {
		add("role.of.", string(r))
	}
	for _, f := range filters() {
		add("filter.", f)
		add("empty.", f)
	}
	for _, r := range hub.RefusalReasons() {
		add("reason.", string(r))
	}
	add("status.", "01", "02", "03", "04", "05", "06", "13", "15", "16")
	for _, w := range hub.ConnectionWays() {
		add("way.", string(w))
	}
	for _, hop := range hub.TestHops() {
		add("hop.", string(hop))
		add("hint.", string(hop))
	}
	add("found.", "store", "package", "key", "answer", "queue", "consumer")
	add("priority.", "0", "1", "2", "3", "4")
	add("role.", "original", "attachment", "envelope")
	add("file.", "pdf", "edxml", "xml", "container", "receipt", "other")
	add("health.", "sound", "degraded", "failed")
	add("graph.", "traffic", "handover")
	add("expiry.", string(hub.ExpiryTLS), string(hub.ExpiryEvidence), string(hub.ExpirySeal), string(hub.ExpiryCRL))
	add("rule.", "routing_rule")
	add("sign.level.", "legacy")
	add("why.expiry_", string(hub.ExpiryTLS), string(hub.ExpiryEvidence), string(hub.ExpirySeal), string(hub.ExpiryCRL))
	add("why.", "tsa.no_token", "witnesses.quorum", "witnesses.fork", "no_log_growth", "log_key", "first_waited", "document.rule_steps", "recipient.sender", "recipients.max_recipients", "kind.teller")
	add("channel.", string(hub.ChannelPull), string(hub.ChannelAMQP), string(hub.ChannelAxis))
	add("took.", "ms", "s", "min", "h", "d")
	add("traffic.", "accepted", "handed", "p50", "p95")
	for _, k := range hub.AlertKinds() {
		add("alert.", string(k))
	}
	for _, m := range hub.Measures() {
		add("measure.", string(m))
	}
	add("figures.", "column.part", "column.name", "column.id", "column.level", "column.side", "part.total", "part.refusals", "part.level", "part.step", "part.unit", "hours", "signing", "taking", "share")
	add("side.", string(hub.SideSent), string(hub.SideReceived))
	add("period.", "day", "month", "quarter", "year")
	add("title.", "figures", "counted")
	add("rule.", "kind", "by_day", "measure", "side")
	add("limit.", string(hub.LimitWorkingDays), string(hub.LimitDays), string(hub.LimitHours))
	for _, l := range hub.OnlineLevels() {
		add("online.", string(l))
	}
	add("procedure.state.", string(hub.ProcedureComing), string(hub.ProcedureInForce), string(hub.ProcedureLapsed))
	add("procedure.act.", string(hub.ProcedurePublish), string(hub.ProcedureAmend), string(hub.ProcedureAbolish))
	add("procedure.rule.", "unknown", "own_document", "withdrawn", "closed", "signature", "publisher", "order", "lapsed", "period", "limit", "amount", "unknown_agency", "unique", "code_list",
		"grammar", "date_time", "required", "max_length", "max_items", "max_size", "range", "csv", "json", "xml", "columns")
	add("title.", "procedures", "procedure", "procedureimport", "dossiers", "dossier", "dossiernew")
	add("nav", "/dossiers")
	for s := range int(hub.DossierReturned) + 1 {
		add("dossier.status.", strconv.Itoa(s))
	}
	for _, act := range append(hub.DossierActs(), hub.DossierRegister, hub.DossierAttach, hub.DossierRemind, hub.DossierErase, hub.DossierRenew) {
		add("dossier.act.", string(act))
	}
	for _, channel := range hub.DossierChannels() {
		add("dossier.channel.", string(channel))
	}
	for _, rule := range append(hub.DossierFindings(), hub.RuleStart, hub.RuleAppointment, hub.RuleLimit, hub.RuleSuspended, hub.RuleMoved, hub.RuleEndDone, hub.RuleEndReturned, hub.RuleEndStopped, hub.RuleEndAsked, hub.RuleEndNone, hub.RuleInTime, hub.RuleNoStart, hub.FindingDueSoon) {
		add("dossier.rule.", string(rule))
	}
	add("dossier.wrong.", "in_force", "required", "range", "date_time", "before_receipt", "control_character", "max_length", "exclusive", "unknown_agency", "taken")
	add("nav", "/inspections", "/reports")
	add("title.", "reports", "report")
	addAll(add, "reform.scope.", hub.ReportScopes())
	addAll(add, "reform.format.", hub.ReportFormats())
	add("reform.why.", string(hub.GapNothing), string(hub.GapTooMany), string(hub.GapNotScored), string(hub.GapPending))
	add("reform.wrong.", "to_come", "period", "unknown", "placeholders", "active", "external", "docx", "file_name", "max_size", "max_items")
	add("reform.key.", reportKeys()...)
	add("title.", "inspections", "inspection", "inspectionnew")
	addAll(add, "inspection.kind.", hub.InspectionKinds())
	addAll(add, "inspection.state.", hub.InspectionStates())
	addAll(add, "inspection.item.", hub.InspectionItems())
	addAll(add, "inspection.verdict.", hub.InspectionVerdicts())
	addAll(add, "inspection.finding.", hub.InspectionFindings())
	addAll(add, "inspection.outcome.", hub.InspectionOutcomes())
	addAll(add, "inspection.measure.", hub.InspectionMeasures())
	addAll(add, "inspection.act.", append(hub.InspectionActs(), hub.InspectBegin, hub.InspectAnswer, hub.InspectReturn, hub.InspectExtend, hub.InspectRevoke))
	add("inspection.wrong.", "required", "range", "self", "unknown_agency", "unknown", "task", "recipient", "state", "taken", "max_length", "control_character", "code_list", "date")
	add("nav", "/procedures", "/figures", "/registers", "/trail", "/inbox", "/send", "/sent", "/examine", "/health", "/alerts", "/stuck", "/settings", "/agencies", "/accounts", "/connection")
	add("title.", "registers", "trail", "entry", "course", "signin", "password", "second", "inbox", "send", "confirm", "sent", "document", "board", "examine", "health", "alerts", "stuck", "settings", "agencies", "accounts", "connection", "problem")
	for _, o := range []hub.Operation{hub.OperationRecall, hub.OperationUpdate, hub.OperationReplace} {
		for _, prefix := range []string{"asked.", "ask.", "ask.note.", "aim.", "change."} {
			add(prefix, string(o))
		}
		add("change."+string(o), ".of", ".note")
		add("link.", string(hub.LinkOf(o)), string(hub.LinkOf(o).Inverse()))
	}
	add("under.", "", string(hub.LevelCentral), string(hub.LevelProvince), string(hub.LevelDepartment), string(hub.LevelDistrict), string(hub.LevelCommune), string(hub.LevelUnit))
	add("link.", string(hub.LinkAnswers), string(hub.LinkAnsweredBy), string(hub.LinkForwards), string(hub.LinkForwardedBy))
	add("rule.", "house", "self", "forwarded")
	for _, b := range books() {
		add("book.", b.Name)
		add("book.title.", b.Name)
		for _, c := range b.columns {
			add("book.column.", c.text)
		}
	}
	for _, s := range hub.TaskStates() {
		add("task.state.", string(s))
		add("task.count.", string(s))
	}
	add("task.", "state."+openTasks, "when."+timelyTasks)
	for _, w := range hub.Timelinesses() {
		add("task.when.", string(w))
	}
	for _, act := range hub.TaskActs() {
		add("task.act.", string(act))
		if act.OfAssignee() || act.OfAssigner() {
			add("task.done.", string(act))
		}
		if (act.OfAssignee() || act.OfAssigner()) && act != hub.ActNote && act != hub.ActSee {
			add("task.do.", string(act))
		}
	}
	add("task.role.", "lead", "co", "each")
	add("task.answer.", "document", "report", "none")
	add("title.", "tasks", "task")
	add("nav", "/tasks")
	add("rule.", "several", "past", "later", "range", "noted", "act.assigner", "act.assignee", "act.handed_over", "task.state")
	add("rule.task.", "unique", "recipient", "for_information", "each_term", "exclusive", "required", "past", "max_items", "operation")
	add("case.", "name")
	add("book.", "page", "empty", "period", "others", "partly", "given")
	add("examine.report.", "name", "title", "at", "about", "check", "result", "detail", "changes")
	add("rule.", "case.required", "case.document", "report", "printing", "period", "book", "assignee")
	add("rule.", "days.range", "mute_days")
	add("act.", "assigned")
	add("rule.", letterRules()...)
	add("kind.", "internal", "invalid", "untrusted", "unknown_agency", "denied", "not_found", "conflict", "too_large", "unsupported", "busy", "unavailable")
	return names
}

// addAll adds a name for each value of a list.
func addAll[T ~string](add func(prefix string, names ...string), prefix string, list []T) {
	for _, v := range list {
		add(prefix, string(v))
	}
}

// reportKeys are the numbers of reports: hub/reports names them, and says so in its template.
func reportKeys() []string {
	keys := []string{
		"documents.sent", "documents.sent.deliveries", "documents.sent.electronic", "documents.sent.electronic_share", "documents.received", "documents.received.electronic",
		"documents.received.accepted", "documents.received.refused", "documents.answered_in_time", "documents.answered_late", "documents.overdue", "tasks.done_in_time",
		"tasks.done_late", "tasks.open", "tasks.overdue", "dossiers.total", "dossiers.new", "dossiers.ended",
		"dossiers.in_time", "dossiers.late", "dossiers.online", "letters.issued", "letters.late", "letters.missing",
		"dossiers.rate", "procedures.published", "procedures.amended", "procedures.abolished", "evaluation.score",
	}
	for _, m := range hub.InspectionMeasures() {
		keys = append(keys, "inspections."+string(m))
	}
	return keys
}

// letterRules are those that the form for sending meets and that no template names.
func letterRules() []string {
	return []string{
		"receiving", "claim", "office", "max_files", "max_items", "max_length", "program", "pdf", "encrypted", "file_name", "digest", "closed",
		"several_successors", "unknown_agency", "state_secret", "signature", "duplicate", "original.required", "to.required", "to.unique",
		"frozen", "unknown_document", "to.added", "request",
	}
}

// TestWordsOfTheHubHaveTexts: every event, reason and health check that the sources
// name has a text, so that a new one is not forgotten.
func TestWordsOfTheHubHaveTexts(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	for file, rules := range map[string]map[string]*regexp.Regexp{
		"../../hub/evidence.go": {
			"event.":  regexp.MustCompile(`Event = (?:etsiEvent|ownEvent) \+ "([^"]+)"`),
			"reason.": regexp.MustCompile(`ReasonCode = "([^"]+)"`),
		},
		"../../hub/log.go":                           {"note.": regexp.MustCompile(`LogNoteKind = "([^"]+)"`)},
		"../../cmd/lienthong/internal/app/health.go": {"check.": regexp.MustCompile(`\{"(\w+)", hub\.Health`)},
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for prefix, rule := range rules {
			found := rule.FindAllStringSubmatch(string(source), -1)
			if len(found) == 0 {
				t.Errorf("nothing found in %s for %s", file, prefix)
			}
			for _, word := range found {
				if _, ok := all[vietnamese][prefix+word[1]]; !ok {
					t.Errorf("no text for %s%s", prefix, word[1])
				}
			}
		}
	}
}

// TestDetailsOfEvidence: what the hub writes beside a reason is read from the evidence that
// holds it in English, whoever's words stand in it; what a person writes stays.
func TestDetailsOfEvidence(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	v := &view{x: &exchange{site: &site{texts: all, details: all.details()}, lang: vietnamese}}
	for detail, want := range map[string]string{
		"not delivered after attempt 3: unavailable: the axis does not answer":              "không chuyển được sau lần thử 3: Bên kia không trả lời hoặc đang ngừng; hệ thống sẽ thử lại",
		"given up by the operator after attempt 12: xã đã đóng: hỏi lại":                    "người vận hành đã bỏ sau lần thử 12: xã đã đóng: hỏi lại",
		"the document was not collected until 2026-03-01T17:30:00Z":                         "văn bản không được lấy về trước 02/03/2026 00:30",
		"the document was not reported by the axis as collected until 2026-03-01T17:30:00Z": "trục liên thông không báo văn bản được lấy về trước 02/03/2026 00:30",
		"the notice by mail was refused in 8 attempts":                                      "thông báo qua thư điện tử bị từ chối trong 8 lần thử",
		"the mail server does not know the address":                                         "máy chủ thư không có địa chỉ này",
		"thiếu trang 2 {0}": "thiếu trang 2 {0}",
		"":                  "",
	} {
		if got := v.Detail(detail); got != want {
			t.Errorf("%q is %q, want %q", detail, got, want)
		}
	}
	const note = "mã H47.12 đã đóng từ 01/07/2025, chuyển tới H47.13 Sở Mới / code H47.12 was closed on 01/07/2025, forwarded to H47.13 Sở Mới"
	if got := v.Heir(note); got != "mã H47.12 đã đóng từ 01/07/2025, chuyển tới H47.13 Sở Mới" || v.Heir("x") != "x" {
		t.Errorf("the note on a closed agency is %q", got)
	}
	for file, forms := range map[string][]string{
		"../../hub/directory/directory.go": {"chuyển tới %s / code %s was closed on"},
		"../../hub/delivery/settle.go":     {"not delivered after attempt %d: %s"},
		"../../hub/delivery/stuck.go":      {"given up by the operator after attempt %d: %s"},
		"../../hub/delivery/silence.go":    {"the document was not %s until %s", `"collected"`, `"reported by the axis as collected"`, `"registered or refused"`},
		"../../hub/relay/follow.go":        {"the axis says: "},
		"../../hub/push/untold.go": {
			"nothing could be told by %s since %s", "the mail server does not know the address", "the address of the %s is gone", "the notice by %s was refused in %d attempts",
		},
	} {
		source, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range forms {
			if !strings.Contains(string(source), form) {
				t.Errorf("%s says no more %q, which pages read", file, form)
			}
		}
	}
}

func readTemplates(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	names, err := fs.Glob(templates, "templates/*")
	if err != nil || len(names) < 10 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(templates, name)
		if err != nil {
			t.Fatal(err)
		}
		texts[name] = string(raw)
	}
	return texts
}

// TestNoTextStandsInTemplates: what people read comes from the catalogues, also in
// attributes; the name of a language is written in that language.
func TestNoTextStandsInTemplates(t *testing.T) {
	actions := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	tags := regexp.MustCompile(`(?s)<[^>]*>`)
	read := regexp.MustCompile(`(?:title|placeholder|aria-label|alt)="([^"]*)"`)
	letters := regexp.MustCompile(`\pL`)
	scripts := regexp.MustCompile(`<script (?:type="module" )?src=""(?: defer)?></script>`) // in files of their own: their addresses are actions
	for name, text := range readTemplates(t) {
		bare := scripts.ReplaceAllString(actions.ReplaceAllString(text, ""), "")
		rest := tags.ReplaceAllString(bare, "")
		rest = strings.NewReplacer("English", "", "Tiếng Việt", "").Replace(rest)
		if letters.MatchString(rest) {
			t.Errorf("%s says %q", name, strings.Join(strings.Fields(rest), " "))
		}
		for _, attribute := range read.FindAllStringSubmatch(bare, -1) {
			if letters.MatchString(attribute[1]) {
				t.Errorf("%s says %q", name, attribute[1])
			}
		}
		for _, forbidden := range []string{"<script", "style=", "<style", " on", "http://", "https://"} {
			if strings.Contains(tagsOf(bare, tags), forbidden) {
				t.Errorf("%s holds %q, which the policy of content forbids", name, forbidden)
			}
		}
	}
}

func tagsOf(text string, tags *regexp.Regexp) string {
	return strings.Join(tags.FindAllString(text, -1), "")
}

func TestOwnAddress(t *testing.T) {
	for next, want := range map[string]string{
		"/inbox?q=a": "/inbox?q=a", "": "/", "//evil.example": "/", "https://evil.example": "/", `/\evil.example`: "/", "inbox": "/", "/%zz": "/",
	} {
		if got := ownAddress(next); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

// TestCookies: over HTTPS the cookie of a session is for this host and HTTPS alone.
func TestCookies(t *testing.T) {
	for _, secure := range []bool{false, true} {
		w := httptest.NewRecorder()
		x := &exchange{site: &site{Options: Options{Secure: secure}}, w: w}
		x.setSession("token")
		c := w.Result().Cookies()[0]
		if c.Secure != secure || !c.HttpOnly || c.SameSite == 0 || c.Path != "/" || c.Domain != "" || secure != strings.HasPrefix(c.Name, "__Host-") {
			t.Errorf("secure %v: %s", secure, c)
		}
	}
}

// TestCausesHaveTexts: whatever the hub tells of a fault of its parts, of a hop of a
// connection test, or of a call to others has a sentence of its own, found by its code.
func TestCausesHaveTexts(t *testing.T) {
	all, err := readCatalogues()
	if err != nil {
		t.Fatal(err)
	}
	v := &view{x: &exchange{site: &site{texts: all}, lang: vietnamese}}
	causes := map[*regexp.Regexp]string{ // with the field that a helper names
		regexp.MustCompile(`hub\.Errorf\(hub\.Kind(?:Unavailable|NotFound|Denied|Conflict|UnknownAgency|Unsupported), "([\w-]*)", "([\w-]*)"`): "",
		regexp.MustCompile(`hub\.Error\{Kind: hub\.Kind(?:Unavailable|Busy)(, Rule: "(\w+)")?, Message: "`):                                    "",
		regexp.MustCompile(`()hub\.Say\("(\w+)"[,)]`): "",
		regexp.MustCompile(`()left\("(\w+)"`):         "delivery",
		regexp.MustCompile(`()drift\("(\w+)"`):        "",
	}
	for _, file := range []string{
		"adapters/amqp/testagency.go", "adapters/amqp/publisher.go", "adapters/amqp/queue.go", "adapters/hubclient/connection.go", "adapters/mail/mail.go",
		"adapters/vxp/client.go", "adapters/webhook/webhook.go", "cmd/lienthong/internal/app/alerts.go", "cmd/lienthong/internal/app/connection.go",
		"cmd/lienthong/internal/app/health.go", "cmd/lienthong/internal/app/relay.go", "cmd/lienthong/internal/app/witnesses.go",
		"cmd/lienthong/internal/engine/queue.go", "hub/alerts/watch.go", "hub/audit/behind.go", "hub/audit/clock.go", "hub/connection/document.go",
		"hub/delivery/stuck.go", "hub/delivery/work.go", "hub/relay/carry.go", "storage/postgres/operate.go",
	} {
		source, err := os.ReadFile("../../" + file)
		if err != nil {
			t.Fatal(err)
		}
		found := 0
		for cause, field := range causes {
			for _, m := range cause.FindAllStringSubmatch(string(source), -1) {
				found++
				field, rule := field, m[2]
				if field == "" && !strings.HasPrefix(m[1], ", ") {
					field = m[1]
				}
				code := strings.TrimPrefix(field+"."+rule, ".")
				switch said := v.Why(hub.Say(code), ""); {
				case rule == "":
					t.Errorf("%s: %s has no code", file, m[0])
				case said.Text == all[vietnamese]["why.unknown"]:
					t.Errorf("%s: no text for %s", file, code)
				}
			}
		}
		if found == 0 {
			t.Errorf("no causes were found in %s", file)
		}
	}
}

// TestCellsHaveLabels: on a narrow screen each cell stands behind the name of its column.
func TestCellsHaveLabels(t *testing.T) {
	cells := regexp.MustCompile(`<td(?:\s[^>]*)?>`)
	actions := regexp.MustCompile(`(?s)\{\{.*?\}\}`)
	label := regexp.MustCompile(`data-label="@`)
	for name, text := range readTemplates(t) {
		for _, cell := range cells.FindAllString(actions.ReplaceAllString(text, "@"), -1) {
			if !label.MatchString(cell) {
				t.Errorf("%s has a cell without the name of its column: %s", name, cell)
			}
		}
	}
}
