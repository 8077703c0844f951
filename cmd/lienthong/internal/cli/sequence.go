package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type sequenceCommand struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Year       int    `help:"Year of the log (UTC); the newest when left out."`
	Out        string `type:"path" placeholder:"FILE" help:"New file for the list, for lienthong audit --sequence. It holds the key of the sequence: keep it to the agency."`
}

// Help says what a sequence is for.
func (sequenceCommand) Help() string {
	return "Every receipt has a number in the sequence of each agency that it names, from 1 in each year without gaps. " +
		"The public log shows the numbers to nobody but who has the key of the agency, which --out keeps with the list: lienthong audit LOG --policy KEYS --sequence FILE " +
		"finds every receipt that the log has and the hub did not list."
}

// Run lists the sequence.
func (c *sequenceCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := isNew("out", c.Out); err != nil {
		return err
	}
	all, err := client.Sequence(ctx, c.Agency, c.Year, 0)
	year, _ := strconv.Atoi(all.Log[strings.LastIndexByte(all.Log, '/')+1:]) // a new one may begin meanwhile
	for next := all.Next; err == nil && next != 0; {
		var page hub.Sequence
		if page, err = client.Sequence(ctx, c.Agency, year, next); err != nil {
			break
		}
		if page.Log != all.Log || page.Next != 0 && page.Next <= next {
			return hub.Internal("list a sequence", fmt.Errorf("the hub lists %d of %q behind %d of %q", page.Next, page.Log, next, all.Log))
		}
		next = page.Next
		for _, item := range page.Items {
			if item.Index >= all.Size { // came since the first page
				next = 0
				break
			}
			all.Items = append(all.Items, item)
		}
	}
	if err != nil {
		return err
	}
	all.Next = 0
	if c.Out != "" {
		err = writeFile(c.Out, func(w io.Writer) error { return json.NewEncoder(w).Encode(all) })
		if err != nil {
			return err
		}
	}
	return e.print(all, func(w io.Writer) {
		t := text.Table{Head: []string{"NUMBER", "ENTRY", "TIME", "EVENT", "EVIDENCE"}}
		for i := range all.Items {
			item := &all.Items[i]
			t.Add(strconv.FormatInt(item.Number, 10), strconv.FormatInt(item.Index, 10), text.Clock(item.Time), item.Event.Name(), string(item.Evidence))
		}
		t.Write(w)
		fmt.Fprintf(w, "%d receipts of %s in %s, of %d entries\n", len(all.Items), all.Agency, all.Log, all.Size)
	})
}

// readSequence reads the list that --out keeps.
func readSequence(path string) (hub.Sequence, error) {
	var s hub.Sequence
	raw, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(raw, &s)
	}
	if err != nil {
		return s, hub.Invalid("sequence", "file", "%v", err)
	}
	return s, nil
}
