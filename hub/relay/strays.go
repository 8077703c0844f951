package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// A stray is a status message about a document of the time before its system passed
// through: the hub never had that, so the message is nobody's report here. It is passed
// on as it came, once, and the log holds a note of it.
const (
	strayNotes  = hub.RelayNotes + "stray/"  // came from the axis and waits for the system: hub.Stray
	takenNotes  = hub.RelayNotes + "taken/"  // the system took it: hub.Stray
	onwardNotes = hub.RelayNotes + "onward/" // waits for the axis: hub.HeldPackage
	passedNotes = hub.RelayNotes + "passed/" // the axis took it: hub.Stray
)

// outcomeStray is what became of a package that is passed on to its system.
const outcomeStray = "stray"

// strayID is an id for a stray, made from what stays the same however often it comes.
func strayID(from string) string {
	sum := sha256.Sum256([]byte(from))
	return "stray-" + hex.EncodeToString(sum[:16])
}

// stray has a status message wait for its system, where it is about nothing that this hub
// had: it was tried for a while, since its document may come behind it.
func (s *Service) stray(ctx context.Context, held *hub.HeldPackage, cause error) (bool, error) {
	if !s.Trusting || held.Kind != hub.PackageStatus || held.Package == nil || held.Attempts < mootAfter || hub.KindOf(cause) != hub.KindNotFound {
		return false, nil
	}
	content, err := s.Blobs.OpenBlob(ctx, held.Package.Digest)
	if err != nil {
		return false, hub.Internal("open a package from the axis", err)
	}
	defer content.Close()
	pkg, err := s.Codec.Decode(ctx, content)
	if err != nil || pkg.Status == nil {
		return false, err
	}
	m := pkg.Status
	m.FindAddressee(func(code string) (hub.Resolution, error) { return s.Directory.Resolve(code, s.now()) })
	for _, code := range []string{held.To, m.For.Agency} {
		to, err := s.Directory.Resolve(code, s.now())
		if err != nil || !s.ours(to.Agency) {
			continue
		}
		waits := hub.Stray{ID: strayID(held.ID), Agency: to.Agency.ID, From: m.From, To: code, Code: m.Code, Package: *held.Package, At: s.now(), Came: held.ID}
		if err := s.Noted(ctx, &waits); err != nil {
			return false, err
		}
		n, err := note(strayNotes+waits.ID, &waits)
		if err != nil {
			return false, err
		}
		return true, s.Notes.SaveNotes(ctx, n, keepStray(&waits))
	}
	return false, nil
}

func keepStray(st *hub.Stray) hub.RetentionNote {
	return hub.KeepNote(st.Package.Digest, st.Package.Size, st.ID)
}

// tellStrays passes on to the axis what systems said of documents from before. One that
// the axis refuses waits for the operator, one that it does not answer to is tried again.
func (s *Service) tellStrays(ctx context.Context) error {
	var due []hub.HeldPackage
	err := each(ctx, s.Notes, onwardNotes, func(_ string, held hub.HeldPackage) (bool, error) {
		if !held.Waits && !held.Next.After(s.now()) {
			due = append(due, held)
		}
		return len(due) < notePage, nil
	})
	all := []error{err}
	for i := range due {
		err := s.passOn(ctx, &due[i])
		if all = append(all, err); stalled(err) || ctx.Err() != nil {
			break
		}
	}
	return errors.Join(all...)
}

func (s *Service) passOn(ctx context.Context, held *hub.HeldPackage) error {
	var st hub.Stray
	switch _, found, err := s.load(ctx, passedNotes+held.ID, &st); {
	case err != nil:
		return err
	case found: // it came twice at one moment
		return s.Notes.SaveNotes(ctx, goneOnward(held)...)
	}
	content, err := s.Blobs.OpenBlob(ctx, held.Package.Digest)
	if err != nil {
		return hub.Internal("open a status message", err)
	}
	defer content.Close()
	id, err := s.Axis.Send(ctx, hub.AxisPackage{
		Kind: hub.PackageStatus, From: held.From, Digest: held.Package.Digest, Size: held.Package.Size, Content: content,
	})
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.Observed("out", string(hub.PackageStatus), string(hub.KindOf(err)))
		return errors.Join(err, s.holdUnsent(ctx, onwardNotes, held, err))
	}
	s.Observed("out", string(hub.PackageStatus), "sent")
	st = hub.Stray{ID: held.ID, From: held.From, To: held.To, Package: *held.Package, At: s.now(), Went: id}
	if err := s.Noted(ctx, &st); err != nil {
		return err
	}
	done, err := note(passedNotes+held.ID, &st)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, append(goneOnward(held), done)...)
}

