package axistest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubbuild"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// patience is how long tests wait for what must come. Only a failure uses it up.
const patience = server.Patience

// Agencies of the two provinces.
const (
	commune    = "000.07.15.H47" // of the first province
	neighbour  = "000.07.16.H47" // another one there
	department = "000.00.12.H41" // of the second province
	office     = "000.00.13.H41" // another one there
)

// agencies lists all four, with those of one province behind the axis.
func agencies(away string) string {
	var b strings.Builder
	b.WriteString("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors,channel\n")
	for _, a := range [][3]string{
		{"h47", "000.00.00.H47", "UBND tỉnh thứ nhất (hư cấu)"}, {"c1", commune, "UBND xã Mẫu (hư cấu)"}, {"c2", neighbour, "UBND xã Bên (hư cấu)"},
		{"h41", "000.00.00.H41", "UBND tỉnh thứ hai (hư cấu)"}, {"d1", department, "Sở Thử nghiệm (hư cấu)"}, {"d2", office, "Văn phòng (hư cấu)"},
	} {
		channel := ""
		if away != "" && strings.HasSuffix(a[1], away) {
			channel = "axis"
		}
		fmt.Fprintf(&b, "%s,%s,%s,unit,,,,,true,%s@example.vn,,,,%s\n", a[0], a[1], a[2], a[0], channel)
	}
	return b.String()
}

// program is built once for all tests.
var program = hubbuild.Once{}

func TestMain(m *testing.M) {
	zerolog.SetGlobalLevel(zerolog.Disabled) // the proxy is chatty
	code := m.Run()
	program.Done()
	os.Exit(code)
}

// site is one hub that keeps its data, its keys and its address over its lives.
type site struct {
	t        *testing.T
	name     string
	options  hubproc.Options
	process  *hubproc.Process
	url      string
	secret   string // of the operator
	operator *hubclient.Client
	keys     map[string]*hubclient.Client // by agency
}

// newSite starts a hub with agencies, and gives a key to those that it has.
func newSite(t *testing.T, name, list string, local []string, env ...string) *site {
	t.Helper()
	bin, err := program.Program()
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, name: name, keys: map[string]*hubclient.Client{}, options: hubproc.Options{
		Bin: bin, DataDir: filepath.Join(t.TempDir(), name),
		Env: append([]string{"LIENTHONG_NAME=" + name, "LIENTHONG_NO_PAGES=true", "LIENTHONG_LOG_LEVEL=warn", "LIENTHONG_RETRY_FIRST=150ms", "LIENTHONG_CARRY_LIMIT=2s"}, env...),
	}}
	s.start()
	secret, err := s.process.OperatorKey()
	if err != nil {
		t.Fatal(err)
	}
	s.secret, s.operator = secret, s.client(secret)
	if _, err := s.operator.ImportAgencies(t.Context(), strings.NewReader(list), false); err != nil {
		t.Fatal(err)
	}
	for _, code := range local {
		issued, err := s.operator.IssueKey(t.Context(), hubclient.NewKey{
			Name: code, Kind: hub.ActorSystem, Agencies: []string{code}, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
		})
		if err != nil {
			t.Fatal(err)
		}
		s.keys[code] = s.client(issued.Secret)
	}
	return s
}

