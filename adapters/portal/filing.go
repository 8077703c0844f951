package portal

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/qrsvg"
	"github.com/lienthong/lienthong/hub"
)

// Filings takes what people hand in.
type Filings interface {
	// Units are the agencies that take a procedure here now.
	Units(ctx context.Context, code string) ([]hub.FilingUnit, error)
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	// File MUST answer the same form again as it did. KindConflict: with something else.
	File(ctx context.Context, filing hub.DossierFiling) (hub.FilingReceipt, error)
}

const (
	otherPapers = "other" // field of papers that the procedure does not name
	maxOthers   = 10
	maxTyped    = 4 << 10          // bytes of a field that is no file
	maxFields   = 600              // of a form
	uploadTime  = 10 * time.Minute // that a form with files may take
	stallTime   = 20 * time.Second // that a sender may take for the next piece
	piece       = 16 << 10         // bytes
)

// filingForm is what somebody typed and chose, with what is wrong with it beside each field.
type filingForm struct {
	*hub.PublicProcedure
	Units               []hub.FilingUnit
	Form                string
	Unit, Name, Contact string
	Consent             bool
	Papers              []paperField
	Others              []keptFile
	Wrong               map[string]string // by field
	Failed              string            // why all of it could not be taken
	MaxFile, MaxAll     int64

	total   int64 // bytes of the files that came
	refused map[string]error
}

// paperField is where a paper that the procedure asks for goes.
type paperField struct {
	Field, Name string
	Required    bool
	File        *keptFile
}

// Problem is a field with what is wrong with it.
type Problem struct{ Field, Text string }

// wrong is what is wrong with a field; "" for nothing, also in a form that is new.
func (f *filingForm) wrong(field string) string {
	if f == nil {
		return ""
	}
	return f.Wrong[field]
}

// Problems lists what is wrong, in the order of the form.
func (f *filingForm) Problems() []Problem {
	fields := []string{"unit", "name", "contact"}
	for i := range f.Papers {
		fields = append(fields, f.Papers[i].Field)
	}
	var list []Problem
	for _, field := range append(fields, otherPapers, "consent") {
		if text := f.Wrong[field]; text != "" {
			list = append(list, Problem{field, text})
		}
	}
	return list
}

// empty is the form of a procedure that some agency takes here; KindNotFound where none does.
func (x *exchange) empty() (*filingForm, error) {
	p, err := x.Procedures.Show(x.r.Context(), x.r.PathValue("code"))
	if err != nil {
		return nil, err
	}
	units, err := x.Filings.Units(x.r.Context(), p.Code)
	if err != nil {
		return nil, err
	}
	if len(units) == 0 {
		return nil, hub.Errorf(hub.KindNotFound, "code", "", "no agency takes this procedure here")
	}
	f := &filingForm{PublicProcedure: &p, Units: units, Wrong: map[string]string{}, refused: map[string]error{}, MaxFile: x.Limits.File, MaxAll: x.Limits.Files}
	if len(units) == 1 {
		f.Unit = string(units[0].Code)
	}
	for i, name := range p.Papers {
		f.Papers = append(f.Papers, paperField{Field: "paper-" + strconv.Itoa(i), Name: name, Required: p.Online == hub.OnlineFull})
	}
	return f, nil
}

// apply offers the form.
func (x *exchange) apply() error {
	f, err := x.empty()
	if err != nil {
		return err
	}
	if f.Form, err = x.newForm(); err != nil {
		return err
	}
	return x.showForm(http.StatusOK, f)
}

func (x *exchange) newForm() (string, error) {
	var raw [16]byte
	_, err := io.ReadFull(x.Random, raw[:])
	return hex.EncodeToString(raw[:]), err
}

// showForm answers with a form. Its address stays with this site, so that a browser says from
// where the form comes.
func (x *exchange) showForm(status int, f *filingForm) error {
	x.w.Header().Set("Referrer-Policy", "same-origin")
	return x.show(status, "file", f)
}

// takeForm takes a form with its files in, before there is work on it.
func (x *exchange) takeForm() error {
	if err := http.NewCrossOriginProtection().Check(x.r); err != nil {
		return hub.Invalid("", "origin", "the form comes from another site")
	}
	if wait := x.filers.take(x.who); wait > 0 {
		return busy("this address hands in too often", wait)
	}
	if !x.uploads.begin(x.who) {
		return busy("this address is sending as many forms as it may", time.Second)
	}
	defer x.uploads.end(x.who)
	select {
	case x.receiving <- struct{}{}:
		defer func() { <-x.receiving }()
	default:
		return &hub.Error{Kind: hub.KindUnavailable, Message: "as many forms are coming in as may be", RetryAfter: time.Second}
	}
	var err error
	if x.filing, err = x.empty(); err != nil {
		return err
	}
	control := http.NewResponseController(x.w) // writers in tests have no deadlines
	_ = control.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
	defer func() { _ = control.SetReadDeadline(time.Time{}) }() // what comes is the work, however long
	return x.readForm(x.filing)
}

