package cli

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/lienthong/lienthong/adapters/lgsp"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/partner"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

type partnerCommand struct {
	Rest    partnerRest    `cmd:"" help:"Test the REST interface."`
	Vxp     partnerVxp     `cmd:"" help:"Test the protocol of the national document axis (VXP SDK)."`
	Lgsp    partnerLgsp    `cmd:"" help:"Test the provincial API (LGSP, truclienthong)."`
	Amqp    partnerAmqp    `cmd:"" help:"Test the agency's queues in RabbitMQ; nothing else may read them meanwhile."`
	Drop    partnerDrop    `cmd:"" help:"Test the folders on which lienthong drop serve works for the agency."`
	Webhook partnerWebhook `cmd:"" help:"Test webhooks, as the receiver that the hub calls."`
	Mail    partnerMail    `cmd:"" help:"Test the notices by mail; they go to the address of --mail."`
	Axis    partnerAxis    `cmd:"" help:"Play an axis of which the hub is a member, and a unit behind it."`
	List    partnerList    `cmd:"" help:"List the tests and the answers that are expected."`
}

// tested is how to reach a hub as the agency of the tests.
type tested struct {
	connection `embed:""`
	testUnit   `embed:""`
}

// testUnit is the agency that is sender and recipient of all test documents.
type testUnit struct {
	Agency        string `required:"" help:"Code of the test unit (W00) that sends to itself."`
	WorkingAgency bool   `help:"Test with a working agency: its box and register get test documents."`
	File          string `type:"existingfile" help:"PDF to send; without it, a page that says that it is a test."`
}

// prepare returns the document and how to speak TLS.
func (c *tested) prepare() ([]byte, *tls.Config, error) {
	pdf, err := c.document()
	if err != nil {
		return nil, nil, err
	}
	config, err := c.tls()
	return pdf, config, err
}

// document makes sure that the agency is one to test with, and gets the document.
func (c *testUnit) document() ([]byte, error) {
	code, err := hub.ParseCode(c.Agency)
	if err != nil {
		return nil, hub.Invalid("agency", "agency_code", "%.40q is no code of an agency", c.Agency)
	}
	if !c.WorkingAgency && !code.IsTestUnit() {
		return nil, hub.Invalid("agency", "test_unit", "%s is no test unit (a code with W00): its box and register would get test documents; insist with --working-agency", c.Agency)
	}
	if c.File != "" {
		return os.ReadFile(c.File)
	}
	letter := sample.TestLetter(time.Now())
	return letter.PDF()
}

// report tells what became of the tests.
func reportTests(e *env, results []partner.Result) error {
	if err := e.print(results, func(w io.Writer) { partner.WriteTable(w, results) }); err != nil {
		return err
	}
	if partner.Failed(results) {
		return verdict(exitFailed)
	}
	return nil
}

// progressOf tells a person of each test as it ends.
func progressOf(e *env) func(partner.Result) {
	return func(r partner.Result) {
		if isTerminal(e.Stderr) {
			e.note("%s %s", r.Number, r.Title)
		}
	}
}

type partnerRest struct {
	tested `embed:""`
}

// Run tests the REST interface.
func (c *partnerRest) Run(ctx context.Context, e *env) error {
	pdf, config, err := c.prepare()
	if err != nil {
		return err
	}
	key, err := c.key()
	if err != nil {
		return err
	}
	verifier := signing.NewVerifier(signing.VerifierOptions{Now: time.Now})
	client := clientOf(config)
	defer client.CloseIdleConnections()
	return reportTests(e, partner.RunREST(ctx, partner.REST{
		HTTP: client, TLS: config, URL: c.URL, Key: key, Agency: hub.Code(c.Agency), PDF: pdf,
		Verify: func(receipt []byte) (string, error) {
			_, report, err := verifier.VerifyReceipt(receipt, time.Now())
			if err != nil || report.Indication == hub.TotalFailed {
				return "not verified", err
			}
			return "verified", nil
		},
	}, progressOf(e)))
}