// start starts the hub, at the same address as before.
func (s *site) start() {
	s.t.Helper()
	p, err := hubproc.Start(s.t.Context(), s.options)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(p.Kill)
	s.process, s.url = p, p.URL
	u, err := url.Parse(p.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	s.options.Listen = u.Host
}

// crash kills the hub and starts it again.
func (s *site) crash() {
	s.t.Helper()
	s.process.Kill()
	s.start()
}

func (s *site) client(key string) *hubclient.Client {
	s.t.Helper()
	c, err := hubclient.New(hubclient.Options{URL: s.url, Key: key, Retry: hubclient.Retry{Attempts: 40, Max: 500 * time.Millisecond}})
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

// admit gives a province a secret on the axis of the nation, in a file.
func (s *site) admit(system string, codes ...string) string {
	s.t.Helper()
	issued, err := s.operator.IssueKey(s.t.Context(), hubclient.NewKey{
		Name: system, Kind: hub.ActorSystem, System: system, Agencies: codes, Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		s.t.Fatal(err)
	}
	file := filepath.Join(s.t.TempDir(), system)
	if err := os.WriteFile(file, []byte(issued.Secret+"\n"), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return file
}

// leavesAlone reports whether the hub carries nothing over a channel for now, because too
// much failed there.
func (s *site) leavesAlone(channel hub.Channel) bool {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/metrics", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.secret)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return false // it may be away
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		return false
	}
	return regexp.MustCompile(`(?m)^lienthong_open_circuits\{channel="` + string(channel) + `"\} [1-9]`).Match(text)
}

// link is the network between a province and the nation.
type link struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

func newLink(t *testing.T, to string) *link {
	t.Helper()
	u, err := url.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	s := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.New(io.Discard))
	p := toxiproxy.NewProxy(s, "link", "127.0.0.1:0", u.Host)
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Stop)
	return &link{t, p}
}

// spoil lets the link misbehave; heal lets it be sound again.
func (l *link) spoil(kind, stream, attributes string) {
	l.t.Helper()
	_, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(fmt.Sprintf(`{"name": "fault", "type": %q, "stream": %q, "attributes": %s}`, kind, stream, attributes)))
	if err != nil {
		l.t.Fatal(err)
	}
}

func (l *link) heal() {
	l.t.Helper()
	if err := l.proxy.Toxics.RemoveToxic(context.Background(), "fault"); err != nil {
		l.t.Fatal(err)
	}
}

// country is a nation with two provinces.
type country struct {
	t                     *testing.T
	nation, first, second *site
	links                 []*link
}

func newCountry(t *testing.T) *country {
	t.Helper()
	c := &country{t: t, nation: newSite(t, "nation", agencies(""), nil, "LIENTHONG_VXP_PATH=/vxp")}
	member := func(name, own, other string, local ...string) *site {
		secret := c.nation.admit("000.00.00."+own, append([]string{"000.00.00." + own}, local...)...)
		l := newLink(t, c.nation.url)
		c.links = append(c.links, l)
		return newSite(t, name, agencies(other), local, "LIENTHONG_AXIS=http://"+l.proxy.Listen+"/vxp", "LIENTHONG_AXIS_SYSTEM=000.00.00."+own,
			"LIENTHONG_AXIS_SECRET_FILE="+secret, "LIENTHONG_AXIS_POLL=100ms", "LIENTHONG_AXIS_PATIENCE=1s")
	}
	c.first = member("first", "H47", "H41", commune, neighbour)
	c.second = member("second", "H41", "H47", department, office)
	return c
}

// await waits until something is so.
func await(t *testing.T, what string, is func() (bool, string)) {
	t.Helper()
	last := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(30 * time.Millisecond) {
		ok, state := is()
		if ok {
			return
		}
		last = state
	}
	t.Fatalf("%s did not come: %s", what, last)
}

// letter is a document with a content of its own.
func letter(id, from string, to ...string) (hub.Submission, []hubclient.File) {
	content := []byte("%PDF-1.7\n" + strings.Repeat("văn bản "+id+"\n", 200))
	sub := hub.Submission{
		Sender: from, Recipients: to, ExternalID: from + ",2026/01/05," + id + "/UBND", Operation: hub.OperationNew, Key: id,
		Document: hub.Document{CodeNumber: id, CodeNotation: "UBND", TypeName: "Công văn", Subject: "Văn bản " + id, Promulgated: "2026-01-05"},
	}
	return sub, []hubclient.File{{
		Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: id + ".pdf", MediaType: "application/pdf", Size: int64(len(content)), Digest: sha256.Sum256(content)},
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil },
	}}
}

