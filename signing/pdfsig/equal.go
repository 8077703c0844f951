package pdfsig

import (
	"bytes"
	"io"
)

// maxComparedStream bounds the streams whose bytes are compared when a revision
// writes one anew; a larger one counts as changed.
const maxComparedStream = 1 << 20

// maxCompared bounds the pairs of objects that are compared for one revision.
const maxCompared = 2_000_000

// comparison tells whether objects of two views mean the same.
type comparison struct {
	before, after view
	compared      int
	err           error
}

// same compares two objects. Equal references are the same (whether their targets
// changed is decided for each target by itself). Other references are the same if
// their targets are, because some writers give an object a new number or put it in
// place of its reference. Streams are never taken for one another.
func (c *comparison) same(a, b object, depth int) bool {
	if c.compared++; depth > maxDepth || c.compared > maxCompared || c.err != nil {
		return false
	}
	left, isRef := a.(ref)
	right, alsoRef := b.(ref)
	if isRef && alsoRef && left == right {
		return true
	}
	if isRef || alsoRef {
		a, b = c.resolve(c.before, a), c.resolve(c.after, b)
		if isStream(a) || isStream(b) {
			return false
		}
	}
	return c.sameDirect(a, b, depth)
}

func (c *comparison) resolve(in view, o object) object {
	resolved, err := in.resolve(o)
	if err != nil {
		c.err = err
	}
	return resolved
}

func isStream(o object) bool {
	_, ok := o.(*stream)
	return ok
}

func (c *comparison) sameDirect(a, b object, depth int) bool {
	switch left := a.(type) {
	case dict:
		right, ok := b.(dict)
		return ok && c.sameDict(left, right, depth)
	case array:
		right, ok := b.(array)
		if !ok || len(left) != len(right) {
			return false
		}
		for i := range left {
			if !c.same(left[i], right[i], depth+1) {
				return false
			}
		}
		return true
	case *text:
		right, ok := b.(*text)
		return ok && bytes.Equal(left.value, right.value)
	case *stream:
		right, ok := b.(*stream)
		return ok && c.sameDict(left.dict, right.dict, depth) && c.sameBytes(left, right)
	case int64, float64:
		return sameNumber(a, b)
	}
	return a == b
}

func (c *comparison) sameDict(a, b dict, depth int) bool {
	for key, value := range a {
		if !c.same(value, b[key], depth+1) {
			return false
		}
	}
	for key, value := range b {
		if _, known := a[key]; !known && value != nil {
			return false
		}
	}
	return true
}

func (c *comparison) sameBytes(a, b *stream) bool {
	left, err := c.before.streamLength(a, &c.before)
	if err != nil {
		c.err = err
		return false
	}
	right, err := c.after.streamLength(b, &c.after)
	if err != nil || left != right || left > maxComparedStream {
		c.err = err
		return false
	}
	first, second := make([]byte, left), make([]byte, left)
	if _, err := io.ReadFull(io.NewSectionReader(c.before.source, a.offset, left), first); err != nil {
		c.err = err
		return false
	}
	if _, err := io.ReadFull(io.NewSectionReader(c.after.source, b.offset, left), second); err != nil {
		c.err = err
		return false
	}
	return bytes.Equal(first, second)
}
