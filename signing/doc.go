// Package signing is the façade of everything that signs and verifies: a Sealer
// that signs the evidences of a hub, AgencySeals that put the seals of agencies on PDF
// files, and a Verifier that says of a file who signed it and with what verdict.
//
// The rooms below it do one thing each, know nothing of the hub and can be tested
// alone: pdfsig (signatures in PDF files), cms (their cryptographic message), tsp
// (timestamps), trust (paths to configured anchors), xmldsig (XML signatures of
// envelopes), c14n (XML in canonical form), asic (signature containers), appearance
// (what a visible signature shows), token (where the key that signs is kept), jose
// (canonical JSON and JSON Web Signatures), pki (a throw-away test PKI), verdict
// (the words they share). This package turns their findings into hub types.
//
// A verdict has three values. TOTAL-PASSED is said only when every check of the
// policy held; TOTAL-FAILED only when something is provably wrong (bytes changed,
// structure manipulated, value does not verify); everything else is INDETERMINATE
// with the sub-indication that names what is missing. An error from the Verifier
// means that no verdict could be made (an I/O failure), never that a signature is
// bad.
//
// A signature is judged at the best signature time: the earliest time that a trusted
// timestamp, or the receipt of a hub, proves it to have existed at, else the time of the
// validation; never the time that it claims. An Examination holds the material that a
// verdict was made from; from that the same report comes out again years later.
// Nothing is ever fetched from the network and no system root is ever trusted.
package signing
