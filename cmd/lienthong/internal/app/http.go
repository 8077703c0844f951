package app

import (
	"context"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/crashpoint"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/calendar"
	"github.com/lienthong/lienthong/hub/delivery"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/intake"
	"github.com/lienthong/lienthong/hub/law"
	"github.com/lienthong/lienthong/hub/sealing"
	"github.com/lienthong/lienthong/hub/signrules"
	"github.com/lienthong/lienthong/hub/tasks"
	"github.com/lienthong/lienthong/hub/tracking"
	"github.com/lienthong/lienthong/hub/validation"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/report"
)

// Who implements which port, checked when this package compiles.
var (
	_ directory.Store        = engine.State(nil)
	_ directory.KeyStore     = engine.State(nil)
	_ intake.Store           = engine.State(nil)
	_ intake.UploadStore     = engine.State(nil)
	_ intake.Blobs           = engine.Content(nil)
	_ intake.Staging         = engine.Content(nil)
	_ intake.Directory       = (*directory.Directory)(nil)
	_ intake.Rules           = (*signrules.Service)(nil)
	_ signrules.Notes        = engine.State(nil)
	_ httpapi.SignatureRules = (*signrules.Service)(nil)
	_ calendar.Notes         = engine.State(nil)
	_ httpapi.WorkingDays    = (*calendar.Service)(nil)
	_ law.Notes              = engine.State(nil)
	_ httpapi.Law            = (*law.Service)(nil)
	_ tasks.Store            = engine.State(nil)
	_ httpapi.Tasks          = (*tasks.Service)(nil)
	_ intake.Tasks           = (*tasks.Service)(nil)
	_ httpapi.Seals          = (*sealing.Service)(nil)
	_ sealing.Signer         = (*signing.AgencySeals)(nil)
	_ sealing.Directory      = (*directory.Directory)(nil)
	_ sealing.Notes          = (*audit.Notes)(nil)
	_ intake.Notary          = (*audit.Service)(nil)
	_ intake.Queue           = engine.Queue(nil)
	_ delivery.Store         = engine.State(nil)
	_ delivery.Notary        = (*audit.Service)(nil)
	_ delivery.Queue         = engine.Queue(nil)
	_ delivery.Bell          = (*bells)(nil)
	_ tracking.Store         = engine.State(nil)
	_ tracking.LeaseStore    = engine.State(nil)
	_ tracking.ReportStore   = engine.State(nil)
	_ tracking.NoticeStore   = engine.State(nil)
	_ tracking.EvidenceStore = engine.State(nil)
	_ tracking.Blobs         = engine.Content(nil)
	_ tracking.Directory     = (*directory.Directory)(nil)
	_ tracking.Notary        = (*audit.Service)(nil)
	_ audit.Store            = engine.State(nil)
	_ audit.Sealer           = (*signing.Sealer)(nil)
	_ audit.LogStore         = engine.State(nil)
	_ audit.PlaceStore       = engine.State(nil)
	_ audit.NoteStore        = engine.State(nil)
	_ httpapi.Log            = (*audit.Reader)(nil)
	_ edxml.PartStore        = engine.Content(nil)
	_ httpapi.Authenticator  = (*directory.Keys)(nil)
	_ httpapi.KeyKeeper      = (*directory.Keys)(nil)
	_ httpapi.Directory      = (*directory.Directory)(nil)
	_ httpapi.Registry       = (*directory.Directory)(nil)
	_ httpapi.Intake         = (*intake.Service)(nil)
	_ httpapi.Uploads        = (*intake.Service)(nil)
	_ httpapi.Mailbox        = (*tracking.Service)(nil)
	_ httpapi.Leases         = (*tracking.Service)(nil)
	_ httpapi.Recipient      = (*tracking.Service)(nil)
	_ httpapi.Dispatches     = (*tracking.Service)(nil)
	_ httpapi.Changes        = (*tracking.Service)(nil)
	_ intake.Changes         = (*tracking.Service)(nil)
	_ intake.Forwards        = (*tracking.Service)(nil)
	_ intake.Verdicts        = (*validation.Service)(nil)
	_ httpapi.Forwards       = (*intake.Service)(nil)
	_ httpapi.Delegations    = (*directory.Directory)(nil)
	_ httpapi.Evidences      = (*audit.Service)(nil)
	_ httpapi.Verifier       = examining{}
	_ httpapi.Blobs          = engine.Content(nil)
)

