// Package hubtest is a hub's surroundings in memory: stores, content, clock, ids,
// a directory of sample agencies, a notary and a verifier, and builders for
// submissions. The services are tested with it, and so is everything that wants a
// hub without a disk.
//
// Memory and Blobs keep the promises that the ports of the services make, as the
// stores on disk do; only durability is missing. What goes in and what comes out
// are copies, so that nobody can change a row by accident. Nothing here is safe
// for production: seals are no signatures.
//
// Agencies below the province, their codes and all people are fictional (hư cấu).
package hubtest
