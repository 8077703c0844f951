package postal_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/postal"
	"github.com/lienthong/lienthong/hub"
)

const token = "bí mật+&=1"

func office(t *testing.T) (*postal.Office, *postal.Client, *httptest.Server) {
	t.Helper()
	now := time.Date(2026, 3, 2, 2, 0, 0, 0, time.UTC)
	o := &postal.Office{Token: token, Now: func() time.Time { return now }}
	s := httptest.NewServer(o)
	t.Cleanup(s.Close)
	return o, &postal.Client{
		HTTP: s.Client(), URL: s.URL + "/serviceApi/v1/", Customer: "KH1", Codes: postal.DefaultCodes(), Token: func() (string, error) { return token, nil },
	}, s
}

func order(id hub.PostalID) *hub.PostalOrder {
	return &hub.PostalOrder{
		ID: id, From: &hub.PostalParty{Name: "Sở <A>", Address: "10 Trần Phú", Province: "56"}, To: &hub.PostalParty{Name: "Nguyễn Văn Ví Dụ", Address: "2 Lê Lợi", Province: "56"},
		Content: "Giấy khai sinh", Collect: 50_000, Created: time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC),
	}
}

// TestOrder: an order goes out once under its number, what happened comes back with bill,
// time and fees, and an order that nobody gave is not found.
func TestOrder(t *testing.T) {
	o, c, _ := office(t)
	if _, err := c.Ask(t.Context(), order("n1")); hub.KindOf(err) != hub.KindNotFound {
		t.Errorf("an order that nobody gave: %v", err)
	}
	for range 2 {
		if err := c.Order(t.Context(), order("n1")); err != nil {
			t.Fatal(err)
		}
	}
	if got := o.Orders(); len(got) != 1 || got[0].Times != 1 || got[0].To != "Nguyễn Văn Ví Dụ" || got[0].From != "Sở <A>" || got[0].Collect != 50_000 {
		t.Errorf("the operator has %+v", got)
	}
	at := time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC)
	o.Happens("n1", hub.PostalAccepted, at, "")
	o.Happens("n1", hub.PostalDelivered, at.Add(time.Hour), "con gái\nký nhận")
	news, err := c.Ask(t.Context(), order("n1"))
	if err != nil || len(news.Events) != 2 || news.Fees == nil || *news.Fees != (hub.PostalFees{Main: 22_000, COD: 13_000, Collect: 50_000}) {
		t.Fatalf("%+v, %v", news, err)
	}
	first, last := news.Events[0], news.Events[1]
	if first.Act != hub.PostalAccepted || !first.At.Equal(at) || first.Bill != "EB000000001VN" || first.Code != "2" {
		t.Errorf("accepted: %+v", first)
	}
	if last.Act != hub.PostalDelivered || !last.At.Equal(at.Add(time.Hour)) || last.Text != "con gái ký nhận" {
		t.Errorf("delivered: %+v", last)
	}
}

// TestOrderThatGoesOn: what happens between the two questions about an order is told with all
// that led to it, or at the next time.
func TestOrderThatGoesOn(t *testing.T) {
	o, c, s := office(t)
	if err := c.Order(t.Context(), order("n1")); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 3, 2, 8, 30, 0, 0, time.UTC)
	asked := 0
	between := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.ServeHTTP(w, r)
		if asked++; asked == 1 {
			o.Happens("n1", hub.PostalAccepted, at, "")
			o.Happens("n1", hub.PostalDelivered, at.Add(time.Hour), "")
		}
	}))
	defer between.Close()
	c.URL = strings.Replace(c.URL, s.URL, between.URL, 1)
	for _, want := range []string{"accepted", "accepted delivered"} {
		news, err := c.Ask(t.Context(), order("n1"))
		var got []string
		for _, e := range news.Events {
			got = append(got, string(e.Act))
		}
		if text := strings.Join(got, " "); err != nil || text != want {
			t.Errorf("%s, %v, want %s", text, err, want)
		}
	}
}

// TestFaults: what goes wrong is the right kind of error, and none holds the token.
func TestFaults(t *testing.T) {
	for _, c := range []struct {
		fault      postal.Fault
		order, ask hub.ErrorKind // "": no error
	}{
		{postal.FaultLost, hub.KindUnavailable, ""},
		{postal.FaultError, hub.KindUnavailable, hub.KindUnavailable},
		{postal.FaultGarbage, hub.KindUnavailable, hub.KindUnavailable},
		{postal.FaultSlow, hub.KindUnavailable, hub.KindUnavailable},
		{postal.FaultRefuse, hub.KindInvalid, hub.KindNotFound},
		{postal.FaultDate, "", ""}, {postal.FaultCode, "", ""}, {postal.FaultDuplicate, "", ""}, {postal.FaultOutOfOrder, "", ""},
	} {
		t.Run(string(c.fault), func(t *testing.T) {
			o, client, _ := office(t)
			o.Misbehave(c.fault)
			for call, want := range map[string]hub.ErrorKind{"order": c.order, "ask": c.ask} {
				if call == "ask" && c.fault != postal.FaultRefuse { // it has the order in any case
					o.Misbehave()
					if err := client.Order(t.Context(), order("n1")); err != nil {
						t.Fatal(err)
					}
					o.Misbehave(c.fault)
				}
				ctx := t.Context()
				if c.fault == postal.FaultSlow { // who is slow never answers: any bound will do
					limited, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
					ctx = limited
				}
				var err error
				if call == "order" {
					err = client.Order(ctx, order("n2"))
				} else {
					_, err = client.Ask(ctx, order("n1"))
				}
				if got := kind(err); got != want {
					t.Errorf("%s: %q (%v), want %q", call, got, err, want)
				}
				tellsNothing(t, err)
			}
		})
	}
}

