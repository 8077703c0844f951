package partner

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/vxp"
	"github.com/lienthong/lienthong/hub"
)

// Member is a hub that is a member of an axis; the partner is the axis, and the system of
// a unit behind it.
type Member struct {
	REST     // of the test unit on the hub
	Listener net.Listener
	System   string   // id of the hub on the axis
	Secret   string   // of that system
	Away     hub.Code // unit behind the axis, which the hub's directory has with the channel axis
}

// RunMember runs the tests of the channel axis. It closes the listener.
func RunMember(ctx context.Context, m Member, told func(Result)) []Result {
	t := newMember(m)
	server := &http.Server{Handler: t, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute, MaxHeaderBytes: 1 << 20}
	var serving sync.WaitGroup
	serving.Go(func() { _ = server.Serve(m.Listener) }) // ends with Close
	defer serving.Wait()
	defer func() { _ = server.Close() }() // nothing waits for it
	return run(ctx, append((&network{address: m.URL, tls: m.TLS}).steps(), t.steps()...), told)
}

// member is one run.
type member struct {
	rest
	axis     Member
	mu       sync.Mutex
	signed   map[string]bool // by operation, with the type of messages where there is one: the last call was well signed
	waiting  []parcel
	sent     []taken
	garbled  int            // so many of the next lists are no JSON
	broken   map[string]int // so many of the next calls of an operation get no answer
	handed   string         // DocId that the list of what was sent tells as done
	outgoing string         // delivery of X10
}

// parcel is a package on the axis.
type parcel struct {
	id, kind, to string
	file         []byte
	fetched      int
	status       string // as it was acknowledged
}

// taken is a package that the member sent.
type taken struct {
	id, hash, to string
	file         []byte
}

func newMember(m Member) *member {
	return &member{rest: rest{REST: m.REST, id: fmt.Sprintf("partner-%d", time.Now().UnixNano())}, axis: m, signed: map[string]bool{}, broken: map[string]int{}}
}

// maxParcel bounds a package that the member sends, in bytes.
const maxParcel = 256 << 20

// ServeHTTP implements http.Handler: it is the axis.
func (t *member) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxParcel))
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	operation := path.Base(r.URL.Path)
	params, ok := t.signature(r)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.signed[strings.TrimSpace(operation+" "+params["messagetype"])] = ok
	if !ok {
		answer(w, `"status":"FAIL","ErrorCode":"401","ErrorDesc":"signature","DocId":"","data":""`)
		return
	}
	more := t.serve(operation, params, body)
	switch {
	case t.broken[operation] > 0:
		t.broken[operation]--
		panic(http.ErrAbortHandler)
	case t.garbled > 0 && operation == "getReceivedEdocList":
		t.garbled--
		_, _ = io.WriteString(w, "<html>502 Bad Gateway</html>")
		return
	}
	answer(w, `"status":"OK","ErrorCode":"0","ErrorDesc":"Thanh cong"`+more)
}

func answer(w http.ResponseWriter, members string) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(w, "{"+members+"}")
}

// signature checks who calls and returns the signed parameters.
func (t *member) signature(r *http.Request) (map[string]string, bool) {
	text := r.Header.Get("XroadVnpt-sign-header")
	var members map[string]string
	if json.Unmarshal([]byte(text), &members) != nil {
		return nil, false
	}
	params := map[string]string{}
	for name, value := range members {
		params[strings.TrimPrefix(name, "XroadVnpt-")] = value
	}
	mac := hmac.New(sha256.New, []byte(t.axis.Secret))
	mac.Write([]byte(text))
	given, err := hex.DecodeString(r.Header.Get("XroadVnpt-hash-header"))
	return params, err == nil && hmac.Equal(given, mac.Sum(nil)) && params["systemid"] == t.axis.System
}

// serve does what an operation asks for and returns the members of its answer.
func (t *member) serve(operation string, params map[string]string, body []byte) string {
	id := params["docId"]
	if operation == "updateStatus" && params["docid"] != "" {
		id = params["docid"]
	}
	switch operation {
	case "getReceivedEdocList":
		rows := []map[string]string{}
		for _, p := range t.waiting {
			if p.kind == params["messagetype"] && p.status == "" {
				rows = append(rows, map[string]string{"docId": p.id, "serviceType": "eDoc", "messageType": p.kind, "from": string(t.axis.Away), "to": p.to, "status": "initial"})
			}
		}
		return data(rows)
	case "getEdoc":
		for i := range t.waiting {
			if t.waiting[i].id == id {
				t.waiting[i].fetched++
				return data(base64.StdEncoding.EncodeToString(t.waiting[i].file))
			}
		}
		return data("")
	case "updateStatus":
		for i := range t.waiting {
			if t.waiting[i].id == id && params["status"] != "processing" {
				t.waiting[i].status = params["status"]
			}
		}
	case "sendEdoc":
		file := bytes.TrimSuffix(body, []byte("\r\n"))
		t.sent = append(t.sent, taken{id: fmt.Sprint(t.id, "-", len(t.sent)), hash: params["hash-file"], to: params["to"], file: file})
		return fmt.Sprintf(`,"DocId":%q`, t.sent[len(t.sent)-1].id)
	case "getSentEdocList":
		rows := []map[string]string{}
		if t.handed != "" && (id == "" || id == t.handed) {
			rows = append(rows, map[string]string{"senderDocId": t.handed, "receiverDocId": t.handed, "fromCode": string(t.Agency), "toCode": string(t.axis.Away), "sendStatus": "done", "receiveStatus": "done"})
		}
		return data(rows)
	case "getAgenciesList", "getSynchronizeUnit":
		return data([]map[string]string{
			{"id": "1", "pid": "", "code": string(t.axis.Away), "name": "Đơn vị thử", "mail": ""}, {"id": "2", "pid": "", "code": string(t.Agency), "name": "Đơn vị thử", "mail": ""},
		})
	}
	return ""
}

