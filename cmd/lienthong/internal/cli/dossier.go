package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// dossierCommand is for one-stop desks and the agencies that handle their dossiers.
type dossierCommand struct {
	List     dossierList     `cmd:"" help:"List the dossiers that an agency handles or did."`
	Show     dossierShow     `cmd:"" help:"Show a dossier with its course, its clock and what its clock follows from."`
	Progress dossierProgress `cmd:"" help:"Show how a dossier stands as its owner is shown it, to its agencies and to the portal that handed it in."`
	Register dossierRegister `cmd:"" help:"Register a dossier at a unit; it gets the next number of the day."`
	Act      dossierAct      `cmd:"" help:"Report what happened to a dossier."`
	Secret   dossierSecret   `cmd:"" help:"Give the owner of a dossier another secret for the portal; the one before finds nothing any more."`
	Receipt  dossierReceipt  `cmd:"" help:"Write the receipt of a dossier as a PDF, without the secret of its owner: that is on the one of register and secret."`
	Attach   dossierAttach   `cmd:"" help:"Add a file to a dossier; its signatures are checked."`
	File     dossierFile     `cmd:"" help:"Download a file of a dossier."`
	Events   dossierEvents   `cmd:"" help:"List what happened to the dossiers of an agency behind a number, as one-stop systems follow it."`
	Packages dossierPackages `cmd:"" help:"List the packages of an agency that are not in their dossiers, and why."`
	Settle   dossierSettle   `cmd:"" help:"End a package that can't be put into its dossier any more, with what was done instead."`
	Figures  dossierFigures  `cmd:"" help:"Count the dossiers of a unit in a period: in time, late, with and without a letter of apology."`
	Online   dossierOnline   `cmd:"" help:"Say of which procedures an agency takes dossiers on the portal."`
	Words    dossierWords    `cmd:"" help:"Say which national status the words of an agency's own system stand for."`
}

type dossierList struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Open       bool     `help:"Only those that nothing has ended."`
	Status     int      `help:"Only those with this national status, 1 to 10."`
	Timeliness []string `help:"Only those that stand so: in_time, due_soon, overdue, no_deadline."`
	Finding    string   `help:"Only those with this finding: late, second_supplement, no_letter, late_letter, letter_due, letter_waits, foreseen, out_of_order, unknown_status."`
	Limit      int      `default:"50" help:"Rows at most."`
}

// Run lists dossiers.
func (c *dossierList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.Dossiers(ctx, hubclient.DossierQuery{
		Agency: c.Agency, Open: c.Open, Status: hub.DossierStatus(c.Status), Timeliness: named[hub.Timeliness](c.Timeliness), Finding: hub.DossierRule(c.Finding), Page: hub.Page{Limit: c.Limit},
	})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) {
		t := text.Table{Head: []string{"NUMBER", "STATUS", "OWN STATUS", "STANDS", "DUE", "PROCEDURE", "LEADS", "FINDINGS"}}
		for i := range list.Items {
			v := &list.Items[i]
			due := ""
			if !v.Clock.Due.IsZero() {
				due = text.Clock(v.Clock.Due)
			}
			t.Add(v.Number, strconv.Itoa(int(v.Status)), text.Short(text.Printable(v.Local), 30), string(v.Clock.Timeliness), due, text.Printable(v.Procedure.Code), text.Short(text.Printable(v.LeadName), 40), findingsOf(v))
		}
		t.Write(w)
	})
}

func findingsOf(v *hub.DossierView) string {
	var list []string
	for _, f := range v.Findings {
		if !slices.Contains(list, string(f.Rule)) {
			list = append(list, string(f.Rule))
		}
	}
	return strings.Join(list, ", ")
}

type dossierShow struct {
	connection `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
}

// Run shows a dossier.
func (c *dossierShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	view, err := client.Dossier(ctx, c.Dossier)
	if err != nil {
		return err
	}
	return e.print(view, func(w io.Writer) { printDossier(w, &view) })
}

type dossierProgress struct {
	connection `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
}

