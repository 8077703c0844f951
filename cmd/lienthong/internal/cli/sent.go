package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type sentCommand struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Dispatch   string   `arg:"" optional:"" help:"Show this dispatch alone, with verdicts on signatures that were given later."`
	Number     string   `help:"Exact number and notation."`
	Search     string   `short:"s" help:"Whole words of number, subject or signer; diacritics do not matter."`
	State      []string `help:"Dispatches with a delivery in one of these states."`
	Limit      int      `default:"20" help:"Dispatches at most."`
}

// Run lists dispatches with their deliveries.
func (c *sentCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	items, next, err := c.items(ctx, client)
	if err != nil {
		return err
	}
	var rechecks []hub.Recheck
	if c.Dispatch != "" && !e.json {
		rechecks, err = client.Rechecks(ctx, items[0].Dispatch.ID)
		if err != nil && hub.KindOf(err) != hub.KindNotFound { // of what was forwarded and given back there are none
			return err
		}
	}
	e.noteMore(next)
	return e.print(items, func(w io.Writer) {
		if len(items) == 0 {
			fmt.Fprintln(w, "nothing was sent")
		}
		for i := range items {
			printSent(w, &items[i])
		}
		printRechecks(w, rechecks)
	})
}

func (c *sentCommand) items(ctx context.Context, client *hubclient.Client) (items []hub.SentItem, next string, err error) {
	if c.Dispatch != "" {
		item, err := client.Dispatch(ctx, hub.DispatchID(c.Dispatch))
		return []hub.SentItem{item}, "", err
	}
	query := hubclient.SentQuery{Agency: c.Agency, Number: c.Number, Text: c.Search, Page: hub.Page{Limit: c.Limit}}
	for _, s := range c.State {
		query.States = append(query.States, hub.DeliveryState(s))
	}
	list, err := client.Sent(ctx, query)
	return list.Items, list.Next, err
}

func printSent(w io.Writer, item *hub.SentItem) {
	d := &item.Dispatch
	fmt.Fprintf(w, "%s  %s  %s  (dispatch %s, sent %s)\n", d.Document.Number(), d.Document.TypeName, text.Short(d.Document.Subject, 80), d.ID, text.Clock(d.AcceptedAt))
	if o := d.Origin; o != nil {
		fmt.Fprintf(w, "a document of %s, forwarded%s\n", o.SenderName, words(o.Note))
	}
	t := text.Table{Head: []string{"RECIPIENT", "NAME", "STATE", "PROGRESS", "NUMBER", "REASON", "REQUEST"}}
	for _, v := range item.Deliveries {
		var number, reason string
		if v.Registration != nil {
			number = v.Registration.Number
		}
		if v.Reason != nil {
			reason = string(v.Reason.Code) + ": " + text.Short(v.Reason.Detail, 40)
		}
		name := text.Short(v.Name, 40)
		if v.ForInformation {
			name += " (for information)"
		}
		if v.Rule != nil {
			name += " (by the rule " + strconv.Quote(v.Rule.Name) + ")"
		}
		t.Add(string(v.AddressedAs), name, string(v.State), string(v.Progress), number, reason, requestText(&v))
	}
	t.Write(w)
	for i := range item.Clocks {
		if c := &item.Clocks[i]; c.Delivery == "" {
			fmt.Fprintln(w, clockLine(c))
		} else if c.Late() {
			fmt.Fprintln(w, nameOf(item.Deliveries, c.Delivery)+", "+clockLine(c))
		}
	}
	for _, trace := range d.Routing {
		if trace.Outcome == hub.RuleFailed {
			fmt.Fprintf(w, "the rule %q did not reach %s: %s\n", trace.Rule.Name, trace.Recipient, trace.Problem)
		}
	}
	fmt.Fprintln(w)
}

// nameOf is the name of the recipient of a delivery.
func nameOf(deliveries []hub.Delivery, id hub.DeliveryID) string {
	for i := range deliveries {
		if deliveries[i].ID == id {
			return text.Short(deliveries[i].Name, 40)
		}
	}
	return string(id)
}

