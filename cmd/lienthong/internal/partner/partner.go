// Package partner plays the system of an agency against a hub, for integrators and for
// those who test a hub: it sends good and bad traffic over one channel and compares what
// comes back with what must. The tests are numbered; deploy/partner.md lists them with the
// answers that are expected.
//
// It acts for one agency, which is sender and recipient of all that it sends, and that
// agency is a test unit (a code with W00) unless its user insists: test units are in no
// list and no search of others, so no register of a working agency sees a test document.
// Every document says of itself in its subject that it is none.
package partner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// Test is one numbered test. Want is what a hub in order answers.
type Test struct {
	Number string `json:"number"`
	Title  string `json:"title"`
	Want   string `json:"want"`
}

// Result is what became of a test.
type Result struct {
	Test
	Got    string        `json:"got"`
	Passed bool          `json:"passed"`
	Took   time.Duration `json:"took"` // nanoseconds
}

// step is a test and what it does: it returns what came back, in the words of Want.
type step struct {
	Test
	do func(ctx context.Context) (string, error)
}

// errNeeds is what a test says that has nothing to go on with.
var errNeeds = errors.New("an earlier test failed")

// stepLimit bounds one test.
const stepLimit = time.Minute

// run runs tests one after the other and tells of each as it ends.
func run(ctx context.Context, steps []step, told func(Result)) []Result {
	results := make([]Result, 0, len(steps))
	for _, s := range steps {
		begun := time.Now()
		limited, cancel := context.WithTimeout(ctx, stepLimit)
		got, err := s.do(limited)
		cancel()
		if err != nil {
			got = strings.TrimSpace(got + " error: " + err.Error())
		}
		r := Result{Test: s.Test, Got: got, Passed: err == nil && got == s.Want, Took: time.Since(begun)}
		results = append(results, r)
		told(r)
	}
	return results
}

func tests(steps []step) []Test {
	list := make([]Test, len(steps))
	for i, s := range steps {
		list[i] = s.Test
	}
	return list
}

// Tests lists all tests, channel by channel.
func Tests() []Test {
	return slices.Concat(tests((&network{}).steps()), tests((&rest{}).steps()), tests((&axis{}).steps()), tests((&province{}).steps()), tests((&province{}).lastSteps()), tests((&broker{}).steps()),
		tests((&folders{}).steps()), tests((&hook{}).steps()), tests((&mail{}).steps()), tests((&member{}).steps()))
}

// Failed reports whether a test failed.
func Failed(results []Result) bool {
	return slices.ContainsFunc(results, func(r Result) bool { return !r.Passed })
}

// WriteTable writes results for a person.
func WriteTable(w io.Writer, results []Result) {
	t := text.Table{Head: []string{"TEST", "RESULT", "MS", "TITLE", "WANT", "GOT"}}
	passed := 0
	for _, r := range results {
		word, got := "FAILED", r.Got
		if r.Passed {
			word, got = "passed", ""
			passed++
		}
		t.Add(r.Number, word, fmt.Sprint(r.Took.Milliseconds()), r.Title, r.Want, got)
	}
	t.Write(w)
	fmt.Fprintf(w, "%d of %d passed\n", passed, len(results))
}

// mark stands before the subject of every document that is sent.
const mark = sample.TestMark

// document is one that is none.
func document(number string) hub.Document { return sample.TestDocument(number, time.Now()) }
