package httpapi

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Dossiers keeps what is filed at one-stop desks.
type Dossiers interface {
	DossierLists
	DossierPapers
	DossierNews
	DossierDesk
	DossierWords
}

// DossierDesk records dossiers and what happens to them.
type DossierDesk interface {
	Register(ctx context.Context, actor hub.Actor, wish hub.DossierWish) (view hub.DossierView, made bool, err error)
	Act(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder) (hub.DossierView, error)
	DossierOwners
}

// DossierOwners gives owners of dossiers what they find them with, and shows what they see.
type DossierOwners interface {
	ProgressOf(ctx context.Context, actor hub.Actor, name string) (hub.DossierProgress, error)
	RenewSecret(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID) (hub.DossierView, error)
	Receipt(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID, secret string, to io.Writer) error
}

// DossierWords says what the statuses of agencies' own systems stand for.
type DossierWords interface {
	Words(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.DossierWords, error)
	SetWords(ctx context.Context, actor hub.Actor, agency hub.AgencyID, words map[string]hub.DossierStatus) (hub.DossierWords, error)
	DossiersOnline
}

// DossiersOnline says what agencies take on the portal.
type DossiersOnline interface {
	Online(ctx context.Context, actor hub.Actor, agency hub.AgencyID) (hub.DossierOnline, error)
	SetOnline(ctx context.Context, actor hub.Actor, agency hub.AgencyID, procedures []string) (hub.DossierOnline, error)
}

// DossierLists shows dossiers, and counts them.
type DossierLists interface {
	List(ctx context.Context, actor hub.Actor, query hub.DossierQuery) (hub.List[hub.DossierView], error)
	Show(ctx context.Context, actor hub.Actor, name string) (hub.DossierView, error)
	Figures(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.DossierFigures, error)
	Counted(ctx context.Context, actor hub.Actor, query hub.DossierFigureQuery) (hub.List[hub.DossierCounted], error)
}

// DossierPapers keeps the files of dossiers.
type DossierPapers interface {
	MayAttach(ctx context.Context, actor hub.Actor, id hub.DossierID, agency hub.AgencyID) error
	Attach(ctx context.Context, actor hub.Actor, id hub.DossierID, order hub.DossierOrder, paper hub.DossierPaper) (hub.DossierView, error)
	Open(ctx context.Context, actor hub.Actor, id hub.DossierID, event int64) (hub.Part, hub.Blob, error)
}

func dossierRoutes() []route {
	look, act := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit}, []hub.Scope{hub.ScopeSubmit}
	file := []hub.Scope{hub.ScopeSubmit, hub.ScopePortal}
	count := []hub.Scope{hub.ScopeRead, hub.ScopeSubmit, hub.ScopeFigures}
	return []route{
		{method: http.MethodGet, pattern: "/v1/dossiers", scopes: look, handle: (*api).dossiers},
		{method: http.MethodPost, pattern: "/v1/dossiers", scopes: file, limit: jsonLimit, handle: (*api).registerDossier},
		{method: http.MethodGet, pattern: "/v1/dossiers/figures", scopes: count, handle: (*api).dossierFigures},
		{method: http.MethodGet, pattern: "/v1/dossiers/counted", scopes: count, handle: (*api).countedDossiers},
		{method: http.MethodGet, pattern: "/v1/dossiers/words", scopes: look, handle: (*api).dossierWords},
		{method: http.MethodPut, pattern: "/v1/dossiers/words", scopes: act, limit: jsonLimit, handle: (*api).setDossierWords},
		{method: http.MethodGet, pattern: "/v1/dossiers/online", scopes: look, handle: (*api).dossiersOnline},
		{method: http.MethodPut, pattern: "/v1/dossiers/online", scopes: act, limit: jsonLimit, handle: (*api).setDossiersOnline},
		{method: http.MethodGet, pattern: "/v1/dossiers/events", scopes: look, handle: (*api).dossierNews},
		{method: http.MethodGet, pattern: "/v1/dossiers/packages", scopes: look, handle: (*api).dossierTakings},
		{method: http.MethodPost, pattern: "/v1/dossiers/packages/{dispatch}/settlement", scopes: act, limit: jsonLimit, handle: (*api).settleDossierTaking},
		{method: http.MethodGet, pattern: "/v1/dossiers/{dossier}", scopes: look, handle: (*api).dossier},
		{method: http.MethodGet, pattern: "/v1/dossiers/{dossier}/progress", scopes: append(look, hub.ScopePortal), handle: (*api).dossierProgress},
		{method: http.MethodPost, pattern: "/v1/dossiers/{dossier}/events", scopes: act, limit: jsonLimit, handle: (*api).actOnDossier},
		{method: http.MethodPost, pattern: "/v1/dossiers/{dossier}/secret", scopes: act, handle: (*api).renewDossierSecret},
		{method: http.MethodPost, pattern: "/v1/dossiers/{dossier}/receipt", scopes: act, limit: jsonLimit, handle: (*api).dossierReceipt},
		{method: http.MethodPost, pattern: "/v1/dossiers/{dossier}/files", scopes: file, limit: verifyLimit, handle: (*api).attachToDossier},
		{method: http.MethodGet, pattern: "/v1/dossiers/{dossier}/files/{event}", scopes: look, handle: (*api).dossierFile},
	}
}

