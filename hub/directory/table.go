package directory

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/lienthong/lienthong/hub"
)

// The limits of a list of agencies.
const (
	maxRows     = 200_000
	maxBytes    = 64 << 20
	maxProblems = 500 // further ones are counted only
)

// column is a column of the list, as import and export know it.
type column int

const (
	colID column = iota
	colCode
	colName
	colLevel
	colKind
	colParent
	colFrom // first day, Vietnam time; empty: always
	colTo   // first day on which it is closed, Vietnam time; empty: open
	colRegisters
	colEmail
	colTelephone
	colAliases    // further codes, separated by |
	colSuccessors // codes of who took over, separated by |
	colChannel    // how it is reached; empty, or no such column: as before
	colArrival    // the hub reports 01 for it; empty, or no such column: as before
	colAddress    // this one and those behind it: no such column: as before
	colFax
	colWebsite
	colReceivedBy // code of who receives for it, or none; empty, or no such column: as before
	columns
)

func columnNames() []string {
	return []string{
		"id", "code", "name", "level", "kind", "parent_code", "valid_from", "valid_to",
		"registers", "email", "telephone", "aliases", "successors", "channel", "reports_arrival", "address", "fax", "website", "received_by",
	}
}

func (c column) String() string { return columnNames()[c] }

// nobody in the column received_by ends that another receives for the agency.
const nobody = "none"

// listSeparator separates several codes in one cell.
const listSeparator = "|"

// cells is one row of the list, by column.
type cells [columns]string

// row is one row of a file with its line (the header is line 1).
type row struct {
	line  int
	cells cells
	// Read from the cells, valid when the row has no problem:
	codes      []hub.Code // the primary one first
	life       hub.Interval
	successors []hub.Code
}

// problems collects what is wrong with a file, bounded.
type problems struct {
	list    hub.Violations
	further int
}

func (p *problems) add(line int, c column, rule, format string, args ...any) {
	p.addAt(line, "."+c.String(), rule, fmt.Sprintf(format, args...))
}

func (p *problems) addAt(line int, where, rule, message string) {
	p.addField(fmt.Sprintf("rows[%d]%s", line, where), rule, fmt.Sprintf("line %d: %s", line, message))
}

func (p *problems) addField(field, rule, message string) {
	if len(p.list) == maxProblems {
		p.further++
		return
	}
	p.list = append(p.list, hub.Invalid(field, rule, "%s", message))
}

func (p *problems) err() error {
	if p.further > 0 {
		p.list = append(p.list, hub.Invalid("rows", "more", "and %d further problems", p.further))
		p.further = 0
	}
	return p.list.AsError()
}

// readTable reads the rows of a list. Problems of single rows are collected; the
// error is about the file as a whole. has says which columns there are.
func readTable(r io.Reader, has *[columns]bool, found *problems) ([]row, error) {
	limited := &io.LimitedReader{R: r, N: maxBytes + 1}
	reader := csv.NewReader(skipBOM(limited))
	order, err := readHeader(reader)
	if err != nil {
		return nil, err
	}
	for _, c := range order {
		has[c] = true
	}
	var rows []row
	for {
		record, err := reader.Read()
		if len(rows) == maxRows && !errors.Is(err, io.EOF) || limited.N == 0 {
			return nil, hub.Errorf(hub.KindTooLarge, "rows", "max_rows", "a list has at most %d rows and %d MiB", maxRows, maxBytes>>20)
		}
		switch {
		case errors.Is(err, io.EOF):
			return rows, nil
		case errors.Is(err, csv.ErrFieldCount):
			line, _ := reader.FieldPos(0)
			found.addAt(line, "", "field_count", fmt.Sprintf("%d fields where the header has %d", len(record), len(order)))
		case err != nil:
			return rows, readFailure(err)
		default:
			line, _ := reader.FieldPos(0)
			rows = append(rows, readRow(line, record, order, found))
		}
	}
}

func readRow(line int, record []string, order []column, found *problems) row {
	r := row{line: line}
	for i, value := range record {
		r.cells[order[i]] = strings.TrimSpace(value)
	}
	r.read(found)
	return r
}

func skipBOM(r io.Reader) io.Reader {
	b := bufio.NewReader(r)
	if head, err := b.Peek(3); err == nil && bytes.Equal(head, []byte("\uFEFF")) {
		_, _ = b.Discard(3)
	}
	return b
}

