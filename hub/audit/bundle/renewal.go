package bundle

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// logDigest is that of the tree of the log.
const logDigest = "SHA-256"

// checkRenewals asks of every time-stamp that counts whether it, and the tree that it is
// over, still prove something at the time that is verified for: by themselves, by later
// time-stamps, or by a rehash. A later time-stamp is over the checkpoint and all tokens
// before it, and was made while the last of them still proved something (RFC 4998, 5.2). A
// rehash holds receipts, checkpoint and tokens by another digest, and was made while they
// and the digest of the log still did (RFC 4998, 5.3).
func (v *verification) checkRenewals(ctx context.Context) error {
	renewals, sets := 0, map[string][]*rehash{}
	judged := true
	for _, name := range v.stampFiles() {
		shard := shardOf(name)
		if _, known := sets[shard]; !known {
			sets[shard] = v.rehashesOf(shard)
		}
		if _, counts := v.tokens[name]; counts {
			renewals += v.follow(name, sets[shard])
		} else if len(v.renewalsOf(name))+len(sets[shard]) > 0 {
			judged = false
		}
	}
	used := 0
	for _, set := range sets {
		for _, r := range set {
			if r.counts {
				used++
			}
		}
	}
	if err := v.checkStrongly(ctx, sets); err != nil {
		return err
	}
	if renewals+used == 0 && !judged {
		v.skip(stepRenewal, "renewal_no_stamp")
		return nil
	}
	if renewals+used == 0 {
		v.skip(stepRenewal, "renewal_none")
		return nil
	}
	v.pass(stepRenewal, "renewal_passed", renewals, used)
	return nil
}

// stampFiles are the files of the time-stamps over the checkpoints of receipts, in order, those
// that do not count, too: whoever does not know an authority must not take what renews its
// tokens for files that are none of a bundle.
func (v *verification) stampFiles() []string {
	names := map[string]bool{}
	for i := range v.receipts {
		name := tokenName(&v.receipts[i].head)
		if _, there := v.files[name]; there {
			names[name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// link is a token of a lineage.
type link struct {
	file string
	time time.Time
	end  hub.TokenEnd
}

// lineage is a time-stamp with the later ones, as far as they count.
type lineage struct {
	links   []link
	covered []byte // what the next token is over
	why     string // the next one does not hold the last
}

func (l *lineage) last() *link { return &l.links[len(l.links)-1] }

// lineage follows the tokens behind a first one, over some bytes, as far as they hold. A
// renewal that is not needed yet, and does not count, takes nothing away. It is nil where
// something is wrong, which is told.
func (v *verification) lineage(name string, first *stamped) *lineage {
	end, err := v.judge.TokenEnd(first.token)
	if err != nil {
		v.doubt(stepRenewal, hub.SubCryptoConstraintsFailure, "unreadable", name, err)
		return nil
	}
	l := &lineage{[]link{{name, first.time, end}}, slices.Concat(first.note, first.token), "no later time-stamp holds it"}
	for _, file := range v.renewalsOf(name) {
		token, ok := v.read(file)
		if !ok {
			return nil
		}
		why, ok := v.renewed(l, file, token)
		if !ok {
			return nil
		}
		if why != "" {
			l.why = why
			break
		}
	}
	return l
}

// follow asks of one time-stamp whether something still holds it, and returns how many
// later tokens do.
func (v *verification) follow(name string, rehashes []*rehash) int {
	first := v.tokens[name]
	l := v.lineage(name, &first)
	if l == nil {
		return 0
	}
	end, file, why := l.last().end, l.last().file, l.why
	if tree := v.judge.DigestEnd(logDigest); !tree.IsZero() && tree.Before(end.At) {
		end, file = hub.TokenEnd{At: tree, Why: logDigest + " is relied upon no longer", Sub: hub.SubCryptoConstraintsNoPOE}, "the tree of the log under "+name
		why = "no rehash by another digest holds it"
	}
	lasting, problem, ok := v.holders(name, l, rehashes)
	if !ok {
		return 0
	}
	if lasting != nil && lasting.end.At.After(end.At) {
		end, file, why = lasting.end, lasting.name, "nothing later holds it"
	}
	if problem != "" {
		why = problem
	}
	if v.ValidatedAt.After(end.At) {
		v.doubt(stepRenewal, end.Sub, "renewal_late", file, end.At.UTC().Format(time.DateOnly), english(end.Why), english(why))
	}
	return len(l.links) - 1
}

// renewed takes the next token of a lineage, or says why it proves nothing. It returns
// false for what no honest hub puts into a bundle.
func (v *verification) renewed(l *lineage, file string, token []byte) (why string, ok bool) {
	verdict := v.judge.Token(token, l.covered)
	switch {
	case verdict.Indication == hub.TotalFailed:
		v.fail(stepRenewal, verdict.Sub, "judged", file, english(verdict.Reason))
		return "", false
	case verdict.Indication != hub.TotalPassed:
		return file + " does not count: " + verdict.Reason, true
	case verdict.ProvenAt.Before(l.last().time):
		v.fail(stepRenewal, hub.SubTimestampOrderFailure, "renewal_order", file, iso(verdict.ProvenAt), iso(l.last().time))
		return "", false
	case verdict.ProvenAt.After(l.last().end.At):
		return file + " was made too late, on " + iso(verdict.ProvenAt), true
	}
	end, err := v.judge.TokenEnd(token)
	if err != nil {
		return file + " does not count: " + err.Error(), true
	}
	l.links, l.covered = append(l.links, link{file, verdict.ProvenAt, end}), append(l.covered, token...)
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
