package app

import (
	"crypto/tls"
	"errors"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/accounts"
	"github.com/lienthong/lienthong/signing"
	"github.com/lienthong/lienthong/signing/token"
)

// Config is everything an operator can set. The tags make it the flags of
// `lienthong serve`, the keys of the configuration file and the environment
// variables; their help text is the documentation of each.
type Config struct {
	DataDir     string `name:"data-dir" env:"LIENTHONG_DATA_DIR" default:"lienthong-data" help:"Folder of database, originals and keys; created when absent."`
	Listen      string `env:"LIENTHONG_LISTEN" default:"127.0.0.1:8470" help:"Address to listen on. Port 0 takes a free one."`
	BehindProxy bool   `env:"LIENTHONG_BEHIND_PROXY" help:"Speak plain HTTP on any address: a proxy in front ends TLS."`
	TLSCert     string `name:"tls-cert" env:"LIENTHONG_TLS_CERT" help:"Certificate chain (PEM). Without it, a loopback address speaks plain HTTP and any other one a self-made certificate."`
	TLSKey      string `name:"tls-key" env:"LIENTHONG_TLS_KEY" help:"Private key of --tls-cert (PEM)."`
	Name        string `env:"LIENTHONG_NAME" default:"lienthong" help:"Name of this hub in evidence, certificates and its log; it stays for ever."`

	HubKeyFile     string `env:"LIENTHONG_HUB_KEY_FILE" help:"File with the hub's evidence key and its certificates (PEM), the same on all nodes; without it, DATA-DIR/key/hub.pem, made at the first start."`
	HubKeysFile    string `env:"LIENTHONG_HUB_KEYS_FILE" type:"path" placeholder:"FILE" help:"File (JSON) that lists evidence keys in files or tokens and when the turn of each begins, the same on all nodes and read again when it changes; without it, DATA-DIR/key/hub-keys.json if lienthong key rotate-hub made one; see deploy/keys.md."`
	LogKeyFile     string `env:"LIENTHONG_LOG_KEY_FILE" help:"File with the key that signs checkpoints of the log (PKCS #8 PEM, Ed25519), the same on all nodes and required with --database and --hub-key-file or --hub-keys-file; without it, DATA-DIR/key/log.pem, made at the first start."`
	SecretsKeyFile string `env:"LIENTHONG_SECRETS_KEY_FILE" help:"File with the key that encrypts the secrets of systems which sign their requests (national document axis), as it is or wrapped by a key in a PKCS #11 token (lienthong key rotate-secrets), the same on all nodes; without it, DATA-DIR/key/secrets.pem, made with the first such secret."`
	NoLogGrowth    bool   `name:"no-log-growth" env:"LIENTHONG_NO_LOG_GROWTH" help:"Publish no checkpoints: for a copy of a hub, which must not tell a second history under its name, and for a hub whose key of the log is lost."`

	Seals string `env:"LIENTHONG_SEALS" type:"path" placeholder:"FILE" help:"File (JSON) that names the keys with which this hub seals PDFs for agencies; see deploy/seals.md."`

	engine.Settings `embed:""`
	TrustSettings   `embed:""`
	TimeSettings    `embed:""`
	WitnessSettings `embed:""`
	BrokerSettings  `embed:""`
	PushSettings    `embed:""`
	AlertSettings   `embed:""`
	PortalSettings  `embed:""`
	PostSettings    `embed:""`

	ProviderSettings `embed:""`

	AxisSettings     `embed:""`
	DeliverySettings `embed:""`

	SignaturePolicy     string          `env:"LIENTHONG_SIGNATURE_POLICY" enum:"record,enforce,strict" default:"record" help:"Where no rule of lienthong policy fits: record keeps every verdict; enforce also refuses unsigned originals and invalid signatures; strict refuses what could not be verified, too."`
	TimeToLive          hub.Terms       `env:"LIENTHONG_TIME_TO_LIVE" default:"720h" help:"How long a recipient has to collect a document, for all or by urgency: 720h,urgent=72h,very_urgent=48h,express=24h,timed=24h. Then the delivery ends as expired."`
	RegisterWithin      hub.Terms       `env:"LIENTHONG_REGISTER_WITHIN" default:"720h" help:"How long a recipient has to register or refuse what it collected, in the same form."`
	WarnBefore          time.Duration   `env:"LIENTHONG_WARN_BEFORE" default:"72h" help:"How long before either time is over both sides are warned; of a short time, its last third."`
	TrackAccess         bool            `env:"LIENTHONG_TRACK_ACCESS" help:"Prove by evidence when a recipient first opens the content of a delivery (ContentAccessTracking)."`
	TaskSteering        []int           `env:"LIENTHONG_TASK_STEERING" default:"2" help:"Steering types (SteeringType) of edXML packages that direct: with a due date to come such a package sets a task; peers number them in two ways."`
	DossierApplications []string        `name:"dossier-application" env:"LIENTHONG_DOSSIER_APPLICATION" default:"HoSoLienThong" help:"Application types (ApplicationType) of edXML packages by which one-stop systems hand dossiers to each other."`
	ProcedurePublishers []string        `env:"LIENTHONG_PROCEDURE_PUBLISHERS" placeholder:"CODE" help:"Codes of agencies whose decisions publish procedures of all others, not only of those under them, such as a ministry. See deploy/procedures.md."`
	OfficeHours         hub.OfficeHours `env:"LIENTHONG_OFFICE_HOURS" default:"07:30-11:30,13:30-17:30" help:"Hours that are worked on each working day, in Viet Nam: by these the time of one-stop dossiers runs. See deploy/dossiers.md."`
	MaxRecipients       int             `env:"LIENTHONG_MAX_RECIPIENTS" default:"1000" help:"Recipients of one document."`

	MinFree     int           `name:"min-free" env:"LIENTHONG_MIN_FREE" default:"256" help:"MiB that must be free in the data folder; below, new submissions are refused for a while."`
	MaxQueueAge time.Duration `env:"LIENTHONG_MAX_QUEUE_AGE" default:"15m" help:"How long a delivery may wait beyond its time before new submissions are refused for a while (429); 0 for ever."`
	NoPages     bool          `name:"no-pages" env:"LIENTHONG_NO_PAGES" help:"Serve the API alone, without the pages for people."`
	ClientRate  int           `env:"LIENTHONG_CLIENT_RATE" default:"2000" help:"Requests of one API key in a second."`

	MetricsListen string  `env:"LIENTHONG_METRICS_LISTEN" help:"Address of a second listener for /metrics, /healthz and /readyz without a key, in plain HTTP; keep it inside. Without it, /metrics needs an operator's key."`
	Traces        string  `env:"LIENTHONG_TRACES" placeholder:"http://HOST:4318" help:"OpenTelemetry collector (OTLP over HTTP) for traces."`
	TraceRatio    float64 `env:"LIENTHONG_TRACE_RATIO" default:"0.1" help:"Share of requests whose traces are kept, 0 to 1, where the caller has not decided."`

	VXPPath string `name:"vxp-path" env:"LIENTHONG_VXP_PATH" default:"/vxp" help:"Path at which systems of the national document axis (VXP SDK) connect; empty for none. See deploy/connect-vxp.md."`

	LGSPPath    string `name:"lgsp-path" env:"LIENTHONG_LGSP_PATH" default:"/" help:"What stands before the paths /token and /truclienthong/v1.0.0 of the provincial API (LGSP); empty for no such API. See deploy/connect-lgsp.md."`
	LGSPProfile string `name:"lgsp-profile" env:"LIENTHONG_LGSP_PROFILE" type:"path" placeholder:"FILE" help:"File (JSON) that says where applications of the provincial API put what its description leaves open; see deploy/connect-lgsp.md."`

	LogLevel  string        `env:"LIENTHONG_LOG_LEVEL" enum:"debug,info,warn,error" default:"info" help:"Least level that is logged: debug, info, warn or error."`
	LogFormat string        `env:"LIENTHONG_LOG_FORMAT" enum:"text,json" default:"text" help:"Form of log lines: text or json."`
	StopLimit time.Duration `env:"LIENTHONG_STOP_LIMIT" default:"30s" help:"How long open requests may finish after a stop."`
	DrainFor  time.Duration `env:"LIENTHONG_DRAIN_FOR" default:"0s" help:"How long to go on serving after a stop, while /readyz tells the load balancer to send requests elsewhere: longer than two of its checks."`

	// Shown is what the page of settings shows; no setting itself.
	Shown []web.Setting `kong:"-"`
	// PasswordCost is what one hash of a password takes, zero for the usual one; no setting
	// either, and only for tests another one.
	PasswordCost accounts.Cost `kong:"-"`
	// Behind is how far the clock of the hub stands behind that of the machine at a moment, nil
	// for not at all; no setting either. The demonstration plays weeks in a minute with it. It
	// never grows: the clock of a hub does not go back.
	Behind func() time.Duration `kong:"-"`
	// RemindEvery is the time between two looks for deadlines to remind of, zero for the usual
	// one; no setting either. The demonstration looks more often: its days pass in seconds.
	RemindEvery time.Duration `kong:"-"`
}