// readHeader returns the column of each field.
func readHeader(reader *csv.Reader) ([]column, error) {
	header, err := reader.Read()
	if errors.Is(err, io.EOF) {
		return nil, hub.Invalid("header", "required", "the list is empty: its first line must name the columns")
	}
	if err != nil {
		return nil, readFailure(err)
	}
	names := columnNames()
	order := make([]column, len(header))
	for i, name := range header {
		name = strings.TrimSpace(name)
		order[i] = column(slices.Index(names, name))
		if order[i] < 0 {
			return nil, hub.Invalid("header", "unknown_column", "%.40q is not a column; the columns, separated by commas, are %s", name, strings.Join(names, ","))
		}
		if slices.Contains(order[:i], order[i]) {
			return nil, hub.Invalid("header", "duplicate_column", "the column %s occurs twice", name)
		}
	}
	for i, name := range names {
		if !slices.Contains(order, column(i)) && column(i) < colChannel {
			return nil, hub.Invalid("header", "required", "the column %s is missing", name)
		}
	}
	return order, nil
}

// readFailure tells a malformed list from a failure to read it.
func readFailure(err error) error {
	var parse *csv.ParseError
	if errors.As(err, &parse) {
		return hub.Invalid(fmt.Sprintf("rows[%d]", parse.StartLine), "csv", "line %d: %v", parse.Line, parse.Err)
	}
	var known *hub.Error
	if errors.As(err, &known) {
		return err
	}
	return hub.Internal("reading the list of agencies", err)
}

// read checks the cells one by one and reads codes and dates.
func (r *row) read(found *problems) {
	for c, value := range r.cells {
		if rule := badText(value, maxLength(column(c))); rule != "" {
			found.add(r.line, column(c), rule, "%s has text that is not allowed or longer than %d characters", column(c), maxLength(column(c)))
			return
		}
	}
	r.cells[colName] = norm.NFC.String(r.cells[colName])
	r.cells[colKind] = norm.NFC.String(r.cells[colKind])
	r.cells[colAddress] = norm.NFC.String(r.cells[colAddress])
	r.checkText(found)
	r.readCodes(found)
	r.readLife(found)
}

func maxLength(c column) int {
	switch c {
	case colID:
		return 64
	case colName:
		return 200 // NĐ 30/2020/NĐ-CP, annex VI
	case colKind, colTelephone, colFax:
		return 100
	case colAliases, colSuccessors:
		return 2000
	}
	return 254 // the longest mail address
}

// badText returns the rule that a text breaks, or "".
func badText(s string, limit int) string {
	switch {
	case !utf8.ValidString(s):
		return "utf8"
	case strings.ContainsFunc(s, unicode.IsControl):
		return "control_characters"
	case utf8.RuneCountInString(s) > limit:
		return "max_length"
	}
	return ""
}

// beginsWell reports whether a text begins with a letter or a digit: a leading = + - @
// would be a formula in the spreadsheet it comes from.
func beginsWell(s string) bool {
	first, _ := utf8.DecodeRuneInString(s)
	return s == "" || unicode.IsLetter(first) || unicode.IsDigit(first)
}

// badName returns the rule that the name of an agency breaks, or "".
func badName(s string) string {
	if rule := badText(s, maxLength(colName)); rule != "" {
		return rule
	}
	switch {
	case s == "":
		return "required"
	case !beginsWell(s):
		return "first_character"
	}
	return ""
}

func (r *row) checkText(found *problems) {
	for _, c := range []column{colName, colKind, colAddress} {
		if !beginsWell(r.cells[c]) {
			found.add(r.line, c, "first_character", "%s begins with a letter or a digit", c)
		}
	}
	if r.cells[colName] == "" {
		found.add(r.line, colName, "required", "name is required")
	}
	if strings.ContainsFunc(r.cells[colID], func(c rune) bool { return !isIDRune(c) }) {
		found.add(r.line, colID, "agency_id", "id has letters, digits, - _ . only")
	}
	if !hub.Level(r.cells[colLevel]).Valid() {
		found.add(r.line, colLevel, "level", "level is one of central, province, department, district, commune, unit, not %q", r.cells[colLevel])
	}
	if v := r.cells[colRegisters]; v != "" && v != "true" && v != "false" {
		found.add(r.line, colRegisters, "boolean", "registers is true, false or empty (true), not %q", v)
	}
	if v := r.cells[colArrival]; v != "" && v != "true" && v != "false" {
		found.add(r.line, colArrival, "boolean", "reports_arrival is true, false or empty (as before), not %q", v)
	}
	switch hub.Channel(r.cells[colChannel]) {
	case "", hub.ChannelPull, hub.ChannelAMQP, hub.ChannelAxis, hub.ChannelPaper:
	default:
		found.add(r.line, colChannel, "channel", "channel is pull, amqp, axis, post or empty (as before), not %q", r.cells[colChannel])
	}
	if v := r.cells[colEmail]; v != "" && !isMailAddress(v) {
		found.add(r.line, colEmail, "email", "%q is not a mail address", v)
	}
	for _, c := range []column{colTelephone, colFax} {
		if !isTelephone(r.cells[c]) {
			found.add(r.line, c, "telephone", "%s has digits, blanks and + - ( ) . , ; / only", c)
		}
	}
	if v := r.cells[colWebsite]; v != "" && !isWebsite(v) {
		found.add(r.line, colWebsite, "website", "%q is not an address of the form https://name", v)
	}
}

