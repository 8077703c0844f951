package directory

import (
	"embed"
	"strings"
)

// samples are lists for trying things out. Level 1 (H47, H17 and what became of them on
// 1 July 2025) is as it was; everything below is fictional and says so in its name.
//
//go:embed samples/*.csv
var samples embed.FS

// Samples names the sample lists, in the order in which they are imported: Quảng Nam and
// Đà Nẵng up to 30 June 2025, and what the next day made of them.
func Samples() []string { return []string{"quang-nam-before", "quang-nam-after"} }

// Sample returns a sample list as CSV.
func Sample(name string) (string, bool) {
	if strings.ContainsAny(name, "/.") {
		return "", false
	}
	list, err := samples.ReadFile("samples/" + name + ".csv")
	return string(list), err == nil
}