func data(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return `,"data":` + string(text)
}

func (t *member) steps() []step {
	whole := func(file []byte) []byte { return file }
	return []step{
		{Test{"X01", "the hub asks for what waits, well signed, of both kinds", "edoc status"}, t.asked},
		{Test{"X02", "a document is fetched, stored and acknowledged", "fetched, done"}, t.give("X02", whole, nil)},
		{Test{"X03", "it lies in the box of its recipient", "1 document"}, t.inBox("X02")},
		{Test{"X04", "the same package under another id is acknowledged, too", "fetched, done"}, t.giveAgain},
		{Test{"X05", "and has the effect of one", "1 document"}, t.inBox("X02")},
		{Test{"X06", "a package that breaks off is held, and not acknowledged", "fetched, held"}, t.give("X06", func(f []byte) []byte { return f[:len(f)/2] }, nil)},
		{Test{"X07", "so is one for a recipient that is not known", "fetched, held"}, t.give("X07", func(f []byte) []byte {
			return bytes.ReplaceAll(f, []byte(">"+string(t.Agency)+"<"), []byte(">"+nobodysCode+"<"))
		}, nil)},
		{Test{"X08", "a list that is no JSON is asked for again", "fetched, done"}, t.give("X08", whole, func() { t.garbled = 2 })},
		{Test{"X09", "a file of which no answer came is, too", "fetched, done"}, t.give("X09", whole, func() { t.broken["getEdoc"] = 1 })},
		{Test{"X10", "what the agency sends comes with its hash, for the unit behind the axis", "hash, to"}, t.comes},
		{Test{"X11", "a call that got no answer comes again, with the same bytes", "same bytes"}, t.repeated},
		{Test{"X12", "what the axis says was received is handed over", "handed_over"}, t.handedOver},
		{Test{"X13", "the recipient's status 03 is taken, and registers it", "fetched, done, accepted"}, t.registered},
	}
}

func (t *member) asked(ctx context.Context) (string, error) {
	var kinds []string
	_, err := await(ctx, func() (string, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		kinds = nil
		for _, kind := range []string{"edoc", "status"} {
			if t.signed["getReceivedEdocList "+kind] {
				kinds = append(kinds, kind)
			}
		}
		if len(kinds) < 2 {
			return "", nil
		}
		return "both", nil
	})
	return strings.Join(kinds, " "), err
}

// offer puts a package on the axis.
func (t *member) offer(id, kind string, file []byte, before func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if before != nil {
		before()
	}
	to := string(t.Agency)
	if !bytes.Contains(file, []byte(">"+to+"<")) {
		to = nobodysCode
	}
	t.waiting = append(t.waiting, parcel{id: t.id + "-" + id, kind: kind, to: to, file: file})
}

// fate waits until a package was acknowledged, or was fetched and for a while not.
func (t *member) fate(ctx context.Context, id string) (string, error) {
	var held time.Time
	got, err := await(ctx, func() (string, error) {
		t.mu.Lock()
		defer t.mu.Unlock()
		i := slices.IndexFunc(t.waiting, func(p parcel) bool { return p.id == t.id+"-"+id })
		switch p := &t.waiting[i]; {
		case p.status != "":
			return "fetched, " + p.status, nil
		case p.fetched > 0 && t.broken["getEdoc"] == 0 && held.IsZero():
			held = time.Now()
		case !held.IsZero() && time.Since(held) > heldFor:
			return "fetched, held", nil
		}
		return "", nil
	})
	if got == "" {
		got = "not fetched"
	}
	return got, err
}

// heldFor is how long an acknowledgement is waited for after a package was fetched: the
// pauses of a hub that tries again are below.
const heldFor = 15 * time.Second

// give offers a package of the document of a test.
func (t *member) give(number string, spoil func([]byte) []byte, before func()) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		file, err := pack(ctx, t.axis.Away, t.Agency, t.id, number, t.PDF)
		if err != nil {
			return "", err
		}
		t.offer(number, "edoc", spoil(file), before)
		return t.fate(ctx, number)
	}
}

