package app

import (
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"os"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing"
)

// keyState and policyState are what the log holds of keys and rules: noted at each start
// where they changed, and before a change counts that comes while the hub runs.
type keyState struct {
	Log          string    `json:"log"`                  // public key, in hex
	Certificates []string  `json:"certificates"`         // SHA-256 of the chain of the hub key
	Timestamps   []string  `json:"timestamps,omitempty"` // the same of the hub's own time-stamp authority
	Turns        []keyTurn `json:"turns,omitempty"`      // of evidence keys, where there are several
	Listed       bool      `json:"listed,omitempty"`     // evidence keys come from a list, which must be there at each start
}

// keyTurn says from when on a key signs evidence.
type keyTurn struct {
	Certificate string    `json:"certificate"` // SHA-256
	From        time.Time `json:"from"`        // UTC; the zero time for the first one
}

type policyState struct {
	Evidence   string `json:"evidence_profile"`
	Signatures string `json:"signature_policy"` // where no rule of an operator fits
	// What verdicts are made by.
	Verdicts    string `json:"verdict_policy"`
	Algorithms  string `json:"algorithm_table"`
	Revocation  string `json:"revocation,omitempty"`
	Anchors     string `json:"anchors_sha256,omitempty"` // of the file of trust anchors
	TrustList   int64  `json:"trust_list,omitempty"`     // its sequence, where the file is a list
	TrustSigner string `json:"trust_signer,omitempty"`
	// Who proves the time of the log, and who watches it.
	Authorities   []string `json:"timestamp_authorities"`
	AuthorityCert string   `json:"timestamp_anchors_sha256,omitempty"`
	Witnesses     string   `json:"witnesses_sha256,omitempty"`
	// What submissions and deliveries are held to.
	Limits map[string]string `json:"limits"`
}

// noteKeys lets the log hold which keys sign evidence, and from when on.
func (a *App) noteKeys(ctx context.Context) error {
	if a.noted.Log == "" {
		return nil // a node with another key of the log notes nothing
	}
	ring := a.ring()
	a.noted.Certificates, a.noted.Turns, a.noted.Listed = fingerprintsOf(ring.certificates), nil, ring.listed
	for i := range ring.keys {
		if len(ring.keys) > 1 {
			a.noted.Turns = append(a.noted.Turns, keyTurn{fingerprintsOf(ring.keys[i].Chain[:1])[0], ring.keys[i].From})
		}
	}
	return a.services.notes.NoteChange(ctx, hub.LogNoteKey, a.noted)
}

func (a *App) noteState(ctx context.Context, key ed25519.PublicKey, stamps []*x509.Certificate) error {
	a.noted = keyState{Log: fmt.Sprintf("%x", key), Timestamps: fingerprintsOf(stamps)}
	if err := a.noteKeys(ctx); err != nil {
		return err
	}
	return a.notePolicy(ctx, a.trusted.sequence)
}

// notePolicy lets the log hold by which rules the hub works, with a trust list of that
// sequence.
func (a *App) notePolicy(ctx context.Context, trustList int64) error {
	if a.noted.Log == "" {
		return nil // a node with another key of the log notes nothing
	}
	c := &a.config
	policy := policyState{
		Evidence: hub.EvidenceProfile, Signatures: c.SignaturePolicy,
		Verdicts: signing.Policy, Algorithms: a.services.verifier.AlgorithmTable(), Revocation: c.Revocation, TrustList: trustList, TrustSigner: c.TrustSigner,
		Authorities: c.authorities(), Limits: c.limits(),
	}
	for _, f := range []struct {
		flag, path string
		digest     *string
	}{{"anchors", c.Anchors, &policy.Anchors}, {"tsa-anchors", c.TSAAnchors, &policy.AuthorityCert}, {"witness-policy", c.WitnessPolicy, &policy.Witnesses}} {
		if f.path == "" {
			continue
		}
		text, err := os.ReadFile(f.path)
		if err != nil {
			return hub.Invalid(f.flag, "file", "%v", err)
		}
		*f.digest = fmt.Sprintf("%x", sha256.Sum256(text))
	}
	return a.services.notes.NoteChange(ctx, hub.LogNotePolicy, policy)
}

// limits are the settings, by the names of their flags, that decide what is refused and
// when a delivery ends.
func (c *Config) limits() map[string]string {
	return map[string]string{
		"time-to-live": c.TimeToLive.String(), "register-within": c.RegisterWithin.String(), "warn-before": c.WarnBefore.String(),
		"max-recipients": fmt.Sprint(c.MaxRecipients), "task-steering": fmt.Sprint(c.TaskSteering), "dossier-application": fmt.Sprint(c.DossierApplications), "procedure-publishers": fmt.Sprint(c.ProcedurePublishers), "office-hours": c.OfficeHours.String(), "track-access": fmt.Sprint(c.TrackAccess),
		"require-timestamp-within": c.RequireTimestampWithin.String(), "require-witnesses-within": c.RequireWitnessesWithin.String(),
	}
}

func fingerprintsOf(chain []*x509.Certificate) []string {
	var list []string
	for _, c := range chain {
		list = append(list, fmt.Sprintf("%x", sha256.Sum256(c.Raw)))
	}
	return list
}
