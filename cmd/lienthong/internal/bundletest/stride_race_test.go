//go:build race

package bundletest

// stride is from which byte to the next one is changed: all of them under the race
// detector take minutes, and .ci/test has a step for them without it.
const stride = 23
