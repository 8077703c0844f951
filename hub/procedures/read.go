package procedures

import (
	"bufio"
	"cmp"
	_ "embed"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/lienthong/lienthong/hub"
)

// Format is how a list is written.
type Format string

// The formats.
const (
	FormatCSV  Format = "csv"  // the first row names the columns; comma, semicolon or tab
	FormatJSON Format = "json" // an array of objects, or an object with one
	FormatXML  Format = "xml"  // an element of elements, whose elements or attributes are the columns
)

// columns.json holds the names by which a column is known, the first one ours. Names are
// compared without diacritics, case, blanks and signs. Those of national exports are as
// seen in lists of provinces; none is laid down by law.
//
//go:embed columns.json
var columnNames []byte

const (
	maxCell    = 40_000  // bytes of one value
	maxRow     = 2 << 20 // bytes of one row, about
	maxColumns = 200
	maxDepthIn = 6 // of elements in an XML list
)

// errLongRow ends a row that is longer than any can be.
var errLongRow = fmt.Errorf("a row has at most %d bytes", maxRow)

// rowReader bounds what is read for one row, whatever a reader of a format keeps of it.
type rowReader struct {
	r    io.Reader
	left int
}

func (r *rowReader) next() { r.left = maxRow }

func (r *rowReader) Read(b []byte) (int, error) {
	if r.left <= 0 {
		return 0, errLongRow
	}
	n, err := r.r.Read(b[:min(len(b), r.left)])
	r.left -= n
	return n, err
}

// errUnreadable marks an error behind which nothing of a list can be read.
var errUnreadable = errors.New("the rest of the list cannot be read")

func unreadable(row int, rule, format string, values ...any) error {
	e := hub.Invalid(fmt.Sprintf("procedures[%d]", row), rule, format, values...)
	e.Err = errUnreadable
	return e
}

// List reads the rows of a list one by one.
type List struct {
	known   map[string]string // name as it is compared: ours
	ignored map[string]bool
}

// NewList returns a reader of lists. Columns adds names to those that are known: theirs to
// ours; errors are of KindInvalid on the field "column".
func NewList(columns map[string]string) (*List, error) {
	var names map[string][]string
	if err := json.Unmarshal(columnNames, &names); err != nil {
		return nil, hub.Internal("read the names of columns", err)
	}
	l := &List{known: map[string]string{}, ignored: map[string]bool{}}
	for ours, all := range names {
		for _, name := range all {
			l.known[plain(name)] = ours
		}
	}
	for theirs, ours := range columns {
		if _, ok := names[ours]; !ok {
			return nil, hub.Invalid("column", "code_list", "%.40q is none of %s", ours, strings.Join(slices.Sorted(maps.Keys(names)), ", "))
		}
		l.known[plain(theirs)] = ours
	}
	return l, nil
}

// plain is the form in which names of columns and words of values are compared.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			return r
		}
		return -1
	}, hub.Fold(s))
}

// Ignored are the columns that were read and mean nothing here.
func (l *List) Ignored() []string { return slices.Sorted(maps.Keys(l.ignored)) }

// Sniff tells how a list is written by its first character, and returns a reader of all of
// it. A mark of byte order is skipped.
func Sniff(r io.Reader) (Format, io.Reader, error) {
	b := bufio.NewReader(r)
	if mark, _ := b.Peek(3); string(mark) == "\ufeff" {
		_, _ = b.Discard(3) // they were peeked at
	}
	for {
		c, err := b.ReadByte()
		switch {
		case errors.Is(err, io.EOF):
			return FormatCSV, b, nil
		case err != nil:
			return "", nil, err
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			continue
		}
		if err := b.UnreadByte(); err != nil {
			return "", nil, err
		}
		switch c {
		case '[', '{':
			return FormatJSON, b, nil
		case '<':
			return FormatXML, b, nil
		}
		return FormatCSV, b, nil
	}
}

// Read reads the rows of a list. An error about a row is given with it, and names row,
// field and rule; behind one about the list nothing comes.
func (l *List) Read(r io.Reader, format Format) iter.Seq2[Row, error] {
	rows := &rowReader{r, maxRow}
	switch format {
	case FormatCSV:
		return l.readCSV(rows)
	case FormatJSON:
		return l.readJSON(rows)
	case FormatXML:
		return l.readXML(rows)
	}
	return failing(hub.Invalid("format", "code_list", "%.20q is none of csv, json, xml", string(format)))
}

func failing(err error) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) { yield(Row{}, err) }
}

