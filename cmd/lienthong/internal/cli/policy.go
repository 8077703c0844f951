package cli

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// policyCommand says what is asked of the signatures of senders.
type policyCommand struct {
	Show   policyShow   `cmd:"" help:"Show the rules in force; without any, --signature-policy of serve decides."`
	Set    policySet    `cmd:"" help:"Set the rule for a sender, a channel, both, or everybody (operator)."`
	Remove policyRemove `cmd:"" help:"Remove the rule for a sender, a channel, both, or everybody (operator)."`
}

type policyShow struct {
	connection `embed:""`
}

// Run shows the rules.
func (c *policyShow) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	set, err := client.SignatureRules(ctx)
	if err != nil {
		return err
	}
	return e.print(set, func(w io.Writer) { printRules(w, set) })
}

func printRules(w io.Writer, set hub.SignatureRules) {
	if set.Version == 0 {
		fmt.Fprintln(w, "no rules were ever set: the setting of the hub decides")
		return
	}
	fmt.Fprintf(w, "version %d, set by %s on %s\n", set.Version, set.SetBy, text.Clock(set.SetAt))
	t := text.Table{Head: []string{"SENDER", "CHANNEL", "VERDICT", "TWO SIGNATURES", "BINDING"}}
	for _, r := range set.Rules {
		t.Add(orEvery(string(r.Sender)), orEvery(string(r.Channel)), string(r.Verdict), string(r.TwoSignatures), string(r.Binding))
	}
	t.Write(w)
}

func orEvery(value string) string {
	if value == "" {
		return "every"
	}
	return value
}

// rulePlace names whom a rule is for.
type rulePlace struct {
	Sender  string `help:"Code or id of the sender; without it, every sender."`
	Channel string `enum:",rest,edxml" default:"" help:"rest or edxml; without it, both."`
}

type policySet struct {
	connection    `embed:""`
	rulePlace     `embed:""`
	Verdict       string `enum:"record,enforce,strict" required:"" help:"record: accept whatever the verdict; enforce: refuse unsigned originals and invalid signatures; strict: refuse what could not be verified too."`
	TwoSignatures string `name:"two-signatures" enum:"off,note,enforce" default:"off" help:"Originals are signed by a person and then sealed by the agency (NĐ 30/2020 art. 5 and 32)."`
	Binding       string `enum:"off,note,enforce" default:"off" help:"A certificate that is bound to the sender signed each original; see agency bind."`
}

// Run sets one rule among the others.
func (c *policySet) Run(ctx context.Context, e *env) error {
	return changeRules(ctx, e, &c.connection, c.rulePlace, &hub.SignatureRule{
		Verdict: hub.SignaturePolicy(c.Verdict), TwoSignatures: hub.CheckMode(c.TwoSignatures), Binding: hub.CheckMode(c.Binding),
	})
}

type policyRemove struct {
	connection `embed:""`
	rulePlace  `embed:""`
}

// Run removes one rule.
func (c *policyRemove) Run(ctx context.Context, e *env) error {
	return changeRules(ctx, e, &c.connection, c.rulePlace, nil)
}

// changeRules replaces or, without one, removes the rule of a place. Should somebody
// else change the rules meanwhile, the hub refuses this change.
func changeRules(ctx context.Context, e *env, to *connection, place rulePlace, rule *hub.SignatureRule) error {
	client, err := to.client(e)
	if err != nil {
		return err
	}
	var sender hub.AgencyID
	if place.Sender != "" {
		found, err := client.Agency(ctx, place.Sender, time.Time{})
		if err != nil {
			return err
		}
		sender = found.Agency.ID
	}
	set, err := client.SignatureRules(ctx)
	if err != nil {
		return err
	}
	is := func(r hub.SignatureRule) bool { return r.Sender == sender && string(r.Channel) == place.Channel }
	if rule == nil && !slices.ContainsFunc(set.Rules, is) {
		return hub.Errorf(hub.KindNotFound, "sender", "", "there is no such rule; policy show lists them")
	}
	set.Rules = slices.DeleteFunc(set.Rules, is)
	if rule != nil {
		rule.Sender, rule.Channel = sender, hub.Format(place.Channel)
		set.Rules = append(set.Rules, *rule)
	}
	if set, err = client.SetSignatureRules(ctx, set); err != nil {
		return err
	}
	return e.print(set, func(w io.Writer) { printRules(w, set) })
}

