// Package tasks is what agencies do about the tasks that documents set them: progress,
// completion and its confirmation, extensions, answers, and reminders of deadlines.
//
// A task lives at one agency as an assignment, a part of the delivery of the document to
// that agency. Every act is one step of the delivery: assignment and signed evidence
// (hub.EventTask) are recorded in one transaction or not at all, and the evidence is a link
// in the chain of the delivery, for assigner and agency alike. The history of a task is
// that chain. The assigner is the sender of the document; an agency sees its own
// assignments and nothing of the others'; to everybody else a task does not exist.
//
// How a task stands to its deadline is computed by the day in Vietnam and the calendar of
// working days. The hub reminds once for each cause: the step that says so moves the
// reminder on.
package tasks

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// Lists find assignments.
type Lists interface {
	// Tasks lists assignments: open ones first, then by deadline, those without one last.
	Tasks(ctx context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error)
	// TaskTotals counts the tasks of one side, at most hub.MaxTotalled of them.
	TaskTotals(ctx context.Context, query hub.TaskQuery) (hub.TaskTotals, error)
	// DueReminders lists assignments whose RemindOn has come, the oldest first.
	DueReminders(ctx context.Context, today hub.Date, limit int) ([]hub.AssignedTask, error)
}

// Store keeps assignments with their deliveries.
type Store interface {
	Lists
	// ApplySteps: see delivery.Store.
	ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error)
	// DispatchShare: see tracking.ReportStore.
	DispatchShare(ctx context.Context, dispatch hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error)
	Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
}

// Directory knows the agencies.
type Directory interface {
	ByID(id hub.AgencyID) (*hub.Agency, bool)
	// Heirs are the living agencies that stand in for one that has closed.
	Heirs(id hub.AgencyID, at time.Time) []hub.AgencyID
}

// Notary completes and seals evidences.
type Notary interface {
	Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error)
}

// Bell wakes those who wait for something to arrive for an agency.
type Bell interface {
	Ring(agency hub.AgencyID)
}

// Options configure a Service. Zero limits take the defaults named beside them.
type Options struct {
	Store     Store
	Directory Directory
	Notary    Notary
	Bell      Bell
	Calendar  func() *hub.Calendar
	Now       func() time.Time
	Log       *slog.Logger
	MaxPage   int // rows of a page; default 200
}

// Service follows tasks. It is safe for concurrent use.
type Service struct{ Options }

