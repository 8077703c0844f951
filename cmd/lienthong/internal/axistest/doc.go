// Package axistest lets three hubs of this program exchange documents: one plays the
// nation, whose axis the two others, which play provinces, are members of. Every hub is a
// process of its own, killed and started again on the way, and every link between them can
// be cut and slowed. Everything here is test code.
package axistest
