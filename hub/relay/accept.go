package relay

import (
	"context"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// What becomes of a package that came in.
const (
	outcomeAccepted  = "accepted"
	outcomeDuplicate = "duplicate" // the same document came before
	outcomeReported  = "reported"
	outcomeEcho      = "echo" // this hub sent it
	outcomeSentBack  = "sent_back"
	outcomeMoot      = "moot" // a recall of what never came
)

// maxExternalID is the longest id that the hub takes, in characters.
const maxExternalID = 200

// settle makes of a package what it is: a dispatch to its recipients here, or a report.
func (s *Service) settle(ctx context.Context, held *hub.HeldPackage) (settled, error) {
	content, err := s.Blobs.OpenBlob(ctx, held.Package.Digest)
	if err != nil {
		return settled{}, hub.Internal("open a package from the axis", err)
	}
	defer content.Close()
	pkg, err := s.Codec.Decode(ctx, content)
	switch {
	case err != nil:
		return settled{}, err
	case pkg.Kind != held.Kind:
		return settled{}, hub.Invalid("messagetype", "mismatch", "the axis lists it as %s, the package is of the type %s", held.Kind, pkg.Kind)
	case pkg.Kind == hub.PackageStatus:
		return s.report(ctx, pkg.Status)
	}
	return s.accept(ctx, held, pkg.Submission)
}

// accept submits a document for all its recipients here at once.
func (s *Service) accept(ctx context.Context, held *hub.HeldPackage, sub *hub.Submission) (settled, error) {
	now := s.now()
	from, err := s.Directory.Resolve(sub.Sender, now)
	if err != nil {
		return settled{}, inField(err, "sender")
	}
	sender := from.Agency
	if !s.behind(sender) {
		done, err := s.echo(ctx, sender, held, sub)
		if err == nil || !s.Trusting || !s.Here(sender.ID) || hub.KindOf(err) != hub.KindDenied {
			return done, err
		}
	}
	if sub.Recipients, err = s.recipients(held, sub); err != nil {
		return settled{}, err
	}
	sub.Format, sub.ReceivedAt, sub.TraceID = hub.FormatEdXML, held.Since, held.ID
	accepted, err := s.Intake.Submit(ctx, as(sender.ID), *sub)
	if err != nil && isDuplicate(err) {
		// An id is not unique in practice: another package goes on under a marked one.
		if marked := sub.MarkedID(maxExternalID); marked != "" {
			if b := &sub.Document.Business; sub.Operation == hub.OperationRecall && b.EarlierID == "" {
				b.EarlierID = sub.ExternalID // the header repeats that of the recalled document
			}
			sub.ExternalID = marked
			accepted, err = s.Intake.Submit(ctx, as(sender.ID), *sub)
		}
	}
	if err != nil {
		return settled{}, err
	}
	done := settled{Outcome: outcomeAccepted, Dispatch: accepted.Dispatch.ID, Evidence: accepted.Receipt.Evidence.ID}
	if accepted.Duplicate {
		done.Outcome = outcomeDuplicate
	}
	return done, s.listen(ctx, sender.ID)
}

func isDuplicate(err error) bool {
	v := hub.ViolationsOf(err)[0]
	return v.Kind == hub.KindConflict && v.Rule == "duplicate"
}

// moved refuses a recipient of whom the directory says that it is reached over the axis,
// where its system passes through: the directory of this node is of before the move, and
// the package would go back to the axis as another one.
func (s *Service) moved(a *hub.Agency) error {
	if a.ChannelAt(s.now()) != hub.ChannelAxis {
		return nil
	}
	return hub.Errorf(hub.KindUnavailable, "to", "channel", "the directory says of %s that it is reached over the axis, and its system passes through", a.NameAt(s.now()))
}

// recipients are those of a package who are reached here: all whom it names, since the
// axis may list it once for all, and where it lists it for one whom the package does not
// name, that one. Others behind the axis get it from the axis.
func (s *Service) recipients(held *hub.HeldPackage, sub *hub.Submission) ([]string, error) {
	var here []string
	var mine hub.AgencyID
	if held.To != "" {
		r, err := s.Directory.Resolve(held.To, s.now())
		switch {
		case err != nil:
			return nil, inField(err, "to")
		case !s.ours(r.Agency):
			return nil, hub.Errorf(hub.KindUnknownAgency, "to", "axis", "the axis has this for %s, who is not reached here but over the axis", held.To)
		}
		if err := s.moved(r.Agency); err != nil {
			return nil, err
		}
		mine = r.Agency.ID
	}
	found := mine == ""
	for _, code := range sub.Recipients {
		r, err := s.Directory.Resolve(code, s.now())
		if err != nil || !s.ours(r.Agency) {
			continue
		}
		if err := s.moved(r.Agency); err != nil {
			return nil, err
		}
		here, found = append(here, code), found || r.Agency.ID == mine
	}
	switch {
	case !found:
		return []string{held.To}, nil
	case len(here) == 0:
		return nil, hub.Errorf(hub.KindUnknownAgency, "recipients", "axis", "none of the recipients is reached here: %s", strings.Join(sub.Recipients, ", "))
	}
	return here, nil
}

// missed refuses to take for an echo what this hub handed over to the axis for an agency
// that moved here in that instant: it is in no box here, and acknowledged nobody would get
// it.
func (s *Service) missed(held *hub.HeldPackage, sent *hub.SentItem) error {
	to, unknown := s.Directory.Resolve(held.To, s.now())
	for i := range sent.Deliveries {
		d := &sent.Deliveries[i]
		a, ok := s.Directory.ByID(d.Recipient)
		if !ok || !s.ours(a) || d.Channel != hub.ChannelAxis || unknown == nil && to.Agency.ID != d.Recipient {
			continue
		}
		if d.State == hub.StateQueued || d.Relayed() {
			return hub.Errorf(hub.KindConflict, "to", "waiting",
				"this hub handed it over to the axis for %s before that moved here: have its software fetch it there, or give the package up and send it again", d.AddressedAs)
		}
	}
	return nil
}

// echo settles a package of an agency of this hub that the axis gives back: one of its
// recipients is reached here, too, and has the document already.
func (s *Service) echo(ctx context.Context, sender *hub.Agency, held *hub.HeldPackage, sub *hub.Submission) (settled, error) {
	list, err := s.Store.Sent(ctx, hub.SentQuery{Agency: sender.ID, Number: sub.Document.Number(), Page: hub.Page{Limit: 50}})
	if err != nil {
		return settled{}, err
	}
	for i := range list.Items {
		d := &list.Items[i].Dispatch
		if hub.UnmarkedID(d.ExternalID) != sub.ExternalID {
			continue
		}
		var sent sending
		if _, _, err := s.load(ctx, sendingNotes+string(d.ID), &sent); err != nil {
			return settled{}, err
		}
		same := func(p hub.Part) bool { return p.Digest == held.Package.Digest }
		if slices.ContainsFunc(d.Parts, same) || sent.Digest == held.Package.Digest {
			return settled{Outcome: outcomeEcho, Dispatch: d.ID}, s.missed(held, &list.Items[i])
		}
	}
	return settled{}, hub.Errorf(hub.KindDenied, "sender", "axis", "the sender %s is reached here and not over the axis, and this hub sent no such package", sub.Sender)
}

// inField puts the error of a shared check under the caller's field.
func inField(err error, field string) error {
	v := hub.ViolationsOf(err)[0]
	named := *v
	named.Field = field
	return &named
}
