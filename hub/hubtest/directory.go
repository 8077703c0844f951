package hubtest

import (
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// The sample agencies. Province sends; Office and Ward register what comes in,
// Bureau does not; Stranger belongs to another province.
const (
	Province hub.AgencyID = "province" // 000.00.00.H47, also H47
	Office   hub.AgencyID = "office"   // 000.00.12.H47, also H47.12
	Bureau   hub.AgencyID = "bureau"   // 000.00.13.H47
	Ward     hub.AgencyID = "ward"     // 000.31.05.H47, took over from 000.40.00.H47
	Remote   hub.AgencyID = "remote"   // 000.00.14.H47, reached by ChannelTest
	Stranger hub.AgencyID = "stranger" // 000.00.00.H48
)

// ChannelTest is the channel of the agency Remote; tests give it a carrier.
const ChannelTest hub.Channel = "test"

// The sample codes that belong to no agency of today.
const (
	ClosedCode  = "000.40.00.H47" // closed, Ward took over
	DividedCode = "000.41.00.H47" // closed, Office and Ward took over
	UnknownCode = "000.99.99.H47"
)

// Agencies returns the sample agencies.
func Agencies() []hub.Agency {
	reform := time.Date(2025, 6, 30, 17, 0, 0, 0, time.UTC) // 1 July 2025 in Vietnam
	ended := hub.Interval{To: reform}
	closed := func(a hub.Agency, heirs ...hub.AgencyID) hub.Agency {
		a.Valid, a.Codes[0].Valid, a.Successors = ended, ended, heirs
		return a
	}
	remote := agency(Remote, "Trung tâm Dữ liệu (hư cấu)", false, "000.00.14.H47")
	remote.Channels = []hub.Dated[hub.Channel]{{Value: ChannelTest}}
	return []hub.Agency{
		agency(Province, "UBND tỉnh Quảng Nam", true, "000.00.00.H47", "H47"),
		agency(Office, "Sở Mẫu (hư cấu)", true, "000.00.12.H47", "H47.12"),
		agency(Bureau, "Chi cục Mẫu (hư cấu)", false, "000.00.13.H47"),
		agency(Ward, "UBND phường Mẫu (hư cấu)", true, "000.31.05.H47"),
		remote,
		agency(Stranger, "UBND tỉnh Khác (hư cấu)", true, "000.00.00.H48"),
		closed(agency("old-district", "UBND huyện Cũ (hư cấu)", true, ClosedCode), Ward),
		closed(agency("old-town", "UBND thị xã Cũ (hư cấu)", true, DividedCode), Office, Ward),
	}
}

func agency(id hub.AgencyID, name string, registers bool, codes ...hub.Code) hub.Agency {
	a := hub.Agency{ID: id, Names: []hub.Dated[string]{{Value: name}}, Registers: registers}
	for _, code := range codes {
		a.Codes = append(a.Codes, hub.Dated[hub.Code]{Value: code})
	}
	return a
}

// Directory resolves codes among a fixed set of agencies.
type Directory struct{ agencies []hub.Agency }

// NewDirectory returns a directory of the agencies.
func NewDirectory(agencies ...hub.Agency) *Directory { return &Directory{agencies} }

// ByID returns an agency.
func (d *Directory) ByID(id hub.AgencyID) (*hub.Agency, bool) {
	for i := range d.agencies {
		if d.agencies[i].ID == id {
			return &d.agencies[i], true
		}
	}
	return nil, false
}

// Heirs are none: no agency of this directory has closed.
func (d *Directory) Heirs(hub.AgencyID, time.Time) []hub.AgencyID { return nil }

// TookOver lists the closed agencies for which others act.
func (d *Directory) TookOver(by []hub.AgencyID, at time.Time) []hub.AgencyID {
	var list []hub.AgencyID
	for i := range d.agencies {
		if other := d.agencies[i].TookOverAt(at); other != "" && slices.Contains(by, other) {
			list = append(list, d.agencies[i].ID)
		}
	}
	return list
}

// lookUp returns the agency that has or had the code.
func (d *Directory) lookUp(code string) (*hub.Agency, hub.Code, error) {
	c := hub.Code(strings.TrimSpace(code))
	for i := range d.agencies {
		for _, held := range d.agencies[i].Codes {
			if held.Value == c {
				return &d.agencies[i], c, nil
			}
		}
	}
	return nil, c, hub.Errorf(hub.KindUnknownAgency, "", "unknown_agency", "no agency has the code %s", c)
}

// Holder returns the agency that has or had the code.
func (d *Directory) Holder(code string, _ time.Time) (*hub.Agency, bool) {
	a, _, err := d.lookUp(code)
	return a, err == nil
}

// Resolve returns what a code means at an instant.
func (d *Directory) Resolve(code string, at time.Time) (hub.Resolution, error) {
	a, c, err := d.lookUp(code)
	switch {
	case err != nil:
		return hub.Resolution{}, err
	case a.LivesAt(at):
		return hub.Resolution{Agency: a, Code: c}, nil
	case len(a.Successors) == 0:
		return hub.Resolution{}, hub.Errorf(hub.KindUnknownAgency, "", "closed", "the code %s was closed and nobody took over", c)
	case len(a.Successors) > 1:
		return hub.Resolution{}, hub.Errorf(hub.KindConflict, "", "several_successors", "the code %s was closed and several agencies took over", c)
	}
	heir, _ := d.ByID(a.Successors[0])
	return hub.Resolution{Agency: heir, Code: c, Note: "the code " + string(c) + " was closed, " + heir.NameAt(at) + " took over"}, nil
}

// ResolveSender resolves without following successors.
func (d *Directory) ResolveSender(code string, at time.Time) (*hub.Agency, error) {
	a, c, err := d.lookUp(code)
	if err == nil && !a.LivesAt(at) {
		err = hub.Errorf(hub.KindDenied, "", "closed", "the code %s was closed: nothing can be sent under it", c)
	}
	return a, err
}