// giveAgain offers the package of X02 once more.
func (t *member) giveAgain(ctx context.Context) (string, error) {
	t.mu.Lock()
	i := slices.IndexFunc(t.waiting, func(p parcel) bool { return p.id == t.id+"-X02" })
	var file []byte
	if i >= 0 {
		file = t.waiting[i].file
	}
	t.mu.Unlock()
	if file == nil {
		return "", errNeeds
	}
	t.offer("X04", "edoc", file, nil)
	return t.fate(ctx, "X04")
}

// inBox counts what the recipient has of a document.
func (t *member) inBox(number string) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		a, err := t.call(ctx, http.MethodGet, "/v1/mailbox?limit=200&state=consigned&state=handed_over&state=accepted&agency="+string(t.Agency), "", nil)
		if err != nil {
			return "", err
		}
		var list hub.List[hub.Item]
		err = json.Unmarshal(a.body, &list)
		n := 0
		for i := range list.Items {
			if list.Items[i].Dispatch.ExternalID == t.id+"-"+number {
				n++
			}
		}
		if n == 1 {
			return "1 document", err
		}
		return fmt.Sprint(n, " documents"), err
	}
}

// submits sends a document of the unit to that behind the axis.
func (t *member) submits(ctx context.Context, number string) (delivery string, err error) {
	l := t.letter(number)
	l["recipients"] = []hub.Code{t.axis.Away}
	a, err := t.submit(ctx, l, t.PDF)
	if err != nil || len(a.Deliveries) != 1 {
		return "", failedWith(err, a)
	}
	return a.Deliveries[0].ID, nil
}

// came waits until so many packages of a document were sent.
func (t *member) came(ctx context.Context, number string, n int) []taken {
	var found []taken
	_, _ = await(ctx, func() (string, error) { // it returns no error
		t.mu.Lock()
		defer t.mu.Unlock()
		found = slices.DeleteFunc(slices.Clone(t.sent), func(s taken) bool { return !bytes.Contains(s.file, []byte(t.id+"-"+number)) })
		if len(found) < n {
			return "", nil
		}
		return "there", nil
	})
	return found
}

func (t *member) comes(ctx context.Context) (string, error) {
	var err error
	if t.outgoing, err = t.submits(ctx, "X10"); err != nil {
		return "", err
	}
	found := t.came(ctx, "X10", 1)
	if len(found) == 0 {
		return "nothing came", nil
	}
	var words []string
	if found[0].hash == vxp.HashOf(found[0].file) {
		words = append(words, "hash")
	}
	if strings.Contains(found[0].to, string(t.axis.Away)) {
		words = append(words, "to")
	}
	return strings.Join(words, ", "), nil
}

func (t *member) repeated(ctx context.Context) (string, error) {
	t.mu.Lock()
	t.broken["sendEdoc"] = 1
	t.mu.Unlock()
	if _, err := t.submits(ctx, "X11"); err != nil {
		return "", err
	}
	found := t.came(ctx, "X11", 2)
	switch {
	case len(found) < 2:
		return fmt.Sprint("came ", len(found), " times"), nil
	case bytes.Equal(found[0].file, found[1].file):
		return "same bytes", nil
	}
	return "other bytes", nil
}

// reaches waits until the delivery of X10 is in a state.
func (t *member) reaches(ctx context.Context, want hub.DeliveryState) (string, error) {
	last := ""
	_, err := await(ctx, func() (string, error) {
		a, err := t.call(ctx, http.MethodGet, "/v1/deliveries/"+t.outgoing, "", nil)
		if last = a.state(); err != nil || last != string(want) {
			return "", err
		}
		return last, nil
	})
	return last, err
}

func (t *member) handedOver(ctx context.Context) (string, error) {
	found := t.came(ctx, "X10", 1)
	if len(found) == 0 {
		return "", errNeeds
	}
	t.mu.Lock()
	t.handed = found[0].id
	t.mu.Unlock()
	return t.reaches(ctx, hub.StateHandedOver)
}

func (t *member) registered(ctx context.Context) (string, error) {
	if t.outgoing == "" {
		return "", errNeeds
	}
	d := document("X10")
	var message bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeStatus(&message, hub.StatusMessage{
		From: string(t.axis.Away), Code: hub.StatusAccepted, Description: mark, StatedAt: time.Now(),
		For: hub.Reference{Agency: string(t.Agency), Number: d.Number(), ExternalID: t.id + "-X10", Promulgated: d.Promulgated},
	})
	if err != nil {
		return "", err
	}
	t.offer("X13", "status", message.Bytes(), nil)
	got, err := t.fate(ctx, "X13")
	if err != nil {
		return got, err
	}
	state, err := t.reaches(ctx, hub.StateAccepted)
	return got + ", " + state, err
}
