package cli

import (
	"errors"
	"io/fs"
	"os"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// policy reads the policy of whoever verifies; nil without one.
func (c *verifyCommand) policy() (*audit.Policy, error) {
	if c.Policy == "" {
		return nil, nil //nolint:nilnil // none was named, which is no error
	}
	return readLogPolicy(c.Policy)
}

// verifyProofs checks, for every receipt that can be read, the proof beside it against
// the policy; nothing without a policy. A receipt without its proof is undecided.
func verifyProofs(policy *audit.Policy, all []fileVerdict) ([]fileVerdict, error) {
	if policy == nil {
		return nil, nil
	}
	var proofs []fileVerdict
	for i := range all {
		if all[i].sealed == nil {
			continue
		}
		v := fileVerdict{File: proofName(all[i].File), Kind: "proof"}
		text, err := readProof(v.File)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.Report = undecided(hub.SubSignedDataNotFound, "there is no proof beside the receipt: download it with `lienthong receipt --proof`")
		case err != nil:
			return nil, hub.Invalid("file", "file", "%v", err)
		default:
			v.prove(policy, all[i].sealed, text)
		}
		proofs = append(proofs, v)
	}
	return proofs, nil
}

func readProof(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxKept {
		return nil, hub.Errorf(hub.KindTooLarge, "file", "max_size", "%s is too large for a proof", path)
	}
	return os.ReadFile(path)
}

func (v *fileVerdict) prove(policy *audit.Policy, sealed *hub.SealedEvidence, text []byte) {
	proven, err := policy.Prove(sealed, text)
	switch {
	case err != nil:
		v.Report = hub.SignatureReport{Indication: hub.TotalFailed, Sub: hub.SubHashFailure, Findings: []string{err.Error()}}
		if hub.KindOf(err) == hub.KindInvalid {
			v.Report.Sub = hub.SubFormatFailure
		}
		return
	case !proven.Quorum:
		v.Report = undecided(hub.SubSigConstraintsFailure, "too few witnesses of the policy have seen this state of the log")
	default:
		v.Report = hub.SignatureReport{Indication: hub.TotalPassed}
	}
	v.Proof = &proven
}

func undecided(sub hub.SubReason, why string) hub.SignatureReport {
	return hub.SignatureReport{Indication: hub.Indeterminate, Sub: sub, Findings: []string{why}}
}
