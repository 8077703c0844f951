package reports

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

//go:embed template.json
var standard []byte

// The bounds of a template.
const (
	MaxFile    = 5 << 20 // bytes of its document
	maxLines   = 20
	maxBlocks  = 100
	maxRows    = 200
	maxLine    = 300 // characters
	maxBlock   = 10_000
	maxNamed   = 200 // of a file
	fileFormat = ".docx"
)

// plainKeys are the placeholders that are no numbers.
func plainKeys() []hub.ReportKey { return []hub.ReportKey{"agency", "period", "day", "units"} }

// Standard is the template that comes with the program.
func Standard() (hub.ReportTemplate, error) {
	var t hub.ReportTemplate
	if err := json.Unmarshal(standard, &t); err != nil {
		return t, hub.Internal("read the template of reports", err)
	}
	return t, nil
}

func templateName(agency hub.AgencyID, version int64) string {
	return fmt.Sprintf("%s%s/%012d", templatePrefix, url.PathEscape(string(agency)), version)
}

// newest returns the last note of a history of an agency; false where there is none.
func newest[T any](ctx context.Context, notes Notes, prefix string, agency hub.AgencyID) (v T, ok bool, err error) {
	found, err := notes.Notes(ctx, hub.NotesQuery{Prefix: prefix + url.PathEscape(string(agency)) + "/", Backwards: true, Limit: 1})
	if err != nil || len(found) == 0 {
		return v, false, err
	}
	v, err = decode[T](&found[0])
	return v, err == nil, err
}

// template is the one of an agency that is in force.
func (s *Service) template(ctx context.Context, agency hub.AgencyID) (hub.ReportTemplate, error) {
	t, ok, err := newest[hub.ReportTemplate](ctx, s.Notes, templatePrefix, agency)
	if err != nil || ok {
		return t, err
	}
	t, err = Standard()
	t.Agency = agency
	return t, err
}

// templateOf is a version of a template.
func (s *Service) templateOf(ctx context.Context, agency hub.AgencyID, version int64) (hub.ReportTemplate, error) {
	if version == 0 {
		t, err := Standard()
		t.Agency = agency
		return t, err
	}
	n, err := s.Notes.Note(ctx, templateName(agency, version))
	if err != nil {
		return hub.ReportTemplate{}, err
	}
	return decode[hub.ReportTemplate](&n)
}

// Template returns the template of an agency that is in force.
func (s *Service) Template(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.ReportTemplate, error) {
	if err := s.may(&actor, agency); err != nil {
		return hub.ReportTemplate{}, err
	}
	return s.template(ctx, agency)
}

// SetTemplate puts a new version of what a template says into force; its document stays. It
// needs ScopeFigures in the agency itself. Errors name field and rule, such as
// "blocks[1].rows[0].key unknown".
func (s *Service) SetTemplate(ctx context.Context, actor hub.Actor, t hub.ReportTemplate) (hub.ReportTemplate, error) {
	if err := actor.SpeaksFor(t.Agency, hub.ScopeFigures); err != nil {
		return t, err
	}
	if err := checkTemplate(&t).AsError(); err != nil {
		return t, err
	}
	return s.changeTemplate(ctx, &actor, t.Agency, func(now *hub.ReportTemplate) []hub.RetentionNote {
		now.Left, now.Right, now.Title, now.Blocks, now.Signed = t.Left, t.Right, t.Title, t.Blocks, t.Signed
		return nil
	})
}

// SetFile puts a document of a word processor into a template, by which its reports are
// written as DOCX from then on; without content, the document goes. It is refused with what
// is wrong with it, an unknown placeholder by its name.
func (s *Service) SetFile(ctx context.Context, actor hub.Actor, agency hub.AgencyID, name string, content []byte) (hub.ReportTemplate, error) {
	var none hub.ReportTemplate
	if err := actor.SpeaksFor(agency, hub.ScopeFigures); err != nil {
		return none, err
	}
	if len(content) == 0 {
		return s.changeTemplate(ctx, &actor, agency, func(now *hub.ReportTemplate) []hub.RetentionNote {
			now.File = nil
			return nil
		})
	}
	f, err := s.checkFile(name, content)
	if err != nil {
		return none, err
	}
	if f.Digest, f.Size, err = hub.KeepBlob(ctx, s.Blobs.CreateBlob, content); err != nil {
		return none, err
	}
	return s.changeTemplate(ctx, &actor, agency, func(now *hub.ReportTemplate) []hub.RetentionNote {
		now.File = &f
		return []hub.RetentionNote{hub.KeepNote(f.Digest, f.Size, "reform-template-"+string(agency))}
	})
}

