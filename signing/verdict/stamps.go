package verdict

import (
	"crypto"
	"time"
)

// Token is a signature timestamp (RFC 3161, DER) as it came with a signature that is
// not a PDF's, and the bytes that it must have been made for.
type Token struct{ DER, Stamped []byte }

// JudgeTokens judges the timestamps that came with a signature and returns those that
// count. Nobody signed which of them are there: one that was made for other bytes was
// put there to deceive, one of an authority that is not trusted does not count. A nil
// judge leaves them unjudged.
func (s *Signature) JudgeTokens(tokens []Token, judge TokenJudge, along Material) []Stamp {
	var stamps []Stamp
	for _, token := range tokens {
		if judge == nil {
			s.Skip("signature timestamp", "its authority was not judged")
			continue
		}
		stamp := judge(token.DER, func(hash crypto.Hash) []byte {
			h := hash.New()
			h.Write(token.Stamped)
			return h.Sum(nil)
		}, along, time.Time{})
		switch {
		case stamp.Problem == nil:
			s.Check("signature timestamp", stamp.Time.Format(time.RFC3339), nil)
			stamps = append(stamps, stamp)
		case stamp.Problem.Indication == Failed:
			s.Check("signature timestamp", "", stamp.Problem)
		default:
			s.Skip("signature timestamp", "it does not count: "+stamp.Problem.Reason)
		}
	}
	return stamps
}

// Raise lifts a signature of level B-B to what timestamps and material prove: B-T with
// a timestamp, B-LT if path and revocation of the signer and of the timestamp could be
// judged from what came along alone.
func (s *Signature) Raise(stamps []Stamp) {
	if s.Level != "B-B" || len(stamps) == 0 {
		return
	}
	s.Level = "B-T"
	for _, stamp := range stamps {
		if s.Complete && stamp.Complete {
			s.Level = "B-LT"
		}
	}
}
