package hub

import (
	"crypto/sha256"
	"encoding/json"
)

// ActProceduresChange is the action in the note of the log that the catalogue of procedures
// was changed; what it says is a CatalogueFact.
const ActProceduresChange = "procedures.change"

// CatalogueFact names changes of the catalogue by their numbers, and holds the digest of
// what they say.
type CatalogueFact struct {
	Decision ProcedureDecision `json:"decision"`
	First    int64             `json:"first"`
	Last     int64             `json:"last"`
	SHA256   Digest            `json:"sha256"` // see CatalogueDigest
}

// Effects are the versions as a change leaves them: of what it is about, made, and for one
// that amends also of the version before, which it ends. Neither is changed, and how they
// ended since does not matter.
func (c *ProcedureChange) Effects(made, before *ProcedureVersion) []ProcedureVersion {
	switch c.Act {
	case ProcedureAbolish:
		return []ProcedureVersion{made.endedBy(c)}
	case ProcedureAmend:
		return []ProcedureVersion{before.endedBy(c), made.begun()}
	}
	return []ProcedureVersion{made.begun()}
}

// endedBy is a version as a change leaves it that ends it.
func (v *ProcedureVersion) endedBy(c *ProcedureChange) ProcedureVersion {
	ended, by := *v, c.Decision
	ended.Valid.To, ended.Ended, ended.State = c.From, &by, ""
	return ended
}

// begun is a version as the act left it that made it.
func (v *ProcedureVersion) begun() ProcedureVersion {
	begun := *v
	begun.Valid.To, _ = ParseProcedureMinute(string(v.Until)) // it was checked when it was made
	begun.Ended, begun.State = nil, ""
	return begun
}

// Digest is the SHA-256 of a change with the versions as it leaves them; see Effects.
func (c *ProcedureChange) Digest(effects []ProcedureVersion) (Digest, error) {
	bare := *c
	bare.Version = nil
	text, err := json.Marshal(struct {
		Change   *ProcedureChange   `json:"change"`
		Versions []ProcedureVersion `json:"versions"`
	}{&bare, effects})
	if err != nil {
		return Digest{}, Internal("encode a change of procedures", err)
	}
	return sha256.Sum256(text), nil
}

// CatalogueDigest is the SHA-256 of the digests of changes, one behind the other.
func CatalogueDigest(changes []Digest) Digest {
	all := make([]byte, 0, len(changes)*sha256.Size)
	for i := range changes {
		all = append(all, changes[i][:]...)
	}
	return sha256.Sum256(all)
}

// NewCatalogueFact is the fact of changes that one decision makes, at least one. Versions
// are those that they leave behind, in the order of Effects of each.
func NewCatalogueFact(decision ProcedureDecision, changes []ProcedureChange, versions []ProcedureVersion) (CatalogueFact, error) {
	digests := make([]Digest, len(changes))
	for i := range changes {
		n := 1
		if changes[i].Act == ProcedureAmend {
			n = 2
		}
		if n > len(versions) {
			return CatalogueFact{}, Internal("match the changes of procedures with their versions", nil)
		}
		var err error
		if digests[i], err = changes[i].Digest(versions[:n]); err != nil {
			return CatalogueFact{}, err
		}
		versions = versions[n:]
	}
	return CatalogueFact{decision, changes[0].Seq, changes[len(changes)-1].Seq, CatalogueDigest(digests)}, nil
}