func (s *Service) checkFile(name string, content []byte) (hub.ReportFile, error) {
	f := hub.ReportFile{Name: name}
	if len(content) > MaxFile {
		return f, hub.Errorf(hub.KindTooLarge, "file", "max_size", "a document of a template has at most %d bytes", MaxFile)
	}
	if found := line("name", name, maxNamed, true); len(found) > 0 {
		return f, found.AsError()
	}
	if !strings.HasSuffix(strings.ToLower(name), fileFormat) {
		return f, hub.Invalid("name", "file_name", "the document of a template is a file *%s", fileFormat)
	}
	names, err := s.Office.Placeholders(content)
	if err != nil {
		return f, err
	}
	var found hub.Violations
	for _, key := range names {
		if !known(hub.ReportKey(key)) {
			found = append(found, hub.Invalid("file", "unknown", "no number has the name %.60q", key))
		}
		f.Keys = append(f.Keys, hub.ReportKey(key))
	}
	if len(names) == 0 {
		found = append(found, hub.Invalid("file", "placeholders", "the document has no placeholder such as {documents.sent}"))
	}
	// A trial tells today what would fail when the report is due.
	if len(found) == 0 {
		var filled bytes.Buffer
		if err := s.Office.Fill(&filled, content, map[string]string{}); err != nil {
			return f, err
		}
	}
	return f, found.AsError()
}

func (s *Service) changeTemplate(ctx context.Context, actor *hub.Actor, agency hub.AgencyID, change func(*hub.ReportTemplate) []hub.RetentionNote) (hub.ReportTemplate, error) {
	for try := 1; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return hub.ReportTemplate{}, err
		}
		t, err := s.template(ctx, agency)
		if err != nil {
			return t, err
		}
		more := change(&t)
		t.Version, t.SetBy, t.SetAt = t.Version+1, actor.Name, s.now()
		note, err := encode(templateName(agency, t.Version), t)
		if err != nil {
			return t, err
		}
		err = s.Notes.ChangeRules(ctx, version, append(more, note)...)
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == maxTries {
			return t, err
		}
	}
}

func known(key hub.ReportKey) bool {
	return slices.Contains(plainKeys(), key) || slices.Contains(Keys(), key)
}

// checkTemplate says what is wrong with what a template says.
func checkTemplate(t *hub.ReportTemplate) hub.Violations {
	found := line("title", t.Title, maxLine, true)
	found = append(found, unknownIn("title", t.Title)...)
	for field, lines := range map[string][]string{"left": t.Left, "right": t.Right, "signed": t.Signed} {
		if len(lines) > maxLines {
			found = append(found, hub.Errorf(hub.KindTooLarge, field, "max_items", "at most %d lines", maxLines))
			continue
		}
		for i, text := range lines {
			name := fmt.Sprintf("%s[%d]", field, i)
			found = append(append(found, line(name, text, maxLine, false)...), unknownIn(name, text)...)
		}
	}
	switch n := len(t.Blocks); {
	case n == 0:
		found = append(found, hub.Invalid("blocks", "required", "a template has at least one block"))
	case n > maxBlocks:
		return append(found, hub.Errorf(hub.KindTooLarge, "blocks", "max_items", "a template has at most %d blocks", maxBlocks))
	}
	for i := range t.Blocks {
		found = append(found, checkBlock(fmt.Sprintf("blocks[%d].", i), &t.Blocks[i])...)
	}
	return found
}

func checkBlock(field string, b *hub.ReportBlock) hub.Violations {
	found := append(line(field+"heading", b.Heading, maxLine, false), line(field+"text", b.Text, maxBlock, false)...)
	found = append(append(found, unknownIn(field+"heading", b.Heading)...), unknownIn(field+"text", b.Text)...)
	if b.Heading == "" && b.Text == "" && len(b.Rows) == 0 {
		found = append(found, hub.Invalid(strings.TrimSuffix(field, "."), "required", "a block has a heading, a text or rows"))
	}
	if len(b.Rows) > maxRows {
		return append(found, hub.Errorf(hub.KindTooLarge, field+"rows", "max_items", "a block has at most %d rows", maxRows))
	}
	for i, r := range b.Rows {
		name := fmt.Sprintf("%srows[%d].", field, i)
		found = append(found, line(name+"label", r.Label, maxLine, true)...)
		if !known(r.Key) {
			found = append(found, hub.Invalid(name+"key", "unknown", "no number has the name %.60q", string(r.Key)))
		}
	}
	return found
}

