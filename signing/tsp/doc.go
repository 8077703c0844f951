// Package tsp speaks the Time-Stamp Protocol (RFC 3161): it asks an authority for
// tokens, is an authority of its own, and judges tokens.
//
//   - Client asks over HTTP, within a time and a size, with a nonce, and takes only a
//     token that answers its own question.
//   - Authority makes tokens; a hub without a national authority in reach, the
//     demonstration and the tests use it. ServeHTTP is the transport of RFC 3161, 3.4.
//   - Parse reads a token; Judge says whether it proves that some bytes existed at its
//     time.
//
// A token that was not judged proves nothing. Nothing here trusts a certificate because
// it came with a token.
package tsp
