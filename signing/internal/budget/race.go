//go:build race

package budget

// slowdown is how many times as long a program may take under the race detector.
const slowdown = 5
