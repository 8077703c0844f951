// Package pdfsig finds and checks the signatures of PDF files, and makes them.
//
// Verify reads a file strictly and judges every signature of it:
//
//   - structure: header at the first byte, one chain of cross-reference tables or
//     streams (linearized files included), every object where the chain says and in
//     the revision that defines it, nothing behind the last end mark. Nothing is
//     repaired. A file that leaves this grammar and holds the text of a byte range is
//     TOTAL-FAILED; without such text it has no signature.
//   - coverage: the byte range is exactly the whole revision of the signature's
//     dictionary without the value (function gate).
//   - later revisions: compared object by object; what no rule allows is a change of
//     the document (type diff). Further signatures, validation data, document
//     timestamps, declared extensions and what a producer says about itself are
//     allowed. Filled forms, annotations, tags and everything unknown are not.
//   - message: package cms, over a digest that is streamed in one pass for all
//     signatures of the file.
//   - signer: package trust, at the time of the caller, never the claimed one.
//
// Memory does not depend on the size of the file: objects are read through a small
// window when they are asked for, streams other than structural ones are never
// decoded, and every count, depth and expansion has a bound. What is above a bound
// is refused or left undecided, never read in part.
//
// Sign makes an approval signature of the older form adbe.pkcs7.detached with the
// library digitorus/pdfsign; its own limits are named there.
//
// Limits of this version: document and signature timestamps are noted and not
// evaluated; permissions of a certification are honoured only as far as "no
// changes" (P 1); field locks need no rule, because filled forms are refused
// anyway; encrypted files, hybrid cross-references and BER encoded messages are not
// supported; scripts and other dynamic content of the signed revision are not
// reported.
package pdfsig