type agencyBind struct {
	connection  `embed:""`
	Code        string   `arg:"" help:"Code or id of the agency."`
	Certificate string   `type:"existingfile" help:"File with the one certificate (PEM or DER) that signs for the agency."`
	SHA256      string   `name:"sha256" help:"Its SHA-256 in hexadecimal, instead of the file."`
	Issuer      string   `help:"Common name of the authority, for all certificates that it issued to --subject; * stands for any text."`
	Subject     []string `sep:"none" help:"Name that must stand in the certificate, such as \"O=UBND tỉnh Quảng Nam\"; repeat for several."`
	Role        string   `enum:",person,seal" default:"" help:"person, or seal for the agency itself."`
	Note        string   `help:"For other operators."`
}

// Run binds.
func (c *agencyBind) Run(ctx context.Context, e *env) error {
	r := hubclient.BindingRequest{Issuer: c.Issuer, Subject: c.Subject, Role: hub.CertificateRole(c.Role), Note: c.Note}
	switch {
	case c.Certificate != "" && c.SHA256 != "":
		return hub.Invalid("certificate", "exclusive", "give --certificate or --sha256")
	case c.Certificate != "":
		raw, err := readCertificate(c.Certificate)
		if err != nil {
			return err
		}
		r.SHA256 = sha256.Sum256(raw)
	case c.SHA256 != "":
		if err := r.SHA256.UnmarshalText([]byte(strings.ToLower(c.SHA256))); err != nil {
			return hub.Invalid("sha256", "digest", "%q is no SHA-256 in hexadecimal", c.SHA256)
		}
	}
	client, err := c.client(e)
	if err != nil {
		return err
	}
	b, err := client.BindCertificate(ctx, c.Code, r)
	if err != nil {
		return err
	}
	return e.print(b, func(w io.Writer) { printBindings(w, []hub.CertificateBinding{b}) })
}

// readCertificate reads one certificate, as its bytes in DER.
func readCertificate(path string) ([]byte, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, hub.Invalid("certificate", "file", "%v", err)
	}
	if block, _ := pem.Decode(raw); block != nil {
		raw = block.Bytes
	}
	if _, err := x509.ParseCertificate(raw); err != nil {
		return nil, hub.Invalid("certificate", "x509", "%s holds no certificate: %v", path, err)
	}
	return raw, nil
}

type agencyBindings struct {
	connection `embed:""`
	Code       string `arg:"" help:"Code or id of the agency."`
}

// Run lists the bindings of an agency.
func (c *agencyBindings) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	list, err := client.CertificateBindings(ctx, c.Code)
	if err != nil {
		return err
	}
	return e.print(list, func(w io.Writer) { printBindings(w, list) })
}

func printBindings(w io.Writer, list []hub.CertificateBinding) {
	t := text.Table{Head: []string{"BINDING", "AGENCY", "ROLE", "CERTIFICATE", "BOUND"}}
	for _, b := range list {
		what := b.SHA256.String()
		if b.SHA256.IsZero() {
			what = strings.Join(b.Subject, ", ") + " from " + b.Issuer
		}
		t.Add(b.ID, string(b.Agency), string(b.Role), text.Short(text.Printable(what), 70), text.Clock(b.BoundAt))
	}
	t.Write(w)
}

type agencyUnbind struct {
	connection `embed:""`
	Code       string `arg:"" help:"Code or id of the agency."`
	Binding    string `arg:"" help:"The binding, as listed by agency bindings."`
}

// Run ends a binding.
func (c *agencyUnbind) Run(ctx context.Context, e *env) error {
	client, err := c.client(e)
	if err != nil {
		return err
	}
	b, err := client.UnbindCertificate(ctx, c.Code, c.Binding)
	if err != nil {
		return err
	}
	return e.print(b, func(w io.Writer) { fmt.Fprintf(w, "%s no longer signs for %s\n", b.ID, b.Agency) })
}
