package cli

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/horizon"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/trust"
)

type expiringCommand struct {
	hubSettings `embed:""`
	Months      int `default:"12" help:"How many months to look ahead."`
	digestFlags `embed:""`
	Certificate string `type:"path" placeholder:"FILE" help:"Certificates of the hub's evidence keys (PEM); DATA-DIR/hub-certificate.pem when left out."`
}

// maxMonths is beyond the end of any certificate.
const maxMonths = 600

// Help says what is looked at.
func (expiringCommand) Help() string {
	return "Reads the stores that the settings name and lists what stops being provable by itself: receipts whose evidence key ends before a time-stamp covers them, " +
		"time-stamps whose authority or algorithm ends, logs whose last time-stamp or whose digest ends without a rehash by another one, and signatures on documents whose algorithm ends before their receipt is time-stamped. " +
		"The hub may go on working. Exit code 0: nothing ends; 1: something does."
}

// Run lists what ends.
func (c *expiringCommand) Run(ctx context.Context, e *env) error {
	if c.Months < 1 || c.Months > maxMonths {
		return hub.Invalid("months", "range", "1 to %d months can be looked ahead", maxMonths)
	}
	pem, err := certificates(c.Certificate, c.Config.Certificates)
	if err != nil {
		return err
	}
	keys, err := trust.ParseCertificates(pem)
	if err != nil {
		return hub.Invalid("certificate", "pem", "%v", err)
	}
	stores, err := app.OpenStores(ctx, c.Config, newLog(e.Stderr, "error", c.Config.LogFormat))
	if err != nil {
		return err
	}
	defer stores.Close() //nolint:errcheck // was only read
	table, err := c.table()
	if err != nil {
		return err
	}
	outlook, err := horizon.Look(ctx, stores, keys, table, time.Now().AddDate(0, c.Months, 0))
	if err != nil {
		return err
	}
	err = e.print(outlook, func(w io.Writer) {
		t := text.Table{Head: []string{"UNTIL", "WHAT", "SUBJECT", "COUNT", "WHY"}}
		for i := range outlook.Items {
			item := &outlook.Items[i]
			t.Add(item.Until.In(hub.Vietnam()).Format(time.DateOnly), item.What, item.Subject, strconv.FormatInt(item.Count, 10), item.Why+"; "+item.Remedy)
		}
		t.Write(w)
		fmt.Fprintf(w, "%d of %d receipts are time-stamped, by %d time-stamps; %d signatures have no proof of existence\n", outlook.Stamped, outlook.Receipts, outlook.Stamps, outlook.Unproven)
		fmt.Fprintf(w, "%d things end before %s\n", len(outlook.Items), text.Clock(outlook.Before))
	})
	if err == nil && len(outlook.Items) > 0 {
		return verdict(exitFailed)
	}
	return err
}
