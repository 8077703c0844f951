package bundletest

import (
	"archive/zip"
	"bytes"
	"context"
	"hash/crc32"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/examine"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
)

// entry is a file of a container, by the name that it has there.
type entry struct {
	name    string
	content []byte
}

// TestRewritten: a container that was written again as a hub writes it, with the seal and
// all files that it covers, has nothing beside them and nothing in another order.
func TestRewritten(t *testing.T) {
	w := newWorld(t)
	whole := whole(w)
	at := func(i int, name, content string) func([]entry) []entry {
		return func(list []entry) []entry { return slices.Insert(list, len(list)-i, entry{name, []byte(content)}) }
	}
	for name, change := range map[string]func([]entry) []entry{
		"nothing": func(list []entry) []entry { return list },
		"a line end in the media type": func(list []entry) []entry {
			list[0].content = append(list[0].content, '\n')
			return list
		},
		"a manifest of OpenDocument": at(2, "META-INF/manifest.xml", "<a>anything</a>"),
		"another container.xml":      at(2, "META-INF/container.xml", "anything"),
		"a time assertion":           at(2, "META-INF/timestamp.tst", "anything"),
		"an evidence record":         at(2, "META-INF/evidencerecord.exe", "anything"),
		"another manifest":           at(2, "META-INF/ASiCManifest2.xml", "anything"),
		"a manifest at the end":      at(0, "META-INF/ASiCManifest2.xml", "anything"),
		"a folder":                   at(2, "receipts/", ""),
		"the folder of signatures":   at(2, "META-INF/", ""),
		"another order": func(list []entry) []entry {
			last := len(list) - 3
			list[last], list[last-1] = list[last-1], list[last]
			return list
		},
	} {
		t.Run(name, func(t *testing.T) {
			file := written(t, change(entriesOf(t, whole)))
			r := w.auditor().verify(t, file)
			if name == "nothing" {
				if !bytes.Equal(file, whole) || r.Indication != hub.TotalPassed {
					t.Fatalf("this test does not write as a hub does: %s\n%s", r.Indication, stepsOf(&r))
				}
			} else if r.Indication != hub.TotalFailed {
				t.Errorf("%s\n%s", r.Indication, stepsOf(&r))
			}
		})
	}
}

func entriesOf(t *testing.T, file []byte) []entry {
	t.Helper()
	var list []entry
	for _, f := range must(zip.NewReader(bytes.NewReader(file), int64(len(file))))(t).File {
		list = append(list, entry{f.Name, must(io.ReadAll(must(f.Open())(t)))(t)})
	}
	return list
}

func written(t *testing.T, list []entry) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, e := range list {
		size := uint64(len(e.content))
		to := must(z.CreateRaw(&zip.FileHeader{
			Name: e.name, CreatorVersion: 20, ReaderVersion: 20,
			CRC32: crc32.ChecksumIEEE(e.content), CompressedSize64: size, UncompressedSize64: size,
		}))(t)
		must(to.Write(e.content))(t)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// TestDisguised: a bundle is verified as one wherever its receipts stand, and whatever
// stands before them.
func TestDisguised(t *testing.T) {
	for name, change := range map[string]func([]bundle.File) []bundle.File{
		"a file before the receipts": func(files []bundle.File) []bundle.File {
			return slices.Insert(files, 0, bundle.Bytes("cover.txt", "text/plain", bytes.Repeat([]byte("x"), 2000)))
		},
		"another folder": func(files []bundle.File) []bundle.File {
			for i := range files {
				files[i].Name = strings.Replace(files[i].Name, "receipts/", "Receipts/", 1)
			}
			return files
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.change = change
			by := w.auditor()
			e := examine.Examiner{Signatures: by.verifier(), Bundles: &by.Auditor}
			r := must(e.File(t.Context(), "x.asice", hub.BlobOf(whole(w))))(t)
			if r.Kind != hub.FileBundle || r.Indication != hub.TotalFailed {
				t.Errorf("a %s that is %s", r.Kind, r.Indication)
			}
		})
	}
}

// lateWitness signs the checkpoint between two proofs.
type lateWitness struct {
	bundle.Proofs
	w *world
}

func (l lateWitness) Prove(ctx context.Context, actor hub.Actor, id hub.EvidenceID) (audit.Proof, audit.Held, error) {
	defer func() { l.w.seenBy = 2 }()
	return l.Proofs.Prove(ctx, actor, id)
}

// TestOneNoteOfEachSize: no bundle holds two notes of one checkpoint, of which the
// time-stamp would be over one only.
func TestOneNoteOfEachSize(t *testing.T) {
	w := newWorld(t)
	w.event(hub.EventContentConsignment)
	w.seenBy = 1
	b := w.builder()
	b.Proofs = lateWitness{b.Proofs, w}
	order := hub.BundleOrder{Dispatch: w.dispatch.ID, Delivery: w.delivery.ID}
	var out bytes.Buffer
	if err := b.Write(t.Context(), party(), order, &out); hub.KindOf(err) != hub.KindUnavailable || out.Len() > 0 {
		t.Errorf("%v after %d bytes", err, out.Len())
	}
	if err := b.Write(t.Context(), party(), order, &out); err != nil {
		t.Error(err)
	}
}