// patient reads a body as long as it comes piece by piece.
type patient struct {
	io.ReadCloser
	control *http.ResponseController
	end     time.Time
	wanted  int // bytes of the piece that are not there yet
}

// Read implements io.Reader.
func (p *patient) Read(b []byte) (int, error) {
	if p.wanted <= 0 {
		next := time.Now().Add(stallTime)
		if next.After(p.end) {
			next = p.end
		}
		_ = p.control.SetReadDeadline(next) // writers in tests have none
		p.wanted = piece
	}
	n, err := p.ReadCloser.Read(b)
	p.wanted -= n
	return n, err
}

// readForm reads the fields and stores the files. What is wrong with a file stands beside it,
// and the rest of the form goes on.
func (x *exchange) readForm(f *filingForm) error {
	// What is too much is read on as far as that, so that the answer can say it.
	body := http.MaxBytesReader(x.w, x.r.Body, 2*x.Limits.Files+maxFields*maxTyped)
	x.r.Body = &patient{ReadCloser: body, control: http.NewResponseController(x.w), end: time.Now().Add(uploadTime)}
	form, err := x.r.MultipartReader()
	if err != nil {
		return hub.Errorf(hub.KindUnsupported, "Content-Type", "content_type", "the form is multipart/form-data")
	}
	for range maxFields {
		part, err := form.NextPart()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err == nil && part.FileName() != "":
			err = x.takeFile(f, part)
		case err == nil:
			err = x.takeField(f, part)
		}
		if err != nil {
			return incomplete(err)
		}
	}
	return hub.Errorf(hub.KindTooLarge, "", "max_items", "the form has at most %d fields", maxFields)
}

// incomplete is an error about a form that did not come to its end.
func incomplete(err error) error {
	if e := (*hub.Error)(nil); errors.As(err, &e) {
		return err
	}
	return broken(err)
}

func (x *exchange) takeField(f *filingForm, part *multipart.Part) error {
	raw, err := io.ReadAll(io.LimitReader(part, maxTyped))
	if err != nil {
		return err
	}
	value := strings.TrimSpace(string(raw))
	switch name := part.FormName(); name {
	case "form":
		f.Form = value
	case "unit":
		f.Unit = value
	case "name":
		f.Name = value
	case "contact":
		f.Contact = value
	case "consent":
		f.Consent = value != ""
	default:
		if field, ok := strings.CutPrefix(name, "kept-"); ok {
			x.takeKept(f, field, value)
		}
	}
	return nil
}

// takeKept takes a file that came with the form before.
func (x *exchange) takeKept(f *filingForm, field, claim string) {
	file, ok := x.redeem(f.Form, claim)
	if !ok {
		f.refused[field] = hub.Invalid(field, "again", "choose the file again")
		return
	}
	f.put(field, file)
}

// put puts a file where it belongs: the last one that came counts.
func (f *filingForm) put(field string, file keptFile) {
	if field == otherPapers {
		if len(f.Others) >= maxOthers {
			f.refused[field] = hub.Errorf(hub.KindTooLarge, field, "max_files", "at most %d files", maxOthers)
			return
		}
		f.Others = append(f.Others, file)
		return
	}
	for i := range f.Papers {
		if f.Papers[i].Field == field {
			f.Papers[i].File = &file
		}
	}
}

func (f *filingForm) takes(field string) bool {
	return field == otherPapers || slices.ContainsFunc(f.Papers, func(p paperField) bool { return p.Field == field })
}

// takeFile stores one file of a form.
func (x *exchange) takeFile(f *filingForm, part *multipart.Part) error {
	field := part.FormName()
	if !f.takes(field) {
		_, err := io.Copy(io.Discard, part)
		return err
	}
	file, err := x.storeFile(f, part)
	if e := (*hub.Error)(nil); errors.As(err, &e) && (e.Kind == hub.KindInvalid || e.Kind == hub.KindTooLarge) {
		f.refused[field] = err
		_, err = io.Copy(io.Discard, part)
		return err
	}
	if err != nil {
		return err
	}
	if file.Claim, err = x.claim(f.Form, file); err != nil {
		return err
	}
	f.put(field, file)
	return nil
}

func (x *exchange) storeFile(f *filingForm, part *multipart.Part) (keptFile, error) {
	field := part.FormName()
	w, err := x.Filings.CreateBlob(x.r.Context())
	if err != nil {
		return keptFile{}, err
	}
	defer w.Discard()
	head := &beginning{}
	left := min(x.Limits.File, x.Limits.Files-f.total)
	size, err := io.Copy(w, io.LimitReader(io.TeeReader(part, head), left+1))
	f.total += min(size, left)
	kind := head.kind()
	switch {
	case err != nil:
		return keptFile{}, err
	case size == 0:
		return keptFile{}, hub.Invalid(field, "empty", "the file is empty")
	case size > x.Limits.File:
		return keptFile{}, hub.Errorf(hub.KindTooLarge, field, "max_size", "the file is too large")
	case size > left:
		return keptFile{}, hub.Errorf(hub.KindTooLarge, field, "max_total", "the files are too large together")
	case kind == "":
		return keptFile{}, hub.Invalid(field, "file_kind", "the file is no PDF, JPEG or PNG")
	}
	digest, size, err := w.Commit()
	return keptFile{Name: nameOf(part.FileName()), MediaType: kind, Size: size, Digest: digest}, err
}

