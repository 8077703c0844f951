package sqlkit

import (
	"cmp"
	"slices"

	"github.com/lienthong/lienthong/hub"
)

// SortFeedback orders feedback by agency and id: in this order all lock it.
func SortFeedback(list []hub.Feedback) []hub.Feedback {
	return slices.SortedFunc(slices.Values(list), func(a, b hub.Feedback) int {
		return cmp.Or(cmp.Compare(a.Agency, b.Agency), cmp.Compare(a.ID, b.ID))
	})
}

// Answers reports whether feedback brings the answer to a complaint that stands without one.
// KindConflict when it is another.
func Answers(stands, now *hub.Feedback) (bool, error) {
	was := *stands
	was.Answered = now.Answered
	switch {
	case *stands == *now, was == *now && now.Answered.IsZero(): // the same, or told late
		return false, nil
	case was == *now && stands.Answered.IsZero():
		return true, nil
	}
	return false, hub.Errorf(hub.KindConflict, "id", "taken", "the id %q was fed with something else", now.ID)
}

// FeedbackValues are the columns agency, id, kind, at, score, due, answered and body.
func FeedbackValues(f *hub.Feedback) ([]any, error) {
	body, err := Encode(f)
	return []any{string(f.Agency), f.ID, string(f.Kind), Micros(f.At), int64(f.Score), orNever(f.Due), orNever(f.Answered), body}, err
}

// FeedbackSumText sums feedback; the places are those of the begin of a period and of the look.
func FeedbackSumText(from, look string) string {
	return `SELECT agency, count(*) FILTER (WHERE kind = 'rating'), count(*) FILTER (WHERE kind = 'rating' AND score >= 4), CAST(sum(score) AS bigint),
	count(*) FILTER (WHERE kind = 'complaint'), count(*) FILTER (WHERE kind = 'complaint' AND (answered < ` + look + ` AND answered <= due OR answered >= ` + look + ` AND due >= ` + look + `)),
	count(*) FILTER (WHERE kind = 'complaint' AND answered < ` + look + `)
	FROM feedback WHERE at >= ` + from + ` AND at < ` + look + ` GROUP BY agency ORDER BY agency`
}

// ScanFeedbackSum reads a row of FeedbackSumText.
func ScanFeedbackSum[R Row](row R) (s hub.FeedbackSum, err error) {
	err = row.Scan((*string)(&s.Agency), &s.Ratings, &s.Satisfied, &s.Points, &s.Complaints, &s.InTime, &s.Answered)
	return s, err
}
