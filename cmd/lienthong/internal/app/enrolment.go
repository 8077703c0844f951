package app

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/adapters/httpapi"
	"github.com/lienthong/lienthong/adapters/web"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/directory"
	"github.com/lienthong/lienthong/hub/enrolment"
)

var (
	_ enrolment.Store     = engine.State(nil)
	_ enrolment.KeyStore  = engine.State(nil)
	_ enrolment.Keys      = (*directory.Keys)(nil)
	_ enrolment.Directory = (*directory.Directory)(nil)
	_ enrolment.Notes     = (*audit.Notes)(nil)
	_ enrolment.Grantor   = (*brokerUsers)(nil)
	_ httpapi.Enrolments  = (*enrolment.Service)(nil)
	_ web.Enrolments      = (*enrolment.Service)(nil)
)

// BrokerSettings reach the management API of the broker, where the hub gives agencies
// that enrol their users.
type BrokerSettings struct {
	BrokerManagement             string `env:"LIENTHONG_BROKER_MANAGEMENT" placeholder:"https://HOST:15671" help:"Management API of RabbitMQ: with it, agencies that are reached by AMQP get their users by enrolment."`
	BrokerManagementUser         string `env:"LIENTHONG_BROKER_MANAGEMENT_USER" help:"Its administrator."`
	BrokerManagementPasswordFile string `env:"LIENTHONG_BROKER_MANAGEMENT_PASSWORD_FILE" help:"File with the administrator's password, read at every use."`
}

func (c *Config) checkBrokerManagement() hub.Violations {
	if c.BrokerManagement == "" {
		return nil
	}
	var found hub.Violations
	u, err := url.Parse(c.BrokerManagement)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil:
		found = append(found, hub.Invalid("broker-management", "url", "this is not an address of the form https://HOST:15671 without user and password"))
	case c.Broker == "":
		found = append(found, hub.Invalid("broker", "required", "--broker-management belongs to a --broker"))
	case c.BrokerManagementUser == "":
		found = append(found, hub.Invalid("broker-management-user", "required", "--broker-management needs its administrator"))
	}
	if _, err := os.Stat(c.BrokerManagementPasswordFile); err != nil {
		found = append(found, hub.Invalid("broker-management-password-file", "file", "%v", err))
	}
	return found
}

func (a *App) openEnrolment(context.Context) error {
	s, c := &a.services, &a.config
	addresses := map[hub.EnrolmentChannel]string{hub.EnrolREST: "/v1"}
	grantors := map[hub.EnrolmentChannel]enrolment.Grantor{}
	if c.VXPPath != "" {
		addresses[hub.EnrolVXP] = c.VXPPath
	}
	if c.LGSPPath != "" {
		addresses[hub.EnrolLGSP] = c.LGSPPath
	}
	users, err := c.brokerUsers()
	if err != nil {
		return err
	}
	if users != nil {
		addresses[hub.EnrolAMQP], grantors[hub.EnrolAMQP] = users.address, users
	}
	s.enrolment = enrolment.New(enrolment.Options{
		Store: a.store, KeyStore: a.store, Keys: s.keys, Directory: s.directory, Addresses: addresses, Grantors: grantors,
		Notes: s.notes, Now: a.now, NewID: a.newID, Random: rand.Reader,
	})
	return nil
}

// brokerUsers gives agencies users in the broker.
type brokerUsers struct {
	admin   *amqp.Admin
	address string // of the broker, without a user
}

// brokerUsers is nil where the hub has no access to the management API.
func (c *Config) brokerUsers() (*brokerUsers, error) {
	if c.BrokerManagement == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	broker, err := url.Parse(c.Broker)
	if err != nil {
		return nil, hub.Invalid("broker", "url", "this is not an address")
	}
	broker.User = nil
	return &brokerUsers{address: broker.String(), admin: amqp.NewAdmin(amqp.AdminOptions{
		URL: c.BrokerManagement, VHost: strings.TrimPrefix(broker.Path, "/"),
		Credentials: func() (string, string, error) {
			password, err := os.ReadFile(c.BrokerManagementPasswordFile)
			return c.BrokerManagementUser, strings.TrimSpace(string(password)), err
		},
	})}, nil
}

// Ready implements enrolment.Grantor.
func (b *brokerUsers) Ready(ctx context.Context) error { return b.admin.Ping(ctx) }

// Grant implements enrolment.Grantor. A user of the broker has one password: connections
// that were opened with the one before end.
func (b *brokerUsers) Grant(ctx context.Context, agency *hub.Agency, at time.Time) (hub.Credential, error) {
	code, err := hub.ParseCode(string(agency.CodeAt(at)))
	if err != nil {
		return hub.Credential{}, err
	}
	return b.give(ctx, code)
}

// give makes the user of a code, or gives it a new password.
func (b *brokerUsers) give(ctx context.Context, code hub.Code) (hub.Credential, error) {
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	password := base64.RawURLEncoding.EncodeToString(random[:])
	return hub.Credential{User: amqp.AgencyUser(code), Secret: password}, b.admin.EnsureAgency(ctx, code, password)
}
