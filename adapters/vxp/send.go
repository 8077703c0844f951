package vxp

import (
	"encoding/json"
	"strings"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
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
	if err := s.Admit(kind); err != nil {
		return "", err
	}
	if x.r.ContentLength > s.Limits.Package+int64(len(crlf)) {
		return "", hub.Errorf(hub.KindTooLarge, "file", "max_size", "a file has at most %d bytes", s.Limits.Package)
	}
	f := newFile(x.r.Body, s.Limits.Package, x.param("hash-file"))
	pkg, err := s.Decode(x.context(), f, f.whole)
	if err != nil { // what is left is read, and not waited for longer than it may take
		return "", err
	}
	edoc.Patient(x.w)
	return s.Take(x.context(), x.caller(), &pkg, "messagetype", kind, to)
}

// messageType reads the parameter in any case of letters; absent is what is given.
func messageType(x *call, absent string) (string, error) {
	return edoc.MessageType("messagetype", x.param("messagetype"), absent)
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
