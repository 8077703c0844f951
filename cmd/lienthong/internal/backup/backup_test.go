package backup_test

import (
	"bytes"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/backup"
	"github.com/lienthong/lienthong/hub"
)

// TestRestoreBringsEverythingBack: state, originals and files, and a second restore
// into what is no longer empty is refused.
func TestRestoreBringsEverythingBack(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	last := from.accept(20)
	_, manifest := v.backUp(from)
	if manifest.Records[hub.RecordDispatch] != 20 || manifest.Parts.Count != 40 || manifest.Head == nil || len(manifest.Unreadable) > 0 {
		t.Errorf("manifest %+v", manifest)
	}
	to := newStores(t)
	files, err := v.restore(to)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Name != "hub.pem" || string(files[0].Content) != "a secret" {
		t.Errorf("files %+v", files)
	}
	if got, want := to.records(), from.records(); got != want {
		t.Errorf("restored\n%s\nwant\n%s", got, want)
	}
	for _, p := range last.Parts {
		was := read(t, func() (io.ReadCloser, error) { return from.OpenBlob(t.Context(), p.Digest) })
		is := read(t, func() (io.ReadCloser, error) { return to.OpenBlob(t.Context(), p.Digest) })
		if was != is {
			t.Errorf("part %s has other bytes", p.ID)
		}
	}
	_, err = v.restore(to)
	wantKind(t, "a second restore", hub.KindConflict, err)
}

// TestLeasesEndWithARestore: who holds a lease from before the disaster cannot act.
func TestLeasesEndWithARestore(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	a, err := from.Accept(t.Context(), from.m.Acceptance("r1"))
	if err != nil {
		t.Fatal(err)
	}
	from.keep([]byte("abc"))
	if _, err := from.ApplySteps(t.Context(), from.m.Step(a.Deliveries[0], hub.StateConsigned)); err != nil {
		t.Fatal(err)
	}
	lease := func(s *stores) hub.Lease {
		t.Helper()
		taken, err := s.TakeLeases(t.Context(), hub.LeaseRequest{Agency: "r1", Holder: "k", Max: 1, Now: from.m.Clock, Until: from.m.Clock.Add(time.Hour)})
		if err != nil || len(taken) != 1 {
			t.Fatalf("%v, %v", taken, err)
		}
		return *taken[0].Delivery.Lease
	}
	v.backUp(from)
	before := lease(from) // after the backup, so the backup knows nothing of it
	to := newStores(t)
	if _, err := v.restore(to); err != nil {
		t.Fatal(err)
	}
	if after := lease(to); after.Fence <= before.Fence {
		t.Errorf("fence %d after the restore, %d before", after.Fence, before.Fence)
	}
}

// TestIncremental: a backup writes what is new and nothing else, and never changes a
// file.
func TestIncremental(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	from.accept(60)
	first, _ := v.backUp(from)
	before := v.files("")
	second, _ := v.backUp(from)
	if second.Added.Count != 1 { // the manifest
		t.Errorf("without a change %+v was added", second.Added)
	}
	from.accept(2)
	third, _ := v.backUp(from)
	if third.Added.Bytes > first.Added.Bytes/3 {
		t.Errorf("two dispatches more added %+v, all of them %+v", third.Added, first.Added)
	}
	if objects := len(v.files("objects")); objects != 2*62 {
		t.Errorf("%d objects", objects)
	}
	after := v.files("")
	for name, size := range before {
		if after[name] != size {
			t.Errorf("%s had %d bytes and has %d", name, size, after[name])
		}
	}
	to := newStores(t)
	if _, err := v.restore(to); err != nil {
		t.Fatal(err)
	}
	if to.records() != from.records() {
		t.Error("the newest backup is not what was there")
	}
}

