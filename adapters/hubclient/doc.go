// Package hubclient is the typed Go client of the REST API v1: one method for
// each operation of schemas/openapi.yaml, over the standard library alone.
//
// It promises:
//
//   - Bodies stream in both directions; memory does not grow with their size.
//   - What it downloads is compared with the digest that the hub announced and
//     with the one that the caller expects; a mismatch is an error of
//     KindUntrusted and never a clean end.
//   - Only idempotent calls are repeated, with growing waits and jitter, and never
//     earlier than Retry-After says. Submissions are idempotent because every one
//     carries an Idempotency-Key.
//   - Every error is a *hub.Error, a hub.Violations, or a *hub.Rejection with the
//     sealed receipt, rebuilt from the problem that the hub answered. The
//     *AnswerError in its tree has the status and the request id for the operator.
//     What went wrong on the way to the hub is of KindUnavailable.
//
// The caller closes nothing and may use one Client from many goroutines. The
// client never follows a redirect, so that a credential goes to the configured
// host only, and it never writes a credential into an error.
package hubclient
