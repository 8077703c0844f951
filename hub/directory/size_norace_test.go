//go:build !race

package directory_test

// nationSize is a number of agencies above what the whole country has.
const nationSize = 125_000
