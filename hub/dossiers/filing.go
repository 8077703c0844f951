package dossiers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

const (
	onlinePrefix = "dossier-online/" // of notes; the id of an agency follows, and a slash
	takenPrefix  = "dossier-taken/"  // of notes; a procedure, a slash and the id of an agency that takes it follow
	maxOnline    = 2000              // procedures of one agency
	maxUnits     = 1000              // in one question
	maxFiled     = 250               // files of one filing: more than the longest list of papers asks for
	formLength   = 32
)

// Online says of which procedures an agency takes dossiers on the portal.
func (s *Service) Online(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.DossierOnline, error) {
	if !sees(&actor, agency) {
		return hub.DossierOnline{}, actor.SpeaksFor(agency, scopeOfLooks)
	}
	return s.online(ctx, agency)
}

func (s *Service) online(ctx context.Context, agency hub.AgencyID) (hub.DossierOnline, error) {
	on := hub.DossierOnline{Agency: agency, Procedures: []string{}}
	notes, err := s.Notes.Notes(ctx, hub.NotesQuery{Prefix: onlinePrefix + string(agency) + "/", Limit: 1})
	if err != nil || len(notes) == 0 {
		return on, err
	}
	if err := json.Unmarshal(notes[0].Body, &on); err != nil {
		return on, hub.Internal("decode the note "+notes[0].Name, err)
	}
	return on, nil
}

// SetOnline has an agency take dossiers of the given procedures on the portal, and of no
// others; they are in force now and may be filed online. It needs ScopeSubmit for the agency.
func (s *Service) SetOnline(ctx context.Context, actor hub.Actor, agency hub.AgencyID, procedures []string) (hub.DossierOnline, error) {
	if err := actor.SpeaksFor(agency, scopeOfActs); err != nil {
		return hub.DossierOnline{}, err
	}
	if len(procedures) > maxOnline {
		return hub.DossierOnline{}, hub.Errorf(hub.KindTooLarge, "procedures", "max_items", "at most %d procedures", maxOnline)
	}
	on := hub.DossierOnline{Agency: agency, Procedures: append([]string{}, procedures...), SetBy: actor.Name, SetAt: s.now()}
	slices.Sort(on.Procedures)
	on.Procedures = slices.Compact(on.Procedures)
	var found hub.Violations
	for _, code := range on.Procedures {
		err := s.openOnline(ctx, code)
		if err != nil && hub.KindOf(err) != hub.KindInvalid {
			return on, err
		}
		if err != nil {
			found = append(found, hub.ViolationsOf(named("procedures", err))...)
		}
	}
	if err := found.AsError(); err != nil {
		return on, err
	}
	for try := 1; ; try++ {
		version, err := s.Notes.RulesVersion(ctx)
		if err != nil {
			return on, err
		}
		was, err := s.online(ctx, agency)
		if err != nil {
			return on, err
		}
		notes, err := onlineNotes(&was, &on)
		if err == nil {
			err = s.Notes.ChangeRules(ctx, version, notes...)
		}
		if err == nil || hub.KindOf(err) != hub.KindConflict || try == maxTries {
			return on, err
		}
	}
}

// onlineNotes are the notes of what an agency takes: one of all, and one of each procedure,
// by which those who take it are found. Those of what it takes no more go.
func onlineNotes(was, on *hub.DossierOnline) ([]hub.RetentionNote, error) {
	body, err := json.Marshal(on)
	if err != nil {
		return nil, hub.Internal("encode what an agency takes online", err)
	}
	notes := []hub.RetentionNote{{Name: onlinePrefix + string(on.Agency) + "/", Body: body}}
	for _, code := range was.Procedures {
		if !slices.Contains(on.Procedures, code) {
			notes = append(notes, hub.RetentionNote{Name: takenPrefix + code + "/" + string(on.Agency)})
		}
	}
	for _, code := range on.Procedures {
		body, err := json.Marshal(hub.DossierOnline{Agency: on.Agency, Procedures: []string{code}})
		if err != nil {
			return nil, hub.Internal("encode what an agency takes online", err)
		}
		notes = append(notes, hub.RetentionNote{Name: takenPrefix + code + "/" + string(on.Agency), Body: body})
	}
	return notes, nil
}

