package cli

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// connection are the flags of every command that calls a hub. A variable that is
// set to nothing counts as not set, hence no path types here.
type connection struct {
	URL     string `env:"LIENTHONG_URL" default:"http://127.0.0.1:8470" help:"Address of the hub."`
	KeyFile string `name:"key-file" env:"LIENTHONG_KEY_FILE" help:"File with the API key. LIENTHONG_KEY may hold the key itself."`
	CA      string `name:"ca" env:"LIENTHONG_CA" help:"Certificates (PEM) to trust for the connection, such as a self-made one."`
}

// ownAgency adds the agency to speak for.
type ownAgency struct {
	Agency string `env:"LIENTHONG_AGENCY" help:"Agency to act for (code or id), also one that yours receives for; not needed when the key speaks for one."`
}

func (c *connection) client(e *env) (*hubclient.Client, error) {
	key, err := c.key()
	if err != nil {
		return nil, err
	}
	config, err := c.tls()
	if err != nil {
		return nil, err
	}
	return hubclient.New(hubclient.Options{URL: c.URL, Key: key, TLS: config, UserAgent: "lienthong/" + e.Version})
}

func (c *connection) key() (string, error) {
	if c.KeyFile == "" {
		if key := os.Getenv("LIENTHONG_KEY"); key != "" {
			return strings.TrimSpace(key), nil
		}
		return "", hub.Invalid("key-file", "required", "which key? give --key-file FILE, or set LIENTHONG_KEY_FILE or LIENTHONG_KEY")
	}
	secret, err := os.ReadFile(kong.ExpandPath(c.KeyFile))
	if err != nil {
		return "", hub.Invalid("key-file", "file", "%v", err)
	}
	return strings.TrimSpace(string(secret)), nil
}

func (c *connection) tls() (*tls.Config, error) {
	if c.CA == "" {
		return nil, nil //nolint:nilnil // no own trust: the system's
	}
	pem, err := os.ReadFile(kong.ExpandPath(c.CA))
	if err != nil {
		return nil, hub.Invalid("ca", "file", "%v", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, hub.Invalid("ca", "pem", "%s holds no certificate", c.CA)
	}
	return &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
