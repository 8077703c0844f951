package backlogtest

import (
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
)

// archive is what came to one box in years: so many deliveries in all states, sent by one
// agency. Words differ in how many of them have them.
type archive int

// clusteredShare of the deliveries, the latest, have what nothing before has.
const clusteredShare = 50

var (
	topics = []string{
		"chuyển đổi số", "phòng chống thiên tai", "an toàn thực phẩm", "cấp phát ngân sách", "tuyển dụng viên chức", "quy hoạch đô thị",
		"bảo vệ môi trường", "giáo dục phổ thông", "y tế cơ sở", "giải phóng mặt bằng", "đầu tư công", "thi đua khen thưởng",
	}
	surnames = []string{"Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi", "Đỗ", "Ngô"}
	names    = []string{"An", "Bình", "Châu", "Dũng", "Giang", "Hà", "Khánh", "Lan", "Minh", "Oanh", "Phúc", "Quân", "Sơn", "Thủy", "Uyên", "Việt", "Xuân", "Yến"}
)

func (a archive) emit(out func(hub.Record) error) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	plain := backlog{deliveries: int(a), boxes: 1}
	for n := range int(a) {
		r := plain.dispatch(n, now)
		d := &r.Dispatch.Document
		subject := []string{"V/v", topics[n%len(topics)], fmt.Sprintf("lĩnh vực %d", n/7%150)}
		if n%2 == 0 {
			subject = append(subject, "cải cách hành chính")
		}
		if n%100_000 == 77 {
			subject = append(subject, "tuyết liên")
		}
		if n >= int(a)-int(a)/clusteredShare {
			subject = append(subject, "sáp nhập")
		}
		d.Subject, d.CodeNotation, d.Promulgated = strings.Join(subject, " "), "UBND-VP", hub.Date(now.Add(-time.Duration(int(a)-n)*time.Minute).Format(time.DateOnly))
		d.Signer.FullName = fmt.Sprintf("%s Văn %s", surnames[n/3%len(surnames)], names[n/5%len(names)])
		r.Dispatch.SenderName = fmt.Sprintf("UBND xã Mẫu %d (hư cấu)", n%400)
		if err := record(out, hub.RecordDispatch, r); err != nil {
			return err
		}
	}
	for n := range int(a) {
		r := plain.delivery(n, now)
		r.Delivery.State, r.Delivery.Version = stateOf(n), 3
		r.Delivery.Urgent = n%19 == 3
		if n%2_000 == 9 {
			r.Delivery.State, r.Delivery.Request = hub.StateAccepted, &hub.ChangeRequest{Operation: hub.OperationRecall, AskedAt: now}
		}
		if err := record(out, hub.RecordDelivery, r); err != nil {
			return err
		}
	}
	return nil
}

// stateOf is mostly that of what was registered long ago.
func stateOf(n int) hub.DeliveryState {
	switch n % 50 {
	case 0, 1:
		return hub.StateConsigned
	case 2:
		return hub.StateHandedOver
	case 3:
		return hub.StateRefused
	case 4:
		return []hub.DeliveryState{hub.StateFailed, hub.StateExpired, hub.StateWithdrawn}[n/50%3]
	}
	return hub.StateAccepted
}

// questions are the pages that are asked for, by what they are; %d stands for something
// else each time.
var questions = []struct{ name, path string }{
	{"inbox", "/inbox"},
	{"inbox-collected", "/inbox?show=collected"}, {"inbox-registered", "/inbox?show=registered"}, {"inbox-asked", "/inbox?show=asked"},
	{"inbox-refused", "/inbox?show=refused"}, {"inbox-ended", "/inbox?show=ended"}, {"inbox-all", "/inbox?show=all"},
	{"inbox-number", "/inbox?show=all&q=%d/UBND-VP"},
	{"inbox-half", "/inbox?show=all&q=cải+cách+hành+chính"}, {"inbox-half-bare", "/inbox?show=all&q=cai+cach+hanh+chinh"}, {"inbox-half-waiting", "/inbox?q=cai+cach"},
	{"inbox-tenth", "/inbox?show=registered&q=moi+truong"}, {"inbox-150th", "/inbox?show=all&q=linh+vuc+%d"},
	{"inbox-rare", "/inbox?show=all&q=tuyet+lien"}, {"inbox-nothing", "/inbox?show=all&q=khong+co"}, {"inbox-half-and-nothing", "/inbox?show=all&q=cai+cach+xyz%d"},
	{"inbox-latest", "/inbox?show=all&q=sap+nhap"}, {"inbox-latest-waiting", "/inbox?q=sap+nhap"},
	{"inbox-agency", "/inbox?show=all&q=xa+mau+%d"}, {"inbox-agency-refused", "/inbox?show=refused&q=xa+mau+%d"},
	{"inbox-signer", "/inbox?show=all&q=nguyễn+văn+khánh"}, {"inbox-all-together", "/inbox?show=registered&q=nguyen+van+khanh+cai+cach+xa+mau+%d"},
	{"sent", "/sent"}, {"sent-number", "/sent?q=%d/UBND-VP"}, {"sent-half", "/sent?q=cải+cách"}, {"sent-150th", "/sent?q=linh+vuc+%d"},
	{"sent-rare", "/sent?q=tuyet+lien"}, {"sent-nothing", "/sent?q=khong+co"}, {"sent-latest", "/sent?q=sap+nhap"}, {"sent-signer", "/sent?q=tran+van+yen"},
}

