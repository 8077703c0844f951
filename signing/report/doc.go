// Package report writes signature reports down: as a page that a clerk understands,
// in Vietnamese or English, and as a validation report for programs, in XML or JSON,
// with the names and the structure of ETSI TS 119 102-2 V1.4.1.
//
// It adds nothing to a report and leaves nothing out: the same report gives the same
// bytes, whenever and wherever it is written. It reads no clock and no network, and a
// page needs nothing but itself: no script, no picture, no address.
//
// What a person reads comes from one catalogue (texts.json), which has a text for
// every verdict, every sub-indication and every check in both languages. A check that
// the catalogue does not know, as an older program may find in a newer report, is shown
// by its name.
package report
