package app_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
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
