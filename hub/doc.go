// Package hub is the domain core of lienthong: the types, states, event names
// and error kinds that every other room speaks.
//
// It promises to stay free of input and output, of clocks and of randomness:
// times, identifiers and digests are always arguments. It imports the standard
// library only. Services (directory, intake, delivery, tracking, audit) depend
// on this package; adapters and stores depend on it too; it depends on nobody.
//
// The three layers of state never mix here: DeliveryState is transport,
// StatusCode 01 to 06 is the recipient's business progress, and 13, 15 and 16
// are change requests. See README.md beside this file for the flow of one
// document and the glossary.
package hub
