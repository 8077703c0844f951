package pdfsig

import (
	"errors"
	"fmt"
)

// SignError says why a file, or a request, cannot be signed. Nothing was signed.
type SignError struct {
	Rule   string // "structure", "encrypted", "hybrid", "permission", "field", "page", "appearance", "level", "key", "size"
	Reason string // one sentence for a person
}

// Error implements error.
func (e *SignError) Error() string { return "sign PDF: " + e.Reason }

func reject(rule, format string, args ...any) error {
	return &SignError{Rule: rule, Reason: fmt.Sprintf(format, args...)}
}

// asSignError turns what the strict reader says of a file into a refusal to sign it.
func asSignError(err error) error {
	var structure *structureError
	if errors.As(err, &structure) {
		return reject("structure", "the file cannot be read strictly: %s", structure)
	}
	return err
}
