package cli

import (
	"context"
	"fmt"
	"io"
)

// queueGrant gives an agency a queue of its own; the directory must say that it is
// reached there (column channel: amqp).
type queueGrant struct {
	connection `embed:""`
	Agency     string `arg:"" help:"Code that the agency is reached by."`
	Out        string `required:"" type:"path" help:"Write the password of the agency's user to this new file (mode 0600)."`
}

// Help says what the hub needs for it.
func (queueGrant) Help() string {
	return "The hub makes queues, exchange and user through the management API of RabbitMQ: serve --broker-management. " +
		"Again it gives the user a new password, and connections with the one before end. The log gets a note."
}

// Run has the hub make queue and user, with a new password.
func (c *queueGrant) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	out, err := reserve(c.Out)
	if err != nil {
		return err
	}
	defer out.release()
	given, err := client.GrantQueue(ctx, c.Agency)
	if err != nil {
		return err
	}
	if err := out.keep(given.User, func(w io.Writer) error {
		_, err := fmt.Fprintln(w, given.Secret)
		return err
	}); err != nil {
		return err
	}
	given.Secret = "" // it is in the file
	return e.print(given, func(w io.Writer) {
		fmt.Fprintf(w, "user and queue %s at %s\n", given.User, given.Address)
	})
}

// queueRevoke takes an agency's queue away.
type queueRevoke struct {
	connection `embed:""`
	Agency     string `arg:"" help:"Code that the agency was reached by."`
}

// Run has the hub remove user and queue; what lay in the queue waits in the agency's box.
func (c *queueRevoke) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	if err := client.RevokeQueue(ctx, c.Agency); err != nil {
		return err
	}
	return e.print(map[string]string{"removed": c.Agency}, func(w io.Writer) { fmt.Fprintf(w, "removed the queue of %s\n", c.Agency) })
}
