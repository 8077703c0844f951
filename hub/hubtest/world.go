package hubtest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"sync"

	"github.com/lienthong/lienthong/hub"
)

// World is everything around the services of one hub.
type World struct {
	*Memory
	Blobs     *Blobs
	Clock     *Clock
	IDs       *IDs
	Directory *Directory
	Notary    *Notary
	Verifier  *Verifier
	Queue     *Queue
	Log       *slog.Logger // discards
}

// NewWorld returns a world with the sample agencies.
func NewWorld() *World {
	w := &World{
		Memory: NewMemory(), Blobs: &Blobs{}, Clock: NewClock(), IDs: &IDs{},
		Directory: NewDirectory(Agencies()...), Verifier: &Verifier{}, Queue: &Queue{},
		Log: slog.New(slog.DiscardHandler),
	}
	w.Blobs.Now = w.Clock.Now
	w.Notary = &Notary{Now: w.Clock.Now, NewID: w.IDs.New}
	return w
}

// Verifier finds signatures by a word: content that contains "signed" carries one
// that passes, "tampered" one that fails, anything else none.
type Verifier struct {
	Err error // when set, no verdict can be made
}

// VerifyPart gives the verdict on one part.
func (v *Verifier) VerifyPart(_ context.Context, part hub.Part, content hub.Blob) (hub.SignatureReport, error) {
	if v.Err != nil {
		return hub.SignatureReport{}, v.Err
	}
	body, err := io.ReadAll(content)
	if err != nil {
		return hub.SignatureReport{}, err
	}
	report := hub.SignatureReport{Part: part.ID, SHA256: part.Digest, Policy: "hubtest"}
	switch {
	case bytes.Contains(body, []byte("tampered")):
		report.Signatures = []hub.SignatureVerdict{{Signer: "Trần Thị Mẫu (hư cấu)", Indication: hub.TotalFailed, Sub: hub.SubHashFailure}}
	case bytes.Contains(body, []byte("signed")):
		report.Signatures = []hub.SignatureVerdict{{Signer: "Trần Thị Mẫu (hư cấu)", Indication: hub.TotalPassed}}
	}
	report.Conclude()
	return report, nil
}

// Queue remembers what was published and hands nothing on. It is safe for
// concurrent use.
type Queue struct {
	Err error // when set, Publish fails with it

	mu        sync.Mutex
	published []hub.DispatchID
}

// Publish implements the queue of the intake.
func (q *Queue) Publish(_ context.Context, dispatch hub.DispatchID, _ bool) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.Err != nil {
		return q.Err
	}
	q.published = append(q.published, dispatch)
	return nil
}

// Published returns what was published, oldest first.
func (q *Queue) Published() []hub.DispatchID {
	q.mu.Lock()
	defer q.mu.Unlock()
	return append([]hub.DispatchID(nil), q.published...)
}

// System returns the actor that is the document system of agencies, with the
// scopes that such a system has.
func System(agencies ...hub.AgencyID) hub.Actor {
	return hub.Actor{
		Name: fmt.Sprint("system of ", agencies), Kind: hub.ActorSystem, Agencies: agencies, Auth: hub.AuthAPIKey,
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead, hub.ScopeVerify},
	}
}

// Submission returns a submission of Province with one signed original, whose
// bytes are stored, to the given codes. The external id tells it from others.
func (w *World) Submission(externalID string, recipients ...string) hub.Submission {
	return hub.Submission{
		Sender: "000.00.00.H47", Recipients: recipients, ExternalID: externalID,
		Operation: hub.OperationNew, Format: hub.FormatREST,
		Document: hub.Document{
			CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeName: "Công văn",
			Subject: "Về việc đẩy mạnh cải cách thủ tục hành chính", Place: "Quảng Nam", Promulgated: "2020-01-10",
			Signer: hub.Signer{Competence: "KT. CHỦ TỊCH", Position: "PHÓ CHỦ TỊCH", FullName: "Nguyễn Văn Mẫu"},
		},
		Parts: []hub.Part{w.Part("p1", hub.RoleOriginal, "signed original of "+externalID)},
	}
}

// Part stores content and returns the part that names it.
func (w *World) Part(id string, role hub.PartRole, content string) hub.Part {
	return hub.Part{
		ID: id, Role: role, Name: id + ".pdf", MediaType: "application/pdf",
		Size: int64(len(content)), Digest: w.Blobs.Put([]byte(content)),
	}
}

// Digests returns what a recipient that collected everything acknowledges.
func Digests(d *hub.Dispatch) map[string]hub.Digest {
	digests := make(map[string]hub.Digest, len(d.Parts))
	for _, p := range d.Parts {
		digests[p.ID] = p.Digest
	}
	return digests
}
