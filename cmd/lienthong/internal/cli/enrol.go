package cli

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

type enrolCommand struct {
	Hub  string `arg:"" name:"url" help:"Address of the hub, as on the sheet."`
	Code string `arg:"" default:"-" help:"Code of the sheet; it works once. Without it, or with -, it is read from standard input, where no list of processes and no history of a shell shows it."`
	CA   string `name:"ca" env:"LIENTHONG_CA" help:"Certificates (PEM) to trust for the connection, such as a self-made one."`
	Dir  string `default:"." type:"path" help:"Write the secrets to files in this folder (mode 0600): rest.secret, vxp.secret, amqp.secret, lgsp.json. None of them may be there."`
}

// Run redeems a code. The folder is tried before: an answer that cannot be kept is lost.
func (c *enrolCommand) Run(ctx context.Context, e *env) error {
	if err := tryFolder(c.Dir); err != nil {
		return err
	}
	code := c.Code
	if code == "-" {
		if isTerminal(e.Stderr) {
			e.note("code of the sheet:")
		}
		line, err := bufio.NewReader(io.LimitReader(e.Stdin, 1<<10)).ReadString('\n')
		if err != nil && line == "" {
			return hub.Invalid("code", "required", "no code came from standard input")
		}
		code = strings.TrimSpace(line)
	}
	config, err := (&connection{CA: c.CA}).tls()
	if err != nil {
		return err
	}
	client, err := hubclient.New(hubclient.Options{URL: c.Hub, TLS: config, UserAgent: "lienthong/" + e.Version})
	if err != nil {
		return err
	}
	enrolled, err := client.Enrol(ctx, code)
	if err != nil {
		return err
	}
	return c.keep(e, enrolled)
}

// keep writes each secret to a file and says the rest. A secret that cannot be written is
// printed: it is nowhere else.
func (c *enrolCommand) keep(e *env, enrolled hub.Enrolled) error {
	t := text.Table{Head: []string{"CHANNEL", "ADDRESS", "USER", "KEY", "SECRET"}}
	var failed error
	for i := range enrolled.Credentials {
		k := &enrolled.Credentials[i]
		if strings.HasPrefix(k.Address, "/") {
			k.Address = strings.TrimRight(c.Hub, "/") + k.Address
		}
		where := k.Problem
		if k.Secret != "" {
			where = filepath.Join(c.Dir, secretFile(k.Channel))
			if err := writeFile(where, func(w io.Writer) error { return writeSecret(w, enrolled.Agency, k) }); err != nil {
				failed, where = err, strings.TrimSpace(k.Secret+" "+k.UnitSecret)
			} else {
				k.Secret, k.UnitSecret = "", ""
			}
		}
		if k.Problem != "" && failed == nil {
			failed = hub.Errorf(hub.KindUnavailable, string(k.Channel), "", "%s", k.Problem)
		}
		t.Add(string(k.Channel), k.Address, k.User, k.ID, where)
	}
	if err := e.print(enrolled, func(w io.Writer) {
		fmt.Fprintf(w, "%s %s\n", enrolled.Code, enrolled.Name)
		t.Write(w)
	}); err != nil {
		return err
	}
	return failed
}

// secretFile is the name of the file that gets the secret of a channel.
func secretFile(c hub.EnrolmentChannel) string {
	if c == hub.EnrolLGSP {
		return "lgsp.json"
	}
	return string(c) + ".secret"
}

// writeSecret writes what belongs into that file: for lgsp, as `lgsp create` does.
func writeSecret(w io.Writer, agency hub.AgencyID, k *hub.Credential) error {
	if k.Channel == hub.EnrolLGSP {
		return writeCredentials(w, credentials{ID: k.ID, ConsumerKey: k.User, ConsumerSecret: k.Secret, Units: []unitSecret{{agency, k.UnitSecret}}})
	}
	_, err := fmt.Fprintln(w, k.Secret)
	return err
}

// tryFolder makes the folder and writes into it. The secrets in it may be those of another
// agency, and nowhere else: they are not written over.
func tryFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return hub.Invalid("dir", "folder", "%v", err)
	}
	for _, c := range hub.EnrolmentChannels() {
		if name := filepath.Join(dir, secretFile(c)); exists(name) {
			return hub.Errorf(hub.KindConflict, "dir", "exists", "%s is there: name another folder with --dir; the code is not spent", name)
		}
	}
	f, err := os.CreateTemp(dir, ".try-*")
	if err != nil {
		return hub.Invalid("dir", "folder", "%v", err)
	}
	defer os.Remove(f.Name())
	return f.Close()
}
