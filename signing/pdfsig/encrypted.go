package pdfsig

import (
	"fmt"
	"io"
)

// Encrypted reports whether the newest revision of a file is encrypted (ISO 32000-1,
// 7.6.1): its trailer says so, whatever stands elsewhere in the bytes. A file that cannot
// be read strictly is an error, and nothing is known of it.
func Encrypted(in io.ReaderAt, size int64) (encrypted bool, err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("the reader failed on this file: %v", cause)
		}
	}()
	f, err := open(in, size)
	if err != nil {
		return false, err
	}
	_, encrypted = f.revisions[len(f.revisions)-1].trailer()["Encrypt"]
	return encrypted, nil
}