// goneOnward ends the waiting of a stray for the axis, and what keeps its content.
func goneOnward(held *hub.HeldPackage) []hub.RetentionNote {
	return []hub.RetentionNote{gone(onwardNotes + held.ID), gone(hub.KeepNote(held.Package.Digest, held.Package.Size, held.ID).Name)}
}

// PassOn takes a status message of a system's agency about a document that this hub never
// had; it is durable and goes to the axis in the next round. The same message again is the
// same one. KindNotFound where the agency does not pass through.
func (p *Passages) PassOn(ctx context.Context, actor hub.Actor, m hub.StatusMessage) (string, error) {
	from, err := p.o.Directory.Resolve(m.From, p.o.Now())
	if err != nil {
		return "", inField(err, "from")
	}
	if err := actor.SpeaksFor(from.Agency.ID, hub.ScopeCollect); err != nil {
		return "", inField(err, "from")
	}
	here := p.known.Load().byAgency[from.Agency.ID]
	if here == nil || m.Envelope == nil {
		return "", hub.Errorf(hub.KindNotFound, "response_for", "", "this hub has no such document, and the agency does not pass through")
	}
	s, id := here.service, strayID(m.Envelope.Digest.String())
	for _, name := range []string{passedNotes + id, onwardNotes + id} {
		var before struct{}
		if _, found, err := s.load(ctx, name, &before); err != nil || found {
			return id, err
		}
	}
	held := hub.HeldPackage{ID: id, Kind: hub.PackageStatus, Out: true, From: m.From, To: m.For.Agency, Package: m.Envelope, Since: s.now(), Next: s.now()}
	st := hub.Stray{ID: id, From: m.From, To: m.For.Agency, Code: m.Code, Package: *m.Envelope, At: s.now()}
	if err := s.Noted(ctx, &st); err != nil {
		return "", err
	}
	n, err := note(onwardNotes+id, &held)
	if err != nil {
		return "", err
	}
	return id, s.Notes.SaveNotes(ctx, n, keepStray(&st))
}

// Strays lists what waits for an agency, oldest first.
func (p *Passages) Strays(ctx context.Context, actor hub.Actor, agency hub.AgencyID) ([]hub.Stray, error) {
	if err := actor.SpeaksFor(agency, hub.ScopeCollect); err != nil {
		return nil, err
	}
	here := p.known.Load().byAgency[agency]
	if here == nil {
		return nil, nil
	}
	var found []hub.Stray
	err := each(ctx, here.service.Notes, strayNotes, func(_ string, st hub.Stray) (bool, error) {
		if st.Agency == agency {
			found = append(found, st)
		}
		return len(found) < hub.MaxHeld, nil
	})
	slices.SortStableFunc(found, func(a, b hub.Stray) int { return a.At.Compare(b.At) })
	return found, err
}

// Stray is what waits for one of the actor's agencies, or has waited; KindNotFound for all
// else.
func (p *Passages) Stray(ctx context.Context, actor hub.Actor, id string) (hub.Stray, error) {
	_, st, err := p.strayOf(ctx, actor, id)
	return st, err
}

// strayOf is Stray with the membership in which it came.
func (p *Passages) strayOf(ctx context.Context, actor hub.Actor, id string) (*Service, hub.Stray, error) {
	known := p.known.Load()
	for _, agency := range actor.Agencies {
		here := known.byAgency[agency]
		if here == nil {
			continue
		}
		for _, prefix := range []string{strayNotes, takenNotes} {
			var st hub.Stray
			if _, found, err := here.service.load(ctx, prefix+named(id), &st); err != nil || found && actor.SpeaksFor(st.Agency, hub.ScopeCollect) == nil {
				return here.service, st, err
			}
		}
	}
	return nil, hub.Stray{}, hub.Errorf(hub.KindNotFound, "docId", "unknown", "there is no such document for this system")
}

// TakeStray ends the waiting of a stray; it may be repeated.
func (p *Passages) TakeStray(ctx context.Context, actor hub.Actor, id string) error {
	s, st, err := p.strayOf(ctx, actor, id)
	if err != nil {
		return err
	}
	if !st.Taken.IsZero() {
		return nil
	}
	st.Taken = s.now()
	if err := s.Noted(ctx, &st); err != nil {
		return err
	}
	done, err := note(takenNotes+st.ID, &st)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, done, gone(strayNotes+st.ID), gone(keepStray(&st).Name))
}
