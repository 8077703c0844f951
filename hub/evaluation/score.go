package evaluation

import (
	"math/big"

	"github.com/lienthong/lienthong/hub"
)

// result is what a table makes of facts.
type result struct {
	lines                    []hub.IndicatorScore
	points, reachable, score *big.Rat // score is nil where nothing has a value
	grade                    *hub.Bilingual
}

// score evaluates facts. What has no value counts neither for nor against: the score is the
// points in proportion from what could be reached to what the table gives at most.
func (t *table) score(facts map[string]*big.Rat) *result {
	r := &result{points: new(big.Rat), reachable: new(big.Rat)}
	for i := range t.lines {
		l := &t.lines[i]
		one := hub.IndicatorScore{ID: l.ID, Missing: l.value.missing(facts)}
		value := l.value.eval(facts)
		points := l.pointsOf(value)
		if one.Value, one.Points = rounded(value), rounded(points); points == nil {
			if len(one.Missing) == 0 {
				one.Missing = zeros(l.value, facts)
			}
			one.Points = ""
		} else {
			r.points.Add(r.points, points)
			r.reachable.Add(r.reachable, l.max)
		}
		r.lines = append(r.lines, one)
	}
	if r.reachable.Sign() == 0 {
		return r
	}
	r.score = new(big.Rat).Quo(new(big.Rat).Mul(r.points, t.max), r.reachable)
	for i := range t.grades {
		if r.score.Cmp(t.grades[i]) >= 0 {
			r.grade = &t.Grades[i].Name
			break
		}
	}
	return r
}

// zeros are the facts of a formula that are 0, by which something was divided.
func zeros(f *formula, facts map[string]*big.Rat) []string {
	var list []string
	for _, name := range f.names {
		if facts[name].Sign() == 0 {
			list = append(list, name)
		}
	}
	return list
}

// pointsOf are the points of a value, from 0 to those of the indicator; nil for none.
func (l *line) pointsOf(value *big.Rat) *big.Rat {
	if value == nil {
		return nil
	}
	points := new(big.Rat)
	if l.points != nil {
		if points = l.points.eval(map[string]*big.Rat{valueName: value}); points == nil {
			return nil
		}
	}
	for _, b := range l.bands {
		if (b.least == nil || value.Cmp(b.least) >= 0) && (b.most == nil || value.Cmp(b.most) <= 0) {
			points = b.points
			break
		}
	}
	switch {
	case points.Sign() < 0:
		return new(big.Rat)
	case points.Cmp(l.max) > 0:
		return l.max
	}
	return points
}

// written are facts as they are shown.
func written(facts map[string]*big.Rat) map[string]string {
	list := make(map[string]string, len(facts))
	for name, n := range facts {
		list[name] = n.RatString()
	}
	return list
}
