// Package storagetest says in tests what a store of state and a store of content
// promise. Every back end runs the same suite unchanged: Run for the state of a
// hub, RunBlobs for its originals. What only one back end can break (triggers,
// files on a disk, buckets) is tested beside that back end.
//
// The interfaces here are those that the services declare beside their use,
// gathered: a back end that fits Store and Blobs fits them all.
package storagetest

import (
	"context"
	"io"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Store is all state of one hub.
type Store interface {
	Agencies
	Keys
	Accounts
	Sessions
	Drafts
	TestTurns
	Tasks
	Registers
	OutgoingNumbers
	Procedures
	Dossiers
	Feedbacks
	Inspections
	PostalOrders
	Books
	Figures
	Enrolments
	Subscriptions
	HandOvers
	Feed
	Pushes
	Acceptances
	Uploads
	Deliveries
	Boxes
	Leases
	Reports
	Verdicts
	Notices
	Evidences
	Operations
	Archives
	Retention
	Notes
	Log
	LogRecords
}

// Agencies is the directory's store.
type Agencies interface {
	LoadAgencies(ctx context.Context) (agencies []hub.Agency, version int64, err error)
	SaveAgencies(ctx context.Context, version int64, agencies []hub.Agency) (now int64, err error)
	AgenciesVersion(ctx context.Context) (int64, error)
}

// Keys keeps API keys.
type Keys interface {
	AddKey(ctx context.Context, key hub.APIKey) error
	EndKey(ctx context.Context, id string, at time.Time) error
	ResealKey(ctx context.Context, id string, was, now []byte) error
	UseKeys(ctx context.Context, uses []hub.KeyUse) error
	KeyByID(ctx context.Context, id string) (hub.APIKey, error)
	Keys(ctx context.Context) ([]hub.APIKey, error)
}

// Accounts keeps persons.
type Accounts interface {
	SaveAccount(ctx context.Context, account hub.Account) error
	AccountByLogin(ctx context.Context, login hub.Login) (hub.Account, error)
	Account(ctx context.Context, name string) (hub.Account, error)
	Accounts(ctx context.Context) ([]hub.Account, error)
}

// TestTurns bounds connection tests over all nodes.
type TestTurns interface {
	TakeTestTurn(ctx context.Context, turn hub.TestTurn, now time.Time, atOnce int) (standing *hub.TestTurn, full bool, err error)
	EndTestTurn(ctx context.Context, taken, ended hub.TestTurn) error
}

// Drafts keeps what persons have begun to write.
type Drafts interface {
	SaveDraft(ctx context.Context, draft hub.Draft) error
	Draft(ctx context.Context, account, id string) (hub.Draft, error)
	Drafts(ctx context.Context, account string) ([]hub.Draft, error)
	DeleteDraft(ctx context.Context, account, id string) error
}

// HandOvers records that a closed agency was handed over.
type HandOvers interface {
	HandOver(ctx context.Context, change hub.HandOverChange) error
	OfficeDrafts(ctx context.Context, office hub.AgencyID) (int, error)
}

// Sessions keeps who is signed in.
type Sessions interface {
	BeginSession(ctx context.Context, session hub.Session) error
	ChangeSession(ctx context.Context, was hub.AgencyID, session hub.Session) error
	Session(ctx context.Context, hash hub.Digest) (hub.Session, error)
	EndSession(ctx context.Context, hash hub.Digest) error
	EndSessions(ctx context.Context, account string) error
}

// Registers keeps the numbers of incoming documents.
type Registers interface {
	TakeNumber(ctx context.Context, n hub.RegisterNumber) error
	NextNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error)
	AssignNumber(ctx context.Context, agency hub.AgencyID, year int, delivery hub.DeliveryID) (string, error)
	CloseYear(ctx context.Context, y hub.RegisterYear) (hub.RegisterYear, error)
	CompleteYear(ctx context.Context, y hub.RegisterYear) error
	ClosedYears(ctx context.Context, agency hub.AgencyID) ([]hub.RegisterYear, error)
}

// OutgoingNumbers keeps the numbers of outgoing documents.
type OutgoingNumbers interface {
	TakeOutgoing(ctx context.Context, n hub.OutgoingNumber) (hub.OutgoingNumber, error)
	CancelOutgoing(ctx context.Context, n hub.OutgoingNumber) (hub.OutgoingNumber, error)
	NextOutgoing(ctx context.Context, agency hub.AgencyID, year int, kind string) (int64, error)
	OutgoingNumbers(ctx context.Context, query hub.OutgoingQuery) (hub.List[hub.OutgoingNumber], error)
	CheckOutgoing(ctx context.Context, d *hub.Dispatch) error
}

