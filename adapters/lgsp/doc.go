// Package lgsp is the provincial API for document exchange (LGSP, truclienthong v1.0.0)
// as programs written against it see it: an application that speaks it connects by
// changing an address and its secrets, nothing else.
//
// It promises what those programs rely on: an access token for client credentials
// (RFC 6749, section 4.4) at the token path; documents and status messages as edXML in
// base64, streamed in and out; results with a status, a code and a description under
// every spelling of their names that a generated client may look for. What stands on the
// wire was never published in full: where a value is looked for is a Profile, and names
// that fit none are logged once, without their values.
//
// A call has an access token, which proves the application, and the secret of a unit,
// which says for which of its agencies it calls. What belongs to others does not exist
// for it. A call that is repeated has the effect of one. Refusals are results with the
// status FAIL, or HTTP errors where the profile says so; a call that is not let in, one
// too many, and failures of the hub are HTTP errors in any case, so that nobody takes
// them for an answer.
package lgsp