// clerk is somebody at a browser.
type clerk struct {
	testing.TB
	client *http.Client
	url    string
}

func signIn(tb testing.TB, at string, operator *hubclient.Client, name string, agency hub.AgencyID, role hub.Role) *clerk {
	tb.Helper()
	given, err := operator.CreateAccount(tb.Context(), hubclient.NewAccount{Name: name, FullName: "Trần Thị Mẫu (hư cấu)", Memberships: []hub.Membership{{Agency: agency, Role: role}}})
	if err != nil {
		tb.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{}
	tb.Cleanup(transport.CloseIdleConnections)
	c := &clerk{tb, &http.Client{Jar: jar, Transport: transport}, at}
	c.post("/sign-in", url.Values{"name": {name}, "password": {given.Password}})
	const chosen = "con trâu đứng cạnh sông"
	c.post("/password", url.Values{"current": {given.Password}, "password": {chosen}, "again": {chosen}})
	return c
}

var formTokens = regexp.MustCompile(`name="form" value="([^"]+)"`)

func (c *clerk) post(path string, form url.Values) {
	c.Helper()
	if found := formTokens.FindStringSubmatch(c.get("/password")); found != nil {
		form.Set("form", found[1])
	}
	answer, err := c.client.PostForm(c.url+path, form)
	if err != nil {
		c.Fatal(err)
	}
	answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		c.Fatalf("%s answers %s", path, answer.Status)
	}
}

func (c *clerk) get(path string) string {
	c.Helper()
	answer, err := c.client.Get(c.url + path)
	if err != nil {
		c.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		c.Fatalf("%s answers %s: %v\n%s", path, answer.Status, err, text)
	}
	return string(text)
}

var nextPages = regexp.MustCompile(`href="([^"]+)" rel="next"`)

// deep follows a list so many pages, then returns how long each of as many more took.
func (c *clerk) deep(path string, pages int) []time.Duration {
	c.Helper()
	var took []time.Duration
	for n := range 2 * pages {
		begin := time.Now()
		text := c.get(path)
		if n >= pages {
			took = append(took, time.Since(begin))
		}
		found := nextPages.FindStringSubmatch(text)
		if found == nil {
			c.Fatalf("page %d of the list, %s, names no next one", n, path)
		}
		path = html.UnescapeString(found[1])
	}
	return took
}

// BenchmarkPages measures what a clerk waits for in a box of a million: reported are the
// 50th and the 95th percentile of each page, with all that the hub does for it, and the
// processor time of the hub for one, without that of PostgreSQL.
func BenchmarkPages(b *testing.B) {
	size := archive(20_000)
	if os.Getenv("LIENTHONG_BACKLOG") == "full" {
		size = 1_000_000
	}
	for _, e := range bothEngines() {
		b.Run(fmt.Sprintf("%s/%d", e.name, size), func(b *testing.B) {
			begin := time.Now()
			full := newSite(b, e.empty(b), 1).twin(b, e.empty(b), size)
			b.Logf("%d deliveries were filled in %v", size, time.Since(begin).Round(time.Second))
			process := full.start(b)
			key, err := process.OperatorKey()
			if err != nil {
				b.Fatal(err)
			}
			operator := client(b, process.URL, key)
			recipient, sender := signIn(b, process.URL, operator, "van.thu.den", hub.AgencyID(boxID(0)), hub.RoleClerk), signIn(b, process.URL, operator, "van.thu.di", "h47", hub.RoleClerk)
			for b.Loop() {
				measure(b, process, recipient, sender)
			}
		})
	}
}

func measure(b *testing.B, process *hubproc.Process, recipient, sender *clerk) {
	b.Helper()
	used := process.CPUTime()
	report := func(name string, took []time.Duration) {
		now := process.CPUTime()
		b.ReportMetric((now-used).Seconds()*1e3/float64(len(took)), name+"-cpu-ms")
		used = now
		b.ReportMetric(percentile(took, 0.5), name+"-p50-ms")
		b.ReportMetric(percentile(took, 0.95), name+"-p95-ms")
	}
	for _, q := range questions {
		who, took := recipient, []time.Duration(nil)
		if strings.HasPrefix(q.path, "/sent") {
			who = sender
		}
		for n := range 40 {
			path := q.path
			if strings.Contains(path, "%d") {
				path = fmt.Sprintf(path, n*37%150)
			}
			begin := time.Now()
			who.get(path)
			took = append(took, time.Since(begin))
		}
		report(q.name, took)
	}
	report("inbox-deep", recipient.deep("/inbox?show=all", 200))
	report("inbox-search-deep", recipient.deep("/inbox?show=all&q=cai+cach", 100))
	report("sent-deep", sender.deep("/sent", 200))
}
