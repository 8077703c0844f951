package web

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// letter is a document that a person is about to send: what was typed, and a claim on each
// file that came already. The form carries all of it from step to step; a draft keeps it
// beside that, so that nothing is lost when the form is.
type letter struct {
	Fields map[string]string
	To     []string // codes of the recipients
	Info   []string // those of them who get it for information
	// Answers are documents that the agency got and that this one responds to, each as
	// referenceText writes it.
	Answers []string
	// Tasks are what the letter asks of its recipients, ForTasks the ids of those of the
	// agency that it answers.
	Tasks    []letterTask `json:",omitempty"`
	ForTasks []string     `json:",omitempty"`
	Files    []file
}

// Bounds of the form beside its files.
const (
	maxTyped = 128 << 10 // bytes of all values
	maxItems = 1500      // fields, recipients and files
	maxFiles = 20
)

// letterFields are the names of what is typed, but for recipients and files. The first
// ones are made by the hub: the agency that the form was made for, and the id of the
// document, by which a second press of the button is known.
func letterFields() []string {
	return []string{
		"office", "key", "number", "notation", "type", "subject", "position", "signer", "place", "date",
		"priority", "due", "answers", "secrecy", "find", "findin", "change", "earlier", "named", "reason", "only",
	}
}

// Get is what was typed into a field.
func (l *letter) Get(field string) string { return l.Fields[field] }

// Original is the signed document; nil while it is missing.
func (l *letter) Original() *file {
	if i := slices.IndexFunc(l.Files, func(f file) bool { return f.Role == hub.RoleOriginal }); i >= 0 {
		return &l.Files[i]
	}
	return nil
}

// Annexes are the other files.
func (l *letter) Annexes() []file {
	return slices.DeleteFunc(slices.Clone(l.Files), func(f file) bool { return f.Role == hub.RoleOriginal })
}

// letterForm is a form with a letter on its way in.
type letterForm struct {
	letter
	do       string // the button
	list     string // the distribution list that is chosen
	listName string // under which the recipients are to be kept
	ended    bool   // the last field of the form has come
	stale    bool   // it was made for another session: it is shown again, and changes nothing
	problems map[string]string
	known    map[string]bool
	Filled   []string // fields that came out of the document
	typed    int
	items    int
}

func (f *letterForm) problem(field, text string) {
	f.problems[field] = strings.TrimSpace(f.problems[field] + " " + text)
}

// roomForFiles is how much of a body is read at most, in files of the largest size. What
// is above the limit of one file is read and thrown away: a browser shows no answer
// before it has sent everything.
const roomForFiles = 8

// letterStall is how long the hub waits for the next piece of a form.
const letterStall = time.Minute

