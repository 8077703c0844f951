package vxp

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestReadFile: the file in an answer is read whatever the order of members, the alphabet
// of base64 and the escapes of JSON, and never a part for the whole.
func TestReadFile(t *testing.T) {
	content := bytes.Repeat([]byte{0, 0xff, 0xfe, 'a', '?', '>'}, 30_001)
	standard := base64.StdEncoding.EncodeToString(content)
	lines := standard[:76] + `\r\n` + standard[76:1000] + `\n` + standard[1000:]
	for name, data := range map[string]string{
		"standard": standard, "url": base64.RawURLEncoding.EncodeToString(content), "lines": lines,
		"escaped": strings.NewReplacer("/", `\/`, "=", `\u003d`, "+", `\u002b`).Replace(standard),
	} {
		for _, text := range []string{
			`{"status":"OK","ErrorCode":"0","ErrorDesc":"Thanh cong","data":"` + data + `"}`,
			"{\"data\" :\r\n \"" + data + "\", \"more\": {\"data\": [1, null]}, \"ErrorCode\": 0, \"status\": \"OK\", \"ErrorDesc\": null}",
		} {
			var out bytes.Buffer
			a, err := readFile(iotest.HalfReader(strings.NewReader(text)), &out)
			if err != nil || a.refusal() != nil || !bytes.Equal(out.Bytes(), content) {
				t.Errorf("%s: %d bytes, %+v, %v", name, out.Len(), a, err)
			}
			for _, cut := range []int{1, 2, len(text) / 2, len(text) - 1} {
				if _, err := readFile(strings.NewReader(text[:len(text)-cut]), io.Discard); err == nil {
					t.Errorf("%s: cut by %d bytes it is taken", name, cut)
				}
			}
		}
	}
	for _, text := range []string{"", "[]", "null", "<html>", `{"data":null}`, `{"data":7}`, `{"data":"AAA!"}`, `{"data":"\u0100"}`, `{"data":"A"}`, `{"data":"AA==`, `{"data":"000\0"}`, "{\"data\":\"PA\n==\"}"} {
		if _, err := readFile(strings.NewReader(text), io.Discard); err == nil || hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("%q: %v", text, err)
		}
	}
	refused := `{"status":"FAIL","ErrorCode":"404","ErrorDesc":"không có","data":""}`
	if a, err := readFile(strings.NewReader(refused), io.Discard); err != nil || hub.KindOf(a.refusal()) != hub.KindNotFound {
		t.Errorf("%+v, %v", a, err)
	}
	endless := io.MultiReader(strings.NewReader(`{"status":"`), strings.NewReader(strings.Repeat("x", 2<<20)), strings.NewReader(`"}`))
	if _, err := readFile(endless, io.Discard); err == nil {
		t.Error("a description without end is read")
	}
}

// FuzzReadFile: what an axis answers is refused or read as a JSON reader reads it.
func FuzzReadFile(f *testing.F) {
	f.Add(`{"status":"OK","ErrorCode":"0","ErrorDesc":"","data":"PD94\nbWw="}`)
	f.Add(`{"data":"PD94bWw","ErrorCode":0,"status":"FAIL"}`)
	f.Add(`{"data":"\u0050A==","data":"PA=="}`)
	f.Fuzz(func(t *testing.T, text string) {
		var out bytes.Buffer
		a, err := readFile(strings.NewReader(text), &out)
		if err != nil {
			return
		}
		var members map[string]json.RawMessage
		if json.NewDecoder(strings.NewReader(text)).Decode(&members) != nil {
			t.Fatalf("%q is no JSON and was read as %+v", text, a)
		}
		if out.Len() > len(text) {
			t.Fatalf("%d bytes came out of %d", out.Len(), len(text))
		}
	})
}

