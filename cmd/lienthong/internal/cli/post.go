package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// postCommand is for what agencies have the post carry.
type postCommand struct {
	List     postList     `cmd:"" help:"List the orders of an agency at the post."`
	Show     postShow     `cmd:"" help:"Show an order with its parties and all that the post told."`
	Order    postOrder    `cmd:"" help:"Have the post carry the papers or the result of a dossier, or a document to a recipient that is not connected."`
	Report   postReport   `cmd:"" help:"Say what a bill says, where the operator of the post does not tell it itself."`
	Register postRegister `cmd:"" help:"Print the register of what was sent by post (sổ gửi văn bản đi bưu điện)."`
	Operator postOperator `cmd:"" help:"Play the operator of the post against a hub, well or badly behaved (integrator)."`
}

type postList struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Open       bool   `help:"Only those of which the post has more to say."`
	Dossier    string `help:"Only those of this dossier: number or id."`
	Dispatch   string `help:"Only those of this document."`
	Finding    string `help:"Only those with this finding: unknown_code, impossible_time, out_of_order, other_bill, rejected, failed, returned, no_answer, silent."`
	From       string `help:"First day on which they were ordered, such as 2026-03-02."`
	To         string `help:"Last day."`
	Limit      int    `default:"50" help:"Rows at most."`
}

// Run lists orders.
func (c *postList) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	query := hubclient.PostalQuery{
		Agency: c.Agency, Open: c.Open, Dispatch: hub.DispatchID(c.Dispatch), Finding: hub.PostalRule(c.Finding), From: hub.Date(c.From), To: hub.Date(c.To), Page: hub.Page{Limit: c.Limit},
	}
	if c.Dossier != "" {
		if query.Dossier, err = dossierID(ctx, client, c.Dossier); err != nil {
			return err
		}
	}
	list, err := client.PostalOrders(ctx, query)
	if err != nil {
		return err
	}
	e.noteMore(list.Next)
	return e.print(list.Items, func(w io.Writer) {
		t := text.Table{Head: []string{"ORDER", "ORDERED", "KIND", "NUMBER", "TO", "STATE", "BILL", "POSTED", "FINDINGS"}}
		for i := range list.Items {
			o := &list.Items[i]
			t.Add(string(o.ID), text.Clock(o.Created), string(o.Kind), text.Printable(o.Number), text.Short(text.Printable(postalPlace(o)), 40), postalState(o), text.Printable(o.Bill), postedOn(o), postalRules(o))
		}
		t.Write(w)
	})
}

// postalPlace is where an item goes, without the name of an owner.
func postalPlace(o *hub.PostalOrder) string {
	switch o.Kind {
	case hub.PostalPaper:
		return o.Place
	case hub.PostalReturn:
		return "owner of the dossier"
	}
	return o.AgencyName
}

func postalState(o *hub.PostalOrder) string {
	if o.State == "" {
		return "waits"
	}
	return string(o.State)
}

func postedOn(o *hub.PostalOrder) string {
	if o.PostedAt.IsZero() {
		return ""
	}
	return text.Clock(o.PostedAt)
}

func postalRules(o *hub.PostalOrder) string {
	rules := make([]string, len(o.Findings))
	for i, rule := range o.Findings {
		rules[i] = string(rule)
	}
	return strings.Join(rules, ", ")
}

type postShow struct {
	connection `embed:""`
	Order      string        `arg:"" help:"Id of the order, which is its number at the post."`
	Wait       time.Duration `help:"Wait this long for the post to have no more to say."`
}

// lookAgain is the pause between two looks at an order that is waited for.
const lookAgain = 250 * time.Millisecond

// Run shows an order.
func (c *postShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	order, err := client.PostalOrder(ctx, hub.PostalID(c.Order))
	for until := time.Now().Add(c.Wait); err == nil && unsettled(&order) && time.Now().Before(until); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lookAgain):
		}
		order, err = client.PostalOrder(ctx, hub.PostalID(c.Order))
	}
	if err != nil {
		return err
	}
	return e.print(order, func(w io.Writer) { printPostal(w, &order) })
}

// unsettled reports whether the post has more to say, or dossier and document do not know all
// of it yet.
func unsettled(o *hub.PostalOrder) bool { return o.Open() || o.Told < int64(len(o.Events)) }

func printPostal(w io.Writer, o *hub.PostalOrder) {
	fmt.Fprintf(w, "%s: %s of %s by %s, %s\n", o.ID, o.Kind, text.Printable(o.Number), text.Printable(o.AgencyName), postalState(o))
	for _, p := range []struct {
		role string
		who  *hub.PostalParty
	}{{"from", o.From}, {"to", o.To}} {
		if p.who != nil {
			fmt.Fprintf(w, "%s %s, %s %s\n", p.role, text.Printable(p.who.Name), text.Printable(p.who.Address), text.Printable(p.who.Phone))
		}
	}
	if o.Bill != "" {
		fmt.Fprintf(w, "bill %s of %s\n", text.Printable(o.Bill), text.Clock(o.BilledAt))
	}
	if o.Fees != nil {
		fmt.Fprintf(w, "fees %d, for collecting %d; the postman collects %d đồng\n", o.Fees.Main, o.Fees.COD, o.Fees.Collect)
	}
	if o.LastError != "" {
		fmt.Fprintf(w, "%d attempts without an answer: %s\n", o.Asked, text.Printable(o.LastError))
	}
	if found := postalRules(o); found != "" {
		fmt.Fprintf(w, "findings: %s\n", found)
	}
	t := text.Table{Head: []string{"EVENT", "WHEN", "ACT", "BILL", "CODE", "BY", "TEXT"}}
	for i := range o.Events {
		a := &o.Events[i]
		when := text.Clock(a.At)
		if a.Unsound {
			when += " (cannot be)"
		}
		t.Add(strconv.FormatInt(a.Seq, 10), when, string(a.Act), text.Printable(a.Bill), text.Printable(a.Code), text.Printable(a.By), text.Short(text.Printable(a.Text), 60))
	}
	t.Write(w)
}

