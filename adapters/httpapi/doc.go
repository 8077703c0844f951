// Package httpapi serves the REST API v1 that schemas/openapi.yaml describes.
//
// It promises:
//
//   - Nothing is answered without a valid key except the routes of the table in
//     routes.go that are marked public. Scopes are checked here; what an actor may
//     see and do is decided once more by the services, which get it as an argument.
//   - Bodies stream. Files of a submission go from the connection to the blob
//     store; nothing is spooled, and when anything fails every blob that was begun
//     is discarded. Every body has a limit on its size, after decompression too.
//   - A slow peer may take as long as it likes while it makes progress; one that
//     does not is cut off. Above its budgets the hub answers 429 with Retry-After
//     before it hurts anybody.
//   - Content goes out as it came in: when stored bytes do not have their digest,
//     the connection is broken off and never ends as if all were well.
//   - Receipts in answers are the sealed bytes, unchanged.
//   - Every error is application/problem+json with field and rule. The text of an
//     internal failure goes to the log and never to the client; the request id
//     connects the two. Neither bodies nor credentials nor personal data are logged.
//
// The caller owns the http.Server: it sets ReadHeaderTimeout, IdleTimeout and
// MaxHeaderBytes, leaves ReadTimeout and WriteTimeout at zero (this package sets
// deadlines by progress), and closes Options.Stopping when it begins to shut down,
// which ends long polls and event streams.
package httpapi