// TestAnswersOfAnAxis: what no repetition changes is told apart from what may pass.
func TestAnswersOfAnAxis(t *testing.T) {
	for answer, want := range map[string]hub.ErrorKind{
		`{"status":"OK","ErrorCode":"0","ErrorDesc":"","DocId":"d1"}`:                "",
		`{"status":"OK","ErrorCode":0,"ErrorDesc":"","DocId":"d1"}`:                  "",
		`{"status":"OK","ErrorCode":"0","ErrorDesc":"","DocId":"0"}`:                 hub.KindUnavailable,
		`{"status":"OK","ErrorCode":"0","ErrorDesc":""}`:                             hub.KindUnavailable,
		`{"status":"OK","ErrorCode":"0","DocId":"d\u0000"}`:                          hub.KindUnavailable,
		`{"status":"OK","ErrorCode":"0","DocId":"` + strings.Repeat("d", 201) + `"}`: hub.KindUnavailable,
		`{"status":"FAIL","ErrorCode":"0","ErrorDesc":""}`:                           hub.KindUnavailable,
		`{"status":"FAIL","ErrorCode":"422","ErrorDesc":"x"}`:                        hub.KindInvalid,
		`{"status":"FAIL","ErrorCode":"415","ErrorDesc":"x"}`:                        hub.KindUnsupported,
		`{"status":"FAIL","ErrorCode":"401","ErrorDesc":"x"}`:                        hub.KindUntrusted,
		`{"status":"FAIL","ErrorCode":"E17","ErrorDesc":"x"}`:                        hub.KindUnavailable,
		`<html>down for maintenance</html>`:                                          hub.KindUnavailable,
		``:                                                                           hub.KindUnavailable,
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			if string(body) != "file\r\n" || r.Header.Get("XroadVnpt-to") != `["a","b"]` || r.Header.Get("XroadVnpt-hash-file") != HashOf([]byte("file")) {
				t.Errorf("it came as %q with %v", body, r.Header)
			}
			_, _ = io.WriteString(w, answer)
		}))
		m := &Member{Client: &Client{HTTP: s.Client(), Endpoint: s.URL, System: "x", Secret: "y", Now: time.Now}, Patience: time.Minute}
		p := hub.AxisPackage{Kind: hub.PackageDocument, From: "f", To: []string{"a", "b"}, Size: 4, Content: strings.NewReader("file"), Digest: digestOf("file")}
		id, err := m.Send(t.Context(), p)
		switch {
		case want == "" && (err != nil || id != "d1"):
			t.Errorf("%s: %q, %v", answer, id, err)
		case want != "" && (err == nil || hub.KindOf(err) != want):
			t.Errorf("%s: %v, want %s", answer, err, want)
		}
		s.Close()
	}
}

// TestAnAxisThatStandsStill is left when nothing moves for as long as the patience lasts.
func TestAnAxisThatStandsStill(t *testing.T) {
	quiet := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-quiet }))
	defer s.Close()
	defer close(quiet)
	m := &Member{Client: &Client{HTTP: s.Client(), Endpoint: s.URL, System: "x", Secret: "y", Now: time.Now}, Patience: 20 * time.Millisecond}
	_, err := m.Waiting(t.Context(), hub.PackageDocument)
	if err == nil || hub.ViolationsOf(err)[0].Rule != "stalled" {
		t.Errorf("%v", err)
	}
}

