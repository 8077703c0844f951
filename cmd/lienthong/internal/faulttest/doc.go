// Package faulttest lets a real hub meet everything that can go wrong and asks
// whether it kept its word.
//
// A client submits, collects and acknowledges over plain HTTP and writes down
// every promise it was given: receipts of acceptance, receipts of hand-over. Then
// something fails: the hub process is killed at a random moment or at a chosen step,
// its disk is copied as a power cut would leave it (a crash image: a loop file system
// whose unsynced data is lost), the servers below it stop, hang or forget, clients
// misbehave. Afterwards an independent checker, which shares no code with the hub's
// services, compares the promises with what the hub shows: nothing lost, nothing
// doubled, nothing unseen, no receipt without its original, every evidence chain
// whole.
//
// A fault test that cannot fail proves nothing, so the suite also runs mutants:
// hubs built with the tag "mutants" that break one rule of durability, each of
// which the checker must catch. Everything here is test code.
package faulttest
