package text

import (
	"path/filepath"
	"strings"
)

// longestName is what file systems allow for a name, less room for the part id,
// in bytes.
const longestName = 200

// FileName is the name under which a part is saved: its id and the sender's name for
// it, without what a file system or a reader could be fooled by; 255 bytes at most.
func FileName(id, name string) string {
	name = strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, Printable(name))
	if name = strings.Trim(name, ". "); name == "" {
		name = "file"
	}
	if extension := filepath.Ext(name); len(name) > longestName && len(extension) < 20 {
		name = strings.ToValidUTF8(name[:longestName-len(extension)], "") + extension
	} else if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "")
	}
	return id + "-" + name
}
