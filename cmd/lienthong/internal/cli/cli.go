// Package cli is the command line of lienthong.
//
// Its rules: results go to standard output, everything else to standard error;
// --json makes every result one JSON value; progress bars and colours appear on
// a terminal only; an error says what, which field, which rule, and the next
// step; secrets come from files or the environment, never from the command line.
// Exit codes are a table (see codes.go) that scripts can rely on.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// Environment is what a run of the program gets from outside.
type Environment struct {
	Args    []string
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
	Version string
}

// commands are the flags and subcommands. Help texts are the documentation.
type commands struct {
	JSON bool `help:"Print results as JSON."`

	Serve   serveCommand   `cmd:"" help:"Run a hub."`
	Demo    demoCommand    `cmd:"" help:"Show a signed document travelling through a sample province, on a hub of its own."`
	Send    sendCommand    `cmd:"" help:"Send an edXML package, or files with their data."`
	Inbox   inboxCommand   `cmd:"" help:"List documents that wait to be collected."`
	Get     getCommand     `cmd:"" help:"Collect a delivery: lease it and download its files."`
	Ack     ackCommand     `cmd:"" help:"Acknowledge collected files by their digests, and register them with --number."`
	Release releaseCommand `cmd:"" help:"Give a leased delivery back, so that others can collect it."`
	Refuse  refuseCommand  `cmd:"" help:"Send a document back with a reason."`
	Status  statusCommand  `cmd:"" help:"Report progress (01 to 06) on a delivery, or answer a recall or update (15, 16)."`
	Sent    sentCommand    `cmd:"" help:"List what was sent, with the state at every recipient."`

	Recall  recallCommand  `cmd:"" help:"Take a document back, or ask for it where it was handed over."`
	Forward forwardCommand `cmd:"" help:"Hand a document that was received on to agencies and units of the same house."`
	Links   linksCommand   `cmd:"" help:"Show what a dispatch recalls, updates, replaces or answers, and what does so to it."`

	Receipt  receiptCommand  `cmd:"" help:"Download the receipts of a dispatch as files."`
	Bundle   bundleCommand   `cmd:"" help:"Download the evidence bundle of one recipient: one file that proves everything offline."`
	Sequence sequenceCommand `cmd:"" help:"List the receipts that name an agency as the log numbers them, and keep the list for an audit."`
	Audit    auditCommand    `cmd:"" help:"Read the whole log of a hub and check it against all that was kept of it."`
	Verify   verifyCommand   `cmd:"" help:"Verify signed PDFs, edXML packages, receipts and evidence bundles, offline."`
	Sign     signCommand     `cmd:"" help:"Sign a PDF or an edXML package, or put an agency's seal on it."`
	Expiring expiringCommand `cmd:"" help:"List what of a hub's evidence stops being provable in the coming months."`
	Renew    renewCommand    `cmd:"" help:"Have the log time-stamped again before its time-stamps stop proving anything."`

	Witness witnessCommand `cmd:"" help:"Witness the logs of other hubs: say that they only grew, and show who has two histories."`

	Seal sealCommand `cmd:"" help:"Have a PDF sealed by the hub, with the key that it holds for an agency."`

	Agency       agencyCommand       `cmd:"" help:"Look up and import agencies, and bind certificates to them."`
	Policy       policyCommand       `cmd:"" help:"Say what is asked of the signatures of senders (operator)."`
	Trust        trustCommand        `cmd:"" help:"Keep the list of authorities that signatures must lead to, and their revocation lists."`
	Account      accountCommand      `cmd:"" help:"Create, list, reset and lock accounts of persons (operator)."`
	Key          keyCommand          `cmd:"" help:"Create, list and revoke API keys (operator)."`
	Vxp          vxpCommand          `cmd:"" help:"Let systems in that speak the protocol of the national document axis (operator)."`
	Axis         axisCommand         `cmd:"" help:"See how the membership in the national axis goes, and settle what it holds (operator)."`
	Lgsp         lgspCommand         `cmd:"" help:"Let applications in that speak the provincial API (operator)."`
	Task         taskCommand         `cmd:"" help:"Follow the tasks that documents set, and act on them."`
	Procedure    procedureCommand    `cmd:"" help:"Keep the catalogue of administrative procedures: versions in force to the minute, each by a signed decision."`
	Evaluation   evaluationCommand   `cmd:"" help:"Score agencies by their dossiers: score tables, results by agency, level and period, ratings and complaints."`
	Dossier      dossierCommand      `cmd:"" help:"Handle what is filed at one-stop desks: course, clock, figures and letters of apology."`
	Inspection   inspectionCommand   `cmd:"" help:"Inspect normative documents and agencies: check list, findings, recommendation, answer, outcome."`
	Post         postCommand         `cmd:"" help:"Have the post carry papers and results of dossiers, and documents to who is not connected."`
	Report       reportCommand       `cmd:"" help:"Report on reform: numbers that open to what is behind them, as DOCX, PDF and XLSX, by a template and a schedule."`
	Number       numberCommand       `cmd:"" help:"Give numbers to outgoing documents: series by year and kind without gaps."`
	Register     registerCommand     `cmd:"" help:"Close the registers of a year, and list closed years."`
	Law          lawCommand          `cmd:"" help:"Keep how much time the law gives: rules with the days on which they are in force."`
	Calendar     calendarCommand     `cmd:"" help:"Keep the calendar of working days: holidays and swapped days."`
	List         listCommand         `cmd:"" help:"Keep lists of recipients under names, for sending."`
	Rule         ruleCommand         `cmd:"" help:"Keep the routing rules of an agency: copy, require recipients, forward inside."`
	Subscription subscriptionCommand `cmd:"" help:"Have an agency told of what happens, by webhook or mail."`
	Enrolment    enrolmentCommand    `cmd:"" help:"Let the systems of agencies fetch their credentials with a code (operator)."`
	Enrol        enrolCommand        `cmd:"" help:"Redeem the code of an enrolment sheet for credentials (integrator)."`
	Drop         dropCommand         `cmd:"" help:"Connect a system that knows files alone: a folder out, a folder in."`
	Stuck        stuckCommand        `cmd:"" help:"See deliveries that do not come on, have them tried again, or give them up (operator)."`
	Alerts       alertsCommand       `cmd:"" help:"See what is wrong with the hub, and say that you look after it (operator)."`
	Figures      figuresCommand      `cmd:"" help:"See in numbers what an agency and those under it send, receive and answer."`
	Queue        queueCommand        `cmd:"" help:"See and settle what the broker between nodes gave up (operator)."`
	Retention    retentionCommand    `cmd:"" help:"Say how long content is kept, hold it, and see what was purged (operator)."`
	Config       configCommand       `cmd:"" help:"Show or check the configuration of serve."`

	Backup      backupCommand      `cmd:"" help:"Back a hub up, encrypted and incrementally."`
	Restore     restoreCommand     `cmd:"" help:"Bring a backup back, into the same engines or others."`
	VerifyStore verifyStoreCommand `cmd:"" help:"Check that a hub's stores hold what its receipts promise."`

	Partner    partnerCommand    `cmd:"" help:"Play the system of an agency against a hub: numbered tests with good and bad traffic (integrator)."`
	Bench      benchCommand      `cmd:"" help:"Measure a hub of its own over HTTP."`
	BenchFloor benchFloorCommand `cmd:"" name:"bench-floor" hidden:"" help:"Run the least that any hub must do, for bench."`
	Completion completionCommand `cmd:"" help:"Print a completion script for bash, zsh or fish."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
}

// env is what commands work with.
type env struct {
	Environment
	json     bool
	model    *kong.Application
	settings *fileSettings
}

const description = "A hub for official electronic documents: signed evidence for every step.\n\n" +
	"Commands that call a hub read its address and key from --url and --key-file, or from LIENTHONG_URL, LIENTHONG_KEY_FILE or LIENTHONG_KEY."

// Main runs one command and returns the exit code of the process.
func Main(ctx context.Context, e Environment) int {
	var c commands
	exited := -1
	settings := &fileSettings{}
	parser, err := kong.New(&c,
		kong.Name("lienthong"), kong.Description(description+"\n\n"+exitCodeHelp()),
		kong.Writers(e.Stdout, e.Stderr), kong.Exit(func(code int) { exited = code }),
		kong.Resolvers(settings),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 110}),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		fmt.Fprintln(e.Stderr, "lienthong:", err)
		return exitInternal
	}
	parsed, err := parser.Parse(asked(e.Args))
	if exited >= 0 {
		return exited // help was printed
	}
	if err != nil {
		return reportUsage(e, err)
	}
	work := &env{Environment: e, json: c.JSON, model: parser.Model, settings: settings}
	return report(e.Stderr, c.JSON, parsed.Run(work))
}

// asked lets people ask in the ways that they know from other programs.
func asked(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// reportUsage prints what is wrong with a command line. What is wrong with the
// configuration file is an error of its own kind.
func reportUsage(e Environment, err error) int {
	asJSON := slices.Contains(e.Args, "--json") // it was not parsed
	var found *hub.Error
	if errors.As(err, &found) {
		return report(e.Stderr, asJSON, found)
	}
	if asJSON {
		reportJSON(e.Stderr, hub.Violations{hub.Invalid("", "usage", "%v", err)})
		return exitUsage
	}
	fmt.Fprintf(e.Stderr, "lienthong: %v\n", err)
	path := "lienthong"
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		path = parse.Context.Selected().FullPath()
	}
	fmt.Fprintf(e.Stderr, "try: %s --help\n", path)
	return exitUsage
}

// print writes a result: as JSON, or by text for a person.
func (e *env) print(v any, text func(w io.Writer)) error {
	if !e.json {
		text(e.Stdout)
		return nil
	}
	return e.printJSON(v)
}

func (e *env) printJSON(v any) error {
	encoder := json.NewEncoder(e.Stdout)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(v)
}

// wrote says which file a command has written.
func (e *env) wrote(file string) error {
	return e.print(struct {
		File string `json:"file"`
	}{file}, func(w io.Writer) { fmt.Fprintln(w, file) })
}

// whole reads all pages of a list.
func whole[T any](page func(hub.Page) (hub.List[T], error)) ([]T, error) {
	all := []T{}
	for item, err := range hubclient.All(page) {
		if err != nil {
			return nil, err
		}
		all = append(all, item)
	}
	return all, nil
}

// note tells a person something that is no result.
func (e *env) note(format string, args ...any) {
	if !e.json {
		fmt.Fprintf(e.Stderr, format+"\n", args...)
	}
}

// noteMore says that a list goes on.
func (e *env) noteMore(next string) {
	if next != "" {
		e.note("there are more; raise --limit to see them")
	}
}

// isTerminal reports whether w is one.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