// Run shows how a dossier stands.
func (c *dossierProgress) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	progress, err := client.DossierProgress(ctx, c.Dossier)
	if err != nil {
		return err
	}
	return e.print(progress, func(w io.Writer) {
		fmt.Fprintf(w, "%s at %s: status %d\n", progress.Number, text.Printable(progress.Unit), progress.Status)
		t := text.Table{Head: []string{"WHEN", "ACT", "STATUS", "AGENCY", "TO"}}
		for _, s := range progress.Steps {
			t.Add(text.Clock(s.At), string(s.Act), strconv.Itoa(int(s.Status)), text.Printable(s.Agency), text.Printable(s.To))
		}
		t.Write(w)
	})
}

func printDossier(w io.Writer, v *hub.DossierView) {
	fmt.Fprintf(w, "%s (%s) at %s: status %d", v.Number, v.ID, text.Printable(v.UnitName), v.Status)
	if v.Local != "" {
		fmt.Fprintf(w, ", %s", text.Printable(v.Local))
	}
	fmt.Fprintf(w, "\n%s %s, version %d, %d %s; by %s; %s leads\n", text.Printable(v.Procedure.Code), text.Printable(v.Procedure.Name), v.Procedure.Version, v.Procedure.Limit.Amount, v.Procedure.Limit.Unit, v.Channel, text.Printable(v.LeadName))
	if v.Owner != nil {
		fmt.Fprintf(w, "filed by %s\n", text.Printable(strings.TrimSpace(v.Owner.Name+" "+v.Owner.Contact)))
	}
	if v.Secret != "" {
		fmt.Fprintf(w, "secret for its owner, shown this once: %s\n", v.Secret)
	}
	if found := findingsOf(v); found != "" {
		fmt.Fprintf(w, "findings: %s\n", found)
	}
	t := text.Table{Head: []string{"EVENT", "WHEN", "ACT", "STATUS", "BY", "TO", "DUE", "TEXT"}}
	for i := range v.Events {
		a := &v.Events[i]
		status, due := "", ""
		if a.Status != 0 {
			status = strconv.Itoa(int(a.Status))
		}
		if !a.Due.IsZero() {
			due = text.Clock(a.Due)
		}
		t.Add(strconv.FormatInt(a.Seq, 10), text.Clock(a.At), string(a.Act), status, text.Short(text.Printable(a.Name), 40), text.Short(text.Printable(a.ToName), 40), due, text.Short(text.Printable(strings.TrimSpace(string(a.Finding)+" "+a.Local+" "+a.Text+" "+paperText(a.Paper)+" "+postText(a.Post))), 80))
	}
	t.Write(w)
	printDossierClock(w, "the dossier", &v.Clock)
	for i := range v.Shares {
		s := &v.Shares[i]
		printDossierClock(w, text.Printable(s.Name)+" ("+string(s.Role)+")", &s.Clock)
	}
}

// postText is what the post did for a dossier in a line.
func postText(p *hub.DossierPost) string {
	if p == nil {
		return ""
	}
	return fmt.Sprintf("%s %s %s", p.Kind, p.Act, p.Bill)
}

// paperText is a file of a dossier in a line.
func paperText(p *hub.DossierPaper) string {
	if p == nil {
		return ""
	}
	said := fmt.Sprintf("%s %s, %d bytes", p.Kind, p.Name, p.Size)
	if p.Report != nil {
		said += ", " + string(p.Report.Indication)
	}
	return said
}

func printDossierClock(w io.Writer, whose string, k *hub.DossierClock) {
	fmt.Fprintf(w, "clock of %s: %s\n", whose, k.Timeliness)
	t := text.Table{Head: []string{"RULE", "EVENT", "UNTIL", "AT", "MINUTES"}}
	addReasons(&t, "", k.Explain)
	t.Write(w)
}

func addReasons(t *text.Table, first string, list []hub.DossierReason) {
	number := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	for _, r := range list {
		when := ""
		if !r.At.IsZero() {
			when = text.Clock(r.At)
		}
		cells := []string{string(r.Rule), number(r.Event), number(r.Until), when, number(r.Minutes)}
		if first != "" {
			cells = append([]string{first}, cells...)
		}
		t.Add(cells...)
	}
}

