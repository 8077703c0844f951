package cli

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// resumableFrom is the size in bytes from which files go up in resumable chunks.
const resumableFrom = 32 << 20

// maxSubmissionFile is far above what a submission can hold, in bytes.
const maxSubmissionFile = 16 << 20

type sendCommand struct {
	connection `embed:""`
	ownAgency  `embed:""`

	Package        string   `arg:"" optional:"" type:"existingfile" help:"edXML package to send as it is."`
	PDF            []string `name:"pdf" type:"existingfile" help:"File to send; the first is the original, others are attachments."`
	Submission     string   `type:"existingfile" help:"JSON file with the submission (sender, recipients, document ...); flags below fill what it leaves out."`
	To             []string `help:"Recipient (code); repeat or separate by commas."`
	ForInformation []string `placeholder:"CODE" help:"Recipient who gets it for information alone: nothing is asked of it, and no time limit warns."`
	Number         string   `help:"Number and notation, such as 173/UBND-KSTTHC."`
	Subject        string   `help:"Subject (trích yếu)."`
	Type           string   `help:"Type of document (tên loại)." default:"Công văn"`
	Date           string   `help:"Date of promulgation, YYYY-MM-DD; today when left out."`
	Place          string   `help:"Place of promulgation."`
	Signer         string   `help:"Name of the signer as printed."`
	Due            string   `help:"Date by which an answer is due, YYYY-MM-DD."`
	Priority       int      `help:"0 normal, 1 urgent, 2 very urgent, 3 express." default:"0"`
	ID             string   `name:"id" help:"Your own id of this document; made from the content when left out. The same id is sent once, however often you try."`
	Updates        string   `placeholder:"ID" help:"Your id of the document that this one updates."`
	Replaces       []string `placeholder:"ID" help:"Your ids of the documents that this one replaces."`
	Answers        []string `placeholder:"CODE:ID" help:"Document that this one answers: the agency that sent it, and its number or id there."`
	Task           string   `help:"What the document asks of agencies; several tasks are given by --submission."`
	Lead           string   `placeholder:"CODE" help:"Agency that leads the task."`
	Co             []string `placeholder:"CODE" help:"Agency that works with the lead."`
	Each           []string `placeholder:"CODE" help:"Agency that does the task for itself; in the place of a lead."`
	TaskAnswer     string   `enum:",document,report,none" default:"" help:"What is to come back: a document (as is usual), a report or none."`
	TaskDue        string   `help:"Last day of the task, YYYY-MM-DD."`
	TaskBefore     string   `help:"Day before which the task is to be done, YYYY-MM-DD."`
	TaskDays       int      `help:"Working days for the task, by the calendar of the hub."`
	AnswersTask    []string `placeholder:"TASK" help:"Task that this document answers, as listed by task list."`
	Reason         string   `help:"Why it updates or replaces; the recipients read it."`
	Chunked        bool     `help:"Upload in resumable chunks, as large files are anyway."`
}

// Help explains by example.
func (*sendCommand) Help() string {
	return "Examples:\n  lienthong send package.edxml\n" +
		"  lienthong send --pdf 173.pdf --pdf phu-luc.pdf --to H47.12,H47.31 --number 173/UBND-KSTTHC --subject 'V/v cải cách hành chính'"
}

