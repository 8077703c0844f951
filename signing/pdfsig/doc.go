// Package pdfsig finds and checks the signatures of PDF files, and makes them.
//
// Verify reads a file strictly and judges every signature of it:
//
//   - structure: header at the first byte, one chain of cross-reference tables or
//     streams (linearized files included; hybrid ones if both views agree), every
//     object where the chain says and no later than the revision that defines it,
//     nothing behind the last end mark. Nothing is repaired. A file that leaves this
//     grammar and holds the text of a byte range is TOTAL-FAILED; without such text
//     it has no signature.
//   - coverage: the byte range is exactly the whole revision of the signature's
//     dictionary without the value (function gate).
//   - later revisions: compared object by object; what no rule knows is a change of
//     the document (type diff). Further signatures, values of form fields, validation
//     data, document timestamps, declared extensions, tags and what a producer says
//     about itself are known; whether the signature, the certification of the
//     document or a lock permits them is decided after that (type permission).
//   - message: package cms, over a digest that is streamed in one pass for all
//     signatures and document timestamps of the file.
//   - signer: package trust, at the best signature time that timestamps prove, else at
//     the time of the caller; never the claimed one.
//
// Accepted behind a signature, because signers and readers really write it, and what
// the signer saw stays as it was:
//
//   - a revision that changes nothing, or writes objects anew with the same content;
//   - objects that nothing of the signed document refers to;
//   - the document security store, with its lists for single signatures: it proves
//     itself, and must stay a store;
//   - document timestamps over their own revision, in a field that shows nothing: they
//     name no signer who would answer for it;
//   - signatures over their own revision, in an empty field that was there, with an
//     appearance in its place, or in a new field, alone or in a group: one that shows something must not
//     cover half of a page nor most of another annotation, and must not follow a
//     certification (there the author said what may be shown). What is only kept from
//     the screen shows something, because it is printed;
//   - empty signature fields that show nothing, or that are signed by now;
//   - values of fields that are not read-only, with an appearance made for them: of
//     empty fields, and of filled ones too where a certification or the locks of the
//     signature say which fields may change; never of one that takes half of a page;
//   - notes as small icons, at level 3 of a certification alone;
//   - extensions that are declared in addition or at a higher level, a version, XMP
//     metadata, and of the document information the producer, the creator and times;
//   - default resources of the form that grow, tags for new fields, the order of tabs,
//     the time of a change, and the mark that iText leaves in the page tree.
//
// A certification of level 1, or a lock with that level, permits validation
// data, document timestamps and declarations only. Everything else is a change of the document.
//
// Revision gives back the document as a signer left it. Findings tell what could
// change although it is signed: scripts, XFA, content from outside.
//
// Lines gives the text of a page, for reading and for no verdict.
//
// Memory does not depend on the size of the file: objects are read through a small
// window when they are asked for, streams are decoded only where structure or
// validation data is in them, and every count, depth and expansion has a bound. What
// is above a bound is refused or left undecided, never read in part. Where only what
// later revisions added is above it, they changed the document: nobody can hide a
// change behind a mass of additions.
//
// An object that cannot be read strictly and was signed like that does no harm as long as
// nothing follows. Behind it, a change that is seen is one, and all else is INDETERMINATE.
//
// Sign appends signatures. Those of the PAdES baseline (B-B, B-T, B-LT, B-LTA) are written
// here, with the strict reader and the rules above: what they would forbid, and what
// the reader does not read, is refused before the key is used. The older form
// adbe.pkcs7.detached is made with the library digitorus/pdfsign; its own limits are
// named there.
//
// Limits of this version: signatures of encrypted files are INDETERMINATE unless
// their bytes prove a change or the file was encrypted later; the older forms on SHA-1 prove a change or are
// INDETERMINATE; who made a timestamp is judged by the TokenJudge of the caller.
package pdfsig
