package hubtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Notary completes and seals evidences as the real one does, but its seal is no
// signature: anybody can make it. The chains it makes are right.
type Notary struct {
	Now   func() time.Time
	NewID func() string
}

// Seal completes and seals evidences, in order.
func (n *Notary) Seal(ctx context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	complete := make([]hub.Evidence, len(evidence))
	for i, e := range evidence {
		if wrong := e.CheckReasons(); wrong != "" {
			return nil, hub.Internal(wrong, nil)
		}
		e.Version, e.Profile = hub.EvidenceVersion, hub.EvidenceProfile
		e.Issuer, e.Log = hub.Party{ID: "hub", Scheme: "hub"}, hub.LogRef{Origin: "hub.test/evidence"}
		if e.ID == "" {
			e.ID = hub.EvidenceID(n.NewID())
		}
		if e.Time.IsZero() {
			e.Time = n.Now()
		}
		e.Time = e.Time.UTC().Truncate(time.Millisecond)
		e.SubmissionTime = e.SubmissionTime.UTC().Truncate(time.Millisecond)
		complete[i] = e
	}
	return n.SealEvidence(ctx, complete...)
}

// SealEvidence seals complete evidences.
func (n *Notary) SealEvidence(_ context.Context, evidence ...hub.Evidence) ([]hub.SealedEvidence, error) {
	sealed := make([]hub.SealedEvidence, len(evidence))
	for i, e := range evidence {
		err := e.Follow(sealed[:i])
		if err == nil {
			sealed[i], err = seal(e)
		}
		if err != nil {
			return nil, err
		}
	}
	return sealed, nil
}

func seal(e hub.Evidence) (hub.SealedEvidence, error) {
	canonical, err := sorted(e)
	if err != nil {
		return hub.SealedEvidence{}, hub.Internal("seal an evidence", err)
	}
	digest := sha256.Sum256(canonical)
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	jws := header + ".." + base64.RawURLEncoding.EncodeToString(digest[:])
	return hub.SealedEvidence{Evidence: e, Canonical: canonical, JWS: jws, Digest: digest}, nil
}

// sorted writes JSON with sorted names, which is near enough to RFC 8785 here.
func sorted(v any) ([]byte, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var tree any
	read := json.NewDecoder(bytes.NewReader(body))
	read.UseNumber()
	if err := read.Decode(&tree); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	write := json.NewEncoder(&out)
	write.SetEscapeHTML(false)
	err = write.Encode(tree)
	return bytes.TrimSpace(out.Bytes()), err
}

// CanonicalReport makes a report canonical as the real hub does, near enough.
func CanonicalReport(report *hub.SignatureReport) ([]byte, error) { return sorted(report) }

// ReportDigest digests what CanonicalReport makes.
func ReportDigest(report *hub.SignatureReport) (hub.Digest, error) {
	canonical, err := CanonicalReport(report)
	return sha256.Sum256(canonical), err
}
