package relay

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// agencyPage is how many agencies are read at once.
const agencyPage = 500

// tell sends the status messages that wait for agencies behind the axis. One that the
// axis does not take keeps no other waiting.
func (s *Service) tell(ctx context.Context) error {
	readers := s.Readers
	if readers == nil || s.Leaving() { // who leaves has to know all that is left
		readers = s.readers
	}
	ids, err := readers(ctx)
	if err != nil {
		return err
	}
	waiting := 0
	var all []error
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			all = append(all, err)
			break
		}
		left, err := s.tellOne(ctx, id)
		waiting += left
		all = append(all, err)
	}
	s.mu.Lock()
	s.waiting = waiting
	s.mu.Unlock()
	return errors.Join(all...)
}

// readers lists the agencies behind the axis for whom status messages wait.
func (s *Service) readers(ctx context.Context) ([]hub.AgencyID, error) {
	return readersIn(ctx, s.Options, s.behind)
}

// readersIn lists the agencies for whom status messages wait, of those that which is true of.
func readersIn(ctx context.Context, o Options, which func(*hub.Agency) bool) ([]hub.AgencyID, error) {
	var found []hub.AgencyID
	for after := hub.AgencyID(""); ; {
		ids, err := o.Store.NoticeAgencies(ctx, after, agencyPage)
		if err != nil {
			return nil, err
		}
		for _, id := range ids {
			if a, ok := o.Directory.ByID(id); ok && which(a) {
				found = append(found, id)
			}
		}
		if len(ids) < agencyPage {
			return found, nil
		}
		after = ids[len(ids)-1]
	}
}

// tellOne sends the status messages for one agency, oldest first, and returns how many
// still wait.
func (s *Service) tellOne(ctx context.Context, agency hub.AgencyID) (left int, err error) {
	var all []error
	for page := (hub.Page{Limit: notePage}); ctx.Err() == nil; {
		list, err := s.Notices.Notices(ctx, as(agency), agency, page)
		if err != nil {
			return left, errors.Join(append(all, err)...)
		}
		for i := range list.Items {
			by, known := s.Directory.ByID(list.Items[i].Report.Reporter)
			if !known || !s.ours(by) {
				continue // another membership says it
			}
			sent, err := s.say(ctx, agency, &list.Items[i])
			if !sent {
				left++
			}
			if all = append(all, err); stalled(err) {
				return left + len(list.Items) - i - 1, errors.Join(all...)
			}
		}
		if page.After = list.Next; list.Next == "" {
			break
		}
	}
	return left, errors.Join(all...)
}

// say sends one status message. What the axis refuses waits for the operator, what it
// does not answer to is tried again with growing pauses.
func (s *Service) say(ctx context.Context, agency hub.AgencyID, n *hub.Notice) (sent bool, err error) {
	name := unsentNotes + n.Report.ID
	m := messageOf(n)
	unsent := hub.HeldPackage{ID: n.Report.ID, Kind: hub.PackageStatus, Out: true, From: m.From, To: m.For.Agency, Since: n.Report.RecordedAt}
	_, found, err := s.load(ctx, name, &unsent)
	switch {
	case err != nil:
		return false, err
	case unsent.Waits || unsent.Next.After(s.now()):
		return false, nil
	}
	if there, err := s.reachedAxis(ctx, n); err != nil || there == stillGoes {
		return false, err
	} else if there == neverWent {
		return true, s.Notices.TakeNotice(ctx, as(agency), n.Report.ID)
	}
	if err := s.sendStatus(ctx, n, &m); err != nil {
		if ctx.Err() != nil {
			return false, ctx.Err()
		}
		s.Observed("out", string(hub.PackageStatus), string(hub.KindOf(err)))
		return false, errors.Join(err, s.holdUnsent(ctx, unsentNotes, &unsent, err))
	}
	s.Observed("out", string(hub.PackageStatus), "sent")
	if err := s.Notices.TakeNotice(ctx, as(agency), n.Report.ID); err != nil {
		return false, err
	}
	if !found {
		return true, nil
	}
	return true, s.Notes.SaveNotes(ctx, gone(name))
}

