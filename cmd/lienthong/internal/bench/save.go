package bench

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
)

// Load reads a result.
func Load(path string) (*Result, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	var r Result
	if err := decoder.Decode(&r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}

// Save adds a result to a file: runs of the same scenario and mode are replaced.
// Results of another version or machine do not belong into one file and are refused.
func Save(path string, r *Result) error {
	old, err := Load(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = &Result{}
	case err != nil:
		return err
	case old.Commit != r.Commit || old.Machine.CPU != r.Machine.CPU || old.Machine.Cores != r.Machine.Cores:
		return fmt.Errorf("%s holds a result of version %s on %s; write this one to another file", path, old.Commit, old.Machine.CPU)
	}
	all := *r
	all.Runs = slices.Concat(slices.DeleteFunc(old.Runs, func(o Measure) bool {
		return slices.ContainsFunc(r.Runs, func(m Measure) bool { return m.Mode == o.Mode && m.Scenario == o.Scenario })
	}), r.Runs)
	slices.SortStableFunc(all.Runs, func(a, b Measure) int { return cmp.Compare(a.Mode, b.Mode) })
	text, err := json.MarshalIndent(&all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644) //nolint:gosec // figures are public
}
