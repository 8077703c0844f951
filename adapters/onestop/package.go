package onestop

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of what a package says of a dossier.
const (
	maxContent  = 1 << 20 // bytes
	maxElements = 5000
	maxEvents   = 200
	maxPapers   = 100
	maxDepth    = 3
)

// Packages reads what the packages of one-stop systems say of dossiers: the element HoSo
// (cmd/lienthong/deploy/dossiers.md has the table of its elements).
type Packages struct{}

const rootElement, eventElement, paperElement = "HoSo", "SuKien", "TepTin"

// The names that fields have in a package.
func headElements() map[string]string {
	return map[string]string{
		"number": "MaHoSo", "procedure": "MaTTHC", "owner.name": "ChuHoSo", "owner.contact": "LienHe",
		"channel": "KenhThucHien", "received_at": "NgayTiepNhan", "due_at": "NgayHenTra",
	}
}

func eventElements() map[string]string {
	return map[string]string{
		"key": "MaSuKien", "act": "HanhDong", "status": "TrangThai", "local": "TrangThaiRieng", "at": "ThoiDiemXuLy",
		"to": "DonViNhan", "role": "VaiTro", "due_at": "HanXuLy", "text": "NoiDungXuLy",
	}
}

func paperElements() map[string]string {
	return map[string]string{"name": "TenTep", "kind": "LoaiTep", "key": "MaTep"}
}

// Element is the path of the element that a field stands in: of the dossier, or of one of
// its events where that is not negative.
func (Packages) Element(event int, field string) string {
	place, names := rootElement, headElements()
	if event >= 0 {
		place, names = fmt.Sprintf("%s/%s[%d]", rootElement, eventElement, event), eventElements()
	}
	if name := names[field]; name != "" {
		return place + "/" + name
	}
	return place
}

// PaperElement is the path of the element that a field of a file stands in.
func (Packages) PaperElement(paper int, field string) string {
	return fmt.Sprintf("%s/%s[%d]/%s", rootElement, paperElement, paper, paperElements()[field])
}

// Read reads the part of a package that says what happened to a dossier. Errors are of
// KindInvalid with the path of each element and the rule that it breaks, or KindTooLarge;
// others are failures of r.
func (Packages) Read(r io.Reader) (hub.DossierPackage, error) {
	root, err := readTree(r)
	if err != nil {
		return hub.DossierPackage{}, err
	}
	p := &reading{}
	p.head(root)
	return p.found, p.wrong.AsError()
}

// element is one of a tree that holds text in its leaves.
type element struct {
	name     string
	text     strings.Builder
	children []*element
}

// readTree reads a bounded tree; whatever a document type could declare is refused.
func readTree(r io.Reader) (*element, error) {
	limited := &io.LimitedReader{R: r, N: maxContent + 1}
	d := xml.NewDecoder(limited)
	top := &element{}
	open, count := []*element{top}, 0
	for {
		token, err := d.Token()
		switch {
		case limited.N <= 0:
			return nil, tooMany("the content of a package has at most %d bytes", maxContent)
		case errors.Is(err, io.EOF):
			if len(top.children) != 1 || top.children[0].name != rootElement {
				return nil, hub.Invalid(rootElement, "required", "the content of a package is one element %s", rootElement)
			}
			return top.children[0], nil
		case err != nil:
			return nil, malformed(err)
		}
		last := open[len(open)-1]
		switch t := token.(type) {
		case xml.Directive:
			return nil, hub.Invalid(rootElement, "doctype", "a document type is not allowed")
		case xml.StartElement:
			if count++; count > maxElements || len(open) > maxDepth {
				return nil, tooMany("the content of a package has at most %d elements, %d deep", maxElements, maxDepth)
			}
			e := &element{name: t.Name.Local}
			last.children, open = append(last.children, e), append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			last.text.Write(t)
		}
	}
}