// send sends a document and returns what its sender holds.
func (s *site) send(id, from string, to ...string) hub.Accepted {
	s.t.Helper()
	sub, files := letter(id, from, to...)
	accepted, err := s.keys[from].Submit(s.t.Context(), sub, files, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	return accepted
}

// delivery is the one of a dispatch to an agency, as its sender sees it.
func (s *site) delivery(from string, id hub.DispatchID, to string) hub.Delivery {
	s.t.Helper()
	item, err := s.keys[from].Dispatch(s.t.Context(), id)
	if err != nil {
		s.t.Fatal(err)
	}
	i := slices.IndexFunc(item.Deliveries, func(d hub.Delivery) bool { return string(d.AddressedAs) == to })
	if i < 0 {
		s.t.Fatalf("no delivery to %s among %+v", to, item.Deliveries)
	}
	return item.Deliveries[i]
}

// awaitState waits until the sender sees a delivery in a state.
func (s *site) awaitState(from string, id hub.DispatchID, to string, want hub.DeliveryState) hub.Delivery {
	s.t.Helper()
	var d hub.Delivery
	await(s.t, fmt.Sprintf("%s to %s being %s", id, to, want), func() (bool, string) {
		d = s.delivery(from, id, to)
		return d.State == want, fmt.Sprintf("it is %s (%s)\n%s", d.State, d.LastError, s.process.Log())
	})
	return d
}

// awaitArrival waits for a document in the box of an agency.
func (s *site) awaitArrival(at, number string) hub.Item {
	s.t.Helper()
	var found hub.Item
	await(s.t, number+" at "+at, func() (bool, string) {
		list, err := s.keys[at].Mailbox(s.t.Context(), hubclient.MailboxQuery{Page: hub.Page{Limit: 200}})
		if err != nil {
			return false, err.Error()
		}
		i := slices.IndexFunc(list.Items, func(i hub.Item) bool { return i.Dispatch.Document.CodeNumber == number })
		if i >= 0 {
			found = list.Items[i]
		}
		return i >= 0, fmt.Sprintf("%d documents wait\n%s", len(list.Items), s.process.Log())
	})
	return found
}

// collect takes a document out of the box of an agency, looks at its bytes and
// acknowledges them.
func (s *site) collect(at string, item hub.Item) {
	s.t.Helper()
	ctx, key := s.t.Context(), s.keys[at]
	leased, err := key.Lease(ctx, hubclient.LeaseRequest{Deliveries: []hub.DeliveryID{item.Delivery.ID}})
	if err != nil {
		s.t.Fatal(err)
	}
	digests := map[string]hub.Digest{}
	for _, p := range leased[0].Dispatch.Parts {
		digest, err := key.Part(ctx, item.Dispatch.ID, p, io.Discard, nil)
		if err != nil {
			s.t.Fatal(err)
		}
		digests[p.ID] = digest
	}
	if _, err := key.Acknowledge(ctx, item.Delivery.ID, leased[0].Delivery.Lease.Fence, digests); err != nil {
		s.t.Fatal(err)
	}
}

// enter registers a document that was collected.
func (s *site) enter(at string, item hub.Item, number string) {
	s.t.Helper()
	if _, err := s.keys[at].Accept(s.t.Context(), item.Delivery.ID, hub.Registration{Number: number, Date: "2026-01-06"}); err != nil {
		s.t.Fatal(err)
	}
}

// evidence returns all evidence of a dispatch, whose chains must be whole.
func (s *site) evidence(of *hubclient.Client, id hub.DispatchID) []hub.SealedEvidence {
	s.t.Helper()
	list, err := of.DispatchEvidence(s.t.Context(), id, hub.Page{Limit: 200})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := audit.CheckChain(list.Items); err != nil {
		s.t.Errorf("%s: the chains of %s: %v", s.name, id, err)
	}
	return list.Items
}

// events names the events about one recipient.
func events(all []hub.SealedEvidence, delivery hub.DeliveryID) []string {
	var names []string
	for _, e := range all {
		if e.Evidence.Delivery == delivery {
			names = append(names, e.Evidence.Event.Name())
		}
	}
	return names
}
