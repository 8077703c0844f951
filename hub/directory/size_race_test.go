//go:build race

package directory_test

// nationSize is a tenth: the race detector makes everything ten times slower.
const nationSize = 12_500
