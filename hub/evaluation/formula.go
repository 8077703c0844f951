package evaluation

import (
	"math/big"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// The bounds of a formula.
const (
	maxFormula = 500 // bytes
	maxDepth   = 20  // parentheses and calls within one another
	maxDigits  = 12
)

// formula is an expression over named numbers: + - * /, parentheses, numbers with a decimal
// point, min(a, b, ...) and max(a, b, ...). Its arithmetic is exact, and nothing in it calls,
// assigns or repeats: it ends after as many steps as it has signs.
type formula struct {
	eval  expression
	names []string // that it uses, each once
}

// expression gives a value; nil where a name has none, or something is divided by zero.
type expression func(facts map[string]*big.Rat) *big.Rat

// parse reads a formula. Errors are of KindInvalid with the field left empty.
func parse(text string, known func(name string) bool) (*formula, error) {
	p := &parser{rest: text, known: known}
	if len(text) > maxFormula {
		return nil, hub.Invalid("", "max_length", "a formula has at most %d characters", maxFormula)
	}
	e := p.sum(0)
	p.space()
	if p.err == nil && p.rest != "" {
		p.fail("formula", "%.20q is not expected there", p.rest)
	}
	if p.err != nil {
		return nil, p.err
	}
	return &formula{e, p.names}, nil
}

// missing are the names of a formula that have no value.
func (f *formula) missing(facts map[string]*big.Rat) []string {
	var list []string
	for _, name := range f.names {
		if facts[name] == nil {
			list = append(list, name)
		}
	}
	return list
}

type parser struct {
	rest  string
	known func(string) bool
	names []string
	err   error
}

func (p *parser) fail(rule, format string, args ...any) expression {
	if p.err == nil {
		p.err = hub.Invalid("", rule, format, args...)
	}
	return func(map[string]*big.Rat) *big.Rat { return nil }
}

func (p *parser) space() { p.rest = strings.TrimLeft(p.rest, " \t\n") }

// takes reports whether one of the signs comes next, and takes it.
func (p *parser) takes(signs string) byte {
	p.space()
	if p.rest == "" || strings.IndexByte(signs, p.rest[0]) < 0 {
		return 0
	}
	sign := p.rest[0]
	p.rest = p.rest[1:]
	return sign
}

// word takes the signs that come next and are in the set.
func (p *parser) word(in func(byte) bool) string {
	n := 0
	for n < len(p.rest) && in(p.rest[n]) {
		n++
	}
	word := p.rest[:n]
	p.rest = p.rest[n:]
	return word
}

func (p *parser) sum(depth int) expression {
	left := p.product(depth)
	for {
		switch sign := p.takes("+-"); sign {
		case '+':
			left = both(left, p.product(depth), (*big.Rat).Add)
		case '-':
			left = both(left, p.product(depth), (*big.Rat).Sub)
		default:
			return left
		}
	}
}

func (p *parser) product(depth int) expression {
	left := p.atom(depth)
	for {
		switch sign := p.takes("*/"); sign {
		case '*':
			left = both(left, p.atom(depth), (*big.Rat).Mul)
		case '/':
			left = quotient(left, p.atom(depth))
		default:
			return left
		}
	}
}

func both(left, right expression, op func(z, x, y *big.Rat) *big.Rat) expression {
	return func(facts map[string]*big.Rat) *big.Rat {
		a, b := left(facts), right(facts)
		if a == nil || b == nil {
			return nil
		}
		return op(new(big.Rat), a, b)
	}
}

func quotient(left, right expression) expression {
	return func(facts map[string]*big.Rat) *big.Rat {
		a, b := left(facts), right(facts)
		if a == nil || b == nil || b.Sign() == 0 {
			return nil
		}
		return new(big.Rat).Quo(a, b)
	}
}

func (p *parser) atom(depth int) expression {
	p.space()
	switch {
	case p.err != nil || depth > maxDepth:
		return p.fail("formula", "a formula has at most %d parentheses within one another", maxDepth)
	case p.rest == "":
		return p.fail("formula", "the formula ends where a number or a name is expected")
	case p.takes("(") != 0:
		e := p.sum(depth + 1)
		if p.takes(")") == 0 {
			return p.fail("formula", "a parenthesis is not closed")
		}
		return e
	case isDigit(p.rest[0]):
		return p.number()
	case isLetter(p.rest[0]):
		name := p.word(func(b byte) bool { return isLetter(b) || isDigit(b) || b == '_' })
		if p.takes("(") != 0 {
			return p.call(name, depth)
		}
		if !p.known(name) {
			return p.fail("unknown_fact", "there is no fact %.40q", name)
		}
		if !slices.Contains(p.names, name) {
			p.names = append(p.names, name)
		}
		return func(facts map[string]*big.Rat) *big.Rat { return facts[name] }
	}
	return p.fail("formula", "%.20q is not expected there", p.rest)
}

func isDigit(b byte) bool  { return b >= '0' && b <= '9' }
func isLetter(b byte) bool { return b >= 'a' && b <= 'z' }

func (p *parser) number() expression {
	text := p.word(func(b byte) bool { return isDigit(b) || b == '.' })
	n, ok := decimal(text)
	if !ok {
		return p.fail("number", "%.20q is no number with at most %d digits", text, maxDigits)
	}
	return func(map[string]*big.Rat) *big.Rat { return n }
}

// decimal reads digits with at most one point between them.
func decimal(text string) (*big.Rat, bool) {
	whole, part, point := strings.Cut(text, ".")
	digits := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	if len(text) > maxDigits || !digits(whole) || point && !digits(part) {
		return nil, false
	}
	return new(big.Rat).SetString(text)
}

// call reads the arguments of a function, of which the opening parenthesis was taken.
func (p *parser) call(name string, depth int) expression {
	want := map[string]int{"min": -1, "max": 1}[name]
	if want == 0 {
		return p.fail("function", "there is no function %.20q, only min and max", name)
	}
	args := []expression{p.sum(depth + 1)}
	for p.takes(",") != 0 {
		args = append(args, p.sum(depth+1))
	}
	if p.takes(")") == 0 {
		return p.fail("formula", "a parenthesis is not closed")
	}
	return func(facts map[string]*big.Rat) *big.Rat {
		var best *big.Rat
		for _, arg := range args {
			v := arg(facts)
			if v == nil {
				return nil
			}
			if best == nil || v.Cmp(best) == want {
				best = v
			}
		}
		return best
	}
}

// rounded is a number with two decimals, half away from zero; "" for none.
func rounded(n *big.Rat) string {
	if n == nil {
		return ""
	}
	return n.FloatString(2)
}