// TestWordsOfAnAxis: what it says of a recipient, and nothing more is concluded.
func TestWordsOfAnAxis(t *testing.T) {
	var got []hub.AxisState
	for _, w := range [][2]string{
		{"initial", "initial"}, {"processing", ""}, {"done", "accepted"}, {"fail", "lỗi lưu"}, {"fail", "refused: sai nơi nhận"},
		{"fail", "withdrawn: nhầm"}, {"fail", "expired: too late"}, {"fail", "failed: no box"}, {"", ""},
	} {
		got = append(got, outcomeOf(w[0], w[1]))
	}
	want := []hub.AxisState{
		hub.AxisWaiting, hub.AxisWaiting, hub.AxisCollected, hub.AxisRefused, hub.AxisRefused, hub.AxisWithdrawn, hub.AxisWaiting, hub.AxisWaiting, hub.AxisWaiting,
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// answering is a member of an axis that answers everything so.
func answering(t *testing.T, patience time.Duration, answer func(w http.ResponseWriter, r *http.Request)) *Member {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(answer))
	t.Cleanup(s.Close)
	return &Member{Client: &Client{HTTP: s.Client(), Endpoint: s.URL, System: "x", Secret: "y", Now: time.Now}, Patience: patience}
}

// TestOutcomesOfOthers: an axis that lists what became of other packages says nothing of
// the one that was asked for.
func TestOutcomesOfOthers(t *testing.T) {
	m := answering(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","data":[{"senderDocId":"other","toCode":"a","receiveStatus":"done"},
			{"toCode":"a","receiveStatus":"done"},{"senderDocId":"d1","toCode":"b","receiveStatus":"done"}]}`)
	})
	got, err := m.Outcomes(t.Context(), "d1")
	if want := []hub.AxisOutcome{{To: "b", State: hub.AxisCollected}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestTimesOfAnAxis: how an axis writes times is written nowhere; what cannot be read is
// no time.
func TestTimesOfAnAxis(t *testing.T) {
	want := time.Date(2026, 11, 23, 3, 47, 2, 0, time.UTC)
	for text, known := range map[string]bool{
		"2026/11/23 10:47:02": true, "2026-11-23 10:47:02": true, "2026-11-23T10:47:02": true, "2026-11-23T03:47:02.000Z": true,
		"2026-11-23T10:47:02+07:00": true, "23/11/2026 10:47:02": true, "": false, "hôm qua": false, "11/23/2026 10:47:02": false,
	} {
		m := answering(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","data":[{"senderDocId":"d1","sentTime":"`+text+`"}]}`)
		})
		got, err := m.Sent(t.Context())
		if err != nil || len(got) != 1 || known && !got[0].At.Equal(want) || !known && !got[0].At.IsZero() {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

// TestAnotherAnswer: that an axis answers, and not what was asked for, is told apart from
// one that does not answer.
func TestAnotherAnswer(t *testing.T) {
	for answer, want := range map[string]string{
		`{"status":"FAIL","ErrorCode":"E17","ErrorDesc":"docId?"}`: "axis",
		`<html>no such operation</html>`:                           "axis",
		`{"status":"OK","ErrorCode":"0","data":"none"}`:            "axis",
		`{"status":"OK","ErrorCode":"0","data":[{"title`:           "axis_broken",
		``: "axis_broken",
	} {
		m := answering(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
		if _, err := m.Sent(t.Context()); hub.KindOf(err) != hub.KindUnavailable || hub.ViolationsOf(err)[0].Rule != want {
			t.Errorf("%s: %v", answer, err)
		}
	}
}

// TestHostileLists: of a list without end a part is taken, of texts what may be kept.
func TestHostileLists(t *testing.T) {
	rows := strings.Repeat("{},", maxRows) + `{"docId":"late"}`
	m := answering(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","data":[{"docId":"d1","from":"a\u0000b","to":"`+strings.Repeat("x", 300)+`"},{"docId":"d\n2"},`+rows+`]}`)
	})
	got, err := m.Waiting(t.Context(), hub.PackageDocument)
	want := []hub.AxisRow{{ID: "d1", Kind: hub.PackageDocument, From: "ab", To: strings.Repeat("x", maxAxisID)}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d rows, %v", len(got), err)
	}
	for data, fits := range map[string]bool{`[]`: true, `null`: true, `{}`: false, `"x"`: false, `[7]`: false} {
		m := answering(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"status":"OK","ErrorCode":"0","data":`+data+`}`)
		})
		if got, err := m.Waiting(t.Context(), hub.PackageStatus); (err == nil) != fits || len(got) != 0 {
			t.Errorf("%s: %v, %v", data, got, err)
		}
	}
	m = answering(t, time.Minute, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"status":"FAIL","ErrorCode":"4\u00002\n2","ErrorDesc":"no\u0000t\r\n\ud800 here`+strings.Repeat("á", maxDesc)+`"}`)
	})
	err = m.Acknowledge(t.Context(), "d1")
	if text := hub.ViolationsOf(err)[0].Message; !strings.HasPrefix(text, "the axis answers 422: not here") || len(text) > maxDesc+30 || strings.ContainsRune(text, 0xfffd) {
		t.Errorf("%q", text)
	}
}

// TestAnAxisThatDrips is left too, though something moves all the time.
func TestAnAxisThatDrips(t *testing.T) {
	m := answering(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, " ")
			_ = http.NewResponseController(w).Flush()
		}
	})
	var minutes atomic.Int64 // one passes with each look at the clock
	m.Client.Now = func() time.Time { return time.Unix(60*minutes.Add(1), 0) }
	_, err := m.Waiting(t.Context(), hub.PackageDocument)
	if err == nil || hub.ViolationsOf(err)[0].Rule != "stalled" {
		t.Errorf("%v", err)
	}
}

func digestOf(s string) hub.Digest { return sha256.Sum256([]byte(s)) }

// TestHopsToAnAxis: a test lists what waits, takes nothing, and says where it ended.
func TestHopsToAnAxis(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		want   string
	}{
		"good":        {`{"status":"OK","ErrorCode":"0","data":[{"docId":"a-1","from":"x","to":"y"}]}`, "name connect answer"},
		"shut out":    {`{"status":"FAIL","ErrorCode":"401","ErrorDesc":"no"}`, "name connect sign_in!"},
		"fails":       {`{"status":"FAIL","ErrorCode":"500"}`, "name connect answer!"},
		"breaks down": {`{"status"`, "name connect answer!"},
	} {
		var asked []string
		m := answering(t, time.Minute, func(w http.ResponseWriter, r *http.Request) {
			asked = append(asked, r.URL.Path)
			_, _ = io.WriteString(w, test.answer)
		})
		hops := hub.NewHops(time.Now, func(hub.TestHop, error) {})
		m.Test(t.Context(), hops)
		var got []string
		for _, hop := range hops.List() {
			text := string(hop.Hop)
			if !hop.Passed {
				text += "!"
			}
			got = append(got, text)
		}
		if strings.Join(got, " ") != test.want || len(asked) != 1 || asked[0] != "/getReceivedEdocList" {
			t.Errorf("%s: %v after %v, want %s", name, got, asked, test.want)
		}
	}
}
