//go:build !race

package bundletest

// stride is from which byte to the next one is changed: each of them.
const stride = 1