func clientOf(config *tls.Config) *http.Client {
	return &http.Client{
		Transport:     &http.Transport{TLSClientConfig: config, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type partnerVxp struct {
	tested     `embed:""`
	System     string `help:"Id of the system; without it, --agency."`
	SecretFile string `required:"" type:"existingfile" help:"File with the secret of the system."`
	Path       string `default:"/vxp" help:"Path of the endpoint on the hub."`
}

// Run tests the protocol of the axis.
func (c *partnerVxp) Run(ctx context.Context, e *env) error {
	pdf, config, err := c.prepare()
	if err != nil {
		return err
	}
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return hub.Invalid("secret-file", "file", "%v", err)
	}
	system := c.System
	if system == "" {
		system = c.Agency
	}
	client := clientOf(config)
	defer client.CloseIdleConnections()
	return reportTests(e, partner.RunAxis(ctx, partner.Axis{
		Client: vxp.Client{HTTP: client, Endpoint: strings.TrimRight(c.URL, "/") + c.Path, System: system, Secret: strings.TrimSpace(string(secret)), Now: time.Now},
		TLS:    config, Agency: hub.Code(c.Agency), PDF: pdf,
	}, progressOf(e)))
}

type partnerLgsp struct {
	tested      `embed:""`
	SecretsFile string `required:"" type:"existingfile" help:"File with what the application is configured with, as lgsp create and enrol write it (JSON)."`
	Path        string `help:"What stands before the paths of the API on the hub, such as /lgsp."`
	AwaitEnd    bool   `help:"Wait until the access token has ended, an hour mostly, and test that it opens nothing then."`
}

// Run tests the provincial API.
func (c *partnerLgsp) Run(ctx context.Context, e *env) error {
	pdf, config, err := c.prepare()
	if err != nil {
		return err
	}
	given, unit, err := c.secrets()
	if err != nil {
		return err
	}
	client := clientOf(config)
	defer client.CloseIdleConnections()
	return reportTests(e, partner.RunProvince(ctx, partner.Province{
		Client: &lgsp.Client{
			HTTP: client, URL: strings.TrimRight(c.URL, "/") + c.Path, ID: given.ConsumerKey, Secret: given.ConsumerSecret, UnitSecret: unit, Now: time.Now,
		},
		TLS: config, Agency: hub.Code(c.Agency), PDF: pdf, AwaitEnd: c.AwaitEnd,
	}, progressOf(e)))
}

// secrets reads the file of the application. It names units by their ids: where there are
// several, the one to test with comes as a file of its own.
func (c *partnerLgsp) secrets() (given credentials, unit string, err error) {
	text, err := os.ReadFile(c.SecretsFile)
	if err != nil {
		return given, "", hub.Invalid("secrets-file", "file", "%v", err)
	}
	if err := json.Unmarshal(text, &given); err != nil {
		return given, "", hub.Invalid("secrets-file", "json", "%s: %v", c.SecretsFile, err)
	}
	if len(given.Units) != 1 {
		return given, "", hub.Invalid("secrets-file", "units", "%s has the secrets of %d units; the tests want one, that of %s", c.SecretsFile, len(given.Units), c.Agency)
	}
	return given, given.Units[0].UnitSecret, nil
}

type partnerAmqp struct {
	tested       `embed:""`
	Broker       string `required:"" placeholder:"amqps://HOST/VHOST" help:"Address of the broker."`
	PasswordFile string `required:"" type:"existingfile" help:"File with the password of the agency's user."`
}

// Run tests the agency's queues.
func (c *partnerAmqp) Run(ctx context.Context, e *env) error {
	pdf, config, err := c.prepare()
	if err != nil {
		return err
	}
	password, err := os.ReadFile(kong.ExpandPath(c.PasswordFile))
	if err != nil {
		return hub.Invalid("password-file", "file", "%v", err)
	}
	return reportTests(e, partner.RunBroker(ctx, partner.Broker{
		Address: c.Broker, TLS: config, Agency: hub.Code(c.Agency), Password: strings.TrimSpace(string(password)), PDF: pdf,
	}, progressOf(e)))
}

type partnerDrop struct {
	testUnit `embed:""`
	Folder   string `required:"" type:"existingdir" help:"Folder on which lienthong drop serve works for the agency."`
}

// Run tests the folders.
func (c *partnerDrop) Run(ctx context.Context, e *env) error {
	pdf, err := c.document()
	if err != nil {
		return err
	}
	return reportTests(e, partner.RunFolders(ctx, partner.Folders{Root: c.Folder, Agency: hub.Code(c.Agency), PDF: pdf}, progressOf(e)))
}

// listening is where the partner waits for the calls of the hub.
type listening struct {
	Listen        string `default:"127.0.0.1:8443" help:"Address on which the partner waits for the calls of the hub, HOST:PORT."`
	ListenCert    string `type:"existingfile" help:"Certificate of that address (PEM), which the hub must trust; without it, without TLS."`
	ListenKeyFile string `type:"existingfile" help:"Key of that certificate (PEM)."`
}

// open begins to wait.
func (c *listening) open(ctx context.Context) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, hub.Invalid("listen", "address", "%v", err)
	}
	if c.ListenCert == "" && c.ListenKeyFile == "" {
		return l, nil
	}
	pair, err := tls.LoadX509KeyPair(c.ListenCert, c.ListenKeyFile)
	if err != nil {
		return nil, errors.Join(hub.Invalid("listen-cert", "certificate", "%v", err), l.Close())
	}
	return tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}), nil
}

