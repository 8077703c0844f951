package app

import (
	"context"
	"os"
	"time"

	"github.com/lienthong/lienthong/adapters/tlog"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// WitnessSettings say who must have seen the log of this hub.
type WitnessSettings struct {
	WitnessPolicy string `env:"LIENTHONG_WITNESS_POLICY" type:"path" placeholder:"FILE" help:"Witnesses of the log with their addresses, and how many are a quorum (c2sp.org/tlog-policy); see deploy/witness.md. Its lines also go into DATA-DIR/policy.tlog."`
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
	if _, err := c.witnessPolicy(); err != nil {
		return hub.ViolationsOf(err)
	}
	return nil
}

// witnessing wires the job that asks witnesses, with the policy that is written for
// auditors.
func (a *App) witnessing(policy *audit.Policy) {
	if !policy.WantsWitnesses() {
		return
	}
	a.services.proofs.Policy = policy
	a.services.cosigner = audit.NewCosigner(audit.CosignerOptions{
		Store: a.store, Tiles: a.tiles, Asker: tlog.NewWitnessClient(nil), Policy: policy, Now: time.Now, Log: a.log, Asked: a.watch.Witnessed,
	})
}

// witnessFault tells why the log is not seen by enough witnesses, where it should.
func (a *App) witnessFault(context.Context) error {
	if a.services.cosigner == nil {
		return nil
	}
	return a.services.cosigner.Fault()
}
