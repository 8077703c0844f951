package filedrop

import "os"

// At has step called before every act that a kill may come before.
func (o *Options) At(step func(string)) { o.step = step }

// Unflushed leaves what is written to the operating system: enough where only the program
// is killed.
func (o *Options) Unflushed() { o.flush = func(*os.File) error { return nil } }

// Harmless is for tests of names.
func Harmless(name string) string { return harmless(name) }

// ParseSubmission is for fuzzing.
func ParseSubmission(raw []byte) ([]string, error) {
	var wish dropped
	err := parseSubmission(raw, &wish)
	return wish.Files, err
}