func isIDRune(c rune) bool {
	return c == '-' || c == '_' || c == '.' || c < utf8.RuneSelf && (unicode.IsLetter(c) || unicode.IsDigit(c))
}

// isMailAddress checks the outline; whether it works only a message can tell.
func isMailAddress(s string) bool {
	name, host, found := strings.Cut(s, "@")
	return found && name != "" && strings.Contains(host, ".") && !strings.ContainsAny(host, "@") && !strings.ContainsAny(s, " <>,;\"")
}

func isTelephone(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return !strings.ContainsRune("0123456789 +-().,;/", c) })
}

// isWebsite lets only such addresses in as a page may link to.
func isWebsite(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != ""
}

func (r *row) readCodes(found *problems) {
	r.codes = r.parseCodes(colCode, r.cells[colCode], nil, found)
	if r.cells[colAliases] != "" {
		r.codes = r.parseCodes(colAliases, r.cells[colAliases], r.codes, found)
	}
	if r.cells[colSuccessors] != "" {
		r.successors = r.parseCodes(colSuccessors, r.cells[colSuccessors], nil, found)
	}
	if r.cells[colParent] != "" {
		r.parseCodes(colParent, r.cells[colParent], nil, found)
	}
	if by := r.cells[colReceivedBy]; by != "" && by != nobody {
		r.parseCodes(colReceivedBy, by, nil, found)
	}
}

// parseCodes appends the codes of a cell to those before; none may occur twice.
func (r *row) parseCodes(c column, cell string, before []hub.Code, found *problems) []hub.Code {
	texts := []string{cell}
	if c == colAliases || c == colSuccessors {
		texts = strings.Split(cell, listSeparator)
	}
	for _, text := range texts {
		code, err := hub.ParseCode(text)
		if err != nil {
			v := hub.ViolationsOf(err)[0]
			found.add(r.line, c, v.Rule, "%s", v.Message)
			continue
		}
		if slices.Contains(before, code) {
			found.add(r.line, c, "duplicate", "the code %s occurs twice in the row", code)
			continue
		}
		before = append(before, code)
	}
	return before
}

func (r *row) readLife(found *problems) {
	r.life.From = r.date(colFrom, found)
	r.life.To = r.date(colTo, found)
	if empty(r.life) {
		found.add(r.line, colTo, "order", "valid_to must be after valid_from")
	}
	if len(r.successors) > 0 && r.cells[colTo] == "" {
		found.add(r.line, colSuccessors, "open", "an agency without valid_to is open and has no successors")
	}
}

func (r *row) date(c column, found *problems) time.Time {
	if r.cells[c] == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, r.cells[c], hub.Vietnam())
	if err != nil || t.Year() < 1900 {
		found.add(r.line, c, "date", "%q is not a date of the form YYYY-MM-DD that exists", r.cells[c])
		return time.Time{}
	}
	return t.UTC()
}

// cellsOf writes an agency as the list shows it at an instant; codeOf names others.
func cellsOf(a *hub.Agency, at time.Time, codeOf func(hub.AgencyID) hub.Code) cells {
	at = standing(a.Valid, at)
	primary := a.CodeAt(at)
	level, _ := hub.At(a.Levels, at)
	kind, _ := hub.At(a.Kinds, at)
	contact, _ := hub.At(a.Contacts, at)
	parent, _ := hub.At(a.Parents, at)
	var aliases, successors []string
	for _, c := range a.Codes {
		if c.Value != primary && c.Valid.Contains(at) {
			aliases = append(aliases, string(c.Value))
		}
	}
	for _, id := range a.Successors {
		successors = append(successors, string(codeOf(id)))
	}
	receivedBy := string(codeOf(a.ReceivedByAt(at)))
	if receivedBy == "" && len(a.ReceivedBy) > 0 {
		receivedBy = nobody
	}
	channel := a.ChannelAt(at)
	if channel == hub.ChannelPull {
		channel = "" // what most have
	}
	return cells{
		colChannel: string(channel), colArrival: strconv.FormatBool(a.ReportsArrival),
		colAddress: contact.Address, colFax: contact.Fax, colWebsite: contact.Website,
		colReceivedBy: receivedBy,
		colID:         string(a.ID), colCode: string(primary), colName: a.NameAt(at),
		colLevel: string(level), colKind: kind, colParent: string(codeOf(parent)),
		colFrom: dateCell(a.Valid.From), colTo: dateCell(a.Valid.To),
		colRegisters: strconv.FormatBool(a.Registers),
		colEmail:     contact.Email, colTelephone: contact.Telephone,
		colAliases:    strings.Join(aliases, listSeparator),
		colSuccessors: strings.Join(successors, listSeparator),
	}
}

func dateCell(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(hub.Vietnam()).Format(time.DateOnly)
}
