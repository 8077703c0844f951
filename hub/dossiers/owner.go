package dossiers

import (
	"context"
	"crypto/subtle"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

func (s *Service) newSecret() (hub.DossierSecret, error) {
	var bits hub.DossierSecretBits
	if _, err := io.ReadFull(s.Random, bits[:]); err != nil {
		return "", hub.Internal("make a secret for the owner of a dossier", err)
	}
	return bits.Secret(), nil
}

// RenewSecret gives the owner of a dossier another secret, which is returned this once; the
// one before finds nothing any more. It is for the agencies that may report, and an event.
func (s *Service) RenewSecret(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID) (hub.DossierView, error) {
	secret, err := s.newSecret()
	if err != nil {
		return hub.DossierView{}, err
	}
	return s.report(ctx, &actor, id, hub.DossierOrder{Agency: agency, Act: hub.DossierRenew}, enclosed{secret: secret})
}

// Receipt writes the receipt of a dossier that was accepted, for the agencies that may
// report, with the secret of its owner where that is given: it is checked, and the code of
// the receipt leads with it to the portal. That a person had it is noted.
func (s *Service) Receipt(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID, secret string, to io.Writer) error {
	f, err := s.file(ctx, &actor, id)
	if err != nil {
		return err
	}
	if _, err := s.acting(&actor, &f, agency, hub.DossierRenew); err != nil {
		return err
	}
	v := s.view(&f)
	switch {
	case f.Erased != nil:
		return erasedAlready()
	case v.Clock.Start.IsZero():
		return hub.Errorf(hub.KindConflict, "dossier", "not_accepted", "the dossier is not accepted: there is no receipt of it")
	}
	r := hub.DossierReceipt{
		Unit: f.UnitName, Number: f.Number, Procedure: f.Procedure, Channel: f.Channel, Received: f.Received, Due: v.Clock.Due, At: s.now(), Portal: s.Portal,
	}
	if f.Owner != nil {
		r.Owner = *f.Owner
	}
	for i := range f.Events {
		if p := f.Events[i].Paper; p != nil && p.Kind == hub.DossierFiled {
			r.Papers = append(r.Papers, p.Name)
		}
	}
	if secret != "" {
		known, ok := hub.ParseDossierSecret(secret)
		if lookup := known.Lookup(f.Number); !ok || subtle.ConstantTimeCompare(f.Lookup[:], lookup[:]) != 1 {
			return hub.Invalid("secret", "unknown", "this is not the secret of the owner")
		}
		r.Secret = known
	}
	r.Progress = s.address(f.Number, r.Secret)
	if err := s.noteReading(ctx, &actor, f.ID); err != nil {
		return err
	}
	if err := s.WriteReceipt(to, &r); err != nil {
		return hub.Internal("write a receipt of a dossier", err)
	}
	return nil
}

// address leads the owner of a dossier to it on the portal; "" where there is none.
func (s *Service) address(number string, secret hub.DossierSecret) string {
	if s.Portal == "" {
		return ""
	}
	at := s.Portal + "/dossiers?" + url.Values{"number": {number}}.Encode()
	if secret != "" {
		at += "#" + string(secret)
	}
	return at
}

// Owners is what a portal may do, which knows nobody: it shows a dossier to whoever has its
// number and its secret, and nothing else to anybody.
type Owners struct{ s *Service }

// Owners is the side of the service that is open to the public.
func (s *Service) Owners() Owners { return Owners{s} }

// portal is who reads for an owner.
func portal() hub.Actor { return hub.Actor{Name: "portal"} }

// mine is the dossier that has a number and a secret. Of a wrong number and a wrong secret
// the answer is the same, and so is the work: one look for what has both.
func (o Owners) mine(ctx context.Context, number, secret string) (hub.DossierFile, error) {
	known, ok := hub.ParseDossierSecret(secret)
	lookup := known.Lookup(strings.ToUpper(strings.TrimSpace(number)))
	f, err := o.s.Store.FindDossier(ctx, hub.DossierKey{Lookup: lookup})
	switch {
	case err != nil && hub.KindOf(err) != hub.KindNotFound:
		return f, err
	case err != nil || !ok || f.Erased != nil || subtle.ConstantTimeCompare(f.Lookup[:], lookup[:]) != 1:
		return f, noDossier()
	}
	return f, nil
}

// Progress shows how a dossier stands; KindNotFound where the number or the secret is wrong.
func (o Owners) Progress(ctx context.Context, number, secret string) (hub.DossierProgress, error) {
	f, err := o.mine(ctx, number, secret)
	if err != nil {
		return hub.DossierProgress{}, err
	}
	return o.s.progress(&f), nil
}

// progress is what the owner of a dossier is shown of it.
func (s *Service) progress(f *hub.DossierFile) hub.DossierProgress {
	v := s.view(f)
	p := hub.DossierProgress{
		Number: v.Number, Procedure: v.Procedure.Code, ProcedureName: v.Procedure.Name, Unit: v.UnitName, Channel: v.Channel, Received: v.Received,
		Status: v.Status, Due: v.Clock.Due, Late: v.Clock.Late, Ended: v.Ended, Apologised: v.Letter, Anew: v.Anew,
		Steps: []hub.DossierStep{}, Files: []hub.DossierOffer{},
	}
	for _, e := range follow(f.Events, s.soon()).events {
		if e.Status != 0 || e.Act == hub.DossierHandOver || e.Act == hub.DossierApologise || e.Act == hub.DossierDeliver {
			p.Steps = append(p.Steps, hub.DossierStep{At: e.At, Act: e.Act, Status: e.Status, Agency: e.Name, To: e.ToName})
		}
		if offered(f, &e) {
			p.Files = append(p.Files, hub.DossierOffer{Event: e.Seq, Kind: e.Paper.Kind, At: e.At, Name: e.Paper.Name, MediaType: e.Paper.MediaType, Size: e.Paper.Size, Digest: e.Paper.Digest})
		}
	}
	return p
}

// offered reports whether the owner may have the file of an event: a result as soon as the
// dossier says that there is one, and a letter of apology that is signed.
func offered(f *hub.DossierFile, e *hub.DossierEvent) bool {
	switch {
	case e.Paper == nil:
		return false
	case e.Paper.Kind == hub.DossierResult:
		return slices.Contains([]hub.DossierStatus{hub.DossierDone, hub.DossierReturned}, f.Status)
	case e.Paper.Kind == hub.DossierLetterOf:
		return e.Paper.Report != nil && e.Paper.Report.Indication == hub.TotalPassed
	}
	return false
}

// File hands out a file that Progress offers, by the number of its event; that it was read
// is noted first. KindNotFound is also the answer to a wrong number or secret.
func (o Owners) File(ctx context.Context, number, secret string, event int64) (hub.Part, hub.Blob, error) {
	f, err := o.mine(ctx, number, secret)
	if err != nil {
		return hub.Part{}, nil, err
	}
	e := f.Event(event)
	if e == nil || !offered(&f, e) {
		return hub.Part{}, nil, noDossier()
	}
	if err := o.s.Chronicle.DossierRead(ctx, portal(), f.ID); err != nil {
		return hub.Part{}, nil, err
	}
	blob, err := o.s.Blobs.OpenBlob(ctx, e.Paper.Digest)
	return e.Paper.Part(), blob, err
}