// TestNothingIsReadable: neither text nor a digest of the hub stands in the repository.
func TestNothingIsReadable(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	last := from.accept(3)
	v.backUp(from)
	for name := range v.files("") {
		content, err := os.ReadFile(filepath.Join(v.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"Quảng Nam", "a secret", last.Parts[0].Digest.String(), string(last.Parts[0].Digest[:]), string(last.ID)} {
			if bytes.Contains(content, []byte(secret)) || strings.Contains(name, secret) {
				t.Errorf("%s shows %q", name, secret)
			}
		}
	}
	c, err := backup.LoadRecipients(v.recipients)
	if err != nil {
		t.Fatal(err)
	}
	r, err := backup.Open(v.dir, c)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := r.Backup(""); err == nil {
		t.Errorf("who writes can read %+v", b.Manifest)
	}
}

// TestDamageIsFoundByName: a byte changed in any file, a file gone or changed for
// another is found before it counts, and the error names the file.
func TestDamageIsFoundByName(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	from.accept(1)
	v.backUp(from)
	for name := range v.files("") {
		if name == "lock" || strings.HasSuffix(name, ".objects") {
			continue // nothing reads them in a restore
		}
		path := filepath.Join(v.dir, name)
		sound, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		to := newStores(t)
		empty := to.records()
		damages := map[string][]byte{
			"a byte": slices.Concat(sound[:len(sound)/2], []byte{sound[len(sound)/2] ^ 1}, sound[len(sound)/2+1:]),
			"half":   sound[:len(sound)/2], "empty": {},
		}
		for what, damage := range damages {
			if err := os.WriteFile(path, damage, 0o600); err != nil {
				t.Fatal(err)
			}
			if _, err := v.restore(to); err == nil || name != "lienthong-backup.json" && !strings.Contains(err.Error(), name) {
				t.Errorf("%s of %s: %v", what, name, err)
			}
			if to.records() != empty {
				t.Errorf("%s of %s: something was restored", what, name)
			}
		}
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if _, err := v.restore(to); err == nil {
			t.Errorf("without %s it was restored", name)
		}
		if err := os.WriteFile(path, sound, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := v.restore(newStores(t)); err != nil {
		t.Errorf("undamaged: %v", err)
	}
}

// TestObjectsCannotBeExchanged: a sound file under the name of another is damage.
func TestObjectsCannotBeExchanged(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	from.accept(2)
	v.backUp(from)
	for _, kind := range []string{"objects", "chunks"} {
		var names []string
		for name := range v.files(kind) {
			if !strings.HasSuffix(name, ".objects") {
				names = append(names, filepath.Join(v.dir, name))
			}
		}
		other, err := os.ReadFile(names[1])
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(names[0], other, 0o600); err != nil {
			t.Fatal(err)
		}
		_, err = v.restore(newStores(t))
		wantKind(t, kind, hub.KindInvalid, err)
		if err != nil && !strings.Contains(err.Error(), filepath.Base(names[0])) {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

func TestWrongCredentials(t *testing.T) {
	t.Parallel()
	from, v, other := newStores(t), newVault(t), newVault(t)
	from.accept(1)
	v.backUp(from)
	mine := v.identity
	v.identity = other.identity
	_, err := v.open("")
	wantKind(t, "a foreign identity", hub.KindUntrusted, err)

	// One with the right repository key that is no recipient.
	text, err := os.ReadFile(other.identity)
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.ReadFile(mine)
	if err != nil {
		t.Fatal(err)
	}
	key := func(text []byte) string {
		for line := range strings.Lines(string(text)) {
			if strings.HasPrefix(line, "# repository-key") {
				return line
			}
		}
		return ""
	}
	v.identity = filepath.Join(v.folder, "forged.txt")
	if err := os.WriteFile(v.identity, []byte(strings.Replace(string(text), key(text), key(own), 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = v.open("")
	wantKind(t, "an identity that is no recipient", hub.KindUntrusted, err)

	v.identity = v.recipients
	_, err = v.open("")
	wantKind(t, "recipients as identity", hub.KindInvalid, err)
	v.identity = mine
	_, err = v.open("20200101T000000Z-x")
	wantKind(t, "no such backup", hub.KindNotFound, err)
	_, err = v.open("../backups/x")
	wantKind(t, "a path", hub.KindNotFound, err)
}

// TestTwoIdentities: each of two officers can read what is written for both.
func TestTwoIdentities(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	second := filepath.Join(v.folder, "second.txt")
	if _, err := backup.Generate(second, v.recipients, time.Now()); err != nil {
		t.Fatal(err)
	}
	if _, err := backup.Generate(second, v.recipients, time.Now()); err == nil {
		t.Error("an identity was overwritten")
	}
	from.accept(1)
	v.backUp(from)
	for _, identity := range []string{v.identity, second} {
		v.identity = identity
		if _, err := v.restore(newStores(t)); err != nil {
			t.Errorf("%s: %v", filepath.Base(identity), err)
		}
	}
}

// TestABackupThatBreaksOff counts for nothing, and the next goes on with it.
func TestABackupThatBreaksOff(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	from.accept(10)
	var opened atomic.Int64
	away := &broken{from, func(hub.Digest) error {
		if opened.Add(1) > 5 {
			return hub.Errorf(hub.KindUnavailable, "", "", "the store is away")
		}
		return nil
	}}
	_, _, err := v.writing().BackUp(t.Context(), v.options(away))
	wantKind(t, "a store that goes away", hub.KindUnavailable, err)
	if list, err := v.writing().List(); err != nil || len(list) > 0 {
		t.Errorf("backups %v, %v", list, err)
	}
	left := maps.Clone(v.files("objects"))
	index, _ := v.backUp(from)
	if len(left) == 0 || index.Added.Count != int64(20-len(left))+1 { // the rest and the manifest
		t.Errorf("%d objects were there, %+v added", len(left), index.Added)
	}
	if _, err := v.restore(newStores(t)); err != nil {
		t.Error(err)
	}
}

// TestAnOriginalThatIsNotThere is named, does not stop the backup, and is asked for
// again by the next one.
func TestAnOriginalThatIsNotThere(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	last := from.accept(3)
	gone := last.Parts[0].Digest
	missing := &broken{from, func(d hub.Digest) error {
		if d == gone {
			return hub.Errorf(hub.KindNotFound, "sha256", "", "gone")
		}
		return nil
	}}
	index, manifest := v.backUp(missing)
	if index.Unreadable != 1 || len(manifest.Unreadable) != 1 || manifest.Unreadable[0].Digest != gone {
		t.Errorf("unreadable %+v", manifest.Unreadable)
	}
	to := newStores(t)
	if _, err := v.restore(to); err != nil {
		t.Fatal(err)
	}
	_, err := to.OpenBlob(t.Context(), gone)
	wantKind(t, "the original", hub.KindNotFound, err)
	if index, _ = v.backUp(from); index.Unreadable != 0 || index.Added.Count != 2 {
		t.Errorf("the next backup %+v", index)
	}
}

// TestPrune: what a kept backup needs stays, all else goes, and a damaged index stops
// it.
func TestPrune(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	from.accept(4)
	v.backUp(from)
	from.accept(1)
	v.backUp(from)
	if err := os.WriteFile(filepath.Join(v.dir, "objects", "00", strings.Repeat("0", 64)), []byte("left over"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := from.records()
	if _, err := v.writing().Prune(0); err == nil {
		t.Error("all were removed")
	}
	pruned, err := v.writing().Prune(1)
	if err != nil || len(pruned.Backups) != 1 || pruned.Files.Count < 3 {
		t.Errorf("%+v, %v", pruned, err)
	}
	to := newStores(t)
	if _, err := v.restore(to); err != nil {
		t.Fatal(err)
	}
	if to.records() != want {
		t.Error("the kept backup is not what it was")
	}
	if again, err := v.writing().Prune(1); err != nil || again.Files.Count+int64(len(again.Backups)) != 0 {
		t.Errorf("a second prune: %+v, %v", again, err)
	}
	for name := range v.files("backups") {
		if strings.HasSuffix(name, ".index") {
			if err := os.WriteFile(filepath.Join(v.dir, name), []byte("{}\n00\n"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err = v.writing().Prune(1)
	wantKind(t, "a damaged index", hub.KindInvalid, err)
}

func TestOneWriterAtATime(t *testing.T) {
	t.Parallel()
	from, v := newStores(t), newVault(t)
	from.accept(1)
	inner := make(chan error, 1)
	busy := &broken{from, func(hub.Digest) error {
		_, err := v.writing().Prune(1)
		select {
		case inner <- err:
		default:
		}
		return nil
	}}
	v.backUp(busy)
	wantKind(t, "a second writer", hub.KindConflict, <-inner)
}

func TestAFolderOfOthersIsLeftAlone(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	if err := os.MkdirAll(v.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(v.dir, "letters.txt"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := backup.LoadRecipients(v.recipients)
	if err != nil {
		t.Fatal(err)
	}
	_, err = backup.OpenOrCreate(v.dir, c)
	wantKind(t, "a folder with other files", hub.KindConflict, err)
	_, err = backup.Open(v.dir, c)
	wantKind(t, "no repository", hub.KindNotFound, err)
}
