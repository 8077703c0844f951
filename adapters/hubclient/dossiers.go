package hubclient

import (
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lienthong/lienthong/hub"
)

// DossierQuery selects dossiers of an agency (code or id), which may be empty when the
// credential speaks for one.
type DossierQuery struct {
	Agency     string
	Open       bool
	Status     hub.DossierStatus // 0: all
	Timeliness []hub.Timeliness
	Finding    hub.DossierRule // "": all
	Page       hub.Page
}

// Dossiers lists a page of dossiers, those recorded last first.
func (c *Client) Dossiers(ctx context.Context, q DossierQuery) (hub.List[hub.DossierView], error) {
	query := ofAgency(q.Agency)
	setNonEmpty(query, "finding", string(q.Finding))
	if q.Open {
		query.Set("open", "true")
	}
	if q.Status != 0 {
		query.Set("status", strconv.Itoa(int(q.Status)))
	}
	for _, t := range q.Timeliness {
		query.Add("timeliness", string(t))
	}
	return list[hub.DossierView](ctx, c, pathOf("dossiers"), query, q.Page)
}

// Dossier shows one dossier, by id or number, with its events.
func (c *Client) Dossier(ctx context.Context, name string) (hub.DossierView, error) {
	var view hub.DossierView
	err := c.json(ctx, get(pathOf("dossiers", name), nil), &view)
	return view, err
}

// DossierProgress shows how a dossier stands, by id or number, as its owner is shown it.
func (c *Client) DossierProgress(ctx context.Context, name string) (hub.DossierProgress, error) {
	var progress hub.DossierProgress
	err := c.json(ctx, get(pathOf("dossiers", name, "progress"), nil), &progress)
	return progress, err
}

// RegisterDossier registers a dossier of a unit (code or id, empty where the credential
// speaks for one). It is tried again only where the wish has a key.
func (c *Client) RegisterDossier(ctx context.Context, unit string, wish hub.DossierWish) (hub.DossierView, error) {
	var view hub.DossierView
	k, err := call{method: http.MethodPost, path: pathOf("dossiers"), idempotent: wish.Key != ""}.withJSON(struct {
		hub.DossierWish
		Unit string `json:"unit,omitempty"`
	}{wish, unit})
	if err == nil {
		err = c.json(ctx, k, &view)
	}
	return view, err
}

// ActOnDossier reports an event of a dossier for an agency (code or id, empty where only one
// is meant); to is the code or id of a hand-over. It is tried again only where the order has
// a key.
func (c *Client) ActOnDossier(ctx context.Context, id hub.DossierID, agency, to string, order hub.DossierOrder) (hub.DossierView, error) {
	var view hub.DossierView
	k, err := call{method: http.MethodPost, path: pathOf("dossiers", string(id), "events"), idempotent: order.Key != ""}.withJSON(struct {
		hub.DossierOrder
		Agency string `json:"agency,omitempty"`
		To     string `json:"to,omitempty"`
	}{order, agency, to})
	if err == nil {
		err = c.json(ctx, k, &view)
	}
	return view, err
}

// RenewDossierSecret gives the owner of a dossier another secret, for an agency (as in
// ActOnDossier); the answer has it this once.
func (c *Client) RenewDossierSecret(ctx context.Context, id hub.DossierID, agency string) (hub.DossierView, error) {
	var view hub.DossierView
	err := c.json(ctx, call{method: http.MethodPost, path: pathOf("dossiers", string(id), "secret"), query: ofAgency(agency)}, &view)
	return view, err
}

// DossierReceipt writes the receipt of a dossier as a PDF, for an agency (as in
// ActOnDossier), with the secret of its owner where that is given.
func (c *Client) DossierReceipt(ctx context.Context, id hub.DossierID, agency string, secret hub.DossierSecret, w io.Writer) error {
	k, err := call{method: http.MethodPost, path: pathOf("dossiers", string(id), "receipt"), idempotent: true}.withJSON(struct {
		Agency string `json:"agency,omitempty"`
		Secret string `json:"secret,omitempty"`
	}{agency, string(secret)})
	if err != nil {
		return err
	}
	return c.do(ctx, k, func(resp *http.Response) error {
		raw, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err == nil {
			_, err = w.Write(raw)
		}
		return err
	})
}

// AttachToDossier adds a file to a dossier for an agency (as in ActOnDossier): filed by the
// owner where the kind is empty. It is tried again only with a key.
func (c *Client) AttachToDossier(ctx context.Context, id hub.DossierID, agency string, kind hub.DossierPaperKind, order hub.DossierOrder, f File, progress Progress) (hub.DossierView, error) {
	query := url.Values{"name": {f.Part.Name}}
	setNonEmpty(query, "agency", agency)
	setNonEmpty(query, "kind", string(kind))
	setNonEmpty(query, "at", string(order.At))
	setNonEmpty(query, "key", order.Key)
	k := call{
		method: http.MethodPost, path: pathOf("dossiers", string(id), "files"), query: query, idempotent: order.Key != "",
		body: func() (io.ReadCloser, error) { return f.Open() }, size: f.size(), progress: progress,
	}
	var view hub.DossierView
	err := c.json(ctx, k.with("Content-Type", cmp.Or(f.Part.MediaType, "application/octet-stream")), &view)
	return view, err
}

