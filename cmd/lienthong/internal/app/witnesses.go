package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// WitnessSettings say who must have seen the log of this hub.
type WitnessSettings struct {
	WitnessPolicy string `env:"LIENTHONG_WITNESS_POLICY" type:"path" placeholder:"FILE" help:"Witnesses of the log with their addresses, and how many are a quorum (c2sp.org/tlog-policy); see deploy/witness.md. Its lines also go into DATA-DIR/policy.tlog."`

	RequireWitnessesWithin time.Duration `env:"LIENTHONG_REQUIRE_WITNESSES_WITHIN" default:"0s" help:"Refuse new submissions (503) while something in the log waits for the quorum of its witnesses for longer; 0 never."`
}

// maxWitnessPolicy is far above the size of any policy, in bytes.
const maxWitnessPolicy = 1 << 20

// witnessPolicy reads the policy; nil without one.
func (c *Config) witnessPolicy() (*audit.Policy, error) {
	if c.WitnessPolicy == "" {
		return nil, nil //nolint:nilnil // none is set
	}
	info, err := os.Stat(c.WitnessPolicy)
	if err == nil && info.Size() > maxWitnessPolicy {
		return nil, hub.Errorf(hub.KindTooLarge, "witness-policy", "size", "%s is larger than a policy can be", c.WitnessPolicy)
	}
	text, err := os.ReadFile(c.WitnessPolicy)
	if err != nil {
		return nil, hub.Invalid("witness-policy", "file", "%v", err)
	}
	policy, err := audit.ParsePolicy(text)
	if err == nil {
		err = policy.CheckReachable()
	}
	if err != nil {
		e := hub.ViolationsOf(err)[0]
		return nil, hub.Invalid("witness-policy", e.Rule, "%s: %s: %s", c.WitnessPolicy, e.Field, e.Message)
	}
	return policy, nil
}

func (c *Config) checkWitnesses() hub.Violations {
	policy, err := c.witnessPolicy()
	if err != nil {
		return hub.ViolationsOf(err)
	}
	if within := c.RequireWitnessesWithin; within != 0 && (within < time.Second || policy == nil || !policy.WantsWitnesses()) {
		return hub.Violations{hub.Invalid("require-witnesses-within", "minimum", "it is one second or longer, and goes with a quorum in --witness-policy")}
	}
	return nil
}

// proofs fails while the log proves less than the operator requires.
func (a *App) proofs(ctx context.Context) error {
	c := &a.config
	var lacking []string
	for _, rule := range []struct {
		within time.Duration
		since  func(context.Context) (time.Duration, error)
		what   string
	}{
		{c.RequireTimestampWithin, a.services.unproven.SinceStamp, "a time-stamp"},
		{c.RequireWitnessesWithin, a.services.unproven.SinceQuorum, "the quorum of its witnesses"},
	} {
		if rule.within == 0 {
			continue
		}
		since, err := rule.since(ctx)
		if err != nil {
			return err
		}
		if since > rule.within {
			lacking = append(lacking, fmt.Sprintf("evidence has waited for %s for %s, %s are allowed", rule.what, since.Round(time.Second), rule.within))
		}
	}
	if err := a.clockFault(ctx); err != nil && c.RequireTimestampWithin != 0 {
		reason, _ := reasonOf(err)
		lacking = append(lacking, reason)
	}
	if len(lacking) == 0 {
		return nil
	}
	return hub.Errorf(hub.KindUnavailable, "", "unproven", "no new submissions are taken for now: %s", strings.Join(lacking, "; "))
}

// closesUnproven reports whether submissions are refused while the log proves too little.
func (c *Config) closesUnproven() bool {
	return c.RequireTimestampWithin != 0 || c.RequireWitnessesWithin != 0
}

// witnessing wires the job that asks witnesses, with the policy that is written for
// auditors.
func (a *App) witnessing(policy *audit.Policy) {
	if !policy.WantsWitnesses() {
		return
	}
	a.services.proofs.Policy = policy
	a.services.cosigner = audit.NewCosigner(audit.CosignerOptions{
		Store: a.store, Tiles: a.tiles, Asker: tlog.NewWitnessClient(nil), Policy: policy, Now: a.now, Log: a.log, Asked: a.watch.Witnessed,
	})
}

// witnessFault tells why the log is not seen by enough witnesses, where it should.
func (a *App) witnessFault(context.Context) error {
	if a.services.cosigner == nil {
		return nil
	}
	return a.services.cosigner.Fault()
}
