package vxp

import (
	"encoding/hex"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The values of messagetype.
const (
	typeDocument = "edoc"
	typeStatus   = "status"
)

// sendEdoc takes a document or a status message. The whole body is read in any case: a
// client looks for no answer before it has sent it.
func (s *Server) sendEdoc(x *call) error {
	id, err := s.take(x)
	if err != nil {
		x.drain(s.Limits.Package)
		return err
	}
	return x.ok(fields{fieldDocID: id})
}

func (s *Server) take(x *call) (string, error) {
	kind, err := messageType(x, "")
	if err != nil {
		return "", err
	}
	if err := s.checkSender(x); err != nil {
		return "", err
	}
	to, err := recipients(x.param("to"))
	if err != nil {
		return "", err
	}
	if x.param("hash-file") == "" {
		return "", hub.Invalid("hash-file", "required", "hash-file is the only tie between signature and file: it is required")
	}
	if s.Overloaded != nil && kind != typeStatus {
		if err := s.Overloaded(); err != nil {
			return "", err
		}
	}
	if x.r.ContentLength > s.Limits.Package+int64(len(crlf)) {
		return "", hub.Errorf(hub.KindTooLarge, "file", "max_size", "a file has at most %d bytes", s.Limits.Package)
	}
	pkg, err := s.decode(x)
	if err != nil {
		return "", err
	}
	if kind != "" && kind != string(pkg.Kind) {
		return "", hub.Invalid("messagetype", "mismatch", "messagetype says %s, the file is of the type %s", kind, pkg.Kind)
	}
	if pkg.Kind == hub.PackageStatus {
		return s.takeStatus(x, pkg.Status)
	}
	return s.takeDocument(x, pkg.Submission, to)
}

// decode streams the file into the store.
func (s *Server) decode(x *call) (hub.Package, error) {
	f := newFile(x.r.Body, s.Limits.Package, x.param("hash-file"))
	pkg, err := s.Codec.Decode(x.context(), f, s.Blobs)
	x.patient()
	if err != nil {
		return hub.Package{}, err
	}
	if !f.whole() {
		return hub.Package{}, hub.Internal("decode a package", errNotRead)
	}
	return pkg, nil
}

// messageType reads the parameter in any case of letters; absent is what is given.
func messageType(x *call, absent string) (string, error) {
	switch v := strings.ToLower(x.param("messagetype")); v {
	case "":
		return absent, nil
	case typeDocument, typeStatus:
		return v, nil
	}
	return "", hub.Invalid("messagetype", "code_list", "messagetype is edoc or status")
}

// checkSender makes sure that the sender named beside the file is one of the system's.
// The sender in the file is checked by the services; they need not be the same, since
// one system sends for several agencies and may carry the parameter of an earlier call.
func (s *Server) checkSender(x *call) error {
	from := x.param("from")
	if from == "" || from == x.system {
		return nil
	}
	r, err := s.Directory.Resolve(from, x.begun)
	if err != nil || x.actor.SpeaksFor(r.Agency.ID, hub.ScopeSubmit) != nil {
		return hub.Errorf(hub.KindDenied, "from", "agency", "this system may not send for %.40q", from)
	}
	return nil
}

// recipients reads the parameter to: a JSON array of codes, or one code. Without it
// those in the file count.
func recipients(to string) ([]string, error) {
	if !strings.HasPrefix(to, "[") {
		if to == "" {
			return nil, nil
		}
		return []string{to}, nil
	}
	var codes []string
	if err := json.Unmarshal([]byte(to), &codes); err != nil {
		return nil, hub.Invalid("to", "json", "to is one agency code or a JSON array of them")
	}
	return codes, nil
}

// takeDocument submits a document. A DocumentId is not unique in practice, so one that
// stands for another package already is no reason to refuse: the package goes on under
// the id with a mark made from its content, the same for every repetition.
func (s *Server) takeDocument(x *call, sub *hub.Submission, to []string) (string, error) {
	sub.Format, sub.ReceivedAt, sub.TraceID = hub.FormatEdXML, x.begun.UTC(), x.id
	if len(to) > 0 {
		sub.Recipients = to
	}
	accepted, err := s.Intake.Submit(x.context(), x.actor, *sub)
	if err != nil && isDuplicate(err) {
		if marked := markedID(sub); marked != "" {
			if b := &sub.Document.Business; sub.Operation == hub.OperationRecall && b.EarlierID == "" {
				b.EarlierID = sub.ExternalID // the header repeats that of the recalled document
			}
			sub.ExternalID = marked
			accepted, err = s.Intake.Submit(x.context(), x.actor, *sub)
		}
	}
	return string(accepted.Dispatch.ID), err
}

func isDuplicate(err error) bool {
	v := hub.ViolationsOf(err)[0]
	return v.Kind == hub.KindConflict && v.Rule == "duplicate"
}

// maxExternalID is the longest id that the hub takes, in characters.
const maxExternalID = 200

// markedID is the id with the beginning of the fingerprint behind it; "" when it would be
// too long.
func markedID(sub *hub.Submission) string {
	fingerprint := sub.Fingerprint()
	marked := sub.ExternalID + hub.IDMark + hex.EncodeToString(fingerprint[:6])
	if utf8.RuneCountInString(marked) > maxExternalID {
		return ""
	}
	return marked
}

// takeStatus records a status message. Some senders name themselves where the message
// should say whom it is for; then the owner of the document's id is meant.
func (s *Server) takeStatus(x *call, m *hub.StatusMessage) (string, error) {
	to, err := s.Directory.Resolve(m.For.Agency, x.begun)
	from, unknown := s.Directory.Resolve(m.From, x.begun)
	if err != nil || unknown == nil && to.Agency.ID == from.Agency.ID {
		if owner, _, ok := strings.Cut(m.For.ExternalID, ","); ok {
			m.For.Agency = strings.TrimSpace(owner)
		}
	}
	if m.Description == "" && reasoned(m.Code) {
		m.Description = noReason
	}
	sealed, err := s.Recipient.ReportMessage(x.context(), x.actor, *m)
	return string(sealed.Evidence.ID), err
}

// noReason stands where the hub needs a reason and the format leaves one out.
const noReason = "(không nêu lý do)"

func reasoned(code hub.StatusCode) bool {
	return code == hub.StatusRefused || code == hub.StatusRecallAsked || code == hub.StatusChangeRefused
}
