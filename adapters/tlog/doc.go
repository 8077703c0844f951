// Package tlog speaks the protocols of transparency logs (c2sp.org): it reads the files
// of a log, from a server or a folder, serves a witness of logs, and asks witnesses.
//
// It promises to read no more of an answer than such a file can have, and to give up on
// a server that does not answer. It believes nothing that it reads: whoever asked
// checks signatures and hashes.
package tlog
