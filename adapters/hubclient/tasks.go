package hubclient

import (
	"context"

	"github.com/lienthong/lienthong/hub"
)

// TaskQuery selects tasks of an agency (code or id), which may be empty when the
// credential speaks for one: those that it has or, with Assigned, those that it set.
type TaskQuery struct {
	Agency     string
	Assigned   bool
	States     []hub.TaskState
	Timeliness []hub.Timeliness
	With       string // code or id of the agency on the other side; empty: any
	Text       string // words of the document or of what it asks for
	Noticed    bool   // only those of which the agency has yet to take note
	Page       hub.Page
}

// TaskTotals counts the tasks of an agency in four totals; of the query, agency, side and
// the other side count.
func (c *Client) TaskTotals(ctx context.Context, q TaskQuery) (hub.TaskTotals, error) {
	query := ofAgency(q.Agency)
	setNonEmpty(query, "with", q.With)
	if q.Assigned {
		query.Set("as", "assigner")
	}
	var totals hub.TaskTotals
	err := c.json(ctx, get(pathOf("tasks", "totals"), query), &totals)
	return totals, err
}

// Tasks lists tasks: open ones first, then by deadline.
func (c *Client) Tasks(ctx context.Context, q TaskQuery) (hub.List[hub.TaskView], error) {
	query := ofAgency(q.Agency)
	if q.Assigned {
		query.Set("as", "assigner")
	}
	setNonEmpty(query, "with", q.With)
	setNonEmpty(query, "q", q.Text)
	if q.Noticed {
		query.Set("noticed", "true")
	}
	for _, s := range q.States {
		query.Add("state", string(s))
	}
	for _, t := range q.Timeliness {
		query.Add("timeliness", string(t))
	}
	return list[hub.TaskView](ctx, c, pathOf("tasks"), query, q.Page)
}

// Task returns a task at every agency where the credential may see it.
func (c *Client) Task(ctx context.Context, id hub.TaskID) ([]hub.TaskView, error) {
	l, err := list[hub.TaskView](ctx, c, pathOf("tasks", string(id)), nil, hub.Page{})
	return l.Items, err
}

// TaskHistory lists the evidence of what was done to a task at an agency (code or id),
// oldest first; the agency may be empty where the credential sees one alone.
func (c *Client) TaskHistory(ctx context.Context, id hub.TaskID, agency string) ([]hub.SealedEvidence, error) {
	l, err := list[hub.SealedEvidence](ctx, c, pathOf("tasks", string(id), "history"), ofAgency(agency), hub.Page{})
	return l.Items, err
}

// ActOnTask does something to a task at an agency (code or id, empty where only one is
// meant) and returns the evidence. The last act again gives the same evidence.
func (c *Client) ActOnTask(ctx context.Context, id hub.TaskID, agency string, order hub.TaskOrder) (hub.SealedEvidence, error) {
	return c.act(ctx, pathOf("tasks", string(id), "acts"), struct {
		hub.TaskOrder
		Agency string `json:"agency,omitempty"`
	}{order, agency})
}
