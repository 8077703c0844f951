package lgsp

import (
	"bufio"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// anybody lets everyone in who shows a token.
type anybody struct{ fault error }

func (a anybody) Grant(_ context.Context, _, _ string, life time.Duration) (string, time.Time, error) {
	return "token", time.Now().Add(life), a.fault
}

func (a anybody) TokenClient(_ context.Context, token string) (string, error) {
	if token == "" {
		return "", hub.Errorf(hub.KindUntrusted, "", ruleMissing, "an access token is required")
	}
	return "app", nil
}

func (a anybody) AuthenticateToken(context.Context, string, string) (hub.Actor, error) {
	return hub.Actor{Name: "client:app", Agencies: []hub.AgencyID{"a"}, Scopes: []hub.Scope{hub.ScopeCollect}}, nil
}

// Interfaces whose names are those of their methods.
type (
	mailbox edoc.Mailbox
	notices edoc.Notices
)

// nowhere has no document.
type nowhere struct {
	mailbox
	edoc.Dispatches
	notices
}

var errNowhere = hub.Errorf(hub.KindNotFound, "id", "unknown", "there is none")

func (nowhere) Item(context.Context, hub.Actor, hub.DeliveryID) (hub.Item, error) {
	return hub.Item{}, errNowhere
}

func (nowhere) Dispatch(context.Context, hub.Actor, hub.DispatchID) (hub.SentItem, error) {
	return hub.SentItem{}, errNowhere
}

func (nowhere) Notice(context.Context, hub.Actor, string) (hub.Notice, error) {
	return hub.Notice{}, errNowhere
}

// vast is a directory whose list no socket holds.
type vast struct{ edoc.Directory }

func (vast) Search(string, time.Time, hub.Page) hub.List[hub.Agency] {
	name := strings.Repeat("x", 1<<20)
	var list hub.List[hub.Agency]
	for range 64 {
		list.Items = append(list.Items, hub.Agency{Names: []hub.Dated[string]{{Value: name}}})
	}
	return list
}

// serving serves the API; what it does not wait for comes within moments.
func serving(t *testing.T, clients Clients, log io.Writer) *httptest.Server {
	t.Helper()
	var none nowhere
	s := httptest.NewServer(New(Options{
		Desk: Desk{
			Directory: vast{}, Mailbox: none, Dispatches: none, Notices: none, Now: time.Now,
			Codec: edoc.Codec{Decode: func(context.Context, io.Reader, edoc.Blobs) (hub.Package, error) {
				return hub.Package{}, hub.Invalid("file", "xml", "it is none")
			}},
		},
		Profile: DefaultProfile(), Clients: clients, NewID: func() string { return "id" }, Log: slog.New(slog.NewTextHandler(log, nil)),
		Limits: Limits{Patience: 100 * time.Millisecond, Speed: 1 << 40},
	}))
	t.Cleanup(s.Close)
	return s
}

func dial(t *testing.T, s *httptest.Server, request string) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // the server may have done so
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Fatal(err)
	}
	return conn
}