type dossierRegister struct {
	connection `embed:""`
	Unit       string `help:"Code or id of the unit; the only agency of the key when left out. The code stands in the number."`
	Procedure  string `required:"" help:"Code of the procedure, in force when the dossier was received."`
	Owner      string `required:"" help:"Name of who filed it."`
	Contact    string `help:"Telephone or mail of the owner."`
	Channel    string `help:"counter, online or post; counter when left out."`
	Received   string `help:"When it was received: a minute in Viet Nam such as 2026-03-02T09:30, or RFC 3339; now when left out."`
	Due        string `help:"The appointment: a day, or a minute; the legal limit counts when left out."`
	Number     string `help:"Number that the unit's own system gave; the next of the day when left out."`
	ID         string `name:"id" help:"A key of your own: the same again registers nothing anew."`
	Waits      bool   `help:"It is not accepted yet."`
	Local      string `help:"Status in the words of the unit's own system."`
	Receipt    string `type:"path" placeholder:"FILE" help:"New file for the receipt, a PDF with the secret of the owner."`
}

// Run registers a dossier.
func (c *dossierRegister) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("receipt", c.Receipt); err != nil {
		return err
	}
	view, err := client.RegisterDossier(ctx, c.Unit, hub.DossierWish{
		Number: c.Number, Procedure: c.Procedure, Owner: hub.DossierOwner{Name: c.Owner, Contact: c.Contact}, Channel: hub.DossierChannel(c.Channel),
		Received: hub.DossierMoment(c.Received), Due: hub.DossierMoment(c.Due), Key: c.ID, Waits: c.Waits, Local: c.Local,
	})
	if err != nil {
		return err
	}
	printed := e.print(view, func(w io.Writer) { printDossier(w, &view) }) // first: the secret is told this once
	return errors.Join(printed, writeReceipt(ctx, client, &view, c.Unit, c.Receipt))
}

type dossierSecret struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
	Receipt    string `type:"path" placeholder:"FILE" help:"New file for the receipt, a PDF with the new secret."`
}

// Run gives the owner of a dossier another secret.
func (c *dossierSecret) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("receipt", c.Receipt); err != nil {
		return err
	}
	id, err := dossierID(ctx, client, c.Dossier)
	if err != nil {
		return err
	}
	view, err := client.RenewDossierSecret(ctx, id, c.Agency)
	if err != nil {
		return err
	}
	printed := e.print(view, func(w io.Writer) { printDossier(w, &view) }) // first: the secret is told this once
	return errors.Join(printed, writeReceipt(ctx, client, &view, c.Agency, c.Receipt))
}

type dossierReceipt struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
	Out        string `required:"" type:"path" placeholder:"FILE" help:"New file for the PDF."`
}

// Run writes the receipt of a dossier.
func (c *dossierReceipt) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("out", c.Out); err != nil {
		return err
	}
	view := hub.DossierView{}
	if view.ID, err = dossierID(ctx, client, c.Dossier); err != nil {
		return err
	}
	if err := writeReceipt(ctx, client, &view, c.Agency, c.Out); err != nil {
		return err
	}
	return e.wrote(c.Out)
}

// isNew refuses a file that is there already; "" is none.
func isNew(flag, file string) error {
	if file == "" {
		return nil
	}
	if _, err := os.Lstat(file); err == nil {
		return hub.Invalid(flag, "exists", "%s exists already", file)
	}
	return nil
}

// writeReceipt writes a receipt with the secret that the view has, where a file is wanted.
func writeReceipt(ctx context.Context, client *hubclient.Client, v *hub.DossierView, agency, file string) error {
	if file == "" {
		return nil
	}
	return writeFile(file, func(w io.Writer) error {
		return client.DossierReceipt(ctx, v.ID, agency, v.Secret, w)
	})
}

type dossierAct struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Dossier    string `arg:"" help:"Number or id."`
	Act        string `arg:"" help:"accept, reject, process, request_supplement, supplement, financial_duty, pay, withdraw, stop, result, return, hand_over, hand_back, apologise, deliver_letter or report."`
	At         string `help:"When it happened: a minute in Viet Nam such as 2026-03-02T09:30, or RFC 3339; now when left out."`
	Text       string `help:"Why, or what is missing."`
	To         string `placeholder:"CODE" help:"Agency that it is handed over to."`
	Role       string `help:"What that is: lead or co; co when left out."`
	Due        string `help:"End of its time, the appointment of an acceptance or the new one of an apology: a day, or a minute."`
	Status     int    `help:"National status of a report, 1 to 10; that of its words when left out."`
	Local      string `help:"Status in the words of the agency's own system."`
	ID         string `name:"id" help:"A key of your own: the same again changes nothing."`
}

