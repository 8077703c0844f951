package bundle

import (
	"encoding/json"

	"github.com/lienthong/lienthong/hub"
)

// maxArchive bounds the archive of validation that is read.
const maxArchive = 64 << 20

// checkVerdicts compares the reports on the signatures of the document with the digests
// that the receipts name: those of the acceptance, and those that were given later.
// Receipts of hubs before that name no report.
func (v *verification) checkVerdicts() {
	named := map[hub.Digest]bool{}
	for i := range v.receipts {
		for _, fact := range v.receipts[i].Evidence.Validation {
			if !fact.Report.IsZero() {
				named[fact.Report] = true
			}
		}
	}
	if _, there := v.files[ArchiveFile]; !there || len(named) == 0 {
		return
	}
	text, err := v.container.ReadFile(ArchiveFile, maxArchive)
	if err != nil {
		v.fail(stepContainer, hub.SubFormatFailure, "broken", err)
		return
	}
	var archive hub.ValidationArchive
	if err := json.Unmarshal(text, &archive); err != nil {
		v.fail(stepContent, hub.SubFormatFailure, "archive_unread", err)
		return
	}
	reports := archive.Reports
	for i := range archive.Rechecks {
		if r := archive.Rechecks[i].Report; r != nil && archive.Rechecks[i].Evidence != "" {
			reports = append(reports, *r)
		}
	}
	for i := range reports {
		if digest, err := v.judge.Report(&reports[i]); err != nil || !named[digest] {
			v.fail(stepContent, hub.SubHashFailure, "report_other", reports[i].Part)
		}
	}
}