// broken is an error of a reader: that of whoever carries the bytes as it is, else the list
// is not what it should be.
func broken(err error, row int, rule string) error {
	var bad *hub.Error
	switch {
	case errors.As(err, &bad):
		return err
	case errors.Is(err, errLongRow):
		rule = "max_length"
	}
	return unreadable(row, rule, "%v", err)
}

// cells are the values of one row by our names.
type cells map[string][]string

// put adds a value under a name of theirs.
func (l *List) put(row cells, theirs string, values ...string) {
	ours, ok := l.known[plain(theirs)]
	if !ok {
		if len(l.ignored) < maxColumns && theirs != "" {
			l.ignored[short(theirs)] = true
		}
		return
	}
	for _, v := range values {
		if v = strings.TrimSpace(v); v != "" {
			row[ours] = append(row[ours], v)
		}
	}
}

func short(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60])
	}
	return s
}

func (l *List) readCSV(r *rowReader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		b := bufio.NewReader(r)
		head, _ := b.Peek(4096)
		line, _, _ := strings.Cut(string(head), "\n")
		reader := csv.NewReader(b)
		reader.ReuseRecord, reader.FieldsPerRecord, reader.LazyQuotes = true, -1, false
		for _, comma := range []rune{';', '\t'} {
			if strings.Count(line, string(comma)) > strings.Count(line, string(reader.Comma)) {
				reader.Comma = comma
			}
		}
		first, err := reader.Read()
		if err != nil {
			yield(Row{}, broken(err, 0, "csv"))
			return
		}
		names := slices.Clone(first)
		names[0] = strings.TrimPrefix(names[0], "\ufeff")
		if len(names) > maxColumns {
			yield(Row{}, unreadable(0, "columns", "a list has at most %d columns", maxColumns))
			return
		}
		for i := 0; ; i++ {
			r.next()
			record, err := reader.Read()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(Row{}, broken(err, i, "csv"))
				return
			case len(record) > len(names):
				yield(Row{}, unreadable(i, "columns", "the row has %d cells, the first row names %d", len(record), len(names)))
				return
			}
			row := cells{}
			for n, value := range record {
				l.put(row, names[n], value)
			}
			if !yield(rowOf(i, row)) {
				return
			}
		}
	}
}

func (l *List) readJSON(r *rowReader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		d := json.NewDecoder(r)
		d.UseNumber()
		if err := toArray(d); err != nil {
			yield(Row{}, broken(err, 0, "json"))
			return
		}
		i := 0
		for ; d.More(); i++ {
			var object map[string]any
			r.next()
			if err := d.Decode(&object); err != nil {
				yield(Row{}, broken(err, i, "json"))
				return
			}
			row := cells{}
			for _, name := range slices.Sorted(maps.Keys(object)) {
				values, err := scalars(object[name], 0)
				if err != nil {
					yield(Row{}, unreadable(i, "json", "%.40s: %v", name, err))
					return
				}
				l.put(row, name, values...)
			}
			asListed(row, object)
			if !yield(rowOf(i, row)) {
				return
			}
		}
		if _, err := d.Token(); err != nil { // the end of the array
			yield(Row{}, broken(err, i, "json"))
		}
	}
}

// asListed takes what a hub lists for what it is: a version that ends ends here, too, even
// where no list said so first, and what is still to come is not in force before.
func asListed(row cells, object map[string]any) {
	valid, ok := object["valid"].(map[string]any)
	if !ok {
		return
	}
	if to, ok := valid["to"].(string); ok {
		row["until"] = []string{to}
	}
	if from, ok := valid["from"].(string); ok && object["state"] == string(hub.ProcedureComing) {
		row["from"] = []string{from}
	}
}

// toArray reads up to the first array: the list itself, or a member of an object.
func toArray(d *json.Decoder) error {
	for depth := 0; depth < 4; {
		t, err := d.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('['):
			return nil
		case json.Delim('{'):
			depth++
		case json.Delim('}'), json.Delim(']'):
			return errors.New("a list is an array of objects")
		}
	}
	return errors.New("a list is an array of objects")
}

