package bundle

import (
	"maps"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// checkRenewals asks of every time-stamp that counts whether it still proves something at
// the time that is verified for: by itself, or by later ones. Each of those is over the
// checkpoint and all tokens before it, and was made while the last of them still proved
// something (RFC 4998, 5.2).
func (v *verification) checkRenewals() {
	renewals := 0
	for _, name := range slices.Sorted(maps.Keys(v.tokens)) {
		renewals += v.follow(name)
	}
	if renewals == 0 {
		v.skip(stepRenewal, "the bundle holds no renewal of its time-stamps")
		return
	}
	v.pass(stepRenewal, "%d renewals, each made before what it renews had ended", renewals)
}

// lineage is a time-stamp with the later ones, as far as they were followed.
type lineage struct {
	covered []byte       // what the next token is over
	file    string       // of the last token
	last    time.Time    // its time
	end     hub.TokenEnd // of the last token
}

// follow follows the tokens of one checkpoint as far as they hold, and returns how many
// renewals did. A renewal that is not needed yet, and does not count, takes nothing away.
func (v *verification) follow(name string) int {
	first := v.tokens[name]
	l := lineage{slices.Concat(first.note, first.token), name, first.time, hub.TokenEnd{}}
	var err error
	if l.end, err = v.judge.TokenEnd(first.token); err != nil {
		v.doubt(stepRenewal, hub.SubCryptoConstraintsFailure, "%s: %v", name, err)
		return 0
	}
	count, why := 0, "no later time-stamp holds it"
	for _, file := range v.renewalsOf(name) {
		token, ok := v.read(file)
		if !ok {
			return count
		}
		if why, ok = v.renewed(&l, file, token); !ok {
			return count
		}
		if why != "" {
			break
		}
		count, why = count+1, "no later time-stamp holds it"
	}
	if v.ValidatedAt.After(l.end.At) {
		v.doubt(stepRenewal, l.end.Sub, "%s stopped proving anything by itself on %s (%s), and %s", l.file, l.end.At.UTC().Format(time.DateOnly), l.end.Why, why)
	}
	return count
}

// renewed takes the next token of a lineage, or says why it proves nothing. It returns
// false for what no honest hub puts into a bundle.
func (v *verification) renewed(l *lineage, file string, token []byte) (why string, ok bool) {
	verdict := v.judge.Token(token, l.covered)
	switch {
	case verdict.Indication == hub.TotalFailed:
		v.fail(stepRenewal, verdict.Sub, "%s: %s", file, verdict.Reason)
		return "", false
	case verdict.Indication != hub.TotalPassed:
		return file + " does not count: " + verdict.Reason, true
	case verdict.ProvenAt.Before(l.last):
		v.fail(stepRenewal, hub.SubTimestampOrderFailure, "%s is of %s, and renews what is of %s", file, iso(verdict.ProvenAt), iso(l.last))
		return "", false
	case verdict.ProvenAt.After(l.end.At):
		return file + " was made too late, on " + iso(verdict.ProvenAt), true
	}
	end, err := v.judge.TokenEnd(token)
	if err != nil {
		return file + " does not count: " + err.Error(), true
	}
	*l = lineage{append(l.covered, token...), file, verdict.ProvenAt, end}
	return "", true
}

// renewalsOf returns the files that renew a token, in order, and takes them as known:
// what is wrong with one is told once.
func (v *verification) renewalsOf(token string) []string {
	var names []string
	for n := 1; n <= hub.MaxLogRenewals; n++ {
		name := renewalName(token, n)
		if _, there := v.files[name]; !there {
			break
		}
		v.files[name] = true
		names = append(names, name)
	}
	return names
}