// submit takes what is handed in, and answers with a receipt or with the form.
func (x *exchange) submit() error {
	f := x.filing
	for field, err := range f.refused {
		f.Wrong[field] = x.explain(hub.ViolationsOf(err)[0])
	}
	for i := range f.Papers {
		if p := &f.Papers[i]; p.Required && p.File == nil && f.Wrong[p.Field] == "" {
			f.Wrong[p.Field] = x.texts.text(x.lang, "rule.required")
		}
	}
	if f.Contact != "" && !reachable(f.Contact) {
		f.Wrong["contact"] = x.texts.text(x.lang, "rule.contact")
	}
	for field, missing := range map[string]bool{"unit": f.Unit == "", "name": f.Name == "", "contact": f.Contact == "", "consent": !f.Consent} {
		if missing {
			f.Wrong[field] = x.texts.text(x.lang, cmp.Or(map[string]string{"consent": "rule.consent", "unit": "rule.unit"}[field], "rule.required"))
		}
	}
	if len(f.Wrong) > 0 {
		return x.showForm(http.StatusUnprocessableEntity, f)
	}
	if wait := x.filed.take(f.Code); wait > 0 {
		return x.refuseForm(f, busy("too much is handed in for this procedure", wait))
	}
	receipt, err := x.Filings.File(x.r.Context(), f.filing())
	if err != nil {
		x.filed.giveBack(f.Code)
		return x.refuseForm(f, err)
	}
	return x.showReceipt(receipt)
}

// filing is what a form hands in.
func (f *filingForm) filing() hub.DossierFiling {
	said := hub.DossierFiling{Form: f.Form, Procedure: f.Code, Unit: hub.Code(f.Unit), Owner: hub.DossierOwner{Name: f.Name, Contact: f.Contact}, Consent: f.Consent}
	for i := range f.Papers {
		if p := &f.Papers[i]; p.File != nil {
			said.Papers = append(said.Papers, p.File.filed(p.Name))
		}
	}
	for i := range f.Others {
		said.Papers = append(said.Papers, f.Others[i].filed(""))
	}
	return said
}

// refuseForm gives a form back with what is wrong with it, beside its fields as far as it is
// about them.
func (x *exchange) refuseForm(f *filingForm, err error) error {
	found := hub.ViolationsOf(err)
	status := statusOf(found[0].Kind)
	if status == http.StatusInternalServerError {
		x.Log.ErrorContext(x.r.Context(), "the portal failed", "path", x.r.URL.Path, "error", err)
	}
	for _, e := range found {
		switch {
		case e.Kind == hub.KindInvalid && slices.Contains([]string{"unit", "name", "contact", "consent"}, e.Field):
			f.Wrong[e.Field] = x.explain(e)
		case e.Kind == hub.KindConflict:
			status, f.Failed = http.StatusConflict, x.texts.text(x.lang, "file.taken")
			if f.Form, err = x.newForm(); err != nil {
				return err
			}
			if err := x.claimAnew(f); err != nil {
				return err
			}
		case e.Kind == hub.KindInvalid:
			f.Failed = x.explain(e)
		default:
			f.Failed = x.texts.text(x.lang, "wrong."+string(e.Kind))
		}
		if e.RetryAfter > 0 {
			x.w.Header().Set("Retry-After", strconv.Itoa(int((e.RetryAfter+time.Second-1)/time.Second)))
		}
	}
	return x.showForm(status, f)
}

// explain says what is wrong with a field in the language of the page.
func (x *exchange) explain(e *hub.Error) string {
	v := view{x: x}
	limit := ""
	switch e.Rule {
	case "max_size":
		limit = v.Size(x.Limits.File)
	case "max_total":
		limit = v.Size(x.Limits.Files)
	case "max_files":
		limit = strconv.Itoa(maxOthers)
	case "max_length":
		limit = "200"
	}
	return x.texts.text(x.lang, "rule."+e.Rule, limit)
}

type receiptPage struct {
	hub.FilingReceipt
	Square *qrsvg.Square // nil for none
}

func (x *exchange) showReceipt(r hub.FilingReceipt) error {
	p := receiptPage{FilingReceipt: r}
	if r.Progress != "" && r.Secret != "" {
		square, err := qrsvg.Of(r.Progress)
		if err != nil {
			return hub.Internal("draw a QR code", err)
		}
		p.Square = &square
	}
	x.w.Header().Set("Referrer-Policy", "same-origin") // for who reloads it, which is the form again
	return x.show(http.StatusOK, "filed", &p)
}

// reachable reports whether a contact can be a telephone or an address of mail.
func reachable(contact string) bool {
	digits := 0
	for _, r := range contact {
		if r >= '0' && r <= '9' {
			digits++
		}
	}
	before, after, mail := strings.Cut(contact, "@")
	return digits >= 8 || mail && before != "" && strings.Contains(after, ".")
}
