package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/adapters/postal"
	"github.com/lienthong/lienthong/hub"
)

// TestPostThroughAKill: the hub is killed when the operator of the post has an order, and
// before anybody wrote down that it has. The operator takes what comes twice as two: it gets
// one, and the hub knows of it.
func TestPostThroughAKill(t *testing.T) {
	t.Parallel()
	office := &postal.Office{Token: "t", Now: time.Now}
	office.Misbehave(postal.FaultHold, postal.FaultNaive)
	operator := httptest.NewServer(office)
	t.Cleanup(operator.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("t\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	w := newTown(t, "--post", operator.URL, "--post-customer", "KH1", "--post-token-file", token, "--post-poll", "50ms", "--post-patience", "3s")
	const list = "id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n" +
		"hoi,H47.77,Hội Mẫu (hư cấu),unit,,H47,,,true,,,,,post\n"
	if _, err := w.client(w.operatorKey()).ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	key := w.key("H47")
	if out, err := w.run(key, "send", "--pdf", filepath.Join(w.folder, "signed.pdf"), "--to", "H47.77", "--number", "1/UBND", "--subject", "Giấy"); err != nil {
		t.Fatal(err, out)
	}
	sent, err := w.client(key).Sent(t.Context(), hubclient.SentQuery{Page: hub.Page{Limit: 1}})
	if err != nil || len(sent.Items) != 1 {
		t.Fatal(sent, err)
	}
	address := &hub.PostalParty{Address: "10 Trần Phú"}
	order, err := w.client(key).OrderPost(t.Context(), "", hub.PostalWish{Kind: hub.PostalPaper, Dispatch: sent.Items[0].Dispatch.ID, From: address, To: address})
	if err != nil {
		t.Fatal(err)
	}
	w.await("the operator got no order", func() bool { return len(office.Orders()) > 0 })
	w.hub.Kill()
	office.Misbehave(postal.FaultNaive)
	w.start()
	w.await("the hub does not know that the operator has the order", func() bool {
		got, err := w.client(key).PostalOrder(t.Context(), order.ID)
		return err == nil && got.State == hub.PostalOrdered
	})
	if got := office.Orders(); len(got) != 1 || got[0].Times != 1 || got[0].Number != string(order.ID) {
		t.Errorf("the operator has %+v", got)
	}
}
