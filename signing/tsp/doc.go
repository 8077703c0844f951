// Package tsp speaks the Time-Stamp Protocol (RFC 3161): it asks an authority for
// tokens, is an authority of its own, and judges tokens.
//
//   - Client asks over HTTP, within a time and a size, with a nonce, and takes only a
//     token that answers its own question.
//   - Authority makes tokens; a hub without a national authority in reach, the
//     demonstration and the tests use it. ServeHTTP is the transport of RFC 3161, 3.4.
//   - Parse reads a token, Over says whether it is for the right bytes.
//
// What a token says is a claim: whether its signer is trusted is for package trust.
package tsp
