package dossiers

import (
	"context"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// MayAttach returns nil where the actor may add a file to a dossier for an agency ("": the
// only one that it can be): before a byte of it is read. Errors are those of Act.
func (s *Service) MayAttach(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID) error {
	actor, err := s.filer(ctx, actor, id)
	if err != nil {
		return err
	}
	if err := actor.Require(scopeOfActs); err != nil {
		return err
	}
	f, err := s.file(ctx, &actor, id)
	if err != nil {
		return err
	}
	_, err = s.acting(&actor, &f, agency, hub.DossierAttach)
	return err
}

// Attach adds a file to a dossier as an event, for each of its agencies. Its content is in
// the blob store under the digest of the paper, and the caller MUST have had its bytes from
// the actor. Signatures are checked and the verdict is recorded with it, whatever that is:
// what somebody filed is kept. The same key again changes nothing.
func (s *Service) Attach(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder, paper hub.DossierPaper) (hub.DossierView, error) {
	paper.Report = nil
	return s.attach(ctx, actor, id, order, paper)
}

// attach is Attach; a verdict that paper has was made by the hub and stands.
func (s *Service) attach(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder, paper hub.DossierPaper) (hub.DossierView, error) {
	if err := s.MayAttach(ctx, actor, id, order.Agency); err != nil {
		return hub.DossierView{}, err
	}
	as, err := s.filer(ctx, actor, id)
	if err != nil {
		return hub.DossierView{}, err
	}
	if err := checkPaper(&paper).AsError(); err != nil {
		return hub.DossierView{}, err
	}
	if handsIn(&actor) && (paper.Kind != hub.DossierFiled || order.At != "") {
		return hub.DossierView{}, hub.Errorf(hub.KindDenied, "kind", "portal", "a portal hands in what the owner files, now")
	}
	if paper.Report == nil {
		if err := s.judgeKept(ctx, &paper); err != nil {
			return hub.DossierView{}, err
		}
	}
	order.Act = hub.DossierAttach
	view, err := s.report(ctx, &as, id, order, enclosed{file: &paper})
	if err != nil || !handsIn(&actor) {
		return view, err
	}
	return s.handedIn(&actor, &hub.DossierFile{Dossier: view.Dossier, Events: view.Events})
}

// judgeKept judges a paper whose content is in the blob store.
func (s *Service) judgeKept(ctx context.Context, paper *hub.DossierPaper) error {
	blob, err := s.Blobs.OpenBlob(ctx, paper.Digest)
	if err != nil {
		return err
	}
	defer func() { _ = blob.Close() }() // was only read
	return s.judge(ctx, paper, blob)
}

// judge notes on a paper how large its content is, and the verdict on its signatures.
func (s *Service) judge(ctx context.Context, paper *hub.DossierPaper, content hub.Blob) error {
	report, err := s.Verifier.VerifyPart(ctx, paper.Part(), content)
	if err != nil {
		return &hub.Error{Kind: hub.KindUnavailable, Field: "file", Message: "the signatures could not be checked now", Err: err}
	}
	paper.Size, paper.Report = content.Size(), &report
	return nil
}

func checkPaper(p *hub.DossierPaper) hub.Violations {
	found := text("name", p.Name, maxWord, true)
	found = append(found, text("media_type", p.MediaType, maxWord, true)...)
	if !slices.Contains(hub.DossierPaperKinds(), p.Kind) {
		found = append(found, hub.Invalid("kind", "code_list", "a file is filed, a result or other"))
	}
	return found
}

// Open hands out a file of a dossier, by the number of its event, to the agencies of the
// dossier; that a person read it is noted first. To everybody else it does not exist.
func (s *Service) Open(ctx context.Context, actor hub.Actor, id hub.DossierID, event int64) (hub.Part, hub.Blob, error) {
	f, err := s.file(ctx, &actor, id)
	if err != nil {
		return hub.Part{}, nil, err
	}
	e := f.Event(event)
	if e == nil || e.Paper == nil {
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "event", "", "the dossier has no such file")
	}
	if f.Erased != nil {
		return hub.Part{}, nil, hub.Errorf(hub.KindNotFound, "event", "erased", "the time of the dossier is over: its files are gone")
	}
	if err := s.noteReading(ctx, &actor, f.ID); err != nil {
		return hub.Part{}, nil, err
	}
	blob, err := s.Blobs.OpenBlob(ctx, e.Paper.Digest)
	return e.Paper.Part(), blob, err
}

// kept are the notes by which an event keeps its content.
func kept(id hub.DossierID, e *hub.DossierEvent) []hub.RetentionNote {
	if e.Paper == nil {
		return nil
	}
	return []hub.RetentionNote{hub.KeepNote(e.Paper.Digest, e.Paper.Size, "dossier-"+string(id))}
}
