package web

import (
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/sheet"
	"github.com/lienthong/lienthong/hub"
)

// Registers reads what registers are printed from, a page at a time.
type Registers interface {
	Outgoing(ctx context.Context, actor hub.Actor, query hub.RegisterQuery) (hub.List[hub.SentItem], error)
	Incoming(ctx context.Context, actor hub.Actor, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error)
}

// RegisterYears closes registers, a year at a time.
type RegisterYears interface {
	CloseYear(ctx context.Context, actor hub.Actor, agency hub.AgencyID, year int) (hub.RegisterYear, error)
	ClosedYears(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.RegisterYear, error)
}

// printedAtOnce bounds the registers that are printed side by side.
const printedAtOnce = 4

// How many rows are read at a time. One of outgoing documents comes with all its
// deliveries, which may be thousands.
const (
	outgoingAtOnce = 25
	incomingAtOnce = 200
)

// printStall is how long a browser may take to read what came of some rows, or the end of
// a file: who reads nothing keeps no place from others.
const printStall = 2 * time.Minute

// namedRecipients is how many recipients an entry names; a number stands for the others.
const namedRecipients = 30

// book is one of the registers.
type book struct {
	Name    string // in addresses and texts
	scope   hub.Scope
	page    int // rows that are read at a time
	columns []bookColumn
}

// bookColumn is a column, by the name of its text, with its share of the width.
type bookColumn struct {
	text  string
	width float64
}

// books are the registers with the columns of NĐ 30/2020/NĐ-CP, annex IV: I.2 (outgoing),
// II.2 (incoming), II.4 (handling of incoming documents), I.3 (sent by post). What people
// sign or note by hand stays empty.
func books() []book {
	return []book{
		{"out", hub.ScopeRead, outgoingAtOnce, []bookColumn{
			{"number", 0.135}, {"date", 0.075}, {"subject", 0.21}, {"signer", 0.1}, {"recipients", 0.17},
			{"keeper", 0.08}, {"amount", 0.05}, {"passed", 0.075}, {"signature", 0.045}, {"note", 0.06},
		}},
		{"in", hub.ScopeCollect, incomingAtOnce, []bookColumn{
			{"arrived", 0.075}, {"arrival", 0.055}, {"author", 0.13}, {"number", 0.135}, {"date", 0.075},
			{"subject", 0.22}, {"unit", 0.12}, {"passed", 0.075}, {"signature", 0.05}, {"note", 0.065},
		}},
		{"handling", hub.ScopeCollect, incomingAtOnce, []bookColumn{
			{"arrival", 0.06}, {"document", 0.32}, {"unit", 0.15}, {"due", 0.09}, {"progress", 0.13}, {"answer", 0.14}, {"note", 0.11},
		}},
		{"post", hub.ScopeRead, incomingAtOnce, []bookColumn{
			{"passed", 0.1}, {"number", 0.18}, {"place", 0.3}, {"envelopes", 0.08}, {"bill", 0.2}, {"note", 0.14},
		}},
	}
}

type registersPage struct {
	Books    []book
	Book     string
	From, To string
	Closed   []hub.RegisterYear
	Closes   bool   // the person may close years
	Year     string // that the form names
}

func (x *exchange) registersForm(status int, problems map[string]string) error {
	q := x.r.URL.Query()
	today := x.Now().In(hub.Vietnam())
	p := registersPage{Book: q.Get("book"), From: q.Get("from"), To: q.Get("to")}
	if !q.Has("from") && !q.Has("to") {
		p.From, p.To = today.Format("2006-01")+"-01", today.Format(time.DateOnly)
	}
	for _, b := range books() {
		if x.visit.Actor.Has(b.scope) {
			p.Books = append(p.Books, b)
		}
	}
	p.Closes, p.Year = x.visit.Actor.Has(hub.ScopeAccounts), x.r.PostFormValue("year")
	if p.Year == "" {
		p.Year = strconv.Itoa(today.Year() - 1)
	}
	var err error
	if p.Closed, err = x.RegisterYears.ClosedYears(x.r.Context(), x.visit.Actor, x.office()); err != nil {
		return err
	}
	return x.show(status, "registers", &p, problems)
}

