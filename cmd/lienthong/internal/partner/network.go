package partner

import (
	"context"
	"crypto/tls"
	"net"
	"net/url"
)

// network are the hops before the channel itself: they tell a firewall from a wrong secret.
type network struct {
	address string // URL of what is connected to
	tls     *tls.Config
}

// port is that of an address, or of its scheme where it names none.
func port(u *url.URL) string {
	if p := u.Port(); p != "" {
		return p
	}
	switch u.Scheme {
	case "https":
		return "443"
	case "amqps":
		return "5671"
	case "amqp":
		return "5672"
	}
	return "80"
}

// steps leave TLS out where the address says that there is none.
func (n *network) steps() []step {
	steps := []step{
		{Test{"N01", "the name of the machine is found", "found"}, n.resolve},
		{Test{"N02", "a connection opens", "open"}, n.dial},
	}
	if u, err := url.Parse(n.address); err != nil || u.Scheme != "http" && u.Scheme != "amqp" {
		steps = append(steps, step{Test{"N03", "TLS is trusted", "trusted"}, n.handshake})
	}
	return steps
}

func (n *network) resolve(ctx context.Context) (string, error) {
	u, err := url.Parse(n.address)
	if err != nil {
		return "", err
	}
	_, err = net.DefaultResolver.LookupHost(ctx, u.Hostname())
	return word("found", err)
}

func (n *network) dial(ctx context.Context) (string, error) {
	u, err := url.Parse(n.address)
	if err != nil {
		return "", err
	}
	c, err := (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port(u)))
	if err != nil {
		return "", err
	}
	return "open", c.Close()
}

func (n *network) handshake(ctx context.Context) (string, error) {
	u, err := url.Parse(n.address)
	if err != nil {
		return "", err
	}
	config := n.tls.Clone()
	if config == nil {
		config = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port(u)))
	if err != nil {
		return "", err
	}
	return "trusted", c.Close()
}

// word is what came back, where nothing failed.
func word(w string, err error) (string, error) {
	if err != nil {
		return "", err
	}
	return w, nil
}