// DossierFile downloads a file of a dossier, by the event that brought it, as Part does.
func (c *Client) DossierFile(ctx context.Context, id hub.DossierID, event *hub.DossierEvent, w io.Writer, progress Progress) (hub.Digest, error) {
	var digest hub.Digest
	if event.Paper != nil {
		digest = event.Paper.Digest
	}
	return c.content(ctx, pathOf("dossiers", string(id), "files", strconv.FormatInt(event.Seq, 10)), digest, w, progress)
}

// DossierFigureQuery selects dossiers that are counted.
type DossierFigureQuery struct {
	Agency  string             // code or id; "" for the only one of the key
	Period  hub.Period         // "" for this year
	Under   bool               // with those of all units that were under it
	Measure hub.DossierMeasure // of those behind the figures; "" for all
}

func (q *DossierFigureQuery) values() url.Values {
	query := ofAgency(q.Agency)
	setNonEmpty(query, "period", string(q.Period))
	setNonEmpty(query, "measure", string(q.Measure))
	if q.Under {
		query.Set("under", "true")
	}
	return query
}

// DossierFigures counts dossiers in a period.
func (c *Client) DossierFigures(ctx context.Context, q DossierFigureQuery) (hub.DossierFigures, error) {
	q.Measure = "" // figures have all
	var figures hub.DossierFigures
	err := c.json(ctx, get(pathOf("dossiers", "figures"), q.values()), &figures)
	return figures, err
}

// CountedDossiers lists a page of the dossiers behind the figures, each with how it counts.
func (c *Client) CountedDossiers(ctx context.Context, q DossierFigureQuery, page hub.Page) (hub.List[hub.DossierCounted], error) {
	q.Under = false // those of the unit itself are listed
	return list[hub.DossierCounted](ctx, c, pathOf("dossiers", "counted"), q.values(), page)
}

// DossierWords are what the statuses of an agency's own system stand for.
func (c *Client) DossierWords(ctx context.Context, agency string) (hub.DossierWords, error) {
	var words hub.DossierWords
	err := c.json(ctx, get(pathOf("dossiers", "words"), ofAgency(agency)), &words)
	return words, err
}

// SetDossierWords says what the statuses of an agency's own system stand for: those given
// are all that there are.
func (c *Client) SetDossierWords(ctx context.Context, agency string, words map[string]hub.DossierStatus) (hub.DossierWords, error) {
	var now hub.DossierWords
	k, err := call{method: http.MethodPut, path: pathOf("dossiers", "words")}.withJSON(struct {
		Agency string                       `json:"agency,omitempty"`
		Words  map[string]hub.DossierStatus `json:"words"`
	}{agency, words})
	if err == nil {
		err = c.json(ctx, k, &now)
	}
	return now, err
}

// DossiersOnline says of which procedures an agency takes dossiers on the portal.
func (c *Client) DossiersOnline(ctx context.Context, agency string) (hub.DossierOnline, error) {
	var on hub.DossierOnline
	err := c.json(ctx, get(pathOf("dossiers", "online"), ofAgency(agency)), &on)
	return on, err
}

// SetDossiersOnline has an agency take dossiers of the given procedures on the portal, and of
// no others.
func (c *Client) SetDossiersOnline(ctx context.Context, agency string, procedures []string) (hub.DossierOnline, error) {
	var on hub.DossierOnline
	k, err := call{method: http.MethodPut, path: pathOf("dossiers", "online")}.withJSON(struct {
		Agency     string   `json:"agency,omitempty"`
		Procedures []string `json:"procedures"`
	}{agency, append([]string{}, procedures...)})
	if err == nil {
		err = c.json(ctx, k, &on)
	}
	return on, err
}

// DossierNews are what happened to the dossiers of an agency (code or id, empty where the
// credential speaks for one) behind a number, in order, and the number of the last.
func (c *Client) DossierNews(ctx context.Context, agency string, after int64, limit int) ([]hub.DossierNews, int64, error) {
	query := url.Values{"after": {strconv.FormatInt(after, 10)}, "limit": {strconv.Itoa(limit)}}
	setNonEmpty(query, "agency", agency)
	var feed struct {
		Items []hub.DossierNews `json:"items"`
		Last  int64             `json:"last"`
	}
	err := c.json(ctx, get(pathOf("dossiers", "events"), query), &feed)
	return feed.Items, feed.Last, err
}

// DossierPackages are the packages of an agency that are not in their dossiers.
func (c *Client) DossierPackages(ctx context.Context, agency string, settled bool) ([]hub.DossierTaking, error) {
	query := url.Values{}
	setNonEmpty(query, "agency", agency)
	if settled {
		query.Set("settled", "true")
	}
	var found hub.List[hub.DossierTaking]
	err := c.json(ctx, get(pathOf("dossiers", "packages"), query), &found)
	return found.Items, err
}

// SettleDossierPackage ends a package that can't be put into its dossier any more.
func (c *Client) SettleDossierPackage(ctx context.Context, dispatch hub.DispatchID, reason string) (hub.DossierTaking, error) {
	k, err := call{method: http.MethodPost, path: pathOf("dossiers", "packages", string(dispatch), "settlement"), idempotent: true}.withJSON(struct {
		Reason string `json:"reason"`
	}{reason})
	var taking hub.DossierTaking
	if err == nil {
		err = c.json(ctx, k, &taking)
	}
	return taking, err
}