// reach is how the tests speak to the hub as the agency.
func (c *tested) reach() (partner.REST, error) {
	pdf, config, err := c.prepare()
	if err != nil {
		return partner.REST{}, err
	}
	key, err := c.key()
	return partner.REST{HTTP: clientOf(config), TLS: config, URL: c.URL, Key: key, Agency: hub.Code(c.Agency), PDF: pdf}, err
}

type partnerWebhook struct {
	tested    `embed:""`
	listening `embed:""`
	Target    string `required:"" placeholder:"https://THIS-MACHINE:8443/hook" help:"The same address as the hub calls it."`
}

// Run tests webhooks.
func (c *partnerWebhook) Run(ctx context.Context, e *env) error {
	rest, err := c.reach()
	if err != nil {
		return err
	}
	defer rest.HTTP.CloseIdleConnections()
	l, err := c.open(ctx)
	if err != nil {
		return err
	}
	return reportTests(e, partner.RunHook(ctx, partner.Hook{REST: rest, Target: c.Target, Listener: l}, progressOf(e)))
}

type partnerMail struct {
	tested `embed:""`
	Mail   string `required:"" help:"Address to which the mails of the tests go."`
}

// Run tests the notices by mail.
func (c *partnerMail) Run(ctx context.Context, e *env) error {
	rest, err := c.reach()
	if err != nil {
		return err
	}
	defer rest.HTTP.CloseIdleConnections()
	return reportTests(e, partner.RunMail(ctx, partner.Mail{REST: rest, Address: c.Mail}, progressOf(e)))
}

type partnerAxis struct {
	tested     `embed:""`
	listening  `embed:""`
	System     string `required:"" help:"Id that the hub has on the axis (--axis-system of the hub)."`
	SecretFile string `required:"" type:"existingfile" help:"File with the secret of that system."`
	Away       string `required:"" help:"Code of a test unit that the directory of the hub has behind the axis (channel axis)."`
}

// Run plays an axis of which the hub is a member.
func (c *partnerAxis) Run(ctx context.Context, e *env) error {
	away, err := hub.ParseCode(c.Away)
	if err != nil || !c.WorkingAgency && !away.IsTestUnit() {
		return hub.Invalid("away", "test_unit", "%.40s is no code of a test unit (W00)", c.Away)
	}
	secret, err := os.ReadFile(c.SecretFile)
	if err != nil {
		return hub.Invalid("secret-file", "file", "%v", err)
	}
	rest, err := c.reach()
	if err != nil {
		return err
	}
	defer rest.HTTP.CloseIdleConnections()
	l, err := c.open(ctx)
	if err != nil {
		return err
	}
	return reportTests(e, partner.RunMember(ctx, partner.Member{
		REST: rest, Listener: l, System: c.System, Secret: strings.TrimSpace(string(secret)), Away: away,
	}, progressOf(e)))
}

type partnerList struct{}

// Run lists the tests.
func (partnerList) Run(e *env) error {
	tests := partner.Tests()
	return e.print(tests, func(w io.Writer) {
		for _, t := range tests {
			fmt.Fprintf(w, "%s\t%s\t%s\n", t.Number, t.Title, t.Want)
		}
	})
}
