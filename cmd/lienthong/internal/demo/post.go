package demo

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/lienthong/lienthong/adapters/postal"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/app"
	"github.com/lienthong/lienthong/hub"
)

const (
	postFolder   = "post"
	postToken    = "demo"
	postPoll     = 200 * time.Millisecond
	postPause    = 50 * time.Millisecond
	postPatience = 2 * time.Minute
)

// postOffice is the operator of the post in the demonstration, on a loopback address. It
// loses its answers to orders and tells everything twice.
type postOffice struct {
	*postal.Office
	server *http.Server
	url    string
	ended  chan struct{}
}

// openOffice starts the operator of the post, which the hub must know when it starts.
func (s *show) openOffice(ctx context.Context) error {
	if err := s.save([]byte(postToken+"\n"), postFolder, "token"); err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	office := &postal.Office{Token: postToken, Now: s.now}
	office.Misbehave(postal.FaultLost, postal.FaultDuplicate)
	o := &postOffice{Office: office, url: "http://" + listener.Addr().String(), ended: make(chan struct{})}
	o.server = &http.Server{Handler: office, ReadHeaderTimeout: postPatience}
	go func() {
		_ = o.server.Serve(listener) // if it fails, nothing is carried
		close(o.ended)
	}()
	s.office = o
	return nil
}

func (o *postOffice) close() {
	_ = o.server.Close() // what it has is kept
	<-o.ended
}

func (s *show) postSettings() app.PostSettings {
	return app.PostSettings{Post: s.office.url, PostCustomer: "demo", PostTokenFile: s.path(postFolder, "token"), PostPoll: postPoll}
}

// bringByPost has the post bring the result to the owner, which gives the dossier back.
func (s *show) bringByPost(ctx context.Context) error {
	client := s.parties[hoaThuan].client
	order, err := client.OrderPost(ctx, hoaThuan, hub.PostalWish{
		Kind: hub.PostalReturn, Dossier: s.dossier.Number, Key: "demo-1", Collect: 50_000,
		From: &hub.PostalParty{Address: "1 Ví Dụ (hư cấu)"}, To: &hub.PostalParty{Address: "2 Ví Dụ (hư cấu)"},
	})
	if err != nil {
		return err
	}
	waiting, cancel := context.WithTimeout(ctx, postPatience)
	defer cancel()
	for len(s.office.Orders()) == 0 {
		if err := pause(waiting, "the post gets no order"); err != nil {
			return err
		}
	}
	at := s.now().Truncate(time.Second).Add(time.Second) // bills tell seconds, and the result was there before
	s.office.Happens(string(order.ID), hub.PostalAccepted, at, "")
	s.office.Happens(string(order.ID), hub.PostalDelivered, at, "")
	for order.Open() || order.Told < int64(len(order.Events)) {
		if err := pause(waiting, "the post delivers nothing"); err != nil {
			return err
		}
		if order, err = client.PostalOrder(ctx, order.ID); err != nil {
			return err
		}
	}
	s.dossier.Bill = order.Bill
	got := s.office.Orders()
	s.check(len(got) == 1 && got[0].Times == 1 && len(order.Events) == 3, "an order whose answer is lost goes out once (%d, %v)", len(order.Events), got)
	return nil
}

func pause(ctx context.Context, what string) error {
	select {
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, ctx.Err())
	case <-time.After(postPause):
		return nil
	}
}