// printRechecks says what became of verdicts that were undecided at acceptance.
func printRechecks(w io.Writer, list []hub.Recheck) {
	for i := range list {
		r := &list[i]
		if r.Report == nil {
			fmt.Fprintf(w, "%s  signatures are not judged again: %s\n", text.Clock(r.At), r.Skipped)
			continue
		}
		fmt.Fprintf(w, "%s  %s judged again: %s", text.Clock(r.At), r.Part, r.Report.Indication)
		if r.Report.Sub != "" {
			fmt.Fprintf(w, " (%s)", r.Report.Sub)
		}
		fmt.Fprintln(w)
	}
}

type receiptCommand struct {
	connection `embed:""`
	Dispatch   string `arg:"" help:"Dispatch whose receipts to download."`
	Dir        string `default:"." type:"path" help:"Folder for the files."`
	Proof      bool   `help:"Also download the proof of each receipt that the hub's log holds it."`
	XML        bool   `name:"xml" help:"Also download the XML form of each receipt, for systems that read XML only."`
	Validation string `type:"path" placeholder:"FILE" help:"Also write what the verdicts on signatures were made from, for verify --archive."`
}

// Run writes one file a receipt, in the order of events.
func (c *receiptCommand) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return hub.Invalid("dir", "folder", "%v", err)
	}
	var files, proofs, forms []string
	for sealed, err := range hubclient.All(func(p hub.Page) (hub.List[hub.SealedEvidence], error) {
		return client.DispatchEvidence(ctx, hub.DispatchID(c.Dispatch), p)
	}) {
		if err != nil {
			return err
		}
		path := filepath.Join(c.Dir, ReceiptName(len(files)+1, &sealed))
		if err := writeFile(path, func(w io.Writer) error {
			_, err := w.Write(hub.MarshalReceipt(sealed))
			return err
		}); err != nil {
			return err
		}
		files = append(files, path)
		if c.Proof {
			proofs = append(proofs, proofName(path))
			if err := saveProof(ctx, client, sealed.Evidence.ID, proofName(path)); err != nil {
				return err
			}
		}
		if c.XML {
			forms = append(forms, strings.TrimSuffix(path, ".json")+".xml")
			if err := saveXML(ctx, client, sealed.Evidence.ID, forms[len(forms)-1]); err != nil {
				return err
			}
		}
	}
	files = append(append(files, proofs...), forms...)
	if c.Validation != "" {
		if err := c.writeValidation(ctx, client); err != nil {
			return err
		}
		files = append(files, c.Validation)
	}
	return e.print(files, func(w io.Writer) {
		for _, f := range files {
			fmt.Fprintln(w, f)
		}
	})
}

// proofName is the file of the proof beside that of a receipt.
func proofName(receipt string) string {
	return strings.TrimSuffix(strings.TrimSuffix(receipt, ".receipt.json"), ".receipt.xml") + ".tlog-proof"
}

func saveXML(ctx context.Context, client *hubclient.Client, id hub.EvidenceID, path string) error {
	form, err := client.ReceiptXML(ctx, id)
	if err != nil {
		return err
	}
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(form)
		return err
	})
}

func saveProof(ctx context.Context, client *hubclient.Client, id hub.EvidenceID, path string) error {
	proof, err := client.Proof(ctx, id)
	if err != nil {
		return err
	}
	return writeFile(path, func(w io.Writer) error {
		_, err := w.Write(proof)
		return err
	})
}

func (c *receiptCommand) writeValidation(ctx context.Context, client *hubclient.Client) error {
	archive, err := client.Validation(ctx, hub.DispatchID(c.Dispatch))
	if err != nil {
		return err
	}
	return writeFile(c.Validation, func(w io.Writer) error { return json.NewEncoder(w).Encode(archive) })
}

// ReceiptName is the file name of the n-th receipt of a dispatch.
func ReceiptName(n int, sealed *hub.SealedEvidence) string {
	return fmt.Sprintf("%03d-%s-%s.receipt.json", n, sealed.Evidence.Event.Name(), sealed.Evidence.ID)
}