// presence is whether the axis has a document of which a status message tells.
type presence int

const (
	onAxis presence = iota
	stillGoes
	neverWent
)

// reachedAxis tells whether the axis has what a message is about. What was taken back
// here before it went needs no word there; what may have gone, since a node died in the
// call or no answer came, does.
func (s *Service) reachedAxis(ctx context.Context, n *hub.Notice) (presence, error) {
	d := &n.Item.Delivery
	if n.Report.Reporter != n.Item.Dispatch.Sender || d.Channel != hub.ChannelAxis {
		return onAxis, nil // it came from there
	}
	name, doubtful := sendingNotes+string(d.Dispatch), false
	for _, name := range []string{name, name + "/" + string(d.ID)} {
		var sent sending
		switch _, _, err := s.load(ctx, name, &sent); {
		case err != nil:
			return onAxis, err
		case sent.State == sendClaimed && s.now().Before(sent.Until):
			return stillGoes, nil
		case sent.State == sendDone && slices.Contains(sent.To, string(d.AddressedAs)):
			return onAxis, nil
		case sent.State == sendClaimed: // and whoever made it is gone
			sent.doubt()
		}
		doubtful = doubtful || slices.Contains(sent.Doubt, string(d.AddressedAs))
	}
	switch {
	case d.State == hub.StateQueued:
		return stillGoes, nil
	case doubtful:
		return onAxis, nil
	}
	return neverWent, nil
}

func (s *Service) holdUnsent(ctx context.Context, under string, unsent *hub.HeldPackage, cause error) error {
	v := hub.ViolationsOf(cause)[0]
	unsent.Attempts++
	unsent.Reason, unsent.Errors = v.Message, []hub.HeldError{{Kind: v.Kind, Field: v.Field, Rule: v.Rule, Message: v.Message}}
	unsent.Waits = permanent(cause) || hub.KindOf(cause) == hub.KindNotFound && unsent.Attempts >= patience
	if unsent.Next = s.now().Add(s.pause(unsent.Attempts)); unsent.Waits {
		s.Log.WarnContext(ctx, "the axis refuses a status message", "report", unsent.ID, "from", unsent.From, "to", unsent.To, "error", cause)
	}
	kept, err := note(under+unsent.ID, unsent)
	if err != nil {
		return err
	}
	return s.Notes.SaveNotes(ctx, kept)
}

// sendStatus sends a status message as it came, or makes it: the same for the same report.
func (s *Service) sendStatus(ctx context.Context, n *hub.Notice, m *hub.StatusMessage) error {
	p := hub.AxisPackage{Kind: hub.PackageStatus, From: m.From}
	if e := n.Report.Envelope; e != nil {
		content, err := s.Blobs.OpenBlob(ctx, e.Digest)
		if err != nil {
			return hub.Internal("open a status message", err)
		}
		defer content.Close()
		p.Digest, p.Size, p.Content = e.Digest, e.Size, content
	} else {
		var out bytes.Buffer
		if err := s.Codec.EncodeStatus(&out, *m); err != nil {
			return hub.Internal("encode a status message", err)
		}
		p.Digest, p.Size, p.Content = sha256.Sum256(out.Bytes()), int64(out.Len()), &out
	}
	_, err := s.Axis.Send(ctx, p)
	return err
}

// messageOf is a report as a message between the agencies as they stood in the document.
func messageOf(n *hub.Notice) hub.StatusMessage {
	d := &n.Item.Dispatch
	from, to := string(n.Item.Delivery.AddressedAs), string(d.SenderCode)
	if n.Report.Reporter == d.Sender {
		from, to = to, from
	}
	return hub.StatusMessage{
		From: from, Code: n.Report.Code, Description: n.Report.Description, Staff: n.Report.Staff, StatedAt: n.Report.StatedAt,
		For: hub.Reference{Agency: to, Number: d.Document.Number(), ExternalID: hub.UnmarkedID(d.ExternalID), Promulgated: d.Document.Promulgated},
	}
}