// Run reports an event.
func (c *dossierAct) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	id, err := dossierID(ctx, client, c.Dossier)
	if err != nil {
		return err
	}
	view, err := client.ActOnDossier(ctx, id, c.Agency, c.To, hub.DossierOrder{
		Act: hub.DossierAct(c.Act), At: hub.DossierMoment(c.At), Key: c.ID, Status: hub.DossierStatus(c.Status), Local: c.Local, Role: hub.DossierRole(c.Role), Due: hub.DossierMoment(c.Due), Text: c.Text,
	})
	if err != nil {
		return err
	}
	return e.print(view, func(w io.Writer) { printDossier(w, &view) })
}

type dossierFigures struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Period     string `help:"2026-03-02, 2026-03, 2026-Q1 or 2026; this year when left out."`
	Under      bool   `help:"With the dossiers of all units that were under the agency; needs the scope figures."`
	Explain    bool   `help:"Show each dossier of the unit itself behind the numbers, and why it counts as it does."`
	Measure    string `help:"Explain only those that count for this measure, such as late, supplemented or letters_missing."`
}

// dossierCounts is what dossier figures prints.
type dossierCounts struct {
	hub.DossierFigures
	Dossiers []hub.DossierCounted `json:"dossiers,omitempty"`
}

// Run counts dossiers.
func (c *dossierFigures) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	counts := dossierCounts{}
	query := hubclient.DossierFigureQuery{Agency: c.Agency, Period: hub.Period(c.Period), Under: c.Under, Measure: hub.DossierMeasure(c.Measure)}
	if counts.DossierFigures, err = client.DossierFigures(ctx, query); err != nil {
		return err
	}
	query.Period = counts.Period
	if c.Explain {
		counts.Dossiers, err = whole(func(p hub.Page) (hub.List[hub.DossierCounted], error) { return client.CountedDossiers(ctx, query, p) })
		if err != nil {
			return err
		}
	}
	return e.print(counts, func(w io.Writer) {
		t := text.Table{Head: []string{"CHANNEL", "TOTAL", "IN TIME", "LATE", "RATE", "LETTERS", "MISSING", "TOO LATE"}}
		add := func(name string, n hub.DossierCount) {
			t.Add(name, strconv.Itoa(n.Total), strconv.Itoa(n.InTime), strconv.Itoa(n.Late), cmp.Or(n.Rate, "N/A"), strconv.Itoa(n.Letters), strconv.Itoa(n.Missing), strconv.Itoa(n.Tardy))
		}
		for _, channel := range hub.DossierChannels() {
			if n, ok := counts.Channels[channel]; ok {
				add(string(channel), n)
			}
		}
		add("all", counts.DossierCount)
		t.Write(w)
		if counts.Pending {
			fmt.Fprintln(w, "some dossiers are being counted anew")
		}
		if len(counts.Dossiers) == 0 {
			return
		}
		why := text.Table{Head: []string{"NUMBER", "RULE", "EVENT", "UNTIL", "AT", "MINUTES"}}
		for i := range counts.Dossiers {
			addReasons(&why, counts.Dossiers[i].Number, counts.Dossiers[i].Explain)
		}
		why.Write(w)
	})
}

type dossierWords struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Word       map[string]int `help:"A status of the agency's own system and the national one, such as 'Chờ bổ sung'=5; may be repeated. Those given are all that there are; without any, those in force are shown."`
}

// Run shows or sets the words of an agency.
func (c *dossierWords) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	var words hub.DossierWords
	if len(c.Word) == 0 {
		words, err = client.DossierWords(ctx, c.Agency)
	} else {
		wanted := make(map[string]hub.DossierStatus, len(c.Word))
		for word, status := range c.Word {
			wanted[word] = hub.DossierStatus(status)
		}
		words, err = client.SetDossierWords(ctx, c.Agency, wanted)
	}
	if err != nil {
		return err
	}
	return e.print(words, func(w io.Writer) {
		t := text.Table{Head: []string{"WORDS", "STATUS"}}
		for _, word := range slices.Sorted(maps.Keys(words.Words)) {
			t.Add(text.Printable(word), strconv.Itoa(int(words.Words[word])))
		}
		t.Write(w)
	})
}
