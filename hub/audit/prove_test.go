package audit

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"github.com/lienthong/lienthong/hub"
)

// proven returns an evidence in a log, with its proof; witnesses cosign the checkpoint.
func proven(t *testing.T, index int, witnesses ...*signer) (hub.SealedEvidence, []byte) {
	t.Helper()
	m := newMemory()
	m.record(300)
	var sealed hub.SealedEvidence
	for i := range m.sources {
		m.sources[i].Canonical = fmt.Appendf(nil, `{"event":%q,"event_time":"2026-11-23T10:15:31.204Z","evidence_id":"e%d","log":{"origin":"hub/evidence"}}`, hub.EventContentHandover, i)
	}
	sealed.Canonical, sealed.JWS = m.sources[index].Canonical, m.sources[index].JWS
	if err := json.Unmarshal(sealed.Canonical, &sealed.Evidence); err != nil {
		t.Fatal(err)
	}
	if err := grow(newTestLog(m, at(2026))); err != nil {
		t.Fatal(err)
	}
	c := m.head(t, "hub/evidence/2026")
	hashes, err := Inclusion(t.Context(), m, "2026/", &c, int64(index))
	if err != nil {
		t.Fatal(err)
	}
	signers := []note.Signer{&signer{name: c.Origin, keyType: typeEd25519, key: testKey(1)}}
	for _, w := range witnesses {
		signers = append(signers, w)
	}
	signed, err := note.Sign(&note.Note{Text: c.text()}, signers...)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ParseLeaf(m.entries[c.Origin][index].Data)
	if err != nil {
		t.Fatal(err)
	}
	extra, _ := leaf.Seq.raw()
	p := Proof{Extra: extra, Index: int64(index), Hashes: hashes, Note: signed}
	return sealed, p.Text()
}

// TestProve: a proof shows one evidence with one signature in the log that it names.
func TestProve(t *testing.T) {
	policy := testPolicy(t)
	sealed, proof := proven(t, 7)
	got, err := policy.Prove(&sealed, proof)
	if err != nil || got.Index != 7 || got.Size != 300 || !got.Quorum || got.Origin != "hub/evidence/2026" {
		t.Fatalf("%+v, %v", got, err)
	}
	other, otherProof := proven(t, 8)
	refuse := func(name string, s hub.SealedEvidence, proof []byte, p *Policy) {
		t.Helper()
		if _, err := p.Prove(&s, proof); err == nil {
			t.Errorf("%s: it is proved", name)
		}
	}
	refuse("the proof of another", sealed, otherProof, policy)
	refuse("another with this proof", other, proof, policy)
	resigned := sealed
	resigned.JWS += "x"
	refuse("another signature", resigned, proof, policy)
	elsewhere := sealed
	elsewhere.Evidence.Log.Origin = "hub"
	refuse("another log", elsewhere, proof, policy)
	later := sealed
	later.Evidence.Time = later.Evidence.Time.AddDate(2, 0, 0)
	refuse("a year that was over", later, proof, policy)
	foreign, err := ParsePolicy([]byte("log " + VerifierKey("hub/evidence/2026", testKey(9).Public().(ed25519.PublicKey)) + "\nquorum none\n"))
	if err != nil {
		t.Fatal(err)
	}
	refuse("the key of another log", sealed, proof, foreign)
	for i := range proof {
		changed := append([]byte(nil), proof...)
		changed[i] ^= 1
		refuse(fmt.Sprint("byte ", i), sealed, changed, policy)
	}
}

// TestQuorum: k of n witnesses of the policy, each with a cosignature over this very
// checkpoint, and no forged one.
func TestQuorum(t *testing.T) {
	now := at(2026)
	witness := func(n byte) *signer {
		return &signer{name: fmt.Sprint("w", n), keyType: typeCosignature, key: testKey(10 + n), now: now.UTC}
	}
	lines := []string{}
	for n := byte(1); n <= 3; n++ {
		lines = append(lines, fmt.Sprintf("witness w%d %s", n, WitnessKey(fmt.Sprint("w", n), witness(n).public())))
	}
	policy := testPolicy(t, append(lines, "group g 2 w1 w2 w3", "quorum g")...)
	for _, c := range []struct {
		witnesses []*signer
		quorum    bool
		known     int
	}{
		{nil, false, 0}, {[]*signer{witness(1)}, false, 1}, {[]*signer{witness(1), witness(3)}, true, 2},
		{[]*signer{witness(1), witness(4)}, false, 1}, {[]*signer{witness(1), witness(2), witness(3)}, true, 3},
	} {
		sealed, proof := proven(t, 3, c.witnesses...)
		got, err := policy.Prove(&sealed, proof)
		if err != nil || got.Quorum != c.quorum || len(got.Witnesses) != c.known {
			t.Errorf("%d witnesses: %+v, %v", len(c.witnesses), got, err)
		}
		if c.known > 0 && !got.Witnesses[0].Time.Equal(*now) {
			t.Errorf("the witness signed at %s", got.Witnesses[0].Time)
		}
	}
	forger := witness(1)
	forger.key = testKey(99)
	sealed, proof := proven(t, 3, forger, witness(2), witness(3))
	if got, err := policy.Prove(&sealed, proof); err != nil || len(got.Witnesses) != 2 {
		t.Errorf("a signature with a foreign key counts: %+v, %v", got, err) // its id tells it apart
	}
}