func kind(err error) hub.ErrorKind {
	if err == nil {
		return ""
	}
	return hub.KindOf(err)
}

func tellsNothing(t *testing.T, err error) {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		if strings.Contains(e.Error(), "token=") || strings.Contains(e.Error(), "serviceApi") {
			t.Errorf("an error tells the address: %v", e)
		}
	}
}

// TestWhoIsNotKnown: a wrong token, an address where nobody answers and a token that cannot
// be read say nothing about the order.
func TestWhoIsNotKnown(t *testing.T) {
	_, c, s := office(t)
	wrong := *c
	wrong.Token = func() (string, error) { return "another", nil }
	unread := *c
	unread.Token = func() (string, error) { return "", errors.New("no such file") }
	gone := *c
	gone.URL = "http://127.0.0.1:1/serviceApi/v1"
	redirects := *c
	elsewhere := httptest.NewServer(http.RedirectHandler(s.URL+"/x", http.StatusTemporaryRedirect))
	defer elsewhere.Close()
	redirects.URL = elsewhere.URL
	redirects.HTTP = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for name, client := range map[string]*postal.Client{"wrong token": &wrong, "no token": &unread, "nobody": &gone, "redirects": &redirects} {
		err := client.Order(t.Context(), order("n1"))
		if hub.KindOf(err) != hub.KindUnavailable {
			t.Errorf("%s: %v", name, err)
		}
		tellsNothing(t, err)
	}
}

// TestMisbehaviour: what is told twice, in the wrong order, with a time that cannot be or an
// unknown code comes through as it is.
func TestMisbehaviour(t *testing.T) {
	o, c, _ := office(t)
	at := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	if err := c.Order(t.Context(), order("n1")); err != nil {
		t.Fatal(err)
	}
	o.Happens("n1", hub.PostalCollected, at, "")
	o.Happens("n1", hub.PostalAccepted, at.Add(time.Hour), "")
	for fault, want := range map[postal.Fault]string{
		postal.FaultDuplicate:  "collected 2026, accepted 2026, collected 2026, accepted 2026",
		postal.FaultOutOfOrder: "accepted 2026, collected 2026",
		postal.FaultDate:       "collected 1926, accepted 1926",
		postal.FaultCode:       "unknown 2026, unknown 2026",
	} {
		o.Misbehave(fault)
		news, err := c.Ask(t.Context(), order("n1"))
		var got []string
		for _, e := range news.Events {
			got = append(got, string(e.Act)+" "+e.At.Format("2006"))
		}
		if text := strings.Join(got, ", "); err != nil || text != want {
			t.Errorf("%s: %s, %v, want %s", fault, text, err, want)
		}
	}
}

// TestAnswersOfOthers: codes as numbers, amounts as texts, times in other forms, and what is
// no time or no amount at all.
func TestAnswersOfOthers(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "getDelivery") {
			_, _ = w.Write([]byte(`{"Status": false, "Code": 404}`))
			return
		}
		_, _ = w.Write([]byte(`{"Status": true, "Data": [
			{"MaBuuGui": "EB1", "TrangThai": 2, "ThoiGian": "2026-03-02T08:00:00", "CuocChinh": "22000.4", "SoTienCOD": "nhiều"},
			{"MaBuuGui": "EB1", "TrangThai": "3", "ThoiGian": "hôm qua"},
			{"MaBuuGui": "EB1", "TrangThai": null, "ThoiGian": "2026-03-02T08:00:00+07:00"}]}`))
	}))
	defer s.Close()
	c := &postal.Client{HTTP: s.Client(), URL: s.URL, Codes: postal.DefaultCodes(), Token: func() (string, error) { return token, nil }}
	news, err := c.Ask(t.Context(), order("n1"))
	if err != nil || len(news.Events) != 3 || *news.Fees != (hub.PostalFees{Main: 22_000}) {
		t.Fatalf("%+v, %v", news, err)
	}
	at := time.Date(2026, 3, 2, 1, 0, 0, 0, time.UTC)
	if e := news.Events[0]; e.Act != hub.PostalAccepted || !e.At.Equal(at) {
		t.Errorf("%+v", e)
	}
	if e := news.Events[1]; e.Act != hub.PostalDelivered || !e.At.IsZero() {
		t.Errorf("%+v", e)
	}
	if e := news.Events[2]; e.Act != hub.PostalUnknown || !e.At.Equal(at) {
		t.Errorf("%+v", e)
	}
}

func TestReadCodes(t *testing.T) {
	for text, ok := range map[string]bool{
		`{"acts": {"91": "failed"}}`:  true,
		`{"acts": {"91": "ordered"}}`: false,
		`{"acts": {}}`:                false,
		`{"act": {"91": "failed"}}`:   false,
		`[]`:                          false,
	} {
		if _, err := postal.ReadCodes(strings.NewReader(text)); (err == nil) != ok || err != nil && hub.KindOf(err) != hub.KindInvalid {
			t.Errorf("%s: %v", text, err)
		}
	}
}
