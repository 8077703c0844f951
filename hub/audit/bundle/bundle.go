// Package bundle makes and verifies evidence bundles: one file that shows, years later
// and without any hub, what happened to a document on its way to one recipient.
//
// A bundle is an ASiC-E container. It holds every receipt of the way from the acceptance
// of the submission on, the proof of each that the log held it, the time-stamps over the
// checkpoints of those proofs, the certificates and revocation lists that signatures are
// judged with, what the verdicts on the signatures of the document were made from, and
// the document itself if that was asked for. The hub seals all of it; the seal is the
// packaging and not the evidence, which proves itself.
//
// Verify promises: nothing in a bundle makes anybody trusted. Keys of the log, witnesses
// and roots come from whoever verifies; without them the result is INDETERMINATE and says
// what is missing. It uses no network, reads no clock, and the same inputs give the same
// report. Every byte of a bundle counts: what differs from what was sealed never passes,
// but for the twin that the value of an ECDSA seal has.
//
// The steps are modelled on ETSI EN 319 102-1 and on the verification of receipts in
// signatures of logs (c2sp.org/tlog-proof).
package bundle

import (
	"bytes"
	"fmt"
	"io"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
)

// The files of a bundle. Receipts are numbered from 001 in the order of their chain.
const (
	receiptFolder = "receipts/"
	logFolder     = "log/"
	contentFolder = "content/"

	// PolicyFile holds the keys of the log as the hub names them: a hint to whoever
	// has no policy yet, never used by Verify.
	PolicyFile = "trust/policy.tlog"
	// ChainFile holds the certificates of the hub key, in PEM.
	ChainFile = "trust/hub-chain.pem"
	// AuthorityFile holds the certificates of the time-stamp authorities, in PEM.
	AuthorityFile = "trust/tsa-chain.pem"
	// RevocationFolder holds revocation lists and OCSP responses, in DER, by digest.
	RevocationFolder = "trust/revocation/"
	// TrustListFile is the signed list of authorities in force at the hub.
	TrustListFile = "trust/trustlist.json"
	// AnchorsFile holds the roots in force at the hub where there is no list: a hint.
	AnchorsFile = "trust/anchors.pem"

	// ArchiveFile is what the verdicts on the signatures of the document were made
	// from (hub.ValidationArchive).
	ArchiveFile = "validation/archive.json"
)

// Endings of the files of a receipt, and of others.
const (
	endEvidence  = ".json"        // the bytes that were signed
	endSignature = ".jws"         // detached JWS; of a batch, "~" and the place in it follow
	endProof     = ".tlog-proof"  // c2sp.org/tlog-proof
	endXML       = ".xml"         // optional: the XML form of the receipt, with a XAdES of its own
	endToken     = ".tst"         // RFC 3161, over the checkpoint
	endGrowth    = ".consistency" // one checkpoint is the beginning of another
	endOCSP      = ".ocsp"
	endHead      = ".txt"     // what the tokens of a rehash are over
	endEntries   = ".entries" // that a rehash holds the receipts of the bundle
	endStamps    = ".stamps"  // that a rehash holds the time-stamps and the rehashes before
)

// Bounds.
const (
	maxReceipts  = 300 // three files each, 240 with the XML form; a container has at most 1000
	maxXML       = 240
	maxSmallFile = 1 << 20

	maxReceiptXML = 6 * hub.MaxReceiptSize // as much as there can be of the form of a receipt

	maxRehashes  = 16       // of a shard
	maxProofs    = 8 << 20  // bytes; of a file of proofs of a rehash
	maxAllProofs = 64 << 20 // bytes; of all such files of a bundle

	// MaxRevocation is the most bytes of a revocation list or response in a bundle, and
	// MaxMaterial that of all together.
	MaxRevocation = 8 << 20
	MaxMaterial   = 32 << 20
)

// File is one file of a bundle.
type File struct {
	Name      string
	MediaType string
	Content   io.ReaderAt
	Size      int64 // bytes
}

// Bytes returns a file of that content.
func Bytes(name, mediaType string, content []byte) File {
	return File{name, mediaType, bytes.NewReader(content), int64(len(content))}
}

// receiptName is the name of the n-th receipt, from 1, without an ending.
func receiptName(n int, event hub.Event) string {
	return fmt.Sprintf("%s%03d-%s", receiptFolder, n, safeName(event.Name()))
}

// tokenName is the file of the token over a checkpoint.
func tokenName(c *audit.Checkpoint) string {
	return fmt.Sprintf("%s%s-%d%s", logFolder, safeName(audit.ShardName(c.Origin)), c.Size, endToken)
}

// renewalName is the file of the n-th token, from 1, over a checkpoint and the tokens
// before it; of the token itself for 0.
func renewalName(token string, n int) string {
	if n == 0 {
		return token
	}
	return fmt.Sprintf("%s-renewal-%02d%s", strings.TrimSuffix(token, endToken), n, endToken)
}

// rehashName is the beginning of the files of a rehash of a shard.
func rehashName(shard string, number int) string {
	return fmt.Sprintf("%s%s-rehash-%02d", logFolder, safeName(shard), number)
}

// growthName is the file that shows that one checkpoint is the beginning of another.
func growthName(older, newer *audit.Checkpoint) string {
	return fmt.Sprintf("%s%s-%d-%d%s", logFolder, safeName(audit.ShardName(newer.Origin)), older.Size, newer.Size, endGrowth)
}

// contentName is the file of the n-th part of an acceptance, from 1. The name that the
// sender gave it is in the acceptance; here it is one that no file system minds.
func contentName(n int, part *hub.PartFact) string {
	return fmt.Sprintf("%s%02d-%s", contentFolder, n, safeName(hub.Fold(path.Base(part.Name))))
}

// longestName bounds a name and longestEnd the extension that is kept of a longer one.
const (
	longestName = 80
	longestEnd  = 8
)

// safeName keeps letters, digits and a few signs.
func safeName(name string) string {
	name = strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '.', r == '-':
			return r
		}
		return '_'
	}, name), ".")
	if len(name) > longestName {
		end := path.Ext(name)
		if len(end) > longestEnd {
			end = ""
		}
		name = strings.Trim(name[:longestName-len(end)], ".") + end
	}
	if name == "" {
		return "file"
	}
	return name
}

// revocationFile tells revocation lists and responses: a digest in hex and an ending.
var revocationFile = regexp.MustCompile(`^trust/revocation/[0-9a-f]+(\.crl|\.ocsp)$`)

// receiptFile tells the files of receipts: number and ending.
var receiptFile = regexp.MustCompile(`^receipts/(\d{3})-[A-Za-z0-9_.-]+?(\.json|\.jws|\.tlog-proof|\.xml)$`)

// IsBundle reports whether the first bytes of a file are those of a bundle: media type,
// then the first receipt. A thousand are enough.
func IsBundle(head []byte) bool {
	return bytes.HasPrefix(head, []byte("PK")) && bytes.Contains(head, []byte(receiptFolder+"001-"))
}

// HoldsReceipts reports whether among the files of a container there are proofs or
// signatures of receipts, whatever the folder and in whatever case.
func HoldsReceipts(names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(name)
		return strings.HasSuffix(name, endProof) || strings.HasSuffix(name, endSignature)
	})
}
