// Package backlogtest asks whether a hub whose recipients do not collect is still as
// fast as an empty one: pages of a full box, submissions, memory.
//
// Boxes are filled through the archive of a hub: what an export of a small hub holds,
// and between it the dispatches and deliveries that wait. That takes minutes where
// submitting them would take days. They have no content and no evidence of their own,
// which nobody who lists a box or submits a document reads.
//
// The test proves on a small backlog that every page is right and none repeats or
// leaves out a row. The benchmark puts a full and an empty hub side by side, in turns:
//
//	LIENTHONG_BACKLOG=full go test -run '^$' -bench . -benchtime 1x -timeout 3h ./cmd/lienthong/internal/backlogtest
//
// fills 1,000,000 deliveries into one box and 10,000,000 into 12,000, on SQLite and on
// PostgreSQL, and needs 60 GB. Everything here is test code.
package backlogtest
