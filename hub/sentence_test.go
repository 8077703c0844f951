package hub_test

import (
	"errors"
	"fmt"
	"reflect"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

// TestSaidOf: a code is the field without its places and the rule, or the kind; values are
// what stands in the message, without what others said; nothing of an inner failure leaves.
func TestSaidOf(t *testing.T) {
	cause := errors.New("dial tcp 10.1.2.3: refused")
	for _, test := range []struct {
		err  error
		want hub.Sentence
	}{
		{hub.Errorf(hub.KindUnavailable, "", "disk", "%d MiB are free, %d are needed", 12, 256), hub.Sentence{Code: "disk", Values: []string{"12", "256"}}},
		{fmt.Errorf("telling: %w", hub.Invalid("recipients[2].code", "closed", "%s is closed: %v", "H47", cause)), hub.Sentence{Code: "recipients.code.closed", Values: []string{"H47"}}},
		{hub.Errorf(hub.KindBusy, "box", "", "too many"), hub.Sentence{Code: "busy"}},
		{hub.Violations{hub.Invalid("a", "required", "a is missing"), hub.Invalid("b", "required", "b is missing")}, hub.Sentence{Code: "a.required"}},
		{hub.Internal("open the file", cause), hub.Sentence{Code: "internal"}},
		{cause, hub.Sentence{Code: "internal"}},
	} {
		if got := hub.SaidOf(test.err); !reflect.DeepEqual(*got, test.want) {
			t.Errorf("%v: %+v, want %+v", test.err, *got, test.want)
		}
	}
}
