package app

import (
	"cmp"
	"context"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/postal"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/dossiers"
	"github.com/lienthong/lienthong/hub/post"
	"github.com/lienthong/lienthong/hub/tracking"
)

// Who implements the ports of the post.
var (
	_ post.Store      = engine.State(nil)
	_ post.Deliveries = engine.State(nil)
	_ post.Operator   = (*postal.Client)(nil)
	_ post.Dossiers   = (*dossiers.Service)(nil)
	_ post.Documents  = (*tracking.Service)(nil)
	_ httpapi.Post    = (*post.Service)(nil)
	_ web.Post        = (*post.Service)(nil)
)

// PostSettings name the operator of the public postal service.
type PostSettings struct {
	Post          string        `env:"LIENTHONG_POST" placeholder:"https://HOST/PATH" help:"What stands before postDieuTin, getAcceptance and getDelivery at the operator of the public postal service, such as https://hcconline.vnpost.vn/serviceApi/v1; without it, orders are kept and bills reported by hand. See deploy/post.md."`
	PostTokenFile string        `env:"LIENTHONG_POST_TOKEN_FILE" type:"path" placeholder:"FILE" help:"File with the token of this hub at the operator of the post, read again for every call."`
	PostCustomer  string        `env:"LIENTHONG_POST_CUSTOMER" help:"Customer number (MaKhachHang) of this hub at the operator of the post."`
	PostCodes     string        `env:"LIENTHONG_POST_CODES" type:"path" placeholder:"FILE" help:"File (JSON) that says what the codes of the operator of the post stand for, in place of those of the program; see deploy/post.md."`
	PostPatience  time.Duration `env:"LIENTHONG_POST_PATIENCE" default:"1m" help:"How long a call to the operator of the post may take. An order that was sent, and not recorded as answered, is asked about after twice this time."`
	PostPoll      time.Duration `env:"LIENTHONG_POST_POLL" default:"10m" help:"Time between two questions to the operator of the post about a young order; about older ones it is longer."`
}

func (c *Config) checkPost() hub.Violations {
	var found hub.Violations
	if c.PostPoll != 0 && c.PostPoll < 50*time.Millisecond {
		found = append(found, hub.Invalid("post-poll", "minimum", "--post-poll is at least 50ms"))
	}
	if c.PostPatience != 0 && c.PostPatience < 100*time.Millisecond {
		found = append(found, hub.Invalid("post-patience", "minimum", "--post-patience is at least 100ms"))
	}
	if _, err := c.postalCodes(); err != nil {
		found = append(found, hub.ViolationsOf(err)...)
	}
	if c.Post == "" {
		if c.PostTokenFile+c.PostCustomer != "" {
			found = append(found, hub.Invalid("post", "required", "the settings of the post go with its address, --post"))
		}
		return found
	}
	if u, err := url.Parse(c.Post); err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" {
		found = append(found, hub.Invalid("post", "url", "the address of the post is of the form https://HOST/PATH, without the token"))
	}
	if c.PostCustomer == "" {
		found = append(found, hub.Invalid("post-customer", "required", "as which customer is this hub known at the post?"))
	}
	if c.PostTokenFile == "" {
		found = append(found, hub.Invalid("post-token-file", "required", "name the file with the token of this hub at the post"))
	} else if _, err := c.postToken(); err != nil {
		found = append(found, hub.Invalid("post-token-file", "file", "%v", err))
	}
	return found
}

func (c *Config) postToken() (string, error) {
	text, err := os.ReadFile(c.PostTokenFile)
	token := strings.TrimSpace(string(text))
	if err == nil && token == "" {
		return "", hub.Invalid("post-token-file", "required", "the file is empty")
	}
	return token, err
}

func (c *Config) postalCodes() (postal.Codes, error) {
	if c.PostCodes == "" {
		return postal.DefaultCodes(), nil
	}
	f, err := os.Open(c.PostCodes)
	if err != nil {
		return postal.Codes{}, hub.Invalid("post-codes", "file", "%v", err)
	}
	defer f.Close() // only read from
	return postal.ReadCodes(f)
}

// openPost wires what agencies have the post carry.
func (a *App) openPost() error {
	c, s := &a.config, &a.services
	o := post.Options{
		Store: a.store, Dossiers: s.dossiers, Documents: s.tracking, Deliveries: a.store, Notary: s.audit, Directory: s.directory,
		Observed: a.watch.Posted, Now: a.now, NewID: a.newID, Log: a.log, Poll: c.PostPoll, Patience: c.PostPatience, Jitter: func(d time.Duration) time.Duration { return rand.N(d + 1) },
	}
	if c.Post != "" {
		codes, err := c.postalCodes()
		if err != nil {
			return err
		}
		if strings.HasPrefix(c.Post, "http:") {
			a.log.Warn("what goes to the post, with its token, is not encrypted", "host", hostOf(c.Post))
		}
		o.Operator = &postal.Client{HTTP: axisClient(nil), URL: c.Post, Customer: c.PostCustomer, Token: c.postToken, Codes: codes}
	}
	s.post = post.New(o)
	return nil
}

// postEvery is how often orders are looked for that want work.
const postEvery = 5 * time.Second

// carryPost is what one node at a time does for the post.
func (a *App) carryPost(ctx context.Context) {
	pace := min(postEvery, cmp.Or(a.config.PostPoll, postEvery))
	a.every(ctx, pace, "what the post is to carry", func(ctx context.Context) error {
		_, err := a.services.post.Work(ctx)
		return err
	})
}

// postPatience is how long an order may lie here before somebody looks after it.
const postPatience = time.Hour

// postFault tells why the post wants somebody's attention.
func (a *App) postFault(ctx context.Context) error {
	if a.config.Post == "" {
		return nil
	}
	b, err := a.services.post.Backlog(ctx)
	if err == nil && !b.Overdue.IsZero() && a.now().Sub(b.Overdue) > postPatience {
		err = hub.Errorf(hub.KindUnavailable, "", "post_silent", "%d orders wait to be given to the post, the first since %s", b.Unsent, b.Overdue.Format(time.RFC3339))
	}
	return err
}

// lastPost is what the post tells a scrape; the third result is false without an operator.
func (a *App) lastPost(ctx context.Context) (hub.PostalBacklog, time.Time, bool) {
	if a.config.Post == "" {
		return hub.PostalBacklog{}, time.Time{}, false
	}
	b, err := a.services.post.Backlog(ctx)
	return b, a.services.post.LastAnswer(), err == nil
}
