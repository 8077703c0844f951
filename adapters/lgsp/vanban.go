package lgsp

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// row is a line of the list, under every spelling of its names.
type row struct {
	DocID        string `json:"docId"`
	DocID2       string `json:"doc_id"`
	ServiceType  string `json:"serviceType"`
	ServiceType2 string `json:"service_type"`
	MessageType  string `json:"messageType"`
	MessageType2 string `json:"message_type"`
	From         string `json:"from"`
	To           string `json:"to"`
	Status       string `json:"status"`
	StatusDesc   string `json:"status_desc"`
	StatusDesc2  string `json:"statusDesc"`
	CreatedTime  string `json:"created_time"`
	CreatedTime2 string `json:"createdTime"`
}

// list shows what waits for the unit: documents, then status messages.
func (s *Server) list(x *call) error {
	answer := struct {
		result
		Data []row `json:"data"`
	}{success(), []row{}}
	for _, kind := range []string{edoc.TypeDocument, edoc.TypeStatus} {
		waiting, err := s.Waiting(x.context(), x.caller(), kind, s.Limits.Rows-len(answer.Data))
		if err != nil {
			return err
		}
		for i := range waiting {
			w := &waiting[i]
			created := s.Profile.stamp(w.Created)
			answer.Data = append(answer.Data, row{
				DocID: w.ID, DocID2: w.ID, ServiceType: edoc.ServiceType, ServiceType2: edoc.ServiceType, MessageType: w.Type, MessageType2: w.Type,
				From: w.From, To: w.To, Status: w.State, StatusDesc: w.State, StatusDesc2: w.State, CreatedTime: created, CreatedTime2: created,
			})
		}
	}
	return x.json(http.StatusOK, answer)
}

// fetch answers with the package, as it was received where its sender spoke edXML. An
// answer that breaks off is no JSON, so nobody takes a part for the whole.
func (s *Server) fetch(x *call) error {
	p, err := s.Open(x.context(), x.caller(), x.docID)
	if err != nil {
		return err
	}
	defer p.Close()
	head, err := json.Marshal(success())
	if err != nil {
		return hub.Internal("encode an answer", err)
	}
	s.Limits.Writing(x.w, p.Size*4/3)
	x.head(http.StatusOK, -1)
	if _, err := io.WriteString(x.w, string(head[:len(head)-1])+`,"data":"`); err != nil {
		return err
	}
	content := s.content(x.w)
	if err := p.Write(content); err != nil {
		return err
	}
	if err := content.Close(); err != nil {
		return err
	}
	_, err = io.WriteString(x.w, `"}`)
	return err
}

func (s *Server) content(w io.Writer) io.WriteCloser {
	if s.Profile.Content == asXML {
		return &textWriter{w: w}
	}
	return base64.NewEncoder(base64.StdEncoding, w)
}

// textWriter writes UTF-8 as the inside of a JSON text.
type textWriter struct {
	w    io.Writer
	rest []byte // the beginning of a character
}

// Write implements io.Writer.
func (t *textWriter) Write(p []byte) (int, error) {
	all := append(t.rest, p...)
	whole := len(all)
	for back := 1; back < utf8.UTFMax && back <= len(all); back++ {
		if c := all[len(all)-back]; utf8.RuneStart(c) {
			if !utf8.FullRune(all[len(all)-back:]) {
				whole -= back
			}
			break
		}
	}
	t.rest = slices.Clone(all[whole:])
	return len(p), t.put(all[:whole])
}

func (t *textWriter) put(text []byte) error {
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return hub.Internal("encode a text", err)
	}
	_, err = t.w.Write(quoted[1 : len(quoted)-1])
	return err
}

// Close writes what is left.
func (t *textWriter) Close() error { return t.put(t.rest) }

// send takes a document or a status message. The whole body is read in any case: a client
// looks for no answer before it has sent it.
func (s *Server) send(x *call) error {
	id, err := s.take(x)
	if err != nil {
		x.drain(s.mostBody(x.op))
		return err
	}
	return x.json(http.StatusOK, struct {
		result
		DocID  string `json:"docId"`
		DocID2 string `json:"DocId"`
		DocID3 string `json:"doc_id"`
		DocID4 string `json:"docID"`
	}{success(), id, id, id, id})
}

// take reads the package. Where the secret of the unit comes in the body it may stand
// behind the file; what was stored of it then is of no use to anybody, and swept.
func (s *Server) take(x *call) (string, error) {
	kind, err := s.kind(x, "")
	if err == nil {
		err = s.Admit(kind)
	}
	if err == nil && x.value(s.Profile.UnitSecret) != "" {
		err = x.authenticate()
	}
	if err != nil {
		return "", err
	}
	pkg, err := s.readPackage(x)
	if err == nil {
		edoc.Patient(x.w)
		err = x.authenticate()
	}
	if err == nil {
		kind, err = s.kind(x, edoc.TypeDocument)
	}
	switch {
	case err != nil:
		return "", err
	case pkg == nil:
		return "", hub.Invalid("file", "required", "the file is required: as the body, or as its member %s", s.Profile.File[0])
	}
	return s.Take(x.context(), x.caller(), pkg, s.Profile.Kind[0], kind, nil)
}

func (s *Server) kind(x *call, absent string) (string, error) {
	return edoc.MessageType(s.Profile.Kind[0], x.value(s.Profile.Kind), absent)
}

// readPackage goes through the body and streams the package in it into the store; nil
// when there is none.
func (s *Server) readPackage(x *call) (*hub.Package, error) {
	var found *hub.Package
	err := x.fields(s.mostBody(x.op), func(f field) error {
		isFile := slices.ContainsFunc(s.Profile.File, func(n string) bool { return strings.EqualFold(n, f.name) })
		if !isFile && !f.whole {
			v, err := readValue(f.name, f.content, s.Limits.Body)
			x.values[strings.ToLower(f.name)] = v
			return err
		}
		if found != nil {
			return hub.Invalid("file", "duplicate", "a call carries one file")
		}
		r := newPackageReader(f.content, s.Limits.Package)
		pkg, err := s.Decode(x.context(), r, r.whole)
		found = &pkg
		return err
	})
	return found, err
}

// update acknowledges what was received. Every act may be repeated.
func (s *Server) update(x *call) error {
	word := edoc.Word{Status: strings.ToLower(x.value(s.Profile.Status)), Description: x.value([]string{"description"})}
	if err := s.Settle(x.context(), x.caller(), x.docID, word); err != nil {
		return err
	}
	return x.json(http.StatusOK, success())
}