// PostalOrders keeps what agencies have the post carry.
type PostalOrders interface {
	AddPostalOrder(ctx context.Context, order hub.PostalOrder) error
	ChangePostalOrder(ctx context.Context, order hub.PostalOrder) error
	FindPostalOrder(ctx context.Context, key hub.PostalKey) (hub.PostalOrder, error)
	PostalOrders(ctx context.Context, query hub.PostalQuery) (hub.List[hub.PostalOrder], error)
	DuePostalOrders(ctx context.Context, now time.Time, limit int) ([]hub.PostalOrder, error)
	PostalBacklog(ctx context.Context) (hub.PostalBacklog, error)
}

// Dossiers keeps what is filed at one-stop desks.
type Dossiers interface {
	AddDossier(ctx context.Context, dossier hub.DossierFile, next bool, notes []hub.LogNote, keep ...hub.RetentionNote) error
	AddDossierEvent(ctx context.Context, dossier hub.DossierFile, note hub.LogNote, keep ...hub.RetentionNote) error
	FindDossier(ctx context.Context, key hub.DossierKey) (hub.DossierFile, error)
	LastDossier(ctx context.Context, unit hub.AgencyID, day hub.Date) (int64, error)
	Dossiers(ctx context.Context, query hub.DossierQuery) (hub.List[hub.DossierFile], error)
	DossierSums(ctx context.Context, look hub.DossierLook) ([]hub.DossierSum, error)
	DossierCount(ctx context.Context, look hub.DossierLook) (hub.DossierCount, error)
	CountedDossiers(ctx context.Context, look hub.DossierLook, measure hub.DossierMeasure, page hub.Page) (hub.List[hub.DossierFile], error)
	DossierUnits(ctx context.Context) ([]hub.AgencyID, error)
	UncountedDossiers(ctx context.Context, basis string, limit int) ([]hub.DossierFile, error)
	CountDossiers(ctx context.Context, dossiers []hub.DossierFile) error
	EraseDossier(ctx context.Context, dossier hub.DossierFile, note hub.LogNote, rules int64, gone []hub.RetentionNote) error
	EndedDossiers(ctx context.Context, query hub.EndedDossiers) ([]hub.Dossier, error)
	DossiersToRemind(ctx context.Context, now time.Time, limit int) ([]hub.DossierFile, error)
	RemindLater(ctx context.Context, id hub.DossierID, version int64, at time.Time) error
	DossierNews(ctx context.Context, agency hub.AgencyID, after int64, limit int) ([]hub.DossierNews, error)
}

// Inspections keeps inspections with their events.
type Inspections interface {
	AddInspection(ctx context.Context, inspection hub.InspectionFile, note hub.LogNote) error
	AddInspectionEvent(ctx context.Context, inspection hub.InspectionFile, note hub.LogNote) error
	FindInspection(ctx context.Context, key hub.InspectionKey) (hub.InspectionFile, error)
	Inspections(ctx context.Context, query hub.InspectionQuery) (hub.List[hub.InspectionFile], error)
	InspectionsBetween(ctx context.Context, span hub.InspectionSpan) (hub.List[hub.InspectionFile], error)
	WaitingInspections(ctx context.Context, after hub.InspectionID, limit int) ([]hub.InspectionFile, error)
}

// Feedbacks keeps what those who filed dossiers say of agencies.
type Feedbacks interface {
	AddFeedback(ctx context.Context, list []hub.Feedback) (hub.FeedbackFed, error)
	FeedbackSums(ctx context.Context, from, look time.Time) ([]hub.FeedbackSum, error)
}

// Procedures keeps the catalogue of administrative procedures.
type Procedures interface {
	SaveProcedures(ctx context.Context, last int64, changes []hub.ProcedureChange, versions []hub.ProcedureVersion, note hub.LogNote) error
	CatalogueRows(ctx context.Context, emit func(hub.CatalogueRow) error) error
	DossierRows(ctx context.Context, emit func(hub.DossierRow) error) error
	LastProcedureChange(ctx context.Context) (int64, error)
	ProcedureVersions(ctx context.Context, codes []string) ([]hub.ProcedureVersion, error)
	Procedures(ctx context.Context, query hub.ProcedureQuery) (hub.List[hub.ProcedureVersion], error)
	ProcedureChanges(ctx context.Context, after int64, limit int) ([]hub.ProcedureChange, error)
}

// Books reads what registers are printed from.
type Books interface {
	SentBetween(ctx context.Context, span hub.SentSpan) (hub.List[hub.SentItem], error)
	RegisteredBetween(ctx context.Context, query hub.RegisterQuery) (hub.List[hub.RegisterEntry], error)
	Counted(ctx context.Context, query hub.CountedQuery) (hub.List[hub.Item], error)
}

// Acceptances records what became of submissions.
type Acceptances interface {
	FindAccepted(ctx context.Context, sender hub.AgencyID, key, externalID string, op hub.Operation) (hub.Accepted, error)
	Accept(ctx context.Context, acceptance hub.Acceptance) (hub.Accepted, error)
	Reject(ctx context.Context, sender hub.AgencyID, evidence hub.SealedEvidence) error
}