// patient gives a browser time as long as pieces of its form come.
type patient struct {
	inner   io.Reader
	control *http.ResponseController
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	_ = p.control.SetReadDeadline(time.Now().Add(letterStall)) // writers in tests have none
	n, err := p.inner.Read(b)
	if err != nil {
		_ = p.control.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (x *exchange) multipart(limit int64) (*multipart.Reader, error) {
	body := http.MaxBytesReader(x.w, x.r.Body, limit)
	x.r.Body = struct {
		io.Reader
		io.Closer
	}{&patient{body, http.NewResponseController(x.w)}, body}
	return x.r.MultipartReader()
}

// readLetter reads a form: its token first, then what was typed and the files, each
// straight into the store. What is wrong with files stands beside their fields. Of a form
// of another session what was typed is read alone, for its person may have signed in again
// in another window.
func (x *exchange) readLetter() (*letterForm, error) {
	parts, err := x.multipart(roomForFiles*x.MaxFile + maxForm)
	if err != nil {
		return nil, hub.Errorf(hub.KindDenied, "", "cross_origin", "this is not the form of the page")
	}
	f := newLetterForm()
	f.stale = x.tokenFirst(parts) != nil
	return f, x.eachPart(parts, f, func(p *multipart.Part) error {
		if f.stale {
			_, err := io.Copy(io.Discard, p)
			return err
		}
		return x.receive(f, p)
	})
}

func newLetterForm() *letterForm {
	f := &letterForm{letter: letter{Fields: map[string]string{}}, problems: map[string]string{}, known: map[string]bool{}}
	for _, name := range letterFields() {
		f.known[name] = true
	}
	return f
}

// eachPart reads values into a form and hands on its files.
func (x *exchange) eachPart(parts *multipart.Reader, f *letterForm, take func(*multipart.Part) error) error {
	for {
		p, err := parts.NextPart()
		switch {
		case errors.Is(err, io.EOF) && f.whole():
			return nil
		case err != nil:
			return brokenForm(err)
		}
		if p.FormName() == "original" || p.FormName() == "annex" {
			if err := take(p); err != nil {
				return err
			}
			continue
		}
		if err := x.value(f, p); err != nil {
			return err
		}
	}
}

// whole reports whether a form has come to its end, which mime/multipart does not tell of
// some that were cut off. The button comes last; behind those at the head of the page
// comes the end of the form.
func (f *letterForm) whole() bool {
	atHead := f.do == "keep" || strings.HasPrefix(f.do, "language-")
	return f.do != "" && (!atHead || f.ended)
}

func brokenForm(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return hub.Errorf(hub.KindTooLarge, "", "max_size", "the form is too large")
	}
	return hub.Invalid("", "upload", "the form did not come whole")
}

func (x *exchange) value(f *letterForm, p *multipart.Part) error {
	raw, err := io.ReadAll(io.LimitReader(p, maxTyped+1))
	if err != nil {
		return brokenForm(err)
	}
	if f.typed, f.items = f.typed+len(raw), f.items+1; f.typed > maxTyped || f.items > maxItems {
		return hub.Errorf(hub.KindTooLarge, "", "max_size", "the form is too large")
	}
	x.set(f, p.FormName(), string(raw))
	return nil
}

// set takes one value of a form.
func (x *exchange) set(f *letterForm, name, value string) {
	switch {
	case name == "do":
		f.do = value
	case name == "end":
		f.ended = true
	case name == "list":
		f.list = value
	case name == "list_name":
		f.listName = value
	case name == "to":
		if !slices.Contains(f.To, value) {
			f.To = append(f.To, value)
		}
	case name == "info":
		if !slices.Contains(f.Info, value) {
			f.Info = append(f.Info, value)
		}
	case name == "under" && x.visit != nil:
		x.takeGroup(f, value)
	case name == "answer":
		if !slices.Contains(f.Answers, value) {
			f.Answers = append(f.Answers, value)
		}
	case strings.HasPrefix(name, "task."):
		f.setTask(name, value)
	case name == "fortask":
		if !slices.Contains(f.ForTasks, value) && len(f.ForTasks) < maxForTasks {
			f.ForTasks = append(f.ForTasks, value)
		}
	case name == "file" && x.visit == nil:
		f.Files = append(f.Files, file{Claim: value}) // only kept, not trusted
	case name == "file":
		x.takeClaimed(f, value)
	case f.known[name]:
		f.Fields[name] = value
	}
}

// takeClaimed takes a file that came with an earlier step.
func (x *exchange) takeClaimed(f *letterForm, claim string) {
	if known, ok := x.redeem(claim); ok {
		f.add(known)
		return
	}
	f.problem("original", x.texts.text(x.lang, "rule.claim"))
}

// add puts a file in; a new original takes the place of the one before.
func (f *letterForm) add(added file) {
	if added.Role == hub.RoleOriginal {
		f.Files = slices.DeleteFunc(f.Files, func(o file) bool { return o.Role == hub.RoleOriginal })
		f.Files = slices.Insert(f.Files, 0, added)
		return
	}
	f.Files = append(f.Files, added)
}

// informed are the recipients who get it for information. A mark stays in the form when
// its recipient is taken out, and means nothing then.
func (l *letter) informed() []string {
	return slices.DeleteFunc(slices.Clone(l.Info), func(code string) bool { return !slices.Contains(l.To, code) })
}

// submission is the letter as the intake reads it.
func (x *exchange) submission(l *letter) (hub.Submission, error) {
	get := func(field string) string { return strings.TrimSpace(l.Fields[field]) }
	priority, err := strconv.Atoi(get("priority"))
	if err != nil {
		priority = -1 // the intake says what is allowed
	}
	sub := hub.Submission{
		Recipients: l.To, ForInformation: l.informed(), ExternalID: get("key"), Key: get("key"), Operation: l.Change(), Format: hub.FormatREST,
		Document: hub.Document{
			CodeNumber: get("number"), CodeNotation: get("notation"), TypeName: get("type"), Subject: get("subject"),
			Signer: hub.Signer{Position: get("position"), FullName: get("signer")}, Place: get("place"),
			Promulgated: hub.Date(get("date")), DueDate: hub.Date(get("due")), Priority: hub.Priority(priority),
			Confidential: get("secrecy"), Staff: &hub.Staff{Name: x.visit.Account.FullName, ID: x.visit.Account.Name},
		},
	}
	if office, ok := x.Directory.ByID(x.office()); ok {
		sub.Sender = string(office.CodeAt(x.Now()))
	}
	sub.Document.ResponseFor, sub.Document.ResponseTasks = l.responses(), l.ForTasks
	wishes, err := l.wishes()
	if err != nil {
		return sub, err
	}
	sub.Tasks = wishes
	for i, f := range l.Files {
		f.Part.ID = hub.PartName(i + 1)
		sub.Parts = append(sub.Parts, f.Part)
	}
	return sub, x.changing(l, &sub)
}

// keepLetter shows the form for signing in to somebody whose session ended while typing,
// with the letter in it: nothing typed is lost. It reports whether there was a letter, and
// somebody whose it is. Files that come with this request have to be chosen again.
func (x *exchange) keepLetter() bool {
	const thrownAway = 64 << 20 // bytes that are read so that the browser shows the answer
	parts, err := x.multipart(thrownAway)
	if err != nil {
		return false
	}
	f := newLetterForm()
	err = x.eachPart(parts, f, func(p *multipart.Part) error {
		_, err := io.Copy(io.Discard, p)
		return err
	})
	if err != nil && len(f.Fields) == 0 || f.Fields["key"] == "" || x.mark() == "" {
		return false
	}
	raw, err := json.Marshal(f.letter)
	if err != nil {
		return false
	}
	page := signInPage{Ended: true, Next: "/send?" + query("draft", f.Fields["key"]), Kept: base64.RawURLEncoding.EncodeToString(raw), Of: heldBy(x.mark())}
	if err := x.show(http.StatusForbidden, "signin", page, nil); err != nil {
		x.fail(err)
	}
	return true
}

// resumeLetter goes on with a letter after signing in again.
func (x *exchange) resumeLetter(token, kept string) error {
	visit, err := x.Persons.Visit(x.r.Context(), token)
	if err != nil {
		return err
	}
	raw, err := base64.RawURLEncoding.DecodeString(kept)
	f := newLetterForm()
	if err != nil || json.Unmarshal(raw, &f.letter) != nil || f.Fields == nil || !visit.Actor.Has(hub.ScopeSubmit) {
		return x.redirect("/")
	}
	x.token, x.visit = token, &visit
	if office := hub.AgencyID(f.Fields["office"]); office != x.office() && slices.Contains(visit.Account.Offices(), office) {
		if err := x.Persons.WorkIn(x.r.Context(), visit, office); err != nil {
			return err
		}
		if visit, err = x.Persons.Visit(x.r.Context(), token); err != nil {
			return err
		}
	}
	claims := f.Files
	f.Files = nil
	for _, c := range claims {
		x.takeClaimed(f, c.Claim)
	}
	if f.Original() == nil && f.problems["original"] == "" {
		f.problems["original"] = x.texts.text(x.lang, "rule.original.required")
	}
	return x.showLetter(http.StatusOK, f)
}
