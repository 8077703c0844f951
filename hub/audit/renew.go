package audit

import (
	"bytes"
	"context"
	"crypto"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// RenewalStore keeps time-stamped checkpoints with their further tokens.
type RenewalStore interface {
	LogShards(ctx context.Context) ([]hub.LogShard, error)
	// LogStamps lists time-stamped checkpoints from a size on, by size and time.
	LogStamps(ctx context.Context, origin string, size int64, limit int) ([]hub.LogStamp, error)
	// LogRenewals lists the further tokens of the stamp of that size and time, in order.
	LogRenewals(ctx context.Context, origin string, size int64, stamped time.Time) ([]hub.LogRenewal, error)
	// AddLogRenewal MUST keep both, durably when it returns, or nothing. A renewal that
	// is not the next one of its stamp is KindConflict.
	AddLogRenewal(ctx context.Context, renewal hub.LogRenewal, note hub.LogNote) error
}

// RenewalAuthority gives time-stamp tokens by the digest that is asked for.
type RenewalAuthority interface {
	// Stamp returns a token over content that leads to the authority's anchors. Its
	// errors may pass.
	Stamp(ctx context.Context, hash crypto.Hash, content []byte) (hub.TimeToken, error)
}

// Tokens looks at time-stamp tokens. What it refuses is KindUntrusted.
type Tokens interface {
	// Intact fails unless a token is one over the content, signed as it says.
	Intact(token, content []byte) error
	// End returns when a token stops proving anything by itself.
	End(token []byte) (hub.TokenEnd, error)
}

// Renewer has checkpoints time-stamped again before their time-stamps stop proving
// anything: the new token is over the note of the checkpoint and all tokens that it has,
// one behind the other. It promises: a renewal and its note in the log are kept together,
// nothing that is kept changes, and a token that would prove nothing more is not kept.
// Whatever interrupts it, the next run goes on where it was.
type Renewer struct {
	Store     RenewalStore
	Rehashes  RehashStore // whose tokens are renewed, too; what a lasting one holds is not due
	Authority RenewalAuthority
	Tokens    Tokens
	Now       func() time.Time
	NewID     func() string
}

// RenewalOrder says what to renew, and how.
type RenewalOrder struct {
	Before time.Time   // what ends before it is due
	All    bool        // all is due that the authority can make last longer
	Shard  string      // name of one shard; empty: all
	Hash   crypto.Hash // SHA-256, SHA-384 or SHA-512; of the new tokens
	DryRun bool        // say what is due and ask nobody
	// Done is told after each stamp that was looked at; nil for nobody.
	Done func(summary *RenewalSummary)
}

// RenewalSummary is what was found and done.
type RenewalSummary struct {
	Stamps  int64 `json:"time_stamps"` // that were looked at
	Due     int64 `json:"due"`
	Renewed int64 `json:"renewed"`
	// Useless counts those due that the authority cannot help: its own certificate or
	// algorithm ends no later than what they have.
	Useless  int64            `json:"no_gain"`
	Found    int64            `json:"found"`    // time-stamps that can't be renewed
	Findings []RenewalFinding `json:"findings"` // the first of them
}

// RenewalFinding is a time-stamp that can't be renewed.
type RenewalFinding struct {
	Rule    string    `json:"rule"` // too_late, not_intact or too_many
	Origin  string    `json:"origin"`
	Size    int64     `json:"size"`
	Stamped time.Time `json:"stamped"`
	Message string    `json:"message"`
}

// RenewalFact is the body of a note of LogNoteRenewal: which tokens were renewed by which.
type RenewalFact struct {
	Origin  string       `json:"origin"`
	Size    int64        `json:"size"`
	Stamped time.Time    `json:"stamped"`
	Number  int          `json:"number"`
	Note    hub.Digest   `json:"note_sha256"`   // of the signed checkpoint
	Earlier []hub.Digest `json:"tokens_sha256"` // in order
	Token   hub.Digest   `json:"token_sha256"`
	Hash    string       `json:"hash"` // by which the token names the bytes before it
	Time    time.Time    `json:"time"` // of the token
}

const (
	// stampPage is how many stamps are read at once.
	stampPage = 100
	// maxRenewalFindings bounds what a summary names; all are counted.
	maxRenewalFindings = 100
)

// renewing is one run.
type renewing struct {
	*Renewer
	RenewalOrder
	RenewalSummary
	// reach is the end of what the authority gave when that was no gain: what ends no
	// earlier it need not be asked for.
	reach time.Time
	// rehashes are those of the shard that is looked at.
	rehashes []hub.LogRehash
}

// Renew renews what is due, oldest shard and smallest checkpoint first. Its error ends
// the run; the summary tells what was done until then, and the next run does the rest.
func (r *Renewer) Renew(ctx context.Context, order RenewalOrder) (RenewalSummary, error) {
	run := &renewing{Renewer: r, RenewalOrder: order, RenewalSummary: RenewalSummary{Findings: []RenewalFinding{}}}
	shards, err := r.Store.LogShards(ctx)
	if err != nil {
		return run.RenewalSummary, err
	}
	known := order.Shard == ""
	for i := range shards {
		if order.Shard != "" && ShardName(shards[i].Origin) != order.Shard {
			continue
		}
		known = true
		if err := run.shard(ctx, shards[i].Origin); err != nil {
			return run.RenewalSummary, err
		}
	}
	if !known {
		return run.RenewalSummary, hub.Errorf(hub.KindNotFound, "shard", "", "there is no log %.40q", order.Shard)
	}
	return run.RenewalSummary, nil
}

// shard goes through the stamps of a shard, page by page, and through its rehashes.
func (r *renewing) shard(ctx context.Context, origin string) error {
	var err error
	if r.rehashes, err = r.Rehashes.LogRehashes(ctx, origin); err != nil {
		return err
	}
	told := func(err error) error {
		if err == nil && r.Done != nil {
			r.Done(&r.RenewalSummary)
		}
		return err
	}
	err = eachStamp(ctx, r.Store, origin, func(stamp *hub.LogStamp) error { return told(r.stamp(ctx, stamp)) })
	for i := range r.rehashes {
		if err == nil && r.rehashes[i].Finished() {
			err = told(r.renewRehash(ctx, &r.rehashes[i]))
		}
	}
	return err
}

// renewRehash renews the tokens of a rehash if that is due.
func (r *renewing) renewRehash(ctx context.Context, rehash *hub.LogRehash) error {
	r.Stamps++
	stands := &hub.LogStamp{Origin: rehash.Origin, Size: rehash.Size, Time: rehash.Tokens[0].Time} // in findings
	built := hub.LogRehash{Head: rehash.Head}
	for _, token := range rehash.Tokens {
		if err := r.Tokens.Intact(token.DER, rehashCovered(&built)); err != nil {
			r.found(stands, "not_intact", "rehash %d: %v", rehash.Number, err)
			return nil
		}
		built.Tokens = append(built.Tokens, token)
	}
	last := rehash.Tokens[len(rehash.Tokens)-1]
	end, err := r.Tokens.End(last.DER)
	if err != nil {
		r.found(stands, "not_intact", "rehash %d: %v", rehash.Number, err)
		return nil
	}
	if !r.due(stands, end, time.Time{}, len(rehash.Tokens)) || r.DryRun {
		return nil
	}
	after, err := (&Rehasher{Store: r.Rehashes, Authority: r.Authority, Tokens: r.Tokens, Now: r.Now, NewID: r.NewID}).stampRehash(ctx, r.Hash, rehash, last.Time, end)
	switch {
	case err != nil && hub.KindOf(err) != hub.KindConflict:
		return err
	case err == nil && after.At.IsZero():
		r.Useless++
	case err == nil:
		r.Renewed++
	}
	return nil
}

// Due reports whether a time-stamp is to be renewed before a day: it ends by then, and so
// does what else holds it (zero: nothing). A later one over a greater checkpoint does not
// stand in for it: that one proves a later time.
func Due(end, held, before time.Time) bool { return end.Before(before) && held.Before(before) }

// due reports whether something that ends then is to be renewed, and says why it is too
// late for it. What something else holds is not due before that ends as well.
func (r *renewing) due(stamp *hub.LogStamp, end hub.TokenEnd, held time.Time, tokens int) bool {
	switch {
	case !r.All && !Due(end.At, held, r.Before):
		return false
	case !end.At.After(r.Now()):
		if !held.After(r.Now()) {
			r.found(stamp, "too_late", "its last token stopped proving anything on %s: %s", end.At.UTC().Format(time.DateOnly), end.Why)
		}
		return false
	case tokens > hub.MaxLogRenewals:
		r.found(stamp, "too_many", "it has %d renewals, and no more are kept", hub.MaxLogRenewals)
		return false
	}
	r.Due++
	return true
}

// stamp renews one if it is due.
func (r *renewing) stamp(ctx context.Context, stamp *hub.LogStamp) error {
	r.Stamps++
	tokens, last, err := r.chain(ctx, stamp)
	if err != nil {
		return err
	}
	content, problem := r.covered(stamp, tokens)
	if problem != nil {
		r.found(stamp, "not_intact", "%s", problem)
		return nil
	}
	end, err := r.Tokens.End(tokens[len(tokens)-1])
	switch {
	case err != nil:
		r.found(stamp, "not_intact", "%v", err)
		return nil
	case !r.due(stamp, end, heldUntil(r.rehashes, r.Tokens, stamp), len(tokens)):
		return nil
	case !r.reach.IsZero() && !r.reach.After(end.At):
		r.Useless++
		return nil
	case r.DryRun:
		return nil
	}
	return r.renew(ctx, stamp, tokens, content, last, end)
}

// chain returns all tokens of a stamp, and the time of the last one.
func (r *renewing) chain(ctx context.Context, stamp *hub.LogStamp) (tokens [][]byte, last time.Time, err error) {
	renewals, err := r.Store.LogRenewals(ctx, stamp.Origin, stamp.Size, stamp.Time)
	tokens, last = [][]byte{stamp.Token}, stamp.Time
	for i := range renewals {
		tokens, last = append(tokens, renewals[i].Token), renewals[i].Time
	}
	return tokens, last, err
}

// covered returns what the next token is over, if each token is one over those before it:
// a renewal of something that was changed would make it look old.
func (r *renewing) covered(stamp *hub.LogStamp, tokens [][]byte) ([]byte, error) {
	content := bytes.Clone(stamp.Note)
	for _, token := range tokens {
		if err := r.Tokens.Intact(token, content); err != nil {
			return nil, err
		}
		content = append(content, token...)
	}
	return content, nil
}

// renew asks for a token and keeps it if it proves more than those there are.
func (r *renewing) renew(ctx context.Context, stamp *hub.LogStamp, tokens [][]byte, content []byte, last time.Time, end hub.TokenEnd) error {
	token, err := r.Authority.Stamp(ctx, r.Hash, content)
	if err != nil {
		return err
	}
	if err := r.Tokens.Intact(token.DER, content); err != nil {
		return err
	}
	next, err := r.Tokens.End(token.DER)
	switch {
	case err != nil:
		return err
	case token.Time.Before(last) || token.Time.After(end.At):
		return hub.Errorf(hub.KindUnavailable, "tsa", "clock", "the authority says that it is %s; the tokens of %s over %d entries can be renewed between %s and %s",
			token.Time.UTC().Format(time.RFC3339), stamp.Origin, stamp.Size, last.UTC().Format(time.RFC3339), end.At.UTC().Format(time.RFC3339))
	case !next.At.After(end.At):
		r.reach = next.At
		r.Useless++
		return nil
	}
	fact := RenewalFact{
		Origin: stamp.Origin, Size: stamp.Size, Stamped: stamp.Time, Number: len(tokens),
		Note: sha256.Sum256(stamp.Note), Token: sha256.Sum256(token.DER), Hash: r.Hash.String(), Time: token.Time,
	}
	for _, earlier := range tokens {
		fact.Earlier = append(fact.Earlier, sha256.Sum256(earlier))
	}
	renewal := hub.LogRenewal{Origin: stamp.Origin, Size: stamp.Size, Stamped: stamp.Time, Number: len(tokens), Token: token.DER, Time: token.Time}
	note, err := NewNote(hub.LogNoteRenewal, fact, r.NewID(), r.Now())
	if err != nil {
		return err
	}
	switch err := r.Store.AddLogRenewal(ctx, renewal, note); {
	case err == nil:
		r.Renewed++
	case hub.KindOf(err) != hub.KindConflict: // else another run was faster
		return err
	}
	return nil
}

func (r *renewing) found(stamp *hub.LogStamp, rule, format string, args ...any) {
	r.Found++
	if len(r.Findings) < maxRenewalFindings {
		r.Findings = append(r.Findings, RenewalFinding{rule, stamp.Origin, stamp.Size, stamp.Time, fmt.Sprintf(format, args...)})
	}
}