// Check checks what tags cannot say. Its errors name the flag, all of them at once.
func (c *Config) Check() error {
	var found hub.Violations
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil {
		found = append(found, hub.Invalid("listen", "address", "%q is not of the form HOST:PORT", c.Listen))
	} else if host != "" && net.ParseIP(host) == nil && host != "localhost" {
		found = append(found, hub.Invalid("listen", "address", "%q is not an IP address", host))
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		found = append(found, hub.Invalid("tls-cert", "pair", "--tls-cert and --tls-key go together"))
	}
	if c.BehindProxy && c.TLSCert != "" {
		found = append(found, hub.Invalid("behind-proxy", "exclusive", "--behind-proxy and --tls-cert exclude each other"))
	}
	if c.TLSCert != "" && c.TLSKey != "" {
		if _, err := c.certificate(); err != nil {
			found = append(found, hub.ViolationsOf(err)...)
		}
	}
	if _, _, _, err := c.TrustSettings.Load(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if !hubNames.MatchString(c.Name) {
		found = append(found, hub.Invalid("name", "hub_name", "%q is not a name of letters, digits, dots and hyphens", c.Name))
	}
	found = append(found, c.Settings.Check()...)
	found = append(found, c.checkWatching()...)
	found = append(found, c.checkKeys()...)
	found = append(found, c.checkAxis()...)
	found = append(found, c.checkBrokerManagement()...)
	found = append(found, c.checkRelay()...)
	found = append(found, c.checkProvince()...)
	found = append(found, c.checkTime()...)
	found = append(found, c.checkWitnesses()...)
	found = append(found, c.checkPush()...)
	found = append(found, c.checkAlerts()...)
	found = append(found, c.checkProvider()...)
	found = append(found, c.checkPost()...)
	if _, err := c.readSeals(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	found = append(found, c.checkDeadlines()...)
	found = append(found, c.checkPublishers()...)
	found = append(found, c.checkPortal()...)
	if c.MaxRecipients < 1 {
		found = append(found, hub.Invalid("max-recipients", "minimum", "at least one recipient must be allowed"))
	}
	return found.AsError()
}

// deadlines are those of recipients.
func (c *Config) deadlines() hub.Deadlines {
	return hub.Deadlines{Handover: c.TimeToLive, Acceptance: c.RegisterWithin, Warning: c.WarnBefore}
}

func (c *Config) checkDeadlines() hub.Violations {
	var found hub.Violations
	for _, term := range []struct {
		flag string
		of   *hub.Terms
	}{{"time-to-live", &c.TimeToLive}, {"register-within", &c.RegisterWithin}} {
		if term.of.Shortest() < time.Minute {
			found = append(found, hub.Invalid(term.flag, "minimum", "a recipient has at least one minute"))
		}
	}
	if c.WarnBefore < 0 {
		found = append(found, hub.Invalid("warn-before", "minimum", "a warning comes before the end"))
	}
	return found
}

func (c *Config) checkKeys() hub.Violations {
	var found hub.Violations
	if c.HubKeyFile != "" {
		if _, _, err := signing.LoadHubKey(c.HubKeyFile); err != nil {
			found = append(found, hub.Invalid("hub-key-file", "file", "%v", err))
		}
	}
	if c.HubKeysFile != "" && c.HubKeyFile != "" {
		found = append(found, hub.Invalid("hub-keys-file", "exclusive", "--hub-keys-file and --hub-key-file exclude each other"))
	}
	if err := c.checkHubKeys(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if c.LogKeyFile != "" {
		if _, err := signing.LoadLogKey(c.LogKeyFile); err != nil {
			found = append(found, hub.Invalid("log-key-file", "file", "%v", err))
		}
	}
	if c.SecretsKeyFile != "" {
		if _, err := signing.LoadVault(c.SecretsKeyFile); err != nil && !errors.Is(err, token.ErrAway) {
			found = append(found, hub.Invalid("secrets-key-file", "file", "%v", err))
		}
	}
	if c.Shared() && c.HubKeyFile+c.HubKeysFile != "" && c.LogKeyFile == "" {
		found = append(found, hub.Invalid("log-key-file", "required", "nodes that share their evidence key share the key of the log, too: "+
			"give all of them key/log.pem of the data folder where hub.pem was made, or once: openssl genpkey -algorithm ed25519 -out log.pem"))
	}
	return found
}

func (c *Config) checkWatching() hub.Violations {
	var found hub.Violations
	if c.MetricsListen != "" {
		if _, _, err := net.SplitHostPort(c.MetricsListen); err != nil {
			found = append(found, hub.Invalid("metrics-listen", "address", "%q is not of the form HOST:PORT", c.MetricsListen))
		}
	}
	if u, err := url.Parse(c.Traces); c.Traces != "" && (err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https") {
		found = append(found, hub.Invalid("traces", "url", "this is not an address of the form http://HOST:4318"))
	}
	if c.TraceRatio < 0 || c.TraceRatio > 1 {
		found = append(found, hub.Invalid("trace-ratio", "range", "the share of requests lies between 0 and 1"))
	}
	if c.MinFree < 0 {
		found = append(found, hub.Invalid("min-free", "minimum", "the room that must be free is 0 MiB or more"))
	}
	return found
}

// hubNames can stand in evidence, certificates and the name of a log.
var hubNames = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$`)

// certificate reads the operator's own certificate.
func (c *Config) certificate() (tls.Certificate, error) {
	for _, f := range []struct{ flag, file string }{{"tls-cert", c.TLSCert}, {"tls-key", c.TLSKey}} {
		if _, err := os.Stat(f.file); err != nil {
			return tls.Certificate{}, hub.Invalid(f.flag, "file", "%v", err)
		}
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return pair, hub.Invalid("tls-cert", "pem", "%v", err)
	}
	return pair, nil
}

// plain reports whether the hub speaks HTTP without TLS.
func (c *Config) plain() bool {
	if c.TLSCert != "" {
		return false
	}
	host, _, _ := net.SplitHostPort(c.Listen)
	ip := net.ParseIP(host)
	return c.BehindProxy || host == "localhost" || ip != nil && ip.IsLoopback()
}

// OperatorKeyFile is where the first start writes the operator's key.
func (c *Config) OperatorKeyFile() string { return filepath.Join(c.DataDir, "operator.key") }

// CertificateFile holds the certificate of the hub's evidence key, for those who
// verify receipts.
func (c *Config) CertificateFile() string { return filepath.Join(c.DataDir, "hub-certificate.pem") }

// PolicyFile holds the public keys of the log (c2sp.org/tlog-policy), for those who
// verify proofs.
func (c *Config) PolicyFile() string { return filepath.Join(c.DataDir, "policy.tlog") }