// New returns a Service with defaults filled in.
func New(o Options) *Service {
	if o.MaxPage == 0 {
		o.MaxPage = 200
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{o}
}

func (s *Service) now() time.Time { return s.Now().UTC().Truncate(time.Millisecond) }

func (s *Service) today() hub.Date { return hub.DateOf(s.Now()) }

// Tasks lists the tasks that an agency has (query.Agency) or that it set (query.Assigner);
// exactly one of both is named. Open ones come first, then by deadline.
func (s *Service) Tasks(ctx context.Context, actor hub.Actor, query hub.TaskQuery) (hub.List[hub.TaskView], error) {
	var list hub.List[hub.TaskView]
	if err := mayList(&actor, &query); err != nil {
		return list, err
	}
	if err := hub.CheckSearch(query.Text); err != nil {
		return list, err
	}
	if query.Page.Limit <= 0 || query.Page.Limit > s.MaxPage {
		query.Page.Limit = min(max(query.Page.Limit, 50), s.MaxPage)
	}
	query.Shown = query.Agency != ""
	found, err := s.find(ctx, query)
	if err != nil {
		return list, err
	}
	list.Next = found.Next
	for i := range found.Items {
		list.Items = append(list.Items, s.view(&found.Items[i]))
	}
	return list, nil
}

// Totals counts the tasks that an agency has, or that it set, as Tasks asks for them;
// states, timeliness and words of the query count for nothing.
func (s *Service) Totals(ctx context.Context, actor hub.Actor, query hub.TaskQuery) (hub.TaskTotals, error) {
	if err := mayList(&actor, &query); err != nil {
		return hub.TaskTotals{}, err
	}
	query.Today, query.Shown = s.today(), query.Agency != ""
	return s.Store.TaskTotals(ctx, query)
}

// mayList refuses who asks for tasks of others, or of nobody.
func mayList(actor *hub.Actor, query *hub.TaskQuery) error {
	switch {
	case (query.Agency == "") == (query.Assigner == ""):
		return hub.Invalid("agency", "required", "name the agency whose tasks are wanted")
	case query.Agency != "":
		return actor.Receives(query.Agency)
	}
	return actor.SpeaksFor(query.Assigner, hub.ScopeRead)
}

// find asks the store with the days of now.
func (s *Service) find(ctx context.Context, query hub.TaskQuery) (hub.List[hub.AssignedTask], error) {
	query.Today = s.today()
	query.Soon = s.Calendar().Soon(query.Today)
	return s.Store.Tasks(ctx, query)
}

func (s *Service) view(t *hub.AssignedTask) hub.TaskView {
	d, v := &t.Dispatch, &t.Delivery
	assignment, today := *v.Assignment(t.Task), s.today()
	holder := ""
	if a, ok := s.Directory.ByID(assignment.Holder); ok {
		holder = a.NameAt(s.now())
	}
	return hub.TaskView{
		HolderName: holder,
		Task:       *d.TaskByID(t.Task), Assignment: assignment, Timeliness: assignment.Timeliness(today, s.Calendar().Soon(today)),
		Agency: v.Recipient, AgencyName: v.Name, Code: v.AddressedAs, Delivery: v.ID, DeliveryState: v.State, Dispatch: d.ID,
		Sender: d.Sender, SenderName: d.SenderName, SenderCode: d.SenderCode, DocNumber: d.Document.Number(), Subject: d.Document.Subject, AssignedAt: d.AcceptedAt,
	}
}

// Task returns a task at every agency where the actor may see it: its assigner and an
// auditor see all, an agency its own. KindNotFound when there is none.
func (s *Service) Task(ctx context.Context, actor hub.Actor, id hub.TaskID) ([]hub.TaskView, error) {
	found, err := s.assigned(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	views := make([]hub.TaskView, len(found))
	for i := range found {
		views[i] = s.view(&found[i])
	}
	return views, nil
}

// assigned are the assignments of a task that the actor may see, at least one.
func (s *Service) assigned(ctx context.Context, actor hub.Actor, id hub.TaskID) ([]hub.AssignedTask, error) {
	list, err := s.find(ctx, hub.TaskQuery{Tasks: []hub.TaskID{id}, Page: hub.Page{Limit: hub.MaxAssignees}})
	if err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(list.Items, func(t hub.AssignedTask) bool {
		sees := actor.SpeaksFor(t.Dispatch.Sender, hub.ScopeRead) == nil || actor.SpeaksFor(t.Dispatch.Sender, hub.ScopeSubmit) == nil || actor.Has(hub.ScopeAudit)
		return !sees && (actor.Receives(t.Delivery.Recipient) != nil || !t.Delivery.ShowsTasks())
	})
	if len(found) == 0 {
		return nil, noTask()
	}
	return found, nil
}

func noTask() error { return hub.Errorf(hub.KindNotFound, "task", "", "there is no such task") }

// History lists the acts on a task at an agency where the actor may see it, oldest first, as
// the evidence has them (EventTask). The acceptance that set the task is none of them, nor
// what happened to the document by which the task was returned or cancelled: that stands in
// the evidence of the dispatch and of the delivery.
func (s *Service) History(ctx context.Context, actor hub.Actor, id hub.TaskID, agency hub.AgencyID) ([]hub.SealedEvidence, error) {
	found, err := s.assigned(ctx, actor, id)
	if err != nil {
		return nil, err
	}
	t, err := one(found, agency)
	if err != nil {
		return nil, err
	}
	return s.acts(ctx, t, func(*hub.TaskFact) bool { return true })
}

// one chooses among assignments of a task by the agency; without one there is but one.
func one(found []hub.AssignedTask, agency hub.AgencyID) (*hub.AssignedTask, error) {
	if agency == "" && len(found) == 1 {
		return &found[0], nil
	}
	if agency == "" {
		return nil, hub.Invalid("agency", "required", "%d agencies have this task: name one", len(found))
	}
	for i := range found {
		if found[i].Delivery.Recipient == agency {
			return &found[i], nil
		}
	}
	return nil, noTask()
}

// acts are the evidences of acts on an assignment that fit.
func (s *Service) acts(ctx context.Context, t *hub.AssignedTask, fits func(*hub.TaskFact) bool) ([]hub.SealedEvidence, error) {
	var all []hub.SealedEvidence
	query := hub.EvidenceQuery{Delivery: t.Delivery.ID, Page: hub.Page{Limit: s.MaxPage}}
	for {
		list, err := s.Store.Evidences(ctx, query)
		if err != nil {
			return nil, err
		}
		for i := range list.Items {
			e := &list.Items[i].Evidence
			if e.Event == hub.EventTask && len(e.Tasks) == 1 && e.Tasks[0].ID == t.Task && fits(&e.Tasks[0]) {
				all = append(all, list.Items[i])
			}
		}
		if query.Page.After = list.Next; list.Next == "" {
			return all, nil
		}
	}
}

// maxText is the longest text of an act, in characters.
const maxText = 2000

func checkText(text string, required bool) error {
	forbidden := func(r rune) bool {
		return unicode.IsControl(r) && r != '\n' && r != '\r' && r != '\t' || r == '\u2028' || r == '\u2029' || r == '\ufeff' ||
			r == '\u061c' || r == '\u200e' || r == '\u200f' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069'
	}
	switch {
	case required && strings.TrimSpace(text) == "":
		return hub.Invalid("text", "required", "say why")
	case !utf8.ValidString(text):
		return hub.Invalid("text", "utf8", "the text is not valid UTF-8")
	case strings.ContainsFunc(text, forbidden):
		return hub.Invalid("text", "control_character", "the text contains control characters")
	case utf8.RuneCountInString(text) > maxText:
		return hub.Invalid("text", "max_length", "the text has more than %d characters", maxText)
	}
	return nil
}
