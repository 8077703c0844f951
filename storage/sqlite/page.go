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

// matching adds one LIKE for each typed word of a search: all must be there.
func (c *condition) matching(asked *sqlkit.Asked) {
	for _, pattern := range asked.Patterns {
		c.add("d.search LIKE ?", pattern)
	}
}

func (c *condition) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}
