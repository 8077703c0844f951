package web

import (
	"fmt"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// communes are so many under one province.
type communes int

// ByID implements Directory.
func (communes) ByID(hub.AgencyID) (*hub.Agency, bool) { return nil, false }

// Resolve implements Directory.
func (communes) Resolve(string, time.Time) (hub.Resolution, error) {
	return hub.Resolution{Agency: &hub.Agency{ID: "province"}}, nil
}

// Search implements Directory.
func (communes) Search(string, time.Time, hub.Page) hub.List[hub.Agency] {
	return hub.List[hub.Agency]{}
}

// Under implements Directory.
func (communes) Tops(time.Time) []hub.Agency { return nil }

func (communes) History(hub.AgencyID) (hub.AgencyHistory, bool) { return hub.AgencyHistory{}, false }

func (communes) Acts(hub.Page) hub.List[hub.Reorganisation] { return hub.List[hub.Reorganisation]{} }

func (n communes) Under([]hub.AgencyID, time.Time) map[hub.AgencyID][]hub.Agency {
	list := make([]hub.Agency, n)
	for i := range list {
		list[i].ID = hub.AgencyID(fmt.Sprint("c", i))
		list[i].Codes = append(list[i].Codes, hub.Dated[hub.Code]{Value: hub.Code(fmt.Sprint(i))})
		list[i].Levels = append(list[i].Levels, hub.Dated[hub.Level]{Value: "commune"})
	}
	return map[hub.AgencyID][]hub.Agency{"province": list}
}

// TestTooManyUnderAnAgency: nobody is left out without a word.
func TestTooManyUnderAnAgency(t *testing.T) {
	for n, told := range map[communes]bool{maxTaken: false, maxTaken + 1: true} {
		x, _ := reading(t, nil, "")
		x.Directory = n
		f := newLetterForm()
		x.takeGroup(f, "H47 commune")
		if len(f.To) != maxTaken || (f.problems["to"] != "") != told {
			t.Errorf("of %d %d are taken: %q", n, len(f.To), f.problems["to"])
		}
	}
}
