package cli

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lienthong/lienthong/adapters/amqp"
	"github.com/lienthong/lienthong/hub"
)

// management is the way to the management API of RabbitMQ, as its administrator.
type management struct {
	Management             string `required:"" placeholder:"https://HOST:15671" env:"LIENTHONG_BROKER_MANAGEMENT" help:"Management API of RabbitMQ."`
	ManagementUser         string `required:"" env:"LIENTHONG_BROKER_MANAGEMENT_USER" help:"Its administrator."`
	ManagementPasswordFile string `required:"" type:"existingfile" env:"LIENTHONG_BROKER_MANAGEMENT_PASSWORD_FILE" help:"File with the administrator's password."`
	VHost                  string `name:"vhost" default:"/" env:"LIENTHONG_BROKER_VHOST" help:"Virtual host of the hub."`
}

func (m *management) admin() *amqp.Admin {
	return amqp.NewAdmin(amqp.AdminOptions{
		URL: m.Management, VHost: m.VHost,
		Credentials: func() (string, string, error) {
			password, err := os.ReadFile(m.ManagementPasswordFile)
			return m.ManagementUser, strings.TrimSpace(string(password)), err
		},
	})
}

// queueGrant gives an agency a queue of its own; the directory must say that it is
// reached there (column channel: amqp).
type queueGrant struct {
	management `embed:""`
	Agency     string `arg:"" help:"Code of the agency, as the directory has it."`
	Out        string `required:"" type:"path" help:"Write the password of the agency's user to this file (mode 0600)."`
}

// Run makes queue and user, with a new password.
func (c *queueGrant) Run(ctx context.Context, e *env) error {
	code, err := hub.ParseCode(c.Agency)
	if err != nil {
		return err
	}
	var random [24]byte
	_, _ = rand.Read(random[:]) // never fails
	password := base64.RawURLEncoding.EncodeToString(random[:])
	// The file first: a password that nobody has opens nothing.
	if err := writeFile(c.Out, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, password)
		return err
	}); err != nil {
		return err
	}
	if err := c.admin().EnsureAgency(ctx, code, password); err != nil {
		return err
	}
	user := amqp.AgencyUser(code)
	return e.print(map[string]string{"user": user, "queue": user, "vhost": c.VHost}, func(w io.Writer) {
		fmt.Fprintf(w, "user and queue %s\n", user)
	})
}

// queueRevoke takes an agency's queue away.
type queueRevoke struct {
	management `embed:""`
	Agency     string `arg:"" help:"Code of the agency."`
}

// Run removes user and queue; what lay in the queue waits in the agency's box.
func (c *queueRevoke) Run(ctx context.Context, e *env) error {
	code, err := hub.ParseCode(c.Agency)
	if err != nil {
		return err
	}
	if err := c.admin().RemoveAgency(ctx, code); err != nil {
		return err
	}
	return e.print(map[string]string{"removed": amqp.AgencyUser(code)}, func(w io.Writer) {
		fmt.Fprintf(w, "removed %s\n", amqp.AgencyUser(code))
	})
}