func (a *App) handler() (http.Handler, error) {
	s := &a.services
	acts := chronicle{s.notes}
	queues, err := a.agencyQueues(acts)
	if err != nil {
		return nil, err
	}
	api := httpapi.New(httpapi.Options{
		Figures: notedFigures{s.figures, acts}, Counted: s.tracking,
		Authenticator: s.keys, KeyKeeper: notedKeys{s.keys, acts}, Accounts: notedAccounts{s.accounts, acts}, Enrolments: s.enrolment,
		Directory: s.directory, Registry: notedRegistry{s.directory, acts},
		Intake: a.watch.Intake(s.intake), Uploads: a.watch.Uploads(s.intake), Forwards: s.intake, Delegations: s.directory,
		Mailbox: s.tracking, Leases: s.tracking, Recipient: s.tracking, Dispatches: s.tracking, Changes: s.tracking,
		Evidences: s.audit, ReceiptXML: a.sealer.ReceiptXML, Verifier: a.examining(), ReportForms: reportForms(s.pages), Blobs: a.blobs, Codec: codec(), DeadLetters: notedLetters{a.queue, acts}, AgencyQueues: queues, Stuck: notedStuck{s.delivery, acts}, Alerts: notedAlerts{s.alerts, acts}, Axis: notedAxis{s.passages, acts}, Passages: notedPassages{s.passages, acts}, Retention: notedRetention{a.newRetention(), acts}, Proofs: s.proofs, Sequences: s.sequences, SignatureRules: notedRules{s.rules, acts},
		Validation: s.archive, Seals: s.sealing, Bundles: s.bundles,
		Subscriptions: s.push, Telling: s.push, Lists: s.lists, RoutingRules: notedRouting{s.routing, acts}, HandOvers: a.handOvers(), WorkingDays: notedCalendar{s.calendar, acts}, Law: notedLaw{s.law, acts}, RegisterYears: s.tracking, Numbers: s.numbers, Procedures: s.catalogue, Dossiers: s.dossiers, Evaluations: notedEvaluation{s.evaluated, acts}, Inspections: s.inspected, Reports: s.reports, Post: s.post, Connections: s.connected, Tasks: s.tasks,
		Now: a.now, NewID: a.newID, Log: a.log, Version: a.version, Stopping: a.stopping,
		Ready: a.health.readiness, Overloaded: a.health.overloaded, Metrics: a.watch.Metrics(), Observe: a.watch.Observe,
		Limits: httpapi.Limits{Rate: a.config.ClientRate},
	})
	all, err := a.withPages(api)
	if err == nil {
		all, err = a.doors(all)
	}
	return crashpoint.Answers(a.watch.Trace(a.leaving(all))), err
}

// leaving asks clients for new connections, which a load balancer leads elsewhere, as
// soon as the node is about to stop.
func (a *App) leaving(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a.health.leaving() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// codec lends the edXML adapter to the REST adapter, which must not know it.
func codec() httpapi.Codec {
	c := edxml.New(edxml.Options{})
	return httpapi.Codec{
		Decode: func(ctx context.Context, r io.Reader, store httpapi.Blobs) (hub.Package, error) {
			return c.Decode(ctx, r, store)
		},
		Encode: func(ctx context.Context, w io.Writer, item hub.SentItem, open func(hub.Part) (hub.Blob, error)) error {
			return c.EncodeDispatch(ctx, w, item.Dispatch, item.Deliveries,
				func(_ context.Context, part hub.Part) (hub.Blob, error) { return open(part) })
		},
	}
}

// reportForms lends the forms of signature reports to the REST adapter.
func reportForms(pages *report.Pages) []httpapi.ReportForm {
	return []httpapi.ReportForm{
		{MediaType: "text/html", Charset: "utf-8", ContentPolicy: report.ContentPolicy(), Write: func(w io.Writer, languages string, files []hub.FileReport) error {
			return pages.Write(w, report.ChooseLanguage(languages), files...)
		}},
		{MediaType: "application/xml", Write: func(w io.Writer, _ string, files []hub.FileReport) error { return report.WriteXML(w, files...) }},
		{MediaType: "application/vnd.lienthong.validation-report+json", Write: func(w io.Writer, _ string, files []hub.FileReport) error {
			return report.WriteJSON(w, files...)
		}},
	}
}
