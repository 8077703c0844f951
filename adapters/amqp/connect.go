package amqp

import (
	"context"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// connection is one connection to the broker that can be ended whatever state it is in.
type connection struct {
	*amqp091.Connection
	socket net.Conn
	lost   chan *amqp091.Error // gets the reason, and is closed when the connection ends
}

// closeLimit is how long a connection may take to end in order. A broker that is out
// of memory does not listen to those who publish.
const closeLimit = time.Second

func (c *connection) close() {
	cut := time.AfterFunc(closeLimit, func() { _ = c.socket.Close() })
	defer cut.Stop()
	_ = c.Connection.Close() // it may be lost already
}

// connect opens a connection; purpose tells it from others in the broker's lists.
func (o *Options) connect(ctx context.Context, purpose string) (*connection, error) {
	user, password, err := o.Credentials()
	if err != nil {
		return nil, away(err, "the password of the broker cannot be read")
	}
	uri, err := amqp091.ParseURI(o.URL)
	if err != nil {
		return nil, hub.Internal("read the broker's address", err)
	}
	c := &connection{lost: make(chan *amqp091.Error, 1)}
	properties := amqp091.NewConnectionProperties()
	properties.SetClientConnectionName(o.Name + " " + purpose)
	dialing, cancel := context.WithTimeout(ctx, handshakeLimit)
	defer cancel()
	stop := func() bool { return true } // from then on the context does not end the connection
	c.Connection, err = amqp091.DialConfig(o.URL, amqp091.Config{
		SASL:  []amqp091.Authentication{&amqp091.PlainAuth{Username: user, Password: password}},
		Vhost: uri.Vhost, Heartbeat: heartbeat, TLSClientConfig: o.TLS, Properties: properties,
		Dial: func(network, address string) (net.Conn, error) {
			socket, err := (&net.Dialer{}).DialContext(dialing, network, address)
			if err != nil {
				return nil, err
			}
			c.socket = &guarded{socket}
			stop = context.AfterFunc(dialing, func() { _ = socket.Close() })
			return c.socket, socket.SetReadDeadline(time.Now().Add(handshakeLimit))
		},
	})
	stop()
	if err != nil {
		return nil, away(err, "no connection to the broker")
	}
	c.NotifyClose(c.lost)
	return c, nil
}

// guarded is a socket whose writes end.
type guarded struct{ net.Conn }

func (g *guarded) Write(b []byte) (int, error) {
	if err := g.SetWriteDeadline(time.Now().Add(writeLimit)); err != nil {
		return 0, err
	}
	return g.Conn.Write(b)
}

// away is the error for a broker that does not do what it should; Err says why.
func away(cause error, message string) error {
	return &hub.Error{Kind: hub.KindUnavailable, Message: message, Err: cause}
}

// notThere reports whether the broker knows no queue or exchange of the name.
func notThere(err error) bool { return hasCode(err, amqp091.NotFound) }

func hasCode(err error, code int) bool {
	var e *amqp091.Error
	return errors.As(err, &e) && e.Code == code
}

// pauses are the growing pauses between failures in a row.
type pauses struct {
	Backoff
	failures int
}

// wait waits after a failure; it reports false when ctx ended first.
func (p *pauses) wait(ctx context.Context) bool {
	pause := min(p.First<<min(p.failures, 20), p.Max)
	p.failures++
	timer := time.NewTimer(pause/2 + rand.N(pause/2+1))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (p *pauses) reset() { p.failures = 0 }

// keep runs session after session on connections of their own until ctx ends. A
// session calls sound once it does its work; then the pauses begin anew.
func (o *Options) keep(ctx context.Context, purpose string, state *state, session func(ctx context.Context, c *connection, sound func()) error) {
	between := pauses{Backoff: o.Retry}
	for {
		err := o.once(ctx, purpose, func(ctx context.Context, c *connection) error {
			begin := time.AfterFunc(beginLimit, func() { _ = c.socket.Close() })
			defer begin.Stop()
			return session(ctx, c, func() {
				begin.Stop()
				between.reset()
				state.up(ctx)
			})
		})
		if ctx.Err() != nil {
			state.change(false, "closed")
			return
		}
		state.down(ctx, err.Error())
		if !between.wait(ctx) {
			return
		}
	}
}

func (o *Options) once(ctx context.Context, purpose string, use func(ctx context.Context, c *connection) error) error {
	c, err := o.connect(ctx, purpose)
	if err != nil {
		return err
	}
	defer c.close()
	return use(ctx, c)
}

// control uses a channel of a connection of its own for one act, which ends with ctx:
// neither a stuck connection nor an alarm of the broker can hold it.
func (o *Options) control(ctx context.Context, act func(ch *amqp091.Channel) error) error {
	return o.once(ctx, "control", func(ctx context.Context, c *connection) error {
		defer context.AfterFunc(ctx, func() { _ = c.socket.Close() })()
		ch, err := c.Channel()
		if err == nil {
			err = act(ch)
		}
		switch {
		case ctx.Err() != nil:
			return away(ctx.Err(), "the broker did not answer in time")
		case err != nil:
			return asHubError(err)
		}
		return nil
	})
}

// asHubError lets errors of ours pass and turns those of the client into ours.
func asHubError(err error) error {
	var e *hub.Error
	if errors.As(err, &e) {
		return err
	}
	return away(err, "the broker did not do it")
}
