package demo

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/lienthong/lienthong/hub"
)

// question is what the owner of a dossier asks the portal.
type question struct {
	Number string            `json:"number"`
	Secret hub.DossierSecret `json:"secret"`
	Event  int64             `json:"event,omitempty"`
}

// maxPortalAnswer bounds what the portal answers, in bytes.
const maxPortalAnswer = 16 << 20

func (s *show) askPortal(ctx context.Context, path string, of question) ([]byte, error) {
	body, err := json.Marshal(of) //nolint:gosec // the secret is what the owner asks with
	if err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.hub.Portal+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Close = true // there are few questions
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("the portal answers %s", answer.Status)
	}
	return io.ReadAll(io.LimitReader(answer.Body, maxPortalAnswer))
}

// lookAsOwner asks the portal how the dossier stands.
func (s *show) lookAsOwner(ctx context.Context) (hub.DossierProgress, error) {
	var p hub.DossierProgress
	raw, err := s.askPortal(ctx, "/api/progress", question{Number: s.dossier.Number, Secret: s.dossier.Secret})
	if err == nil {
		err = json.Unmarshal(raw, &p)
	}
	return p, err
}

// seenByOwner has the owner look while the dossier is under way, and somebody else try.
func (s *show) seenByOwner(ctx context.Context) error {
	p, err := s.lookAsOwner(ctx)
	if err != nil {
		return err
	}
	last := p.Steps[len(p.Steps)-1]
	s.check(p.Status == hub.DossierAccepted && !p.Late && last.To != "", "the owner of %s sees on the portal where it went (%+v)", p.Number, last)
	_, err = s.askPortal(ctx, "/api/progress", question{Number: s.dossier.Number, Secret: "0000000000000000"})
	s.check(err != nil, "who does not have the secret of %s sees nothing (%v)", p.Number, err)
	return nil
}

// fetchedByOwner has the owner fetch the result.
func (s *show) fetchedByOwner(ctx context.Context) error {
	p, err := s.lookAsOwner(ctx)
	if err != nil {
		return err
	}
	s.check(p.Status == hub.DossierReturned && p.Late && !p.Apologised.IsZero(), "the owner of %s sees that it was late, and the apology", p.Number)
	for _, file := range p.Files {
		if file.Kind != hub.DossierResult {
			continue
		}
		raw, err := s.askPortal(ctx, "/api/file", question{p.Number, s.dossier.Secret, file.Event})
		s.check(err == nil && hub.Digest(sha256.Sum256(raw)) == file.Digest, "the owner of %s fetches the result, byte for byte (%v)", p.Number, err)
		s.say("%s: %s/dossiers", p.Number, s.hub.Portal)
		return nil
	}
	s.check(false, "the portal offers the result of %s", p.Number)
	return nil
}