// scalars are the values of a member: of an object of a list, such as a fee, all in one.
func scalars(v any, depth int) ([]string, error) {
	switch v := v.(type) {
	case nil:
		return nil, nil
	case string:
		return []string{v}, nil
	case json.Number:
		return []string{v.String()}, nil
	case bool:
		return []string{strconv.FormatBool(v)}, nil
	case []any:
		var all []string
		for _, item := range v {
			one, err := scalars(item, depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, strings.Join(one, " "))
		}
		return all, nil
	case map[string]any:
		if depth > 2 {
			return nil, errors.New("objects are nested too deep")
		}
		var all []string
		for _, name := range slices.Sorted(maps.Keys(v)) { // amount before note, and before unit
			one, err := scalars(v[name], depth+1)
			if err != nil {
				return nil, err
			}
			all = append(all, one...)
		}
		return []string{strings.Join(all, " ")}, nil
	}
	return nil, errors.New("a value is text, a number, or a list of them")
}

func (l *List) readXML(r *rowReader) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		d := xml.NewDecoder(r)
		var path []string // names of the open elements; rows are the second level
		var row cells
		var text strings.Builder
		for i := 0; ; {
			t, err := d.Token()
			if errors.Is(err, io.EOF) && len(path) == 0 {
				return
			}
			if err != nil {
				yield(Row{}, broken(err, i, "xml"))
				return
			}
			switch t := t.(type) {
			case xml.Directive:
				yield(Row{}, unreadable(i, "xml", "a list has no document type"))
				return
			case xml.StartElement:
				if path = append(path, t.Name.Local); len(path) > maxDepthIn {
					yield(Row{}, unreadable(i, "xml", "elements are nested too deep"))
					return
				}
				text.Reset()
				if len(path) == 2 {
					row = cells{}
					for _, a := range t.Attr {
						l.put(row, a.Name.Local, a.Value)
					}
				}
			case xml.CharData:
				text.Write(t[:min(len(t), maxCell+1-text.Len())]) // one byte too many is refused
			case xml.EndElement:
				value := text.String()
				text.Reset()
				if len(path) >= 3 {
					l.put(row, path[2], value)
				}
				rowEnds := len(path) == 2
				path = path[:len(path)-1]
				if rowEnds {
					r.next()
					if !yield(rowOf(i, row)) {
						return
					}
					i++
				}
			}
		}
	}
}

// rowOf is what the cells of a row say.
func rowOf(at int, row cells) (Row, error) {
	var found hub.Violations
	field := fmt.Sprintf("procedures[%d].", at)
	fail := func(name, rule, format string, values ...any) {
		found = append(found, hub.Invalid(field+name, rule, format, values...))
	}
	for name, values := range row {
		for _, v := range values {
			if len(v) > maxCell {
				fail(name, "max_length", "a value has at most %d bytes", maxCell)
				return Row{}, found.AsError()
			}
		}
	}
	one := func(name string) string { return strings.Join(strings.Fields(strings.Join(row[name], " ")), " ") }
	minute := func(name string) time.Time {
		t, ok := hub.ParseProcedureMinute(one(name))
		if !ok {
			fail(name, "date_time", "%.30q is no day or minute such as 2025-07-01 or 2025-07-01T07:30", one(name))
		}
		return t
	}
	r := Row{Procedure: hub.Procedure{
		Code: one("code"), Name: one("name"), Field: one("field"), AgencyCode: hub.Code(cmp.Or(one("agency_code"), one("agency"))), // what a hub wrote has an id, too
		Papers: lines(row["papers"]), Basis: lines(row["basis"]),
	}}
	r.From = minute("from")
	switch gone, known := statuses()[plain(one("status"))]; {
	case !known:
		fail("status", "code_list", "%.40q says neither that the procedure is in force nor that it is abolished: in_force, còn hiệu lực; abolished, hết hiệu lực", one("status"))
	case gone:
		r.Abolish = true
		return r, found.AsError()
	}
	r.Until = hub.MinuteOf(minute("until"))
	if r.AgencyCode == "" {
		fail("agency", "required", "agency is missing")
	}
	for _, text := range lines(row["levels"]) {
		for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' || r == '/' }) {
			level, ok := levels()[plain(part)]
			if !ok {
				fail("levels", "code_list", "%.40q is none of %v", strings.TrimSpace(part), hub.Levels())
			} else if !slices.Contains(r.Levels, level) {
				r.Levels = append(r.Levels, level)
			}
		}
	}
	var ok bool
	if r.Limit, ok = limitOf(one("limit") + " " + one("limit_unit")); !ok {
		fail("limit", "limit", "%.60q is no limit such as 15 ngày làm việc, 30 ngày or 8 giờ làm việc", one("limit"))
	}
	if r.Online, ok = onlineLevels()[plain(one("online"))]; !ok {
		fail("online", "code_list", "%.40q is none of %v", one("online"), hub.OnlineLevels())
	}
	for _, text := range lines(row["fees"]) {
		fee, ok := feeOf(text)
		if !ok {
			fail("fees", "amount", "%.60q does not begin with an amount in đồng", text)
		}
		r.Fees = append(r.Fees, fee)
	}
	return r, found.AsError()
}