// Run sends and prints the acceptance.
func (c *sendCommand) Run(ctx context.Context, e *env) error {
	if (c.Package == "") == (len(c.PDF) == 0) {
		return hub.Invalid("package", "required", "name an edXML package, or files with --pdf")
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	var accepted hub.Accepted
	if c.Package != "" {
		accepted, err = c.sendPackage(ctx, e, client)
	} else {
		accepted, err = c.sendFiles(ctx, e, client)
	}
	if err != nil {
		return err
	}
	return printAccepted(e, accepted)
}

func (c *sendCommand) sendPackage(ctx context.Context, e *env, client *hubclient.Client) (hub.Accepted, error) {
	info, err := os.Stat(c.Package)
	if err != nil {
		return hub.Accepted{}, hub.Invalid("package", "file", "%v", err)
	}
	answer, err := client.SubmitPackage(ctx, hubclient.Package{
		Open: func() (io.ReadCloser, error) { return os.Open(c.Package) },
		Size: info.Size(), To: c.To,
	}, progress(e.Stderr, filepath.Base(c.Package)))
	if err != nil {
		return hub.Accepted{}, err
	}
	if answer.Accepted == nil {
		return hub.Accepted{Receipt: answer.Receipt}, nil
	}
	return *answer.Accepted, nil
}

func (c *sendCommand) sendFiles(ctx context.Context, e *env, client *hubclient.Client) (hub.Accepted, error) {
	sub, err := c.submission(ctx, client)
	if err != nil {
		return hub.Accepted{}, err
	}
	files, total, err := c.files()
	if err != nil {
		return hub.Accepted{}, err
	}
	if sub.ExternalID == "" {
		sub.ExternalID = contentID(sub, files)
	}
	sub.Key = sub.ExternalID
	bar := progress(e.Stderr, filepath.Base(c.PDF[0]))
	if !c.Chunked && total < resumableFrom {
		return client.Submit(ctx, sub, files, bar)
	}
	registered, accepted, err := client.Upload(ctx, sub, files, bar)
	if err != nil && registered.ID != "" {
		e.note("the upload can be resumed: run the same command again, with --id %s", sub.ExternalID)
	}
	return accepted, err
}

// contentID names a document by all that is said of it and its bytes, so that
// whoever tries again after a lost answer sends nothing twice.
func contentID(sub hub.Submission, files []hubclient.File) string {
	for i := range files {
		sub.Parts = append(sub.Parts, files[i].Part)
	}
	return "cli-" + sub.Fingerprint().String()[:32]
}

// submission puts file and flags together.
func (c *sendCommand) submission(ctx context.Context, client *hubclient.Client) (hub.Submission, error) {
	sub := hub.Submission{Operation: hub.OperationNew}
	if err := c.readSubmission(&sub); err != nil {
		return sub, err
	}
	d := &sub.Document
	number, notation, _ := strings.Cut(c.Number, "/")
	d.CodeNumber, d.CodeNotation = cmp.Or(number, d.CodeNumber), cmp.Or(notation, d.CodeNotation)
	d.Subject, d.TypeName = cmp.Or(c.Subject, d.Subject), cmp.Or(d.TypeName, c.Type)
	d.Place, d.DueDate = cmp.Or(c.Place, d.Place), cmp.Or(hub.Date(c.Due), d.DueDate)
	d.Signer.FullName = cmp.Or(c.Signer, d.Signer.FullName)
	d.Priority = cmp.Or(hub.Priority(c.Priority), d.Priority)
	d.Promulgated = cmp.Or(hub.Date(c.Date), d.Promulgated, hub.Date(time.Now().In(hub.Vietnam()).Format(time.DateOnly)))
	sub.ExternalID = cmp.Or(c.ID, sub.ExternalID)
	if len(c.To) > 0 {
		sub.Recipients = c.To
	}
	for _, code := range c.ForInformation {
		sub.ForInformation = append(sub.ForInformation, code)
		if !slices.Contains(sub.Recipients, code) {
			sub.Recipients = append(sub.Recipients, code)
		}
	}
	d.ResponseTasks = append(d.ResponseTasks, c.AnswersTask...)
	if c.Task != "" {
		wish := hub.TaskWish{
			Content: c.Task, Answer: hub.TaskAnswer(c.TaskAnswer), Lead: c.Lead, Each: c.Each,
			TaskTerm: hub.TaskTerm{Due: hub.Date(c.TaskDue), Before: hub.Date(c.TaskBefore), WorkingDays: c.TaskDays},
		}
		for _, code := range c.Co {
			wish.Co = append(wish.Co, hub.CoWish{Agency: code})
		}
		sub.Tasks = append(sub.Tasks, wish)
	}
	if err := c.concerns(&sub); err != nil {
		return sub, err
	}
	if sub.Sender = cmp.Or(c.Agency, sub.Sender); sub.Sender != "" {
		return sub, nil
	}
	me, err := client.Me(ctx)
	if err != nil {
		return sub, err
	}
	if len(me.Agencies) != 1 {
		return sub, hub.Invalid("agency", "required", "this key speaks for %d agencies; name one with --agency", len(me.Agencies))
	}
	sub.Sender = string(me.Agencies[0].Code)
	return sub, nil
}

// readSubmission reads the file of --submission. A member that nobody knows is an
// error: it would silently say nothing.
func (c *sendCommand) readSubmission(sub *hub.Submission) error {
	if c.Submission == "" {
		return nil
	}
	raw, err := readLimited(c.Submission, maxSubmissionFile)
	if err != nil {
		return hub.Invalid("submission", "file", "%v", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(sub); err != nil {
		return hub.Invalid("submission", "json", "%s: %v", c.Submission, err)
	}
	if len(sub.Parts) > 0 {
		return hub.Invalid("parts", "superfluous", "%s: files are named by --pdf, not in the submission", c.Submission)
	}
	return nil
}

func (c *sendCommand) files() ([]hubclient.File, int64, error) {
	var files []hubclient.File
	var total int64
	for i, path := range c.PDF {
		f, err := hubclient.FileAt(path)
		if err == nil {
			err = f.Measure()
		}
		if err != nil {
			return nil, 0, err
		}
		f.Part.ID, f.Part.Role, f.Part.MediaType = hub.PartName(i+1), hub.RoleAttachment, mediaType(path)
		if i == 0 {
			f.Part.Role = hub.RoleOriginal
		}
		files, total = append(files, f), total+f.Part.Size
	}
	return files, total, nil
}

func mediaType(path string) string {
	if strings.EqualFold(filepath.Ext(path), ".pdf") {
		return "application/pdf"
	}
	return "application/octet-stream"
}

func printAccepted(e *env, a hub.Accepted) error {
	return e.print(a, func(w io.Writer) {
		if a.Dispatch.ID == "" {
			fmt.Fprintf(w, "status recorded, receipt %s\n", a.Receipt.Evidence.ID)
			return
		}
		word := "accepted"
		if a.Duplicate {
			word = "accepted before"
		}
		fmt.Fprintf(w, "%s: dispatch %s, receipt %s\n", word, a.Dispatch.ID, a.Receipt.Evidence.ID)
		t := text.Table{Head: []string{"RECIPIENT", "NAME", "STATE", "NOTE"}}
		for _, d := range a.Deliveries {
			t.Add(string(d.AddressedAs), d.Name, string(d.State), d.Note)
		}
		t.Write(w)
	})
}
