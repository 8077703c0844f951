package dossiers

import (
	"bytes"
	"context"

	"github.com/lienthong/lienthong/hub"
)

// letter makes the letter of an apology and keeps it as a file: from a template, under the
// seal of the agency where one is set up and the actor may have it, else for somebody to
// sign. That a seal is away now keeps nobody from apologising in time.
func (s *Service) letter(ctx context.Context, actor *hub.Actor, f *hub.DossierFile, e *hub.DossierEvent) (*hub.DossierPaper, error) {
	said := hub.DossierLetter{
		Unit: e.Name, Number: f.Number, Procedure: f.Procedure.Name, Reason: e.Text,
		Received: f.Received, Due: s.view(f).Clock.Due, Anew: e.Due, At: e.At,
	}
	if f.Owner != nil {
		said.Owner = f.Owner.Name
	}
	var plain bytes.Buffer
	if err := s.Apology(&plain, &said); err != nil {
		return nil, hub.Internal("write a letter of apology", err)
	}
	content := plain.Bytes()
	order := hub.SealOrder{Agency: e.Agency, Role: hub.SealIssued}
	if seals := s.Seals(); seals.MaySeal(*actor, order) == nil {
		var sealed bytes.Buffer
		if _, err := seals.Seal(ctx, *actor, order, hub.BlobOf(content), &sealed); err != nil {
			s.Log.WarnContext(ctx, "a letter of apology has no seal", "dossier", f.ID, "agency", e.Agency, "error", err)
		} else {
			content = sealed.Bytes()
		}
	}
	return s.keepLetter(ctx, f.Number, content)
}

func (s *Service) keepLetter(ctx context.Context, number string, content []byte) (*hub.DossierPaper, error) {
	digest, size, err := hub.KeepBlob(ctx, s.Blobs.CreateBlob, content)
	if err != nil {
		return nil, err
	}
	p := &hub.DossierPaper{Kind: hub.DossierLetterOf, Name: "phieu-xin-loi-" + number + ".pdf", MediaType: "application/pdf", Size: size, Digest: digest}
	return p, s.judge(ctx, p, hub.BlobOf(content))
}
