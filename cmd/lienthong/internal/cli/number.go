package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/google/uuid"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// numberCommand gives numbers to outgoing documents.
type numberCommand struct {
	Take   numberTake   `cmd:"" help:"Take the next number for a document."`
	Next   numberNext   `cmd:"" help:"Show the next number of a kind of document and take nothing."`
	Cancel numberCancel `cmd:"" help:"Give up a number that was taken, with the reason."`
	List   numberList   `cmd:"" help:"List the numbers of a year."`
}

type numberYear struct {
	Year int `help:"The year of promulgation: this one, or the one before while it is open; this one when left out."`
}

type numberTake struct {
	connection `embed:""`
	ownAgency  `embed:""`
	numberYear `embed:""`
	Kind       string `arg:"" help:"Kind of document, such as 'Quyết định', as --type of send."`
	Notation   string `arg:"" help:"Notation, such as QĐ-UBND."`
	Subject    string `help:"What it is for."`
	First      int64  `help:"Begin the series of the year with this number."`
	ID         string `name:"id" help:"Id of this act: the same id takes the same number however often it is tried; a new one when left out."`
}

// Run takes a number.
func (c *numberTake) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if c.ID == "" {
		c.ID = uuid.NewString()
	}
	taken, err := client.TakeNumber(ctx, hubclient.NumberWish{
		Agency: c.Agency, Year: c.Year, Kind: c.Kind, Notation: c.Notation, Number: c.First, Subject: c.Subject, Key: c.ID,
	})
	if err != nil {
		return err
	}
	return e.print(taken, func(w io.Writer) { fmt.Fprintln(w, taken.Printed()) })
}

type numberNext struct {
	connection `embed:""`
	ownAgency  `embed:""`
	numberYear `embed:""`
	Kind       string `arg:"" help:"Kind of document, such as 'Quyết định'."`
}

// Run shows the next number.
func (c *numberNext) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	next, err := client.NextNumber(ctx, c.Agency, c.Year, c.Kind)
	if err != nil {
		return err
	}
	return e.print(struct {
		Number int64 `json:"number"`
	}{next}, func(w io.Writer) { fmt.Fprintln(w, next) })
}

type numberCancel struct {
	connection `embed:""`
	ownAgency  `embed:""`
	numberYear `embed:""`
	Number     int64  `arg:"" help:"The number."`
	Notation   string `arg:"" help:"Its notation."`
	Reason     string `required:"" help:"Why; it stands in the register."`
}

// Run gives a number up.
func (c *numberCancel) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	cancelled, err := client.CancelNumber(ctx, c.Agency, c.Year, c.Number, c.Notation, c.Reason)
	if err != nil {
		return err
	}
	return e.print(cancelled, func(w io.Writer) { printNumbers(w, cancelled) })
}

type numberList struct {
	connection `embed:""`
	ownAgency  `embed:""`
	numberYear `embed:""`
	State      string `help:"Those that are reserved, used or cancelled; all when left out."`
	Limit      int    `default:"50" help:"Rows at most."`
}

// Run lists numbers.
func (c *numberList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.Numbers(ctx, c.Agency, c.Year, hub.NumberState(c.State), hub.Page{Limit: c.Limit})
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) {
		if len(list.Items) == 0 {
			fmt.Fprintln(w, "no number was taken")
			return
		}
		printNumbers(w, list.Items...)
	})
}

func printNumbers(w io.Writer, numbers ...hub.OutgoingNumber) {
	t := text.Table{Head: []string{"KIND", "YEAR", "NUMBER", "STATE", "TAKEN", "BY", "FOR"}}
	for i := range numbers {
		n := &numbers[i]
		about := text.Short(n.Subject, 50)
		switch n.State {
		case hub.NumberUsed:
			about = "dispatch " + string(n.Dispatch)
		case hub.NumberCancelled:
			about = text.Short(n.Reason, 80)
		}
		t.Add(text.Printable(n.Kind), strconv.Itoa(n.Year), text.Printable(n.Printed()), string(n.State), text.Clock(n.TakenAt), text.Printable(n.TakenBy), about)
	}
	t.Write(w)
}