func line(field, value string, longest int, required bool) hub.Violations {
	forbidden := func(r rune) bool { return unicode.IsControl(r) && r != '\n' }
	switch {
	case required && strings.TrimSpace(value) == "":
		return hub.Violations{hub.Invalid(field, "required", "%s is missing", field)}
	case !utf8.ValidString(value) || strings.ContainsFunc(value, forbidden):
		return hub.Violations{hub.Invalid(field, "control_character", "%s is plain text", field)}
	case utf8.RuneCountInString(value) > longest:
		return hub.Violations{hub.Invalid(field, "max_length", "%s has at most %d characters", field, longest)}
	}
	return nil
}

// placeholder is a name in braces.
func placeholder() *regexp.Regexp { return regexp.MustCompile(`\{([a-z][a-z_.]*)\}`) }

func unknownIn(field, text string) hub.Violations {
	var found hub.Violations
	for _, m := range placeholder().FindAllStringSubmatch(text, -1) {
		if !known(hub.ReportKey(m[1])) {
			found = append(found, hub.Invalid(field, "unknown", "no number has the name %.60q", m[1]))
		}
	}
	return found
}

// words is a report as a template says it.
func words(t *hub.ReportTemplate, r *hub.ReformReport) *hub.ReportText {
	said := &hub.ReportText{Values: map[hub.ReportKey]string{
		"agency": r.Name, "period": periodText(r.Period), "day": r.MadeAt.In(hub.Vietnam()).Format("02/01/2006"), "units": strconv.Itoa(r.Units),
	}}
	for i := range r.Numbers {
		said.Values[r.Numbers[i].Key] = numberText(&r.Numbers[i])
	}
	form := placeholder()
	fill := func(text string) string {
		return form.ReplaceAllStringFunc(text, func(name string) string {
			return said.Values[hub.ReportKey(strings.Trim(name, "{}"))]
		})
	}
	all := func(lines []string) []string {
		filled := make([]string, len(lines))
		for i, text := range lines {
			filled[i] = fill(text)
		}
		return filled
	}
	said.Left, said.Right, said.Title, said.Signed = all(t.Left), all(t.Right), fill(t.Title), all(t.Signed)
	for _, b := range t.Blocks {
		block := hub.ReportTextBlock{Heading: fill(b.Heading), Text: fill(b.Text)}
		for _, row := range b.Rows {
			written := hub.ReportTextRow{Label: row.Label, Value: said.Values[row.Key]}
			if n := r.Number(row.Key); n != nil {
				written.Source = n.Source
			}
			block.Rows = append(block.Rows, written)
		}
		said.Blocks = append(said.Blocks, block)
	}
	return said
}

// numberText is a number as it is written in Vietnam; what is not known, or may grow, says so.
func numberText(n *hub.ReportNumber) string {
	if text := strings.Replace(n.Value, ".", ",", 1); text != "" {
		if n.Why == hub.GapPending {
			text += " (chưa đếm hết)"
		}
		return text
	}
	switch n.Why {
	case hub.GapNothing:
		return "không có (không phát sinh)"
	case hub.GapTooMany:
		return "không có (vượt số lượng hệ thống đếm được)"
	}
	return "không có (chưa đánh giá kỳ này)"
}

// periodText is a period in words.
func periodText(p hub.Period) string {
	begin, _ := p.Span()
	switch {
	case strings.Contains(string(p), "-Q"):
		return fmt.Sprintf("quý %s năm %d", []string{"I", "II", "III", "IV"}[(begin.Month()-time.January)/3], begin.Year())
	case len(p) == len("2006-01"):
		return begin.Format("tháng 01 năm 2006")
	case len(p) == len("2006"):
		return begin.Format("năm 2006")
	}
	return begin.Format("ngày 02/01/2006")
}