func tooMany(format string, args ...any) error {
	return hub.Errorf(hub.KindTooLarge, rootElement, "max_size", format, args...)
}

// malformed is what is wrong with the text; a failure to read it stays one.
func malformed(err error) error {
	var syntax *xml.SyntaxError
	if errors.As(err, &syntax) {
		return hub.Invalid(rootElement, "well_formed", "line %d: %s", syntax.Line, syntax.Msg)
	}
	if strings.HasPrefix(err.Error(), "xml: ") { // an encoding that is not UTF-8
		return hub.Invalid(rootElement, "well_formed", "%s", err)
	}
	return err
}

// reading collects what a package says and what is wrong with it.
type reading struct {
	found hub.DossierPackage
	wrong hub.Violations
}

func (p *reading) fail(field, rule, format string, args ...any) {
	p.wrong = append(p.wrong, hub.Invalid(field, rule, format, args...))
}

// leaves are the texts of the children of an element, by name. What the hub does not know
// is refused, so that nothing is read past.
func (p *reading) leaves(place string, e *element, known map[string]string, lists ...string) map[string]string {
	texts := map[string]string{}
	for _, c := range e.children {
		if slices.Contains(lists, c.name) {
			continue
		}
		field := place + "/" + c.name
		_, twice := texts[c.name]
		switch {
		case !isKnown(known, c.name):
			p.fail(field, "unknown_element", "%s has no element %.60q", place, c.name)
		case twice:
			p.fail(field, "unique", "the element %s stands twice", c.name)
		case len(c.children) > 0:
			p.fail(field, "text", "%s is a text", c.name)
		}
		texts[c.name] = strings.TrimSpace(c.text.String())
	}
	return texts
}

func isKnown(known map[string]string, name string) bool {
	for _, k := range known {
		if k == name {
			return true
		}
	}
	return false
}

func (p *reading) head(root *element) {
	names := headElements()
	texts := p.leaves(rootElement, root, names, eventElement, paperElement)
	get := func(field string) string { return texts[names[field]] }
	h := &p.found.Head
	h.Number, h.Procedure = get("number"), get("procedure")
	h.Owner = hub.DossierOwner{Name: get("owner.name"), Contact: get("owner.contact")}
	h.Received = p.moment(rootElement+"/"+names["received_at"], get("received_at"))
	h.Due = p.moment(rootElement+"/"+names["due_at"], get("due_at"))
	h.Channel = p.channel(rootElement+"/"+names["channel"], get("channel"))
	if _, err := hub.ParseDossierNumber(h.Number); err != nil {
		field := rootElement + "/" + names["number"]
		if h.Number == "" {
			p.fail(field, "required", "the number of the dossier is missing")
		} else {
			p.fail(field, "dossier_number", "%.60q is not of the form 000.00.14.H20-200703-0002 or H47.12-250102-0001", h.Number)
		}
	}
	p.lists(root)
}

func (p *reading) lists(root *element) {
	events, papers := 0, 0
	for _, c := range root.children {
		switch c.name {
		case eventElement:
			if events < maxEvents {
				p.event(fmt.Sprintf("%s/%s[%d]", rootElement, eventElement, events), c)
			}
			events++
		case paperElement:
			if papers < maxPapers {
				p.paper(fmt.Sprintf("%s/%s[%d]", rootElement, paperElement, papers), c)
			}
			papers++
		}
	}
	if events > maxEvents || papers > maxPapers {
		p.wrong = append(p.wrong, hub.ViolationsOf(tooMany("a package has at most %d events and %d files", maxEvents, maxPapers))...)
	}
}