// Uploads keeps registered uploads.
type Uploads interface {
	SaveUpload(ctx context.Context, upload hub.Upload) error
	Upload(ctx context.Context, id string) (hub.Upload, error)
	DeleteUpload(ctx context.Context, id string) error
	ExpiredUploads(ctx context.Context, now time.Time, limit int) ([]hub.Upload, error)
}

// Deliveries yields work and records what became of it.
type Deliveries interface {
	DueDeliveries(ctx context.Context, now time.Time, limit int, dispatches ...hub.DispatchID) ([]hub.Item, error)
	ExpiringDeliveries(ctx context.Context, now time.Time, limit int) ([]hub.Item, error)
	// FailingDeliveries returns the oldest failing delivery of each recipient that has one.
	FailingDeliveries(ctx context.Context, limit int) ([]hub.Item, error)
	ApplySteps(ctx context.Context, steps ...hub.Step) ([]error, error)
}

// Boxes reads mailboxes and sent lists.
type Boxes interface {
	Mailbox(ctx context.Context, query hub.MailboxQuery) (hub.List[hub.Item], error)
	Sent(ctx context.Context, query hub.SentQuery) (hub.List[hub.SentItem], error)
	Item(ctx context.Context, delivery hub.DeliveryID) (hub.Item, error)
	DispatchItem(ctx context.Context, dispatch hub.DispatchID) (hub.SentItem, error)
}

// Leases gives collectors the right to work on deliveries.
type Leases interface {
	TakeLeases(ctx context.Context, request hub.LeaseRequest) ([]hub.Item, error)
	RenewLease(ctx context.Context, delivery hub.DeliveryID, fence int64, now, until time.Time) (hub.Lease, error)
	ReleaseLease(ctx context.Context, delivery hub.DeliveryID, fence int64, now time.Time) error
}

// Reports keeps status reports and signature reports.
type Reports interface {
	StatusReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.StatusReport, error)
	SignatureReports(ctx context.Context, dispatch hub.DispatchID) ([]hub.SignatureReport, error)
	MatchDelivery(ctx context.Context, sender, recipient hub.AgencyID, ref hub.Reference) (hub.Item, error)
	DispatchShare(ctx context.Context, dispatch hub.DispatchID, recipients []hub.AgencyID) (hub.SentItem, error)
	DispatchShares(ctx context.Context, dispatches []hub.DispatchID, recipients []hub.AgencyID) ([]hub.SentItem, error)
	Items(ctx context.Context, deliveries []hub.DeliveryID) ([]hub.Item, error)
	LinksTo(ctx context.Context, dispatch hub.DispatchID, limit int) ([]hub.Link, error)
}

// Verdicts reads the verdicts on what came to an agency.
type Verdicts interface {
	DeliveryVerdicts(ctx context.Context, recipient hub.AgencyID, deliveries []hub.DeliveryID, later string) ([]hub.DeliveryVerdicts, error)
}

// Notices keeps which status reports wait for whom.
type Notices interface {
	Notices(ctx context.Context, query hub.NoticeQuery) (hub.List[hub.Notice], error)
	Notice(ctx context.Context, report string) (hub.Notice, error)
	TakeNotice(ctx context.Context, agency hub.AgencyID, report string) error
	// NoticeAgencies lists agencies for whom reports wait that they read, by id.
	NoticeAgencies(ctx context.Context, after hub.AgencyID, limit int) ([]hub.AgencyID, error)
}

// Evidences reads evidence.
type Evidences interface {
	Evidences(ctx context.Context, query hub.EvidenceQuery) (hub.List[hub.SealedEvidence], error)
	Evidence(ctx context.Context, id hub.EvidenceID) (hub.SealedEvidence, error)
}

// Operations are what the operator's side of a hub asks.
type Operations interface {
	// Ping fails while the store cannot serve.
	Ping(ctx context.Context) error
	// Settle records a value under a name unless one stands there, and returns the
	// one that stands: how several nodes agree once.
	Settle(ctx context.Context, name, value string) (string, error)
	// Backlog counts what waits; the counts stop at the limit.
	Backlog(ctx context.Context, limit int) (hub.Backlog, error)
}

// Blobs is all content of one hub.
type Blobs interface {
	Content
	Staging
	Keeping
}

// Content is addressed by its SHA-256.
type Content interface {
	CreateBlob(ctx context.Context) (hub.BlobWriter, error)
	OpenBlob(ctx context.Context, digest hub.Digest) (hub.Blob, error)
}