// TestPeersThatHoldBack: whoever never ends its body, known or not, is not waited for, and
// gets an answer where one is due.
func TestPeersThatHoldBack(t *testing.T) {
	s := serving(t, anybody{}, io.Discard)
	const authorized = "Authorization: Bearer t\nsecretDonVi: s\n"
	for name, c := range map[string]struct {
		request string
		status  int
	}{
		"no token yet":  {"POST /token HTTP/1.1\nHost: h\nContent-Type: text/plain\nTransfer-Encoding: chunked\n\n1\nx\n", 400},
		"nobody":        {"GET /truclienthong/v1.0.0/vanbans HTTP/1.1\nHost: h\nTransfer-Encoding: chunked\n\n1\nx\n", 401},
		"a small call":  {"PUT /truclienthong/v1.0.0/vanbans/1 HTTP/1.1\nHost: h\n" + authorized + "Content-Type: text/plain\nTransfer-Encoding: chunked\n\n1\n \n", 200},
		"a wrong file":  {"POST /truclienthong/v1.0.0/vanbans HTTP/1.1\nHost: h\n" + authorized + "Transfer-Encoding: chunked\n\n3\n<a>\n", 200},
		"behind a part": {"POST /truclienthong/v1.0.0/vanbans HTTP/1.1\nHost: h\n" + authorized + "Content-Type: multipart/form-data; boundary=x\nContent-Length: 99\n\n--x--\n", 200},
	} {
		t.Run(name, func(t *testing.T) {
			conn := dial(t, s, c.request)
			response, err := http.ReadResponse(bufio.NewReader(conn), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer response.Body.Close()
			answer, err := io.ReadAll(response.Body)
			if err != nil || response.StatusCode != c.status || strings.Contains(string(answer), `"OK"`) {
				t.Errorf("HTTP %d: %s, %v", response.StatusCode, answer, err)
			}
			_, _ = io.Copy(io.Discard, conn) // until the server lets go, which is what counts
		})
	}
}

// TestLargeFiles: a file above the limit is refused with HTTP 413 and the code of the API, in
// every form of the body.
func TestLargeFiles(t *testing.T) {
	var none nowhere
	s := httptest.NewServer(New(Options{
		Desk: Desk{
			Directory: vast{}, Mailbox: none, Dispatches: none, Notices: none, Now: time.Now,
			Codec: edoc.Codec{Decode: func(_ context.Context, r io.Reader, _ edoc.Blobs) (hub.Package, error) {
				_, err := io.ReadAll(r)
				return hub.Package{}, err
			}},
		},
		Profile: DefaultProfile(), Clients: anybody{}, NewID: func() string { return "id" }, Log: slog.New(slog.DiscardHandler), Limits: Limits{Package: 1000, Body: 100},
	}))
	t.Cleanup(s.Close)
	file := "<?xml version=\"1.0\"?><a>" + strings.Repeat("x", 1000) + "</a>"
	encoded := base64.StdEncoding.EncodeToString([]byte(file))
	for contentType, body := range map[string]string{
		"application/x-www-form-urlencoded": "data=" + url.QueryEscape(encoded), "application/json": `{"data":"` + encoded + `"}`, "text/plain": encoded,
		"application/octet-stream": file, "multipart/form-data; boundary=x": "--x\r\nContent-Disposition: form-data; name=\"data\"\r\n\r\n" + encoded + "\r\n--x--\r\n",
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+"/truclienthong/v1.0.0/vanbans", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Authorization": {"Bearer t"}, "Secretdonvi": {"s"}, "Content-Type": {contentType}}
		response, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"errorCode":"413"`) {
			t.Errorf("%s: HTTP %d %s, %v", contentType, response.StatusCode, answer, err)
		}
	}
}

// lines passes on what is logged.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// TestReadersThatStandStill: who takes no answer holds its place no longer than it may.
func TestReadersThatStandStill(t *testing.T) {
	log := make(lines, 100)
	s := serving(t, anybody{}, log)
	dial(t, s, "GET /truclienthong/v1.0.0/donvilienthongs HTTP/1.1\nHost: h\nAuthorization: Bearer t\nsecretDonVi: s\n\n")
	for line := range log {
		if strings.Contains(line, "provincial call") {
			return
		}
	}
}

// TestRefusalsFitTheirAnswers: generated clients refuse data of another type.
func TestRefusalsFitTheirAnswers(t *testing.T) {
	s := serving(t, anybody{}, io.Discard)
	for _, id := range []string{"1", "%00", "%ff", strings.Repeat("1", 101)} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"/truclienthong/v1.0.0/vanbans/"+id, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer t")
		response, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			Status string  `json:"status"`
			Data   *string `json:"data"`
		}
		err = json.NewDecoder(response.Body).Decode(&answer)
		response.Body.Close()
		if err != nil || answer.Status != edoc.StatusFail || answer.Data == nil || *answer.Data != "" {
			t.Errorf("%s: %+v, %v", id, answer, err)
		}
	}
}

// TestLogsWithoutSecrets: what stands where a name should is logged only when it is too
// short to be a secret, and who asks for a token in vain is nobody.
func TestLogsWithoutSecrets(t *testing.T) {
	log := make(lines, 100)
	s := serving(t, anybody{hub.Errorf(hub.KindUnavailable, "", "store", "it does not answer")}, log)
	secret := strings.Repeat("5ec2e7", 10)
	for _, path := range []string{"/token", "/truclienthong/v1.0.0/vanbans?" + secret + "&ten=x"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, s.URL+path, strings.NewReader("grant_type=client_credentials&"+secret))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if path == "/token" {
			r.SetBasicAuth(secret, "app") // the two in the wrong order
		} else {
			r.Header.Set("Authorization", "Bearer t")
		}
		response, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
	}
	s.Close()
	close(log)
	var all strings.Builder
	for line := range log {
		fmt.Fprint(&all, line)
	}
	if text := all.String(); strings.Contains(text, secret) || !strings.Contains(text, "name=ten") || strings.Count(text, "provincial call") != 2 {
		t.Error(text)
	}
}
