// Package crashtest kills a real hub under load and asks whether it kept its
// word.
//
// A client submits, collects and acknowledges over plain HTTP and writes down
// every promise it was given: receipts of acceptance, receipts of hand-over. The
// hub process is killed with SIGKILL at random moments, or its disk is copied as
// a power cut would leave it (a crash image: a loop file system whose unsynced
// data is lost). After each restart an independent checker, which shares no code
// with the hub's services, compares the promises with what the hub shows:
// nothing lost, nothing doubled, nothing unseen, no receipt without its original,
// every evidence chain whole.
//
// A fault test that cannot fail proves nothing, so the suite also runs mutants:
// hubs built with the tag "mutants" that break one rule of durability, each of
// which the checker must catch. Everything here is test code.
package crashtest
