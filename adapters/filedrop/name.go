package filedrop

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// maxName is the longest name that is made, in bytes: file systems take 255, and some
// encrypt names into longer ones.
const maxName = 120

// harmless makes a name that is one on every file system: letters, digits and a few
// marks, no blanks at its ends, no leading dot, never empty, its ending kept.
func harmless(name string) string {
	var b strings.Builder
	for _, r := range name {
		switch {
		case unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r) || strings.ContainsRune("._-~ ()", r):
			b.WriteRune(r)
		default: // also what is no UTF-8
			b.WriteByte('_')
		}
	}
	safe := strings.TrimLeft(b.String(), ". ")
	safe = strings.TrimRight(safe, ". ")
	if len(safe) > maxName {
		ending := safe[max(strings.LastIndexByte(safe, '.'), len(safe)-16):]
		if !strings.HasPrefix(ending, ".") || !utf8.ValidString(ending) {
			ending = ""
		}
		head := safe[:maxName-len(ending)]
		for !utf8.ValidString(head) {
			head = head[:len(head)-1]
		}
		safe = strings.TrimRight(head+ending, ". ")
	}
	if safe == "" {
		return "_"
	}
	return safe
}

// unused makes a name that is not among names, also where a file system takes capital and
// small letters for the same, and adds it.
func unused(names map[string]bool, name string) string {
	free := name
	for n := 2; names[strings.ToLower(free)]; n++ {
		free = fmt.Sprintf("%d~%s", n, name)
	}
	names[strings.ToLower(free)] = true
	return free
}

// takeLock takes a file for this process; it is free again when the process ends, however
// it ends.
func takeLock(path string) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o660) //nolint:gosec // another user of the group may start the program next time
	if err != nil {
		return nil, hub.Invalid("folder", "folder", "%v", err)
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err != nil && !errors.Is(err, syscall.ENOTSUP) && !errors.Is(err, syscall.ENOSYS) {
		return nil, errors.Join(hub.Errorf(hub.KindConflict, "folder", "in_use", "another process works on this folder"), f.Close())
	}
	return f, nil
}

// notForFolders reports whether a file system does not synchronise folders.
func notForFolders(err error) bool {
	return errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) || errors.Is(err, syscall.EBADF)
}
