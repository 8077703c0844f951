package hubclient

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/lienthong/lienthong/hub"
)

// FiguresQuery asks for figures; Agency as in MailboxQuery, an empty Period is the year
// that runs, an empty Kind all kinds of documents.
type FiguresQuery struct {
	Agency string
	Period hub.Period
	Kind   string
	Level  hub.Level // that the agencies below count, of Figures and ExportFigures; empty for all
}

func (q *FiguresQuery) values() url.Values {
	values := url.Values{}
	setNonEmpty(values, "agency", q.Agency)
	setNonEmpty(values, "period", string(q.Period))
	setNonEmpty(values, "kind", q.Kind)
	return values
}

// levelled are the values of what lists agencies.
func (q *FiguresQuery) levelled() url.Values {
	values := q.values()
	setNonEmpty(values, "level", string(q.Level))
	return values
}

// Figures returns the figures of an agency with all that were under it, and a page of those
// directly under it.
func (c *Client) Figures(ctx context.Context, q FiguresQuery, p hub.Page) (hub.FigureReport, error) {
	var report hub.FigureReport
	err := c.json(ctx, get(pathOf("figures"), pageQuery(q.levelled(), p)), &report)
	return report, err
}

// ExportFigures writes figures as a file, "csv" or "xlsx".
func (c *Client) ExportFigures(ctx context.Context, q FiguresQuery, format string, w io.Writer) error {
	return c.copy(ctx, get(pathOf("figures."+format), q.levelled()), w)
}

// FigureOf names a number: what is counted of which side. Reason, with the measure of
// refusals, asks for those of that reason alone.
type FigureOf struct {
	Side    hub.Side
	Measure hub.Measure
	Reason  hub.ReasonCode
}

// Counted lists the deliveries behind a number.
func (c *Client) Counted(ctx context.Context, q FiguresQuery, of FigureOf, p hub.Page) (hub.List[hub.Item], error) {
	values := q.values()
	values.Set("side", string(of.Side))
	values.Set("measure", string(of.Measure))
	setNonEmpty(values, "reason", string(of.Reason))
	return list[hub.Item](ctx, c, pathOf("figures", "documents"), values, p)
}

// RebuildFigures has everything counted anew (operator).
func (c *Client) RebuildFigures(ctx context.Context) error {
	return c.json(ctx, call{method: http.MethodPost, path: pathOf("figures", "rebuild")}, nil)
}
