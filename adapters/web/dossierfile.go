package web

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// attachToDossier takes a file for a dossier. What is wrong with it stands beside its field.
func (x *exchange) attachToDossier() error {
	ctx, id := x.r.Context(), hub.DossierID(x.r.PathValue("dossier"))
	if err := x.Dossiers.MayAttach(ctx, x.visit.Actor, id, x.office()); err != nil {
		return err
	}
	form, err := x.multipart(x.MaxFile + maxTyped)
	if err != nil {
		return hub.Invalid("file", "required", "choose a file")
	}
	if err := x.tokenFirst(form); err != nil {
		return err
	}
	kind := hub.DossierFiled
	for {
		part, err := form.NextPart()
		if err != nil || part.FormName() == "file" && part.FileName() == "" {
			return x.lookAtDossier(http.StatusUnprocessableEntity, map[string]string{}, map[string]string{"file": x.say("dossier.file.missing")})
		}
		if part.FormName() == "kind" {
			value, err := io.ReadAll(io.LimitReader(part, 100))
			if err != nil {
				return brokenForm(err)
			}
			kind = hub.DossierPaperKind(value)
		}
		if part.FormName() != "file" {
			continue
		}
		file, err := x.store(part, hub.RoleAttachment)
		if err == nil {
			paper := hub.DossierPaper{Kind: kind, Name: file.Name, MediaType: file.MediaType, Size: file.Size, Digest: file.Digest}
			_, err = x.Dossiers.Attach(ctx, x.visit.Actor, id, hub.DossierOrder{Agency: x.office()}, paper)
		}
		return x.attached(id, err)
	}
}

// dossierReceipt gives out the receipt of a dossier, with the secret that was just made.
func (x *exchange) dossierReceipt() error {
	id := hub.DossierID(x.r.PathValue("dossier"))
	var pdf bytes.Buffer
	if err := x.Dossiers.Receipt(x.r.Context(), x.visit.Actor, id, x.office(), x.r.PostFormValue("secret"), &pdf); err != nil {
		return err
	}
	return x.handOut(hub.Part{Name: x.say("dossier.receipt.name") + ".pdf", MediaType: "application/pdf", Digest: sha256.Sum256(pdf.Bytes())}, hub.BlobOf(pdf.Bytes()), false)
}

// attached answers when a file was taken, or not.
func (x *exchange) attached(id hub.DossierID, err error) error {
	var wrong *hub.Error
	switch {
	case err == nil:
		return x.redirect("/dossiers/" + url.PathEscape(string(id)) + "?done=1#files")
	case errors.As(err, &wrong) && (again(err) || wrong.Kind == hub.KindBusy || wrong.Kind == hub.KindUnavailable):
		return x.lookAtDossier(statusOf(hub.KindOf(err)), map[string]string{}, map[string]string{"file": x.explain(wrong)})
	}
	return err
}

// dossierFile sends a file of a dossier, for saving.
func (x *exchange) dossierFile() error {
	event, err := strconv.ParseInt(x.r.PathValue("event"), 10, 64)
	if err != nil {
		return hub.Errorf(hub.KindNotFound, "event", "", "the dossier has no such file")
	}
	part, blob, err := x.Dossiers.Open(x.r.Context(), x.visit.Actor, hub.DossierID(x.r.PathValue("dossier")), event)
	if err != nil {
		return err
	}
	return x.handOut(part, blob, false)
}