// openOnline returns nil where a procedure is in force now and filed online.
func (s *Service) openOnline(ctx context.Context, code string) error {
	versions, err := s.Procedures.Versions(ctx, code)
	if err != nil && hub.KindOf(err) != hub.KindNotFound {
		return err
	}
	now := s.now()
	i := slices.IndexFunc(versions, func(v hub.ProcedureVersion) bool { return v.InForce(now) })
	switch {
	case i < 0:
		return hub.Invalid("procedure", "in_force", "no procedure %.60q is in force", code)
	case versions[i].Online != hub.OnlinePartial && versions[i].Online != hub.OnlineFull:
		return hub.Invalid("procedure", "online", "the procedure %.60q is not filed online", code)
	}
	return nil
}

// Filings is what a portal may do for those who hand in: it names who takes a procedure, and
// takes what is handed in.
type Filings struct{ s *Service }

// Filings is the side of the service where the public hands in.
func (s *Service) Filings() Filings { return Filings{s} }

// Units are the agencies that take a procedure on the portal now, by name.
func (p Filings) Units(ctx context.Context, code string) ([]hub.FilingUnit, error) {
	if err := p.s.openOnline(ctx, code); err != nil {
		if hub.KindOf(err) == hub.KindInvalid {
			err = nil
		}
		return nil, err
	}
	var units []hub.FilingUnit
	for query := (hub.NotesQuery{Prefix: takenPrefix + code + "/", Limit: maxUnits}); ; {
		notes, err := p.s.Notes.Notes(ctx, query)
		if err != nil {
			return nil, err
		}
		for i := range notes {
			query.After = notes[i].Name
			var on hub.DossierOnline
			if err := json.Unmarshal(notes[i].Body, &on); err != nil {
				return nil, hub.Internal("decode the note "+notes[i].Name, err)
			}
			now := p.s.now()
			if unit, ok := p.s.Directory.ByID(on.Agency); ok && unit.LivesAt(now) && slices.Contains(on.Procedures, code) {
				units = append(units, hub.FilingUnit{Code: unit.CodeAt(now), Name: unit.NameAt(now)})
			}
		}
		if len(notes) < maxUnits {
			break
		}
	}
	slices.SortFunc(units, func(a, b hub.FilingUnit) int {
		return strings.Compare(hub.Fold(a.Name)+string(a.Code), hub.Fold(b.Name)+string(b.Code))
	})
	return units, nil
}

// CreateBlob takes the content of a file that is handed in.
func (p Filings) CreateBlob(ctx context.Context) (hub.BlobWriter, error) {
	return p.s.Blobs.CreateBlob(ctx)
}

// File records what was handed in as a dossier that waits for its unit, with its files and the
// verdicts on their signatures, all or nothing. The same form again answers as it did; with
// another owner or procedure it is a conflict. Other errors: violations by field, with the
// rule offline where the unit does not take the procedure any more, and in_force where that
// has lapsed.
func (p Filings) File(ctx context.Context, said hub.DossierFiling) (hub.FilingReceipt, error) {
	s := p.s
	unit, err := s.taker(ctx, &said)
	if err != nil {
		return hub.FilingReceipt{}, err
	}
	w := filing{
		DossierWish: hub.DossierWish{Unit: unit.ID, Procedure: said.Procedure, Owner: said.Owner, Channel: hub.ChannelOnline, Waits: true, Key: formKey(said.Form)},
		secret:      formSecret(said.Form), consent: said.Consent,
	}
	first, err := s.before(ctx, &w)
	if err == nil && first == nil {
		first, err = s.fileAnew(ctx, &w, said.Papers)
	}
	if hub.KindOf(err) == hub.KindConflict {
		err = hub.Errorf(hub.KindConflict, "form", "taken", "this form was handed in with something else")
	}
	if err != nil {
		return hub.FilingReceipt{}, err
	}
	return s.filed(first, w.secret), nil
}

