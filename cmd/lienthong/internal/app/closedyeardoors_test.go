package app_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/hub"
)

// acceptedOn is a status package that says of a document that it was registered at a time.
func acceptedOn(t *testing.T, from string, at time.Time, about hub.Reference) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := edxml.New(edxml.Options{}).EncodeStatus(&out, hub.StatusMessage{From: from, Code: hub.StatusAccepted, StatedAt: at, For: about}); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestClosedYearInPackages: a status package that would enter a document into a closed
// register is refused in the form of the axis and of the provincial API, twice alike; the
// sender hears nothing of it, and the same package of an open year is taken after it.
func TestClosedYearInPackages(t *testing.T) {
	t.Parallel()
	type door struct {
		send     func(at time.Time) error
		statuses func() int // that wait for the sender
	}
	for name, open := range map[string]func(t *testing.T) door{
		"axis": func(t *testing.T) door {
			w := startAxis(t, "/axis")
			closeOldYear(t, w.testHub, "d77")
			d77, office := w.system(axisSystem), w.system(axisOffice)
			if _, err := d77.Fetch(t.Context(), axisDelivery); err != nil {
				t.Fatal(err)
			}
			if err := d77.Update(t.Context(), axisDelivery, "done"); err != nil {
				t.Fatal(err)
			}
			about := hub.Reference{Agency: axisOffice, Number: "7816/VPCP-TTĐT", ExternalID: axisDocument, Promulgated: "2018-09-28"}
			return door{
				func(at time.Time) error {
					_, err := d77.Send(t.Context(), "status", axisSystem, acceptedOn(t, axisSystem, at, about))
					return err
				},
				func() int {
					rows, err := office.Received(t.Context(), "status")
					if err != nil {
						t.Fatal(err)
					}
					return len(rows)
				},
			}
		},
		"provincial API": func(t *testing.T) door {
			w := startProvince(t, "")
			closeOldYear(t, w.testHub, "g22")
			unit, office := w.application("app", "snv"), w.application("app", "g22")
			if _, err := unit.Send(t.Context(), "edoc", provincePackage(t, provinceUnit, "SNV-1", "1", provinceOffice)); err != nil {
				t.Fatal(err)
			}
			rows, err := office.Received(t.Context())
			if err != nil || len(rows) != 1 {
				t.Fatal(rows, err)
			}
			if _, err := office.Fetch(t.Context(), rows[0].DocID); err != nil {
				t.Fatal(err)
			}
			if err := office.Update(t.Context(), rows[0].DocID, "done"); err != nil {
				t.Fatal(err)
			}
			about := hub.Reference{Agency: provinceUnit, Number: "1/SNV", ExternalID: "SNV-1", Promulgated: "2019-04-28"}
			return door{
				func(at time.Time) error {
					_, err := office.Send(t.Context(), "status", acceptedOn(t, provinceOffice, at, about))
					return err
				},
				func() int {
					rows, err := unit.Received(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					return len(rows)
				},
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			for range 2 {
				err := d.send(time.Date(2025, 12, 31, 3, 0, 0, 0, time.UTC))
				if err == nil || !strings.Contains(err.Error(), "409") || !strings.Contains(err.Error(), "date ["+hub.RuleYearClosed+"]") {
					t.Errorf("a closed year: %v", err)
				}
			}
			if n := d.statuses(); n != 0 {
				t.Errorf("the sender hears %d times of what was refused", n)
			}
			if err := d.send(time.Now()); err != nil {
				t.Errorf("an open year: %v", err)
			}
			if n := d.statuses(); n != 1 {
				t.Errorf("the sender hears %d times of what was taken", n)
			}
		})
	}
}

// closeOldYear closes the registers of 2025 as the administrator of an agency does.
func closeOldYear(t *testing.T, h *testHub, agency hub.AgencyID) {
	t.Helper()
	keeper := h.signIn(t, "quan.tri", member(agency, hub.RoleAdministrator))
	keeper.post("/registers/years", "year", "2025", "sure", "yes").shows(t, `data-label="Năm">2025`)
}

// lastClosable is the year before, unless that ended less than an hour ago.
func lastClosable(t *testing.T) int {
	t.Helper()
	now := time.Now().In(hub.Vietnam())
	if now.YearDay() == 1 && now.Hour() == 0 {
		t.Skip("no year is closed in the first hour of the next, and no number is given for one before")
	}
	return now.Year() - 1
}

// closedSeries has an agency keep a series of last year on the hub and close that year, and
// returns its last day and what counts the sealed rejections of what the agency sent.
func (h *testHub) closedSeries(t *testing.T, agency, kind, notation string) (hub.Date, func() int) {
	t.Helper()
	issued, err := h.client(t, h.operatorKey(t)).IssueKey(t.Context(), hubclient.NewKey{
		Name: "keeper", Kind: hub.ActorSystem, Agencies: []string{agency}, Scopes: []hub.Scope{hub.ScopeAccounts, hub.ScopeSubmit, hub.ScopeRead},
	})
	if err != nil {
		t.Fatal(err)
	}
	keeper, year := h.client(t, issued.Secret), lastClosable(t)
	if _, err := keeper.TakeNumber(t.Context(), hubclient.NumberWish{Year: year, Kind: kind, Notation: notation}); err != nil {
		t.Fatal(err)
	}
	if _, err := keeper.CloseYear(t.Context(), "", year); err != nil {
		t.Fatal(err)
	}
	return hub.Date(fmt.Sprintf("%d-12-31", year)), func() int {
		status, text := h.look(t, issued.Secret, "/v1/rejections?limit=200")
		if status != http.StatusOK {
			t.Fatalf("%d %s", status, text)
		}
		return strings.Count(text, `"event":"`)
	}
}

// TestClosedSeriesByAllDoors: a document under a number of a closed year is refused by the API,
// the axis and the provincial API, each in its form, by a sealed rejection that names field and
// rule, as it is for a number that was used; one of an open year is taken after it.
func TestClosedSeriesByAllDoors(t *testing.T) {
	const kind = "Báo cáo"
	letterOf := func(sub hub.Submission, id string, day hub.Date) hub.Submission {
		sub.ExternalID, sub.Key, sub.Operation = id, "", hub.OperationNew
		sub.Document.TypeName, sub.Document.CodeNumber, sub.Document.Promulgated = kind, "1", day
		sub.Parts = []hub.Part{{ID: "p1", Role: hub.RoleOriginal, Name: "van-ban.pdf", MediaType: "application/pdf"}}
		return sub
	}
	for name, open := range map[string]func(t *testing.T) (send func(id string, day hub.Date) error, closed hub.Date, rejections func() int){
		"API": func(t *testing.T) (func(string, hub.Date) error, hub.Date, func() int) {
			h := start(t, configIn(t.TempDir()))
			senderKey, _ := h.enroll(t)
			closed, rejections := h.closedSeries(t, sender, kind, "UBND-KSTTHC")
			return func(id string, day hub.Date) error {
				_, err := h.client(t, senderKey).Submit(t.Context(), letterOf(submission(id), id, day), original("Nội dung."), nil)
				if r := (*hub.Rejection)(nil); err != nil && (!errors.As(err, &r) || r.Receipt.Evidence.Event != hub.EventSubmissionRejection || hub.KindOf(err) != hub.KindConflict) {
					t.Errorf("%s: %v", id, err)
				}
				return err
			}, closed, rejections
		},
		"axis": func(t *testing.T) (func(string, hub.Date) error, hub.Date, func() int) {
			w := startAxis(t, "/axis")
			closed, rejections := w.closedSeries(t, axisOffice, kind, "VPCP-TTĐT")
			return func(id string, day hub.Date) error {
				_, err := w.system(axisOffice).Send(t.Context(), "edoc", axisOffice, encoded(t, letterOf(axisRecall(id, "1", axisSystem), id, day)))
				return err
			}, closed, rejections
		},
		"provincial API": func(t *testing.T) (func(string, hub.Date) error, hub.Date, func() int) {
			w := startProvince(t, "")
			closed, rejections := w.closedSeries(t, provinceUnit, kind, "SNV")
			return func(id string, day hub.Date) error {
				sub := hub.Submission{Sender: provinceUnit, Recipients: []string{provinceOffice}, Document: hub.Document{CodeNotation: "SNV", Subject: "Văn bản thử"}}
				_, err := w.application("app", "snv").Send(t.Context(), "edoc", encoded(t, letterOf(sub, id, day)))
				return err
			}, closed, rejections
		},
	} {
		t.Run(name, func(t *testing.T) {
			send, closed, rejections := open(t)
			for n := range 2 {
				err := send(fmt.Sprint("late", n), closed)
				if err == nil || !strings.Contains(err.Error(), "document.promulgated ["+hub.RuleYearClosed+"]") {
					t.Errorf("a closed year: %v", err)
				}
				if got := rejections(); got != n+1 {
					t.Errorf("%d sealed rejections, want %d", got, n+1)
				}
			}
			if err := send("open", hub.DateOf(time.Now())); err != nil {
				t.Errorf("an open year: %v", err)
			}
		})
	}
}

// TestReceivingManyInAClosedYear: where the clock of the hub stands in a closed year, each of
// many documents is named as not received, and all are received when it moved on.
func TestReceivingManyInAClosedYear(t *testing.T) {
	var behind atomic.Int64
	config := configIn(t.TempDir())
	config.Behind = func() time.Duration { return time.Duration(behind.Load()) }
	h := start(t, config)
	senderKey, _ := h.enroll(t)
	closeOldYear(t, h, "snv")
	behind.Store(int64(time.Since(time.Date(2025, 12, 31, 8, 0, 0, 0, hub.Vietnam()))))
	for _, id := range []string{"a", "b"} {
		if _, err := h.client(t, senderKey).Submit(t.Context(), submission(id), original("Nội dung "+id), nil); err != nil {
			t.Fatal(err)
		}
	}
	clerk := h.signIn(t, "van.thu", member(recipient, hub.RoleClerk))
	var links []string
	for _, m := range inboxLinks.FindAllStringSubmatch(clerk.get("/inbox").text, -1) {
		links = append(links, m[1])
	}
	got := clerk.receives(clerk.token(), links...)
	got.shows(t, "Đã tiếp nhận 0 văn bản")
	if n := strings.Count(got.text, "Sổ của năm này đã khóa"); n != 2 || len(links) != 2 {
		t.Errorf("%d of %d documents are named", n, len(links))
	}
	behind.Store(0)
	clerk = h.signIn(t, "van.thu.hai", member(recipient, hub.RoleClerk)) // the session of before has ended
	clerk.get("/inbox")
	clerk.receives(clerk.token(), links...).shows(t, "Đã tiếp nhận 2 văn bản", "Số đến 1", "Số đến 2")
}
