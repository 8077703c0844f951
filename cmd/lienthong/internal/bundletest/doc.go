// Package bundletest holds the tests of evidence bundles from end to end: a log, keys and
// authorities of their own, the builder, the container and the verifier together. It also
// makes the golden set in testdata, on which the verifier in Go and the one in shell
// (cmd/lienthong/deploy/verify-bundle.sh) must agree.
package bundletest
