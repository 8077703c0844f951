package backup

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lienthong/lienthong/hub"
)

// Pruned tells what a prune removed.
type Pruned struct {
	Backups []string `json:"backups"`
	Files   Amount   `json:"files"` // chunks and objects that no backup needs
}

// Prune keeps the newest backups, at least one, and removes the others with all that
// none of the kept ones needs, leftovers of backups that broke off among it. The
// indexes go first: whatever happens, a backup that is listed is whole.
func (r *Repository) Prune(keep int) (Pruned, error) {
	var pruned Pruned
	if keep < 1 {
		return pruned, hub.Invalid("keep", "minimum", "at least one backup stays")
	}
	release, err := r.lock()
	if err != nil {
		return pruned, err
	}
	defer release()
	list, err := r.List()
	if err != nil {
		return pruned, err
	}
	if len(list) == 0 {
		return pruned, nil // nothing tells what the files belong to
	}
	old, kept := list[:max(0, len(list)-keep)], list[max(0, len(list)-keep):]
	for i := range old {
		if err := r.removeBackup(old[i].ID); err != nil {
			return pruned, wrap("remove a backup", err)
		}
		pruned.Backups = append(pruned.Backups, old[i].ID)
	}
	needed, err := r.needed(kept)
	if err == nil {
		err = r.sweep(needed, &pruned)
	}
	return pruned, wrap("prune", err)
}

func (r *Repository) removeBackup(id string) error {
	if err := os.Remove(r.path("backups", id+indexSuffix)); err != nil {
		return err
	}
	if err := syncFolder(r.path("backups")); err != nil {
		return err
	}
	err := os.Remove(r.path("backups", id+sealSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// needed gathers the names of all files that backups consist of.
func (r *Repository) needed(backups []Index) (map[string]bool, error) {
	needed := map[string]bool{}
	for i := range backups {
		for _, chunk := range backups[i].Chunks {
			if needed[chunk] {
				continue
			}
			needed[chunk] = true
			if err := r.addObjects(needed, chunk); err != nil {
				return nil, err
			}
		}
	}
	return needed, nil
}

func (r *Repository) addObjects(needed map[string]bool, chunk string) error {
	f, err := os.Open(r.filePath("chunks", chunk) + listSuffix)
	if err != nil {
		return damaged("the list of objects of chunk "+chunk, err)
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		needed[lines.Text()] = true
	}
	return lines.Err()
}

func (r *Repository) sweep(needed map[string]bool, pruned *Pruned) error {
	for _, folder := range r.folders() {
		if folder == r.path("backups") {
			continue
		}
		entries, err := os.ReadDir(folder)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.IsDir() || needed[strings.TrimSuffix(e.Name(), listSuffix)] {
				continue
			}
			info, err := e.Info()
			if err == nil {
				err = os.Remove(filepath.Join(folder, e.Name()))
			}
			if err != nil {
				return err
			}
			pruned.Files.add(info.Size())
		}
	}
	return nil
}