// closeYear closes the registers of a year for good.
func (x *exchange) closeYear() error {
	year, err := strconv.Atoi(x.r.PostFormValue("year"))
	if err != nil {
		err = hub.Invalid("year", "range", "the year is a number")
	}
	if err == nil && x.r.PostFormValue("sure") != "yes" {
		err = hub.Invalid("sure", "for_good", "say that the year is to be closed for good")
	}
	if err == nil {
		_, err = x.RegisterYears.CloseYear(x.r.Context(), x.visit.Actor, x.office(), year)
	}
	switch {
	case err != nil && again(err):
		return x.registersForm(statusOf(hub.KindOf(err)), x.problems(err, "year", "sure"))
	case err != nil:
		return err
	}
	return x.redirect("/registers#years")
}

func (x *exchange) registers() error { return x.registersForm(http.StatusOK, nil) }

// printRegister answers with a register as a file. What is wrong is told beside its field
// before the first byte; a file that breaks off later never arrives whole.
func (x *exchange) printRegister() error {
	q := x.r.URL.Query()
	query := hub.RegisterQuery{Agency: x.office(), From: hub.Date(q.Get("from")), To: hub.Date(q.Get("to"))}
	for _, b := range books() {
		if b.Name != q.Get("book") {
			continue
		}
		select {
		case x.printing <- struct{}{}:
			defer func() { <-x.printing }()
		default:
			return hub.Errorf(hub.KindBusy, "", "printing", "too many registers are being printed")
		}
		query.Page.Limit = b.page
		rows, next, err := x.bookRows(&b, query)
		if err != nil && again(err) {
			return x.registersForm(statusOf(hub.KindOf(err)), x.problems(err, "from", "to", "book"))
		}
		if err != nil {
			return err
		}
		return x.sendBook(&b, query, rows, next, q.Get("as"))
	}
	err := hub.Invalid("book", "book", "there is no such register")
	return x.registersForm(statusOf(hub.KindInvalid), x.problems(err, "book"))
}