// taker is the unit that takes a filing, when that says what it has to.
func (s *Service) taker(ctx context.Context, said *hub.DossierFiling) (*hub.Agency, error) {
	found := text("name", said.Owner.Name, maxWord, true)
	found = append(found, text("contact", said.Owner.Contact, maxWord, true)...)
	if !said.Consent {
		found = append(found, hub.Invalid("consent", "required", "without consent nothing can be taken"))
	}
	if raw, err := hex.DecodeString(said.Form); err != nil || len(raw) != formLength/2 {
		found = append(found, hub.Invalid("form", "form", "the form has no number"))
	}
	if len(said.Papers) > maxFiled {
		found = append(found, hub.Errorf(hub.KindTooLarge, "papers", "max_items", "at most %d files", maxFiled))
	}
	if err := found.AsError(); err != nil {
		return nil, err
	}
	if err := s.openOnline(ctx, said.Procedure); err != nil {
		return nil, err
	}
	offline := hub.Invalid("unit", "offline", "this agency does not take the procedure online")
	r, err := s.Directory.Resolve(string(said.Unit), s.now())
	if err != nil {
		return nil, offline // also where the code is none
	}
	on, err := s.online(ctx, r.Agency.ID)
	if err == nil && !slices.Contains(on.Procedures, said.Procedure) {
		err = offline
	}
	return r.Agency, err
}

// fileAnew judges the files of a filing and records it.
func (s *Service) fileAnew(ctx context.Context, w *filing, papers []hub.FiledPaper) (*hub.DossierFile, error) {
	for i := range papers {
		enclosed, err := s.enclose(ctx, &papers[i])
		if err != nil {
			return nil, err
		}
		w.papers = append(w.papers, enclosed)
	}
	if err := s.check(w).AsError(); err != nil { // only now: it was handed in when its files had come
		return nil, err
	}
	d, given, err := s.begin(ctx, w)
	if err != nil {
		return nil, err
	}
	actor := portal()
	f, err := s.add(ctx, &actor, d, given, w)
	if hub.KindOf(err) == hub.KindConflict {
		if first, again := s.before(ctx, w); again != nil || first != nil {
			return first, again
		}
	}
	return f, err
}

// enclose makes a file that was handed in one of a dossier, with the verdict on its
// signatures.
func (s *Service) enclose(ctx context.Context, said *hub.FiledPaper) (enclosure, error) {
	paper := hub.DossierPaper{Kind: hub.DossierFiled, Name: said.Name, MediaType: said.MediaType, Digest: said.Digest}
	found := append(checkPaper(&paper), text("for", said.For, maxText, false)...)
	if err := found.AsError(); err != nil {
		return enclosure{}, err
	}
	blob, err := s.Blobs.OpenBlob(ctx, said.Digest)
	if err != nil {
		return enclosure{}, err
	}
	defer func() { _ = blob.Close() }() // was only read
	err = s.judge(ctx, &paper, blob)
	return enclosure{paper, said.For}, err
}

// filed is what the owner of a dossier is told that was handed in with a secret.
func (s *Service) filed(f *hub.DossierFile, secret hub.DossierSecret) hub.FilingReceipt {
	if secret.Lookup(f.Number) != f.Lookup {
		secret = ""
	}
	told := hub.FilingReceipt{
		Number: f.Number, Secret: secret, Unit: f.UnitName, Procedure: f.Procedure.Name, Received: f.Received, Progress: s.address(f.Number, secret),
	}
	for i := range f.Events {
		if e := &f.Events[i]; e.Paper != nil && e.By == portal().Name {
			told.Papers = append(told.Papers, e.Paper.Name)
		}
	}
	return told
}

// formKey is the key of the dossier of a form. Agencies see it: it gives away nothing of the
// form, of which the secret is made.
func formKey(form string) string {
	sum := sha256.Sum256([]byte("lienthong form\n" + strings.ToLower(form)))
	return "portal-" + hex.EncodeToString(sum[:16])
}

// formSecret is the secret of the dossier of a form: who has the form has it, and who presses
// twice, or loses the answer, is told the same one.
func formSecret(form string) hub.DossierSecret {
	sum := sha256.Sum256([]byte("lienthong secret of a form\n" + strings.ToLower(form)))
	return hub.DossierSecretBits(sum[:10]).Secret()
}
