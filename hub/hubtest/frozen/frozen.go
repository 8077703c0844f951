// Package frozen waits until processes stand still: a stop signal only asks for that.
package frozen

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Await returns when no thread of the processes runs any more, which are listed again each
// time. One that waits for the disk stops when that is over; one that has ended stands still.
func Await(processes func() ([]int, error)) error {
	for {
		pids, err := processes()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(pids, running) {
			return nil
		}
		time.Sleep(time.Millisecond)
	}
}

// These lists the processes that are named.
func These(pids ...int) func() ([]int, error) {
	return func() ([]int, error) { return pids, nil }
}

// Group lists the processes of a group.
func Group(group int) func() ([]int, error) {
	return func() ([]int, error) {
		all, err := filepath.Glob("/proc/[0-9]*/stat")
		var members []int
		for _, stat := range all {
			fields := statFields(stat)
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(stat))); err == nil && len(fields) > 2 && fields[2] == strconv.Itoa(group) {
				members = append(members, pid)
			}
		}
		return members, err
	}
}

// running reports whether a thread of a process is neither stopped nor gone.
func running(pid int) bool {
	threads, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid)) // the pattern is sound
	return slices.ContainsFunc(threads, func(stat string) bool {
		fields := statFields(stat)
		return len(fields) > 0 && !strings.ContainsAny(fields[0], "TtZX")
	})
}

// statFields are the fields of proc(5) behind the name of the program: state, parent,
// group; none when the process has ended.
func statFields(stat string) []string {
	text, _ := os.ReadFile(stat) // gone is gone
	return strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
}