// lines are the lines of all values, and the parts between bars, without blanks.
func lines(values []string) []string {
	var all []string
	for _, v := range values {
		for part := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '\n' || r == '\r' || r == '|' }) {
			if part = strings.Join(strings.Fields(part), " "); part != "" {
				all = append(all, part)
			}
		}
	}
	return all
}

// statuses says whether a word means that a procedure is gone; none means that it is not.
func statuses() map[string]bool {
	return map[string]bool{
		"": false, "inforce": false, "coming": false, "active": false, "conhieuluc": false, "hieuluc": false, "congkhai": false, "dacongkhai": false, "1": false,
		"abolished": true, "lapsed": true, "hethieuluc": true, "baibo": true, "dabaibo": true, "bibaibo": true, "khongcongkhai": true, "huycongkhai": true,
	}
}

func levels() map[string]hub.Level {
	return map[string]hub.Level{
		"central": hub.LevelCentral, "captrunguong": hub.LevelCentral, "trunguong": hub.LevelCentral, "capbo": hub.LevelCentral, "bo": hub.LevelCentral,
		"province": hub.LevelProvince, "captinh": hub.LevelProvince, "tinh": hub.LevelProvince, "department": hub.LevelDepartment, "capso": hub.LevelDepartment, "so": hub.LevelDepartment,
		"district": hub.LevelDistrict, "caphuyen": hub.LevelDistrict, "huyen": hub.LevelDistrict,
		"commune": hub.LevelCommune, "capxa": hub.LevelCommune, "xa": hub.LevelCommune, "unit": hub.LevelUnit, "donvi": hub.LevelUnit,
	}
}

func onlineLevels() map[string]hub.OnlineLevel {
	return map[string]hub.OnlineLevel{
		"": hub.OnlineInformation, "information": hub.OnlineInformation, "1": hub.OnlineInformation, "2": hub.OnlineInformation, "mucdo1": hub.OnlineInformation, "mucdo2": hub.OnlineInformation, "cungcapthongtin": hub.OnlineInformation,
		"partial": hub.OnlinePartial, "3": hub.OnlinePartial, "mucdo3": hub.OnlinePartial, "motphan": hub.OnlinePartial, "dichvucongtructuyenmotphan": hub.OnlinePartial, "dvctructuyenmotphan": hub.OnlinePartial,
		"full": hub.OnlineFull, "4": hub.OnlineFull, "mucdo4": hub.OnlineFull, "toantrinh": hub.OnlineFull, "dichvucongtructuyentoantrinh": hub.OnlineFull, "dvctructuyentoantrinh": hub.OnlineFull,
	}
}

var limitForm = regexp.MustCompile(`^(\d{1,5}) ?(.*)$`)

func limitOf(text string) (hub.ProcedureLimit, bool) {
	m := limitForm.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return hub.ProcedureLimit{}, false
	}
	n, err := strconv.Atoi(m[1])
	unit, ok := map[string]hub.LimitUnit{
		"workingdays": hub.LimitWorkingDays, "ngaylamviec": hub.LimitWorkingDays, "days": hub.LimitDays, "ngay": hub.LimitDays,
		"hours": hub.LimitHours, "gio": hub.LimitHours, "giolamviec": hub.LimitHours,
	}[plain(m[2])]
	return hub.ProcedureLimit{Amount: n, Unit: unit}, err == nil && ok
}

// An amount in đồng: 200000, 200.000 or 200,000, with or without its unit.
var feeForm = regexp.MustCompile(`^(\d{1,3}(?:[.,]\d{3})+|\d{1,13})(?: ?(?:đồng|đ|VNĐ|VND)(?:[ :;,.]|$))?[ :;,–-]*(.*)$`)

func feeOf(text string) (hub.ProcedureFee, bool) {
	if free := plain(text); free == "khong" || free == "khongco" || free == "mienphi" {
		return hub.ProcedureFee{Note: text}, true
	}
	m := feeForm.FindStringSubmatch(text)
	if m == nil {
		return hub.ProcedureFee{}, false
	}
	n, err := strconv.ParseInt(strings.NewReplacer(".", "", ",", "").Replace(m[1]), 10, 64)
	return hub.ProcedureFee{Amount: n, Note: strings.TrimSpace(m[2])}, err == nil
}
