package sqlite

import (
	"strings"

	"github.com/lienthong/lienthong/storage/internal/sqlkit"
)

// condition gathers the terms of a WHERE clause.
type condition struct {
	terms []string
	args  []any
}

func (c *condition) add(term string, args ...any) {
	c.terms = append(c.terms, term)
	c.args = append(c.args, args...)
}

// words adds one LIKE for each folded word of a search: all must be contained.
func (c *condition) words(column, text string) {
	for _, pattern := range sqlkit.Patterns(text) {
		c.add(column+` LIKE ? ESCAPE '\'`, pattern)
	}
}

func (c *condition) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}
