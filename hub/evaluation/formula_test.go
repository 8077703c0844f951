package evaluation

import (
	"math/big"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
)

func known(name string) bool { return strings.Contains(" a b zero none value ", " "+name+" ") }

func numbers() map[string]*big.Rat {
	return map[string]*big.Rat{"a": big.NewRat(3, 1), "b": big.NewRat(8, 1), "zero": new(big.Rat)}
}

// TestFormula: arithmetic is exact, and what is not known or divides by zero has no value.
func TestFormula(t *testing.T) {
	for text, want := range map[string]string{
		"1": "1.00", "a + b * 2": "19.00", "(a + b) * 2": "22.00", "100 * a / b": "37.50", "a - b - 1": "-6.00", "b / a / 2": "1.33", "0.1 + 0.2": "0.30", "min(a, b, 5)": "3.00", "max(a,b)": "8.00",
		"2 / 3": "0.67", "1.005 * 1": "1.01", "none": "", "a / zero": "", "none * 0": "", "min(a, none)": "", "a / (b - 8)": "", "((((a))))": "3.00", " a\t+\nb ": "11.00",
	} {
		f, err := parse(text, known)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if got := rounded(f.eval(numbers())); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
	for text, rule := range map[string]string{
		"": "formula", "a +": "formula", "a b": "formula", "(a": "formula", "a)": "formula", "x": "unknown_fact", "exec(a)": "function", "min()": "formula", "min(a": "formula", "1..2": "number", "1.": "number",
		"1234567890123": "number", "-a": "formula", "a; b": "formula", "A": "formula", "a ** b": "formula", "1e9": "formula",
		strings.Repeat("(", 30) + "a" + strings.Repeat(")", 30): "formula", strings.Repeat("a+", 300) + "a": "max_length",
	} {
		if _, err := parse(text, known); hub.KindOf(err) != hub.KindInvalid || hub.ViolationsOf(err)[0].Rule != rule {
			t.Errorf("%q: %v, want the rule %s", text, err, rule)
		}
	}
}

// FuzzFormula: whatever is read gives an answer and no panic.
func FuzzFormula(f *testing.F) {
	for _, text := range []string{"100 * a / b", "min(a, b, (1))", "a / zero", "((", "1.5e"} {
		f.Add(text)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		if made, err := parse(text, known); err == nil {
			rounded(made.eval(numbers()))
			made.missing(numbers())
		}
	})
}
