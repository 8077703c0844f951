package cli

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/calendar"
)

// maxCalendarFile is far above what an import can hold, in bytes.
const maxCalendarFile = 1 << 20

// calendarCommand keeps which days are worked.
type calendarCommand struct {
	Show   calendarShow   `cmd:"" help:"Show the days off and the swapped days that the hub knows."`
	Import calendarImport `cmd:"" help:"Put new versions of years into force from a CSV or JSON file (operator)."`
}

type calendarShow struct {
	connection `embed:""`
	Year       int `arg:"" optional:"" help:"The year; without it, all that the hub knows."`
}

// Run shows years.
func (c *calendarShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	years, err := client.Calendar(ctx, c.Year)
	if err != nil {
		return err
	}
	return e.print(years, func(w io.Writer) {
		if len(years) == 0 {
			fmt.Fprintln(w, "no list: Saturdays, Sundays, 1 January, 30 April, 1 May and 2 September are off")
		}
		for _, y := range years {
			fmt.Fprintf(w, "%d, version %d, %s\n", y.Year, y.Version, text.Printable(y.Source))
			t := text.Table{Head: []string{"DATE", "DAY", "NAME"}}
			for _, d := range y.Days {
				t.Add(string(d.Date), string(d.Kind), text.Printable(d.Name))
			}
			t.Write(w)
		}
	})
}

type calendarImport struct {
	connection `embed:""`
	File       string `arg:"" type:"existingfile" help:"CSV with the columns date, kind (off or working) and name, or a JSON array of the same. Of every year in it, it lists all days."`
	Source     string `required:"" help:"Where the days were published, such as the number of the notice."`
	DryRun     bool   `help:"Tell what would change, and change nothing."`
}

// Run imports.
func (c *calendarImport) Run(ctx context.Context, e *env) error {
	raw, err := readLimited(c.File, maxCalendarFile)
	if err != nil {
		return hub.Invalid("file", "file", "%v", err)
	}
	days, err := calendar.ReadDays(bytes.NewReader(raw), strings.EqualFold(filepath.Ext(c.File), ".csv"))
	if err != nil {
		return err
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	report, err := client.ImportCalendar(ctx, c.Source, days, c.DryRun)
	if err != nil {
		return err
	}
	return e.print(report, func(w io.Writer) {
		word := "changed"
		if report.DryRun {
			word = "would change"
		}
		years := make([]string, len(report.Years))
		for i, y := range report.Years {
			years[i] = strconv.Itoa(y)
		}
		fmt.Fprintf(w, "%s: %s %s\n", strings.Join(years, ", "), text.Count(len(report.Changes), "day"), word)
		t := text.Table{Head: []string{"DATE", "WAS", "NOW", "NAME"}}
		for _, d := range report.Changes {
			t.Add(string(d.Date), string(d.Was), string(d.Now), text.Printable(d.Name))
		}
		t.Write(w)
	})
}