func (a *api) dossiers(x *exchange) error {
	q := x.query()
	wanted := hub.DossierQuery{
		Open: q.flag("open"), Status: hub.DossierStatus(q.number("status", 1, int64(hub.DossierReturned), 0)),
		Timeliness: listedIn(q, "timeliness", hub.Timelinesses()), Page: q.page(), Finding: oneIn(q, "finding", hub.DossierFindings()),
	}
	var err error
	if wanted.Agency, err = a.agencyIn(x, q); err != nil {
		return err
	}
	list, err := a.Dossiers.List(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) registerDossier(x *exchange) error {
	var wish struct {
		hub.DossierWish
		Unit string `json:"unit"` // code or id; with a code, that stands in the number
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	unit, err := a.agencyOf(x.actor, wish.Unit)
	if err != nil {
		return renamed(err, "agency", "unit")
	}
	w := wish.DossierWish
	if w.Unit = unit; w.UnitCode == "" && wish.Unit != string(unit) {
		w.UnitCode = hub.Code(wish.Unit)
	}
	view, made, err := a.Dossiers.Register(x.r.Context(), x.actor, w)
	if err != nil {
		return err
	}
	return x.made(made, view)
}

// renamed is an error about a field under the name that it has in a request.
func renamed(err error, was, is string) error {
	found := hub.ViolationsOf(err)
	if len(found) != 1 || found[0].Field != was {
		return err
	}
	e := *found[0]
	e.Field = is
	return &e
}

func (a *api) dossier(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	view, err := a.Dossiers.Show(x.r.Context(), x.actor, x.param("dossier"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

// dossierProgress answers with what the owner of a dossier is shown of it.
func (a *api) dossierProgress(x *exchange) error {
	if err := x.query().done(); err != nil {
		return err
	}
	progress, err := a.Dossiers.ProgressOf(x.r.Context(), x.actor, x.param("dossier"))
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, progress)
}

func (a *api) actOnDossier(x *exchange) error {
	var order struct {
		hub.DossierOrder
		Agency string `json:"agency"`
		To     string `json:"to"`
	}
	if err := x.read(&order); err != nil {
		return err
	}
	o := order.DossierOrder
	var err error
	if o.Agency, err = a.agencyOrNone("agency", order.Agency); err != nil {
		return err
	}
	if o.To, err = a.agencyOrNone("to", order.To); err != nil {
		return err
	}
	view, err := a.Dossiers.Act(x.r.Context(), x.actor, hub.DossierID(x.param("dossier")), o)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

// renewDossierSecret answers with another secret for the owner, this once.
func (a *api) renewDossierSecret(x *exchange) error {
	q := x.query()
	code := q.text("agency")
	if err := q.done(); err != nil {
		return err
	}
	agency, err := a.agencyOrNone("agency", code)
	if err != nil {
		return err
	}
	view, err := a.Dossiers.RenewSecret(x.r.Context(), x.actor, hub.DossierID(x.param("dossier")), agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

// dossierReceipt answers with the receipt as a PDF.
func (a *api) dossierReceipt(x *exchange) error {
	var wish struct {
		Agency string `json:"agency"`
		Secret string `json:"secret"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOrNone("agency", wish.Agency)
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	if err := a.Dossiers.Receipt(x.r.Context(), x.actor, hub.DossierID(x.param("dossier")), agency, wish.Secret, &pdf); err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/pdf")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Disposition", `attachment; filename="giay-tiep-nhan.pdf"`)
	return x.send(&pdf, http.StatusOK, int64(pdf.Len()))
}

// attachToDossier adds the file of the body.
func (a *api) attachToDossier(x *exchange) error {
	q := x.query()
	agency := q.text("agency")
	order := hub.DossierOrder{At: hub.DossierMoment(q.text("at")), Key: q.text("key")}
	paper := hub.DossierPaper{Kind: hub.DossierPaperKind(cmp.Or(q.text("kind"), string(hub.DossierFiled))), Name: q.text("name")}
	if err := q.done(); err != nil {
		return err
	}
	var err error
	if order.Agency, err = a.agencyOrNone("agency", agency); err != nil {
		return err
	}
	if err := x.plain(); err != nil {
		return err
	}
	if paper.MediaType, err = fileType(x.r.Header.Get("Content-Type")); err != nil {
		return err
	}
	id := hub.DossierID(x.param("dossier"))
	if err := a.Dossiers.MayAttach(x.r.Context(), x.actor, id, order.Agency); err != nil {
		return err
	}
	if paper.Digest, paper.Size, err = a.storeBody(x); err != nil {
		return err
	}
	view, err := a.Dossiers.Attach(x.r.Context(), x.actor, id, order, paper)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, view)
}

// fileType is what a body that is a file itself says that it is.
func fileType(said string) (string, error) {
	kind, _, err := mime.ParseMediaType(cmp.Or(said, "application/octet-stream"))
	if err != nil || strings.HasPrefix(kind, "multipart/") {
		return "", hub.Errorf(hub.KindUnsupported, "Content-Type", "content_type", "the body is the file itself (curl --data-binary @FILE), not a form")
	}
	return kind, nil
}

// storeBody stores the body as a content of its own.
func (a *api) storeBody(x *exchange) (hub.Digest, int64, error) {
	w, err := a.Blobs.CreateBlob(x.r.Context())
	if err != nil {
		return hub.Digest{}, 0, err
	}
	defer w.Discard()
	size, err := io.CopyBuffer(w, x.r.Body, make([]byte, copyBuffer))
	if err == nil && size == 0 {
		err = hub.Invalid("", "required", "the body is empty: it is the file that this is about")
	}
	if err != nil {
		return hub.Digest{}, 0, err
	}
	return w.Commit()
}

func (a *api) dossierFile(x *exchange) error {
	event, err := strconv.ParseInt(x.param("event"), 10, 64)
	if err != nil {
		return hub.Errorf(hub.KindNotFound, "event", "", "the dossier has no such file")
	}
	part, blob, err := a.Dossiers.Open(x.r.Context(), x.actor, hub.DossierID(x.param("dossier")), event)
	if err != nil {
		return err
	}
	return x.serve(part, blob)
}

func (a *api) dossierFigures(x *exchange) error {
	q := x.query()
	wanted := hub.DossierFigureQuery{Under: q.flag("under")}
	var err error
	if wanted.Unit, wanted.Period, err = a.periodAsked(x, q); err != nil {
		return err
	}
	figures, err := a.Dossiers.Figures(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, figures)
}

func (a *api) countedDossiers(x *exchange) error {
	q := x.query()
	wanted := hub.DossierFigureQuery{Page: q.page(), Measure: hub.DossierMeasure(q.text("measure"))}
	var err error
	if wanted.Unit, wanted.Period, err = a.periodAsked(x, q); err != nil {
		return err
	}
	list, err := a.Dossiers.Counted(x.r.Context(), x.actor, wanted)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, listed(list))
}

func (a *api) dossierWords(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	words, err := a.Dossiers.Words(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, words)
}

func (a *api) setDossierWords(x *exchange) error {
	var wish struct {
		Agency string                       `json:"agency"`
		Words  map[string]hub.DossierStatus `json:"words"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	words, err := a.Dossiers.SetWords(x.r.Context(), x.actor, agency, wish.Words)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, words)
}

func (a *api) dossiersOnline(x *exchange) error {
	agency, err := a.agencyAsked(x)
	if err != nil {
		return err
	}
	on, err := a.Dossiers.Online(x.r.Context(), x.actor, agency)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, on)
}

func (a *api) setDossiersOnline(x *exchange) error {
	var wish struct {
		Agency     string   `json:"agency"`
		Procedures []string `json:"procedures"`
	}
	if err := x.read(&wish); err != nil {
		return err
	}
	agency, err := a.agencyOf(x.actor, wish.Agency)
	if err != nil {
		return err
	}
	on, err := a.Dossiers.SetOnline(x.r.Context(), x.actor, agency, wish.Procedures)
	if err != nil {
		return err
	}
	return x.json(http.StatusOK, on)
}
