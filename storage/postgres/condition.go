package postgres

import (
	"fmt"
	"strconv"
	"strings"
)

// condition gathers the terms of a WHERE clause and the arguments of its statement.
type condition struct {
	terms []string
	args  []any
}

// arg adds an argument and returns its placeholder.
func (c *condition) arg(value any) string {
	c.args = append(c.args, value)
	return "$" + strconv.Itoa(len(c.args))
}

// add adds a term in which %s stands for each value in turn.
func (c *condition) add(term string, values ...any) {
	places := make([]any, len(values))
	for i, value := range values {
		places[i] = c.arg(value)
	}
	c.terms = append(c.terms, fmt.Sprintf(term, places...))
}

func (c *condition) where() string {
	if len(c.terms) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.terms, " AND ")
}