type postOrder struct {
	connection `embed:""`
	ownAgency  `embed:""`
	Kind       string `arg:"" help:"pick_up (papers of a dossier, from its owner), return (its result, to the owner) or paper (a document, to a recipient that is not connected)."`
	Dossier    string `help:"Number or id of the dossier."`
	Dispatch   string `help:"Id of the document."`
	Delivery   string `help:"Delivery of the document to this recipient; the only one that waits for the post when left out."`

	FromName     string `placeholder:"NAME" help:"Sender; the agency, or the owner of the dossier, when left out."`
	FromAddress  string `placeholder:"ADDRESS" help:"Its address; that of the directory when left out."`
	FromPhone    string `placeholder:"NUMBER" help:"Its telephone."`
	FromProvince string `placeholder:"CODE" help:"Its province, as the post numbers them."`
	FromDistrict string `placeholder:"CODE" help:"Its district, as the post numbers them; may be empty."`
	ToName       string `placeholder:"NAME" help:"Receiver; as of the sender."`
	ToAddress    string `placeholder:"ADDRESS" help:"Its address."`
	ToPhone      string `placeholder:"NUMBER" help:"Its telephone."`
	ToProvince   string `placeholder:"CODE" help:"Its province."`
	ToDistrict   string `placeholder:"CODE" help:"Its district."`

	Content   string `help:"What is in the item; the number when left out."`
	Note      string `help:"For the postman."`
	Envelopes int    `help:"How many envelopes; one when left out."`
	Weight    int    `help:"Grams; the post weighs it when left out."`
	Collect   int64  `help:"Amount in đồng that the postman takes from the receiver (COD)."`
	ID        string `name:"id" help:"A key of your own: the same again orders nothing anew."`
}

// Run gives an order.
func (c *postOrder) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	order, err := client.OrderPost(ctx, c.Agency, hub.PostalWish{
		Kind: hub.PostalKind(c.Kind), Key: c.ID, Dossier: c.Dossier, Dispatch: hub.DispatchID(c.Dispatch), Delivery: hub.DeliveryID(c.Delivery),
		From:    &hub.PostalParty{Name: c.FromName, Address: c.FromAddress, Phone: c.FromPhone, Province: c.FromProvince, District: c.FromDistrict},
		To:      &hub.PostalParty{Name: c.ToName, Address: c.ToAddress, Phone: c.ToPhone, Province: c.ToProvince, District: c.ToDistrict},
		Content: c.Content, Note: c.Note, Envelopes: c.Envelopes, Weight: c.Weight, Collect: c.Collect,
	})
	if err != nil {
		return err
	}
	return e.print(order, func(w io.Writer) { printPostal(w, &order) })
}

type postReport struct {
	connection `embed:""`
	Order      string `arg:"" help:"Id of the order."`
	Act        string `arg:"" help:"collected, accepted, handed_over, failed, returned or delivered."`
	At         string `help:"The time on the bill: a minute in Viet Nam such as 2026-03-02T09:30, or RFC 3339; now when left out."`
	Bill       string `help:"Number of the bill (mã bưu gửi)."`
	Text       string `help:"What else it says."`
	ID         string `name:"id" help:"A key of your own: the same again changes nothing."`
}

// Run reports what a bill says.
func (c *postReport) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	order, err := client.ReportPost(ctx, hub.PostalID(c.Order), hub.PostalReport{Act: hub.PostalAct(c.Act), At: hub.DossierMoment(c.At), Key: c.ID, Bill: c.Bill, Text: c.Text})
	if err != nil {
		return err
	}
	return e.print(order, func(w io.Writer) { printPostal(w, &order) })
}

type postRegister struct {
	connection `embed:""`
	ownAgency  `embed:""`
	From       string `help:"First day, such as 2026-03-01; that of the first order when left out."`
	To         string `help:"Last day; today when left out."`
}

// Run prints the register: the columns of NĐ 30/2020/NĐ-CP, annex IV.
func (c *postRegister) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	rows, err := whole(func(p hub.Page) (hub.List[hub.PostalOrder], error) {
		return client.PostalOrders(ctx, hubclient.PostalQuery{Agency: c.Agency, Outgoing: true, Oldest: true, From: hub.Date(c.From), To: hub.Date(c.To), Page: p})
	})
	if err != nil {
		return err
	}
	return e.print(rows, func(w io.Writer) {
		t := text.Table{Head: []string{"POSTED", "NUMBER", "TO", "ENVELOPES", "BILL", "NOTE"}}
		for i := range rows {
			o := &rows[i]
			t.Add(postedOn(o), text.Printable(o.Number), text.Short(text.Printable(postalPlace(o)), 60), strconv.Itoa(o.Envelopes), text.Printable(o.Bill), postalState(o))
		}
		t.Write(w)
	})
}