// sendBook writes the file, page after page of the register.
func (x *exchange) sendBook(b *book, query hub.RegisterQuery, rows [][]string, next, as string) error {
	kind, ending := "application/pdf", ".pdf"
	begin := func(w io.Writer, t *sheet.Table) (sheet.Writer, error) { return sheet.NewPDF(w, t) }
	if as == "xlsx" {
		kind, ending = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", ".xlsx"
		begin = func(w io.Writer, t *sheet.Table) (sheet.Writer, error) { return sheet.NewXLSX(w, t) }
	}
	w, err := begin(x.w, x.bookTable(b, &query))
	if err != nil {
		return hub.Internal("begin a register", err)
	}
	defer w.Discard()
	h := x.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", disposition("attachment", x.say("book."+b.Name)+" "+string(query.From)+" "+string(query.To)+ending))
	h.Set("Content-Security-Policy", sandbox)
	control := http.NewResponseController(x.w)
	for err == nil {
		_ = control.SetWriteDeadline(time.Now().Add(printStall)) // writers in tests have none
		for _, row := range rows {
			if err = w.Row(row); err != nil {
				break
			}
		}
		if err != nil || next == "" {
			break
		}
		query.Page.After = next
		rows, next, err = x.bookRows(b, query)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil && x.r.Context().Err() == nil {
		x.Log.ErrorContext(x.r.Context(), "a register broke off", "book", b.Name, "error", err)
	}
	if err != nil {
		panic(http.ErrAbortHandler) // the answer has begun: it must not look whole
	}
	_ = control.SetWriteDeadline(time.Time{})
	return nil
}

// bookTable is what stands above the rows.
func (x *exchange) bookTable(b *book, query *hub.RegisterQuery) *sheet.Table {
	v := &view{x: x}
	t := &sheet.Table{
		Above: []string{v.Agency(query.Agency)}, Title: x.say("book.title." + b.Name), Page: x.say("book.page"), Unsaid: x.say("book.empty"),
		Below: []string{x.say("book.period", v.Day(query.From), v.Day(query.To))},
	}
	for _, c := range b.columns {
		t.Columns = append(t.Columns, sheet.Column{Name: x.say("book.column." + c.text), Width: c.width})
	}
	return t
}

func (x *exchange) say(name string, values ...any) string {
	return x.texts.text(x.lang, name, values...)
}

// bookRows reads a page of a register.
func (x *exchange) bookRows(b *book, query hub.RegisterQuery) (rows [][]string, next string, err error) {
	if b.Name == "out" {
		list, err := x.Registers.Outgoing(x.r.Context(), x.visit.Actor, query)
		for i := range list.Items {
			rows = append(rows, x.outgoingRow(&list.Items[i]))
		}
		if err == nil && list.Next == "" {
			var cancelled [][]string
			cancelled, err = x.cancelledRows(&query)
			rows = append(rows, cancelled...)
		}
		return rows, list.Next, err
	}
	if b.Name == "post" {
		list, err := x.Post.List(x.r.Context(), x.visit.Actor, hub.PostalQuery{Agency: query.Agency, Outgoing: true, Oldest: true, From: query.From, To: query.To, Page: query.Page})
		for i := range list.Items {
			rows = append(rows, x.postRow(&list.Items[i]))
		}
		return rows, list.Next, err
	}
	list, err := x.Registers.Incoming(x.r.Context(), x.visit.Actor, query)
	for i := range list.Items {
		if b.Name == "in" {
			rows = append(rows, x.incomingRow(&list.Items[i]))
		} else {
			rows = append(rows, x.handlingRow(&list.Items[i]))
		}
	}
	return rows, list.Next, err
}

func (x *exchange) outgoingRow(item *hub.SentItem) []string {
	v, d := &view{x: x}, &item.Dispatch.Document
	var names []string
	for i := range item.Deliveries {
		if i == namedRecipients {
			names = append(names, x.say("book.others", len(item.Deliveries)-i))
			break
		}
		names = append(names, item.Deliveries[i].Name)
	}
	amount := ""
	if d.IssuedAmount > 0 {
		amount = strconv.Itoa(d.IssuedAmount)
	}
	return []string{
		d.Number(), v.Day(d.Promulgated), titled(d), strings.TrimSpace(d.Signer.Competence + " " + d.Signer.FullName), strings.Join(names, "; "),
		"", amount, v.Day(dayOf(item.Dispatch.AcceptedAt)), "", x.outgoingNote(item),
	}
}

func (x *exchange) outgoingNote(item *hub.SentItem) string {
	back := 0
	for i := range item.Deliveries {
		if item.Deliveries[i].TakenBack() {
			back++
		}
	}
	switch {
	case back > 0 && back == len(item.Deliveries):
		return x.say("state." + string(hub.StateWithdrawn))
	case back > 0:
		return x.say("book.partly", back, len(item.Deliveries))
	case item.Dispatch.Operation != hub.OperationNew:
		return x.say("link." + string(hub.LinkOf(item.Dispatch.Operation)))
	}
	return ""
}

// dayOf is the day of an instant in Viet Nam.
func dayOf(t time.Time) hub.Date { return hub.Date(t.In(hub.Vietnam()).Format(time.DateOnly)) }

func titled(d *hub.Document) string { return strings.TrimSpace(d.TypeName + " " + d.Subject) }

// registration of an entry, which has one.
func registration(e *hub.RegisterEntry) hub.Registration {
	if e.Delivery.Registration == nil {
		return hub.Registration{}
	}
	return *e.Delivery.Registration
}

func (x *exchange) takenBack(e *hub.RegisterEntry) string {
	if e.Delivery.TakenBack() {
		return x.say("book.given")
	}
	return ""
}

func (x *exchange) incomingRow(e *hub.RegisterEntry) []string {
	v, d, r := &view{x: x}, &e.Dispatch.Document, registration(e)
	return []string{
		v.Day(r.Date), r.Number, e.Dispatch.AuthorName(), d.Number(), v.Day(d.Promulgated), titled(d), r.Unit, "", "", x.takenBack(e),
	}
}

func (x *exchange) handlingRow(e *hub.RegisterEntry) []string {
	v, d, r := &view{x: x}, &e.Dispatch.Document, registration(e)
	document := strings.Join([]string{d.TypeName, d.Number(), v.Day(d.Promulgated), e.Dispatch.AuthorName()}, ", ")
	progress := ""
	if e.Delivery.Progress != "" {
		progress = x.say("status." + string(e.Delivery.Progress))
	}
	return []string{r.Number, strings.Trim(document, ", "), r.Unit, v.Day(askedBy(&e.Item)), progress, strings.Join(e.Answers, "; "), x.takenBack(e)}
}
