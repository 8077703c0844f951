package bundle

import (
	"maps"
	"slices"
)

// Codes are those of all sentences that a report may hold (hub.Sentence), in their order.
func Codes() []string { return slices.Sorted(maps.Keys(sentences())) }

// sentences are what a report says of a bundle, by codes that do not change: pages say it in
// the language of their reader.
func sentences() map[string]string {
	return map[string]string{ //nolint:gosec // sentences, none of them a secret
		"archive_unread":        "the archive of validation cannot be read: %v",
		"broken":                "%v",
		"canonical_passed":      "%d receipts",
		"chain_after_hand_over": "no receipt says how it ended after the hand-over; where the recipient registers nothing, say that the hand-over is the end (--handover-ends)",
		"chain_broken":          "%v",
		"chain_handed_over":     "%d receipts, to the hand-over, which is the end as you say",
		"chain_nobody":          "no receipt is about a recipient: only the submission was accepted",
		"chain_open":            "no receipt says how it ended: the delivery is %s",
		"chain_passed":          "%d receipts, to the end: %s",
		"chain_two":             "the bundle has receipts of two recipients, %s and %s",
		"checkpoint_passed":     "signed by %s, seen by %d witnesses of your policy",
		"consistency_none":      "there is one checkpoint, and none that you kept to compare it with (--checkpoints)",
		"consistency_open":      "nothing shows that the tree of size %d is the beginning of that of size %d",
		"consistency_passed":    "%d comparisons of checkpoints",
		"container_passed":      "%d files, all of them sealed",
		"container_sealed":      "container sealed by %s",
		"content_none":          "no acceptance names any content",
		"content_not_given":     "no file of the document was given; the receipts name their digests (--content)",
		"content_other":         "%s is not what was accepted as %q",
		"content_passed":        "%d of %d files are in the bundle, as they were accepted",
		"content_yours":         "the files that you have are what was accepted, and so are the %d in the bundle",
		"content_yours_none":    "none of your files is what was accepted as %q",
		"content_yours_other":   "the file %q that you have is not the one that was accepted",
		"digest_new":            "%s has another %s than the rehash says of what was accepted as %q",
		"digest_old":            "%s is known by SHA-256 alone, which is relied upon no longer",
		"event_other":           "%s holds an evidence of the event %s",
		"file_foreign":          "the container has a file that is none of a bundle: %q",
		"file_missing":          "the container has no file %s",
		"inclusion_passed":      "%d receipts in trees of %d checkpoints",
		"judged":                "%s: %s",
		"kept_forked":           "the log is not one history: its tree of size %d has another root than the checkpoint %s that you kept",
		"kept_ignored":          "the checkpoint %s that you kept counts for nothing: %v",
		"kept_open":             "that the trees of size %d and of size %d, which you kept, are one history only the log itself shows: lienthong audit",
		"leaf_passed":           "%d leaves",
		"log_forked":            "the log is not one history: %s and another receipt have checkpoints of size %d with two roots",
		"not_canonical":         "%s: the evidence is not in canonical form",
		"policy_missing":        "keys of the log that you trust are missing: name your own policy (--policy); the one in the bundle is a hint",
		"proofs_many":           "%s: the rehashes of a bundle hold at most %d such proofs each, and all of them %d bytes",
		"receipt_none":          "the container holds no receipt that can be read",
		"rehash_order":          "%s is of %s, and holds what is of %s",
		"rehash_other_log":      "%s is about the log %.80q",
		"rehash_receipt":        "%s, %s: %v",
		"renewal_late":          "%s stopped proving anything by itself on %s (%s), and %s",
		"renewal_no_stamp":      "no time-stamp counts whose renewals could be judged",
		"renewal_none":          "the bundle holds no renewal of its time-stamps",
		"renewal_order":         "%s is of %s, and renews what is of %s",
		"renewal_passed":        "%d renewals and %d rehashes, each made before what it renews had ended",
		"report_other":          "the report on the signatures of part %q is not the one that a receipt names",
		"seal_judged":           "%s",
		"seal_judged_alone":     "the seal of the container: %s",
		"seal_old":              "the seal of the container no longer proves who packed it (%s: %s); the evidence is judged by itself",
		"signatures_passed":     "%d receipts and the seal of the container",
		"signing_now":           "%s: judged for %s, for nothing proves that it is older",
		"signing_passed":        "the certificate of the hub was good at the time of each time-stamp",
		"stamp_none":            "no time-stamp holds the checkpoint %s",
		"time_after_stamp":      "%s says that it is of %s, and a time-stamp of %s holds it already",
		"time_backdated":        "%s says that it is of %s, and nothing holds it before the time-stamp of %s: it may be backdated",
		"time_passed":           "every event is at most %s older than its time-stamp",
		"token_ignored":         "%s does not count: %s",
		"unreadable":            "%s: %v",
		"witnesses_few":         "too few witnesses of your policy have seen the tree of size %d: %d",
		"xml_old":               "the signature of %s no longer proves who wrote it (%s: %s); it says what the receipt says",
	}
}