// Staging holds bytes of uploads that are not complete.
type Staging interface {
	AppendStaged(ctx context.Context, id string, offset int64, r io.Reader) (newOffset int64, err error)
	StagedSize(ctx context.Context, id string) (int64, error)
	CommitStaged(ctx context.Context, id string) (hub.Digest, int64, error)
	DiscardStaged(ctx context.Context, id string) error
}

// Backend says how to come by a store of state.
type Backend struct {
	// Open returns an empty store and sees to its closing.
	Open func(t *testing.T) Store
	// Reopen closes a store of Open and opens what it left behind, as a restart
	// of the hub does.
	Reopen func(t *testing.T, store Store) Store
}

// Run tests one back end of state.
func Run(t *testing.T, b Backend) {
	for name, test := range map[string]func(*testing.T, Backend){
		"agencies":              testAgencies,
		"keys":                  testKeys,
		"accounts":              testAccounts,
		"sessions":              testSessions,
		"drafts":                testDrafts,
		"test turns":            testTestTurns,
		"hand-over":             testHandOver,
		"registers":             testRegisters,
		"register years":        testRegisterYears,
		"outgoing numbers":      testOutgoing,
		"procedures":            testProcedures,
		"dossiers":              testDossiers,
		"dossier facts":         testDossierFacts,
		"feedback":              testFeedback,
		"inspections":           testInspections,
		"postal orders":         testPostalOrders,
		"dossier notes":         testDossierNotes,
		"tasks":                 testTasks,
		"forged cursors":        testForgedCursors,
		"tasks and answers":     testTaskChanges,
		"tasks of both sides":   testTaskSides,
		"register books":        testBooks,
		"sent between":          testSentBetween,
		"figures":               testFigures,
		"figures anew":          testFiguresAnew,
		"traffic":               testTraffic,
		"counted":               testCounted,
		"enrolments":            testEnrolments,
		"enrolment once":        testEnrolmentOnce,
		"notices":               testNotices,
		"swap note":             testSwapNote,
		"keep notes":            testKeepNotes,
		"accept":                testAccept,
		"accept once":           testAcceptOnce,
		"accept in parallel":    testAcceptInParallel,
		"accept all or nothing": testAcceptAllOrNothing,
		"accept with changes":   testAcceptWithChanges,
		"accept with arrivals":  testAcceptWithArrivals,
		"forward":               testForward,
		"forward against purge": testForwardAgainstPurge,
		"recall races":          testRecallRaces,
		"asked":                 testAsked,
		"reject":                testReject,
		"uploads":               testUploads,
		"due deliveries":        testDueDeliveries,
		"expiring deliveries":   testExpiringDeliveries,
		"failing deliveries":    testFailingDeliveries,
		"steps":                 testSteps,
		"step conflicts":        testStepConflicts,
		"illegal transitions":   testIllegalTransitions,
		"steps in parallel":     testStepsInParallel,
		"lease fences":          testLeaseFences,
		"lease expiry":          testLeaseExpiry,
		"leases by id":          testLeasesByID,
		"leases in parallel":    testLeasesInParallel,
		"step under a lease":    testStepUnderLease,
		"mailbox pages":         testMailboxPages,
		"mailbox filters":       testMailboxFilters,
		"mailbox visibility":    testMailboxVisibility,
		"pressing":              testPressing,
		"sent pages":            testSentPages,
		"sent filters":          testSentFilters,
		"search":                testSearch,
		"pages of a search":     testSearchPages,
		"foreign cursors":       testForeignCursors,
		"status reports":        testStatusReports,
		"signature reports":     testSignatureReports,
		"delivery verdicts":     testDeliveryVerdicts,
		"match delivery":        testMatchDelivery,
		"evidence":              testEvidence,
		"evidence order":        testEvidenceOrder,
		"shared signature":      testSharedSignature,
		"evidence append-only":  testEvidenceAppendOnly,
		"settle":                testSettle,
		"backlog":               testBacklog,
		"subscriptions":         testSubscriptions,
		"pushes":                testPushes,
		"push feed":             testPushFeed,
		"archive":               testArchive,
		"archive refused":       testArchiveRefused,
		"dispatch files":        testDispatchFiles,
		"completed":             testCompleted,
		"completed in parallel": testCompletedInParallel,
		"purge":                 testPurge,
		"purge conflicts":       testPurgeConflicts,
		"purge and archive":     testPurgeArchive,
		"named content":         testNamedContent,
		"retention notes":       testNotes,
		"verdicts":              testVerdicts,
		"retention rules":       testRules,
		"log":                   testLog,
		"renewals":              testLogRenewals,
		"sequences":             testLogSequences,
		"rehashes":              testLogRehashes,
		"log of notes alone":    testLogNotesFirst,
		"log rows":              testLogRows,
		"log order":             testLogOrder,
		"log in parallel":       testLogInParallel,
		"reopen":                testReopen,
		"ended context":         testEndedContext,
		"state machine":         testStateMachine,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, b)
		})
	}
}
