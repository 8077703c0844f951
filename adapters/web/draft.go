package web

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// saveDraft keeps a letter on the hub, so that nothing typed is lost, whatever becomes of
// the browser. A form that says nothing yet is not kept. What lay open while the office was
// handed over goes on in its successor.
func (x *exchange) saveDraft(f *letterForm) error {
	key := f.Fields["key"]
	if key == "" || len(key) > 100 || !f.says() {
		return nil
	}
	raw, err := json.Marshal(f.letter)
	if err != nil {
		return hub.Internal("write a draft", err)
	}
	return x.Drafts.SaveDraft(x.r.Context(), hub.Draft{
		ID: key, Account: x.visit.Account.Name, Office: x.heir(), Title: f.title(), Saved: x.Now().UTC(), Letter: raw,
	})
}

// heir is the agency to which the office was handed over; where it was not, the office.
func (x *exchange) heir() hub.AgencyID {
	office, ok := x.Directory.ByID(x.office())
	if !ok {
		return x.office()
	}
	return cmp.Or(office.TookOverAt(x.Now()), x.office())
}

// says reports whether somebody typed or chose something.
func (f *letterForm) says() bool {
	for _, field := range []string{"number", "subject", "signer", "reason", "answers"} {
		if strings.TrimSpace(f.Fields[field]) != "" {
			return true
		}
	}
	return len(f.To)+len(f.Files)+len(f.Answers)+len(f.Tasks) > 0
}

// title tells a draft from others.
func (f *letterForm) title() string {
	const longest = 120 // characters
	d := hub.Document{CodeNumber: strings.TrimSpace(f.Fields["number"]), CodeNotation: strings.TrimSpace(f.Fields["notation"])}
	title := strings.ToValidUTF8(strings.TrimSpace(d.Number()+" "+f.Fields["subject"]), "\ufffd")
	if utf8.RuneCountInString(title) > longest {
		title = string([]rune(title)[:longest]) + "…"
	}
	return visible(title)
}

// keepDraft keeps what stands in an open form while somebody types.
func (x *exchange) keepDraft() error {
	f := newLetterForm()
	for name, values := range x.r.PostForm {
		for _, value := range values {
			if f.items++; f.items > maxItems {
				return hub.Errorf(hub.KindTooLarge, "", "max_size", "the form is too large")
			}
			x.set(f, name, value)
		}
	}
	if f.Fields["office"] != string(x.office()) {
		return hub.Errorf(hub.KindConflict, "", "office", "the person works elsewhere now")
	}
	if err := x.saveDraft(f); err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}

// resumeDraft goes on with a letter that was kept.
func (x *exchange) resumeDraft(f *letterForm, id string) error {
	d, err := x.ownDraft(id)
	if err == nil && !d.Removed.IsZero() {
		err = hub.Errorf(hub.KindNotFound, "draft", "", "the draft was removed")
	}
	if err != nil {
		return err
	}
	var kept letter
	if err := json.Unmarshal(d.Letter, &kept); err != nil {
		return hub.Internal("read a draft", err)
	}
	for name, value := range kept.Fields {
		x.set(f, name, value)
	}
	f.Fields["office"] = string(x.office()) // it may have begun in one that closed
	f.To, f.Info, f.Answers, f.Tasks, f.ForTasks = kept.To, kept.Info, kept.Answers, kept.Tasks, kept.ForTasks
	for _, c := range kept.Files {
		x.takeClaimed(f, c.Claim)
	}
	return x.showLetter(http.StatusOK, f)
}

// otherDrafts are those of the person in this office, but for the one on the screen.
func (x *exchange) otherDrafts(id string) ([]hub.Draft, error) {
	all, err := x.Drafts.Drafts(x.r.Context(), x.visit.Account.Name)
	return slices.DeleteFunc(all, func(d hub.Draft) bool { return d.Office != x.office() || d.ID == id || !d.Removed.IsZero() }), err
}
