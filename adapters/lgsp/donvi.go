package lgsp

import (
	"net/http"
	"slices"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// units lists all units that live now.
func (s *Server) units(x *call) error {
	return s.unitsIf(x, func(*hub.Agency) bool { return true })
}

// ownUnits lists those of the province of the unit that calls: those below the agency
// nearest above it that is a province, or below the top of its tree.
func (s *Server) ownUnits(x *call) error {
	own, ok := s.Directory.ByID(x.actor.Agencies[0])
	if !ok {
		return hub.Errorf(hub.KindNotFound, "unit", "unknown", "the unit is not in the directory")
	}
	line := s.Line(own, x.caller())
	i := slices.IndexFunc(line, func(a *hub.Agency) bool { return levelOf(a, x) == hub.LevelProvince })
	province := line[len(line)-1]
	if i >= 0 {
		province = line[i]
	}
	return s.unitsIf(x, func(a *hub.Agency) bool {
		return slices.ContainsFunc(s.Line(a, x.caller()), func(above *hub.Agency) bool { return above.ID == province.ID })
	})
}

func levelOf(a *hub.Agency, x *call) hub.Level {
	level, _ := hub.At(a.Levels, x.begun)
	return level
}

func (s *Server) unitsIf(x *call, take func(*hub.Agency) bool) error {
	answer := struct {
		result
		Data []edoc.Unit `json:"data"`
	}{success(), []edoc.Unit{}}
	s.Each(x.caller(), func(a *hub.Agency) {
		if take(a) {
			answer.Data = append(answer.Data, edoc.UnitOf(a, x.caller()))
		}
	})
	return x.json(http.StatusOK, answer)
}

// unitMembers are the names of the data of a unit.
func unitMembers() []string {
	return []string{"code", "name", "pcode", "email", "mobile", "fax", "description"}
}

// register records that a system wants a unit below its own.
func (s *Server) register(x *call) error {
	v := func(name string) string { return x.values[name] }
	recorded, err := s.Register(x.context(), x.caller(), edoc.Application{
		Code: v("code"), Parent: v("pcode"), Name: v("name"), Mail: v("email"), Mobile: v("mobile"), Fax: v("fax"),
	}, "email")
	switch {
	case err != nil:
		return err
	case !recorded:
		return x.json(http.StatusOK, success())
	}
	return x.recorded()
}

// unregister records that a system wants a unit closed.
func (s *Server) unregister(x *call) error {
	if err := s.Unregister(x.context(), x.caller(), s.Profile.AgencyCode[0], x.value(s.Profile.AgencyCode)); err != nil {
		return err
	}
	return x.recorded()
}

func (x *call) recorded() error {
	return x.json(http.StatusOK, resultOf(edoc.StatusOK, edoc.CodeOK, edoc.Recorded))
}
