// Package vxp is the national document axis (trục liên thông văn bản quốc gia) as its
// existing clients see it: a system that speaks the protocol of the VXP SDK 2.0 connects
// by changing an address and a secret, nothing else.
//
// It promises what those clients rely on: every answer is HTTP 200 with one JSON object
// whose status, ErrorCode and ErrorDesc are never null; the signature is checked over
// the header as it came, and parameters are taken from what was signed and from nowhere
// else; a call that is repeated has the effect of one; nothing is acknowledged before it
// is durable. Files stream in and out; no document is held in memory.
//
// A system speaks for its agencies alone. What belongs to others does not exist for it.
// The body of a call is no part of the signature: sendEdoc is tied to it by the hash of
// the file, which is therefore required; registerAgency is not tied to it at all, so
// what it asks for is recorded and left to the operator. A captured request can be
// replayed by whoever has it, which the protocol leaves to TLS.
//
// The ids of the axis are those of the hub: sendEdoc answers with the dispatch,
// recipients see their delivery, and status messages the id of the report. Who may do
// what, and what a document must be, is decided by the services behind the ports.
package vxp
