// Package badinput holds the table of bad input: what foreign systems get wrong
// or try on purpose, sent to a real hub over HTTP, each row with the exact answer
// that the hub must give (status, kind, field, rule) and whether a signed
// SubmissionRejection must exist afterwards. After every row the store must be
// unchanged apart from that evidence. Everything here is test code; the rows are
// in testdata/*.json.
package badinput