// event reads one event. That it registers the dossier is said by the dossier itself.
func (p *reading) event(place string, e *element) {
	names := eventElements()
	texts := p.leaves(place, e, names)
	get := func(field string) string { return texts[names[field]] }
	at := func(field string) string { return place + "/" + names[field] }
	o := hub.DossierPackageEvent{ToCode: get("to")}
	o.Key, o.Act, o.Local, o.Text = get("key"), hub.DossierAct(get("act")), get("local"), get("text")
	o.Role, o.At, o.Due = hub.DossierRole(get("role")), p.moment(at("at"), get("at")), p.moment(at("due_at"), get("due_at"))
	for _, field := range []string{"key", "at"} {
		if get(field) == "" {
			p.fail(at(field), "required", "an event says %s", names[field])
		}
	}
	o.Status = p.status(at("status"), get("status"))
	switch {
	case o.Act == "":
		o.Act = hub.DossierReport
	case o.Act == hub.DossierReport:
	case o.Act != hub.DossierRegister && !slices.Contains(hub.DossierActs(), o.Act):
		p.wrong = append(p.wrong, hub.Unlisted(at("act"), o.Act, hub.DossierActs()))
	case o.Status != 0 && o.Status != o.Act.Status():
		p.fail(at("status"), "act", "%s brings the status %d, not %d", o.Act, o.Act.Status(), o.Status)
	default:
		o.Status = 0
	}
	p.found.Events = append(p.found.Events, o)
}

// status reads a status of the national portal; 0 for none.
func (p *reading) status(field, text string) hub.DossierStatus {
	if text == "" {
		return 0
	}
	n, err := strconv.Atoi(text)
	if err != nil || !hub.DossierStatus(n).Valid() {
		p.fail(field, "code_list", "%.40q is no status from 1 to 10; words of a system of one's own stand in %s", text, eventElements()["local"])
		return 0
	}
	return hub.DossierStatus(n)
}

func (p *reading) channel(field, text string) hub.DossierChannel {
	all := hub.DossierChannels()
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= len(all) {
		return all[n-1]
	}
	if text != "" {
		p.fail(field, "code_list", "%.40q is none of 1 counter, 2 online, 3 post", text)
	}
	return ""
}

func (p *reading) paper(place string, e *element) {
	names := paperElements()
	texts := p.leaves(place, e, names)
	f := hub.DossierPackagePaper{Name: texts[names["name"]], Kind: hub.DossierPaperKind(texts[names["kind"]]), Key: texts[names["key"]]}
	if f.Name == "" {
		p.fail(place+"/"+names["name"], "required", "the name of the file is missing")
	}
	switch {
	case f.Kind == "":
		f.Kind = hub.DossierOther
	case !slices.Contains(hub.DossierPaperKinds(), f.Kind):
		p.wrong = append(p.wrong, hub.Unlisted(place+"/"+names["kind"], f.Kind, hub.DossierPaperKinds()))
	}
	p.found.Papers = append(p.found.Papers, f)
}

// moment reads an instant as the national portal, edXML or the API of the hub write it, in
// Vietnam where it names no zone. One that does not exist is refused.
func (p *reading) moment(field, text string) hub.DossierMoment {
	if text == "" {
		return ""
	}
	for _, layout := range []string{"20060102150405", "200601021504", "2006/1/2 15:04:05", "2006/1/2 15:04"} {
		if at, err := time.ParseInLocation(layout, text, hub.Vietnam()); err == nil {
			return p.sane(field, text, hub.DossierMoment(at.Format(time.RFC3339)))
		}
	}
	for _, layout := range []string{"20060102", "2006/1/2"} {
		if day, err := time.ParseInLocation(layout, text, hub.Vietnam()); err == nil {
			return p.sane(field, text, hub.DossierMoment(day.Format(time.DateOnly)))
		}
	}
	return p.sane(field, text, hub.DossierMoment(text))
}

func (p *reading) sane(field, text string, m hub.DossierMoment) hub.DossierMoment {
	if _, _, ok := m.Time(); !ok {
		p.fail(field, "date_time", "%.40q is no instant that exists, like 20260302093000 or 2026/03/02 09:30:00", text)
		return ""
	}
	return m
}
