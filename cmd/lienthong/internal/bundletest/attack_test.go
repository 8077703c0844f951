package bundletest

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/audit"
	"github.com/lienthong/lienthong/hub/audit/bundle"
	"github.com/lienthong/lienthong/signing/trust"
	"github.com/lienthong/lienthong/signing/verdict"
)

// attack is something done to a bundle, by a hub that seals what it likes or by others
// behind it, and how it must be named.
type attack struct {
	build func(w *world) []byte
	by    func(w *world, a *auditor) // what the auditor knows; nil: as always
	want  hub.Indication
	step  string // that names it; empty where all is well
	says  string // what a finding of the step must hold
}

func attacks() map[string]attack {
	return map[string]attack{
		"none": {build: whole, want: hub.TotalPassed},
		"refused with a reason": {
			build: func(w *world) []byte {
				w.event(hub.EventContentConsignment)
				w.event(hub.EventConsignmentRejection)
				w.stamp()
				return w.bundle(false)
			},
			want: hub.TotalPassed,
		},
		"no policy of one's own": {build: whole, by: func(_ *world, a *auditor) { a.Policy = nil }, want: hub.Indeterminate, step: "checkpoint and witnesses", says: "--policy"},
		"no roots of one's own":  {build: whole, by: func(_ *world, a *auditor) { a.anchors = nil }, want: hub.Indeterminate, step: "signatures", says: "no trust anchor is configured"},

		"proofs of two receipts swapped": {build: changed(swap("003-ContentHandover.tlog-proof", "004-ConsignmentAcceptance.tlog-proof")), want: hub.TotalFailed, step: "inclusion in the log", says: "do not lead from the entry"},
		"XML forms swapped":              {build: withXML(swap("003-ContentHandover.xml", "004-ConsignmentAcceptance.xml")), want: hub.TotalFailed, step: "signatures", says: "003-ContentHandover.xml: the XML form carries another receipt"},
		"an XML form that says otherwise": {
			build: withXML(edit("003-ContentHandover.xml", func(b []byte) []byte {
				return bytes.Replace(b, []byte("/Event/ContentHandover<"), []byte("/Event/ContentConsignment<"), 1)
			})),
			want: hub.TotalFailed, step: "signatures", says: "003-ContentHandover.xml",
		},
		"an XML form without a signature": {
			build: withXML(edit("003-ContentHandover.xml", func(b []byte) []byte {
				return append(b[:bytes.Index(b, []byte("<Signature")):len(b)], "</e:Evidence>"...)
			})),
			want: hub.TotalFailed, step: "signatures", says: "is not signed",
		},
		"signatures swapped":      {build: changed(swap("003-ContentHandover.jws", "004-ConsignmentAcceptance.jws")), want: hub.TotalFailed, step: "signatures", says: "003-ContentHandover"},
		"receipts swapped":        {build: changed(swap("003-ContentHandover.json", "004-ConsignmentAcceptance.json")), want: hub.TotalFailed, step: "container", says: "holds an evidence of the event"},
		"truncated tree":          {build: changed(truncated), want: hub.TotalFailed, step: "inclusion in the log", says: "is not in a tree of 3"},
		"a tree without an end":   {build: changed(edit("001-SubmissionAcceptance.tlog-proof", hugeTree)), want: hub.TotalFailed, step: "inclusion in the log", says: "no checkpoint"},
		"old checkpoint replayed": {build: replayed, want: hub.TotalFailed, step: "inclusion in the log", says: "is not in a tree"},
		"forked log": {
			build: whole, by: func(w *world, a *auditor) { a.Kept = []audit.Kept{{Name: "mine", Note: w.fork()}} },
			want: hub.TotalFailed, step: "consistency of the log", says: "another root than the checkpoint mine that you kept",
		},
		"two roots of one size": {build: twoRoots, want: hub.TotalFailed, step: "consistency of the log", says: "two roots"},
		"no proof of growth":    {build: changed(drop("log/2026-3-5.consistency")), want: hub.Indeterminate, step: "consistency of the log", says: "nothing shows"},
		"false proof of growth": {build: changed(replace("log/2026-3-5.consistency", []byte(strings.Repeat("A", 43)+"=\n"))), want: hub.TotalFailed, step: "consistency of the log", says: "not one history"},
		"a log that the policy does not know": {
			build: whole, by: func(w *world, a *auditor) {
				other := newWorld(w.t)
				other.logKey = other.witnesses[0]
				a.Policy = other.auditor().Policy
			},
			want: hub.TotalFailed, step: "checkpoint and witnesses", says: "is not signed by that log",
		},
		"witnesses below the quorum": {
			build: func(w *world) []byte { w.seenBy = 1; return whole(w) }, want: hub.Indeterminate, step: "checkpoint and witnesses", says: "too few witnesses",
		},

		"backdated":           {build: late, want: hub.Indeterminate, step: "time-stamp", says: "may be backdated"},
		"postdated":           {build: func(w *world) []byte { return dated(w, time.Hour) }, want: hub.TotalFailed, step: "time-stamp", says: "holds it already"},
		"backdated in chain":  {build: func(w *world) []byte { return dated(w, -10*time.Hour) }, want: hub.TotalFailed, step: "chain of evidence", says: "[time_order]"},
		"no time-stamp":       {build: func(w *world) []byte { return changed(drop("log/2026-5.tst"))(w) }, want: hub.Indeterminate, step: "time-stamp", says: "no time-stamp holds the checkpoint 2026-5"},
		"time-stamps swapped": {build: changed(swap("log/2026-3.tst", "log/2026-5.tst")), want: hub.TotalFailed, step: "time-stamp", says: "made for other bytes"},
		"hub key revoked, then signed": {
			build: whole, by: func(w *world, a *auditor) { a.mirror = w.revoked(w.hub.Certificate(), begin().Add(-time.Hour)) },
			want: hub.Indeterminate, step: "time of signing", says: "revoked",
		},
		"hub key revoked between two receipts": {
			build: whole, by: func(w *world, a *auditor) {
				a.mirror = w.revoked(w.hub.Certificate(), w.stamps[0].Time.Add(time.Second))
			},
			want: hub.Indeterminate, step: "time of signing", says: "003-ContentHandover",
		},
		"hub key revoked, logged before": {
			build: whole, by: func(w *world, a *auditor) { a.mirror = w.revoked(w.hub.Certificate(), w.now.Add(time.Hour)) },
			want: hub.TotalPassed,
		},
		"hub key expired, logged before": {
			build: whole, by: func(w *world, a *auditor) { a.at = w.now.AddDate(4, 0, 0) },
			want: hub.Indeterminate, step: "renewals", says: "stopped proving anything by itself", // the authority ended too; renewed ones pass (TestRenewals)
		},
		"time-stamp authority revoked": {
			build: whole, by: func(w *world, a *auditor) { a.mirror = w.revoked(w.tsa.Certificate(), w.now.Add(time.Hour)) },
			want: hub.Indeterminate, step: "time-stamp", says: "revoked",
		},
		"revocation in the bundle": {
			build: func(w *world) []byte { w.mirror = w.revoked(w.tsa.Certificate(), begin()); return whole(w) },
			want:  hub.Indeterminate, step: "time-stamp", says: "revoked",
		},

		"an unknown file among the lists": {build: changed(insert(bundle.Bytes(bundle.RevocationFolder+"00.exe", "", []byte("hello")))), want: hub.TotalFailed, step: "container", says: "none of a bundle"},
		"a list too large for a bundle": {
			build: func(w *world) []byte {
				w.mirror = w.revoked(w.tsa.Certificate(), begin(), bundle.MaxRevocation)
				return whole(w)
			},
			want: hub.TotalPassed,
		},
		"unknown file":                 {build: changed(insert(bundle.Bytes("read-me.txt", "text/plain", []byte("hello")))), want: hub.TotalFailed, step: "container", says: `none of a bundle: "read-me.txt"`},
		"second receipt of one number": {build: changed(insert(bundle.Bytes("receipts/002-Withdrawal.json", "application/json", []byte("{}")))), want: hub.TotalFailed, step: "container", says: "none of a bundle"},
		"unsealed file":                {build: unsealed, want: hub.TotalFailed, step: "container", says: "extra.txt"},
		"duplicate names":              {build: twins, want: hub.TotalFailed, step: "container", says: "two entries of the name"},
		"not a container":              {build: func(*world) []byte { return []byte("PK\x03\x04 receipts/001-") }, want: hub.TotalFailed, step: "container", says: "too short"},
		"cut short":                    {build: func(w *world) []byte { b := whole(w); return b[:len(b)-40] }, want: hub.TotalFailed, step: "container", says: "end record"},
		"one byte more":                {build: func(w *world) []byte { return append(whole(w), 0) }, want: hub.TotalFailed, step: "container", says: "end record"},
		"first receipt missing":        {build: changed(without(1)), want: hub.TotalFailed, step: "container", says: "no receipt"},
		"a receipt missing":            {build: changed(without(3)), want: hub.TotalFailed, step: "container", says: "none of a bundle"},
		"a link missing":               {build: changed(closed), want: hub.TotalFailed, step: "chain of evidence", says: "breaks here"},
		"the end missing":              {build: changed(without(4)), want: hub.Indeterminate, step: "chain of evidence", says: "--handover-ends"},
		"the end missing, by agreement": {
			build: changed(without(4)), by: func(_ *world, a *auditor) { a.HandoverEnds = true }, want: hub.TotalPassed,
		},
		"two ends":             {build: twoEnds, want: hub.TotalFailed, step: "chain of evidence", says: "follows the same predecessor"},
		"an end after the end": {build: afterEnd, want: hub.TotalFailed, step: "chain of evidence", says: "follows the terminal evidence"},
		"receipt of another":   {build: ofAnother, want: hub.TotalFailed, step: "chain of evidence", says: "two recipients"},
		"not canonical": {
			build: changed(edit("001-SubmissionAcceptance.json", func(b []byte) []byte { return bytes.Replace(b, []byte(`":`), []byte(`": `), 1) })),
			want:  hub.TotalFailed, step: "canonical form", says: "not in canonical form",
		},

		"content that does not match": {
			build: func(w *world) []byte { w.walk(); w.document = append(w.document, '!'); return w.bundle(true) },
			want:  hub.TotalFailed, step: "content", says: "is not what was accepted",
		},
		"another verdict": {
			build: changed(edit("validation/archive.json", func(b []byte) []byte { return bytes.Replace(b, []byte("INDETERMINATE"), []byte("TOTAL-PASSED"), 1) })),
			want:  hub.TotalFailed, step: "content", says: `part "p1" is not the one that a receipt names`,
		},
		"other content at hand": {
			build: whole, by: func(_ *world, a *auditor) { a.Originals = []bundle.Original{{Name: "Quyết định 42.pdf"}} },
			want: hub.TotalFailed, step: "content", says: "that you have is not the one",
		},
		"no content at hand": {
			build: whole, by: func(_ *world, a *auditor) { a.Originals = []bundle.Original{} },
			want: hub.Indeterminate, step: "content", says: "none of your files",
		},
		"the content at hand": {
			build: whole, by: func(w *world, a *auditor) {
				a.Originals = []bundle.Original{{Name: "x", SHA256: w.dispatch.Parts[0].Digest}}
			},
			want: hub.TotalPassed,
		},
	}
}

// TestAttacks: everything that can be done to a bundle is caught, and named by the step
// that it concerns.
func TestAttacks(t *testing.T) {
	for name, a := range attacks() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			file := a.build(w)
			by := w.auditor()
			if a.by != nil {
				a.by(w, by)
			}
			r := by.verify(t, file)
			if r.Indication != a.want {
				t.Errorf("%s %s instead of %s", r.Indication, r.Sub, a.want)
			}
			if a.step != "" && !names(&r, a) || t.Failed() {
				t.Errorf("no step %q says %q:\n%s", a.step, a.says, stepsOf(&r))
			}
		})
	}
}

// names reports whether the step of an attack did not pass and says why.
func names(r *hub.BundleReport, a attack) bool {
	return slices.ContainsFunc(r.Steps, func(s hub.BundleStep) bool {
		return s.Name == a.step && (s.Outcome == hub.StepFailed || s.Outcome == hub.StepIndeterminate) &&
			strings.Contains(strings.Join(s.Findings, "\n"), a.says)
	})
}

func stepsOf(r *hub.BundleReport) string {
	var b strings.Builder
	for _, s := range r.Steps {
		b.WriteString(s.Name + ": " + string(s.Outcome) + " " + string(s.Sub) + " " + s.Detail + "\n")
		for _, f := range s.Findings {
			b.WriteString("    " + f + "\n")
		}
	}
	return b.String()
}

func whole(w *world) []byte { return w.walk().bundle(true) }

// changed seals the whole way after something was done to its files.
func changed(change func([]bundle.File) []bundle.File) func(w *world) []byte {
	return func(w *world) []byte {
		w.change = change
		return whole(w)
	}
}

func find(files []bundle.File, end string) *bundle.File {
	i := slices.IndexFunc(files, func(f bundle.File) bool { return strings.HasSuffix(f.Name, end) })
	return &files[i]
}

func content(f *bundle.File) []byte {
	data, _ := io.ReadAll(io.NewSectionReader(f.Content, 0, f.Size)) // of memory
	return data
}

func edit(end string, change func([]byte) []byte) func([]bundle.File) []bundle.File {
	return func(files []bundle.File) []bundle.File {
		f := find(files, end)
		*f = bundle.Bytes(f.Name, f.MediaType, change(content(f)))
		return files
	}
}

func replace(end string, by []byte) func([]bundle.File) []bundle.File {
	return edit(end, func([]byte) []byte { return by })
}

// withXML is a whole bundle with the XML form of each receipt, changed.
func withXML(change func([]bundle.File) []bundle.File) func(w *world) []byte {
	return func(w *world) []byte {
		w.xml = true
		return changed(change)(w)
	}
}

func swap(one, two string) func([]bundle.File) []bundle.File {
	return func(files []bundle.File) []bundle.File {
		a, b := find(files, one), find(files, two)
		a.Content, b.Content, a.Size, b.Size = b.Content, a.Content, b.Size, a.Size
		return files
	}
}

func drop(end string) func([]bundle.File) []bundle.File {
	return func(files []bundle.File) []bundle.File {
		return slices.DeleteFunc(files, func(f bundle.File) bool { return strings.HasSuffix(f.Name, end) })
	}
}

func insert(file bundle.File) func([]bundle.File) []bundle.File {
	return func(files []bundle.File) []bundle.File { return append(files, file) }
}

// without takes the three files of a receipt away.
func without(n int) func([]bundle.File) []bundle.File {
	return func(files []bundle.File) []bundle.File {
		return slices.DeleteFunc(files, func(f bundle.File) bool { return strings.HasPrefix(f.Name, "receipts/00"+string(rune('0'+n))) })
	}
}

// truncated gives the last receipt the head of the tree before it.
func truncated(files []bundle.File) []bundle.File {
	last, first := find(files, "004-ConsignmentAcceptance.tlog-proof"), find(files, "001-SubmissionAcceptance.tlog-proof")
	head, _, _ := strings.Cut(string(content(last)), "\n\n")
	_, note, _ := strings.Cut(string(content(first)), "\n\n")
	*last = bundle.Bytes(last.Name, last.MediaType, []byte(head+"\n\n"+note))
	return files
}

// hugeTree says that the tree of a receipt has as many entries as a number can say, and
// gives hashes enough for it.
func hugeTree(proof []byte) []byte {
	lines := strings.Split(string(proof), "\n")
	end := slices.Index(lines, "")
	note := lines[end:]
	note[2] = "9223372036854775807"
	hash := note[3]
	return []byte(strings.Join(slices.Concat(lines[:3], slices.Repeat([]string{hash}, 63), note), "\n"))
}

// replayed proves the last receipts by an old checkpoint that has a token.
func replayed(w *world) []byte {
	w.event(hub.EventContentConsignment)
	w.stamp()
	w.event(hub.EventConsignmentRejection)
	w.change = func(files []bundle.File) []bundle.File {
		last, first := find(files, "003-ConsignmentRejection.tlog-proof"), find(files, "001-SubmissionAcceptance.tlog-proof")
		head, _, _ := strings.Cut(string(content(last)), "\n\n")
		_, note, _ := strings.Cut(string(content(first)), "\n\n")
		*last = bundle.Bytes(last.Name, last.MediaType, []byte(head+"\n\n"+note))
		return files
	}
	return w.bundle(false)
}

// fork is the head of another history of the same size as the last one.
func (w *world) fork() []byte {
	forked := slices.Clone(w.leaves)
	forked[1] = []byte(`{"another":"history"}`)
	return w.checkpoint(forked)
}

// twoRoots proves two receipts by two histories of one size.
func twoRoots(w *world) []byte {
	w.walk()
	other := w.bundle(false)
	forged := slices.Clone(w.leaves)
	forged[0] = []byte(`{"another":"history"}`)
	w.leaves = forged
	for i := range w.stamps {
		w.stamps[i].Note = w.checkpoint(forged[:w.stamps[i].Size])
		w.stamps[i].Token = w.token(w.stamps[i].Note)
	}
	genuine := fileOf(w, other, "receipts/003-ContentHandover.tlog-proof")
	w.change = func(files []bundle.File) []bundle.File {
		return drop(".consistency")(replace("003-ContentHandover.tlog-proof", genuine)(files))
	}
	return w.bundle(false)
}

func fileOf(w *world, file []byte, name string) []byte {
	w.t.Helper()
	r := must(zip.NewReader(bytes.NewReader(file), int64(len(file))))(w.t)
	return must(io.ReadAll(must(r.Open(name))(w.t)))(w.t)
}

// late lets two days pass before the log is stamped: until then the hub may have written
// what it liked.
func late(w *world) []byte {
	w.event(hub.EventContentConsignment)
	w.event(hub.EventConsignmentRejection)
	w.now = w.now.Add(48 * time.Hour)
	w.stamp()
	return w.bundle(false)
}

// dated gives an evidence another time than that of its act.
func dated(w *world, by time.Duration) []byte {
	w.event(hub.EventContentConsignment)
	w.stamp()
	w.event(hub.EventConsignmentRejection, func(e *hub.Evidence) { e.Time = e.Time.Add(by) })
	w.stamp()
	return w.bundle(false)
}

// revoked is the list of the authority of a world, with one certificate on it since a
// time, because its key was stolen. With padding it is larger by as many bytes.
func (w *world) revoked(certificate *x509.Certificate, at time.Time, padding ...int) *trust.Mirror {
	w.t.Helper()
	by := w.pki.Issuing()
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: w.now.Add(2 * time.Hour), NextUpdate: w.now.AddDate(0, 0, 7)}
	list.RevokedCertificateEntries = []x509.RevocationListEntry{{SerialNumber: certificate.SerialNumber, RevocationTime: at, ReasonCode: 1}}
	for _, n := range padding {
		list.ExtraExtensions = append(list.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 1}, Value: make([]byte, n)})
	}
	der := must(x509.CreateRevocationList(rand.Reader, list, by.Certificate(), by.Key))(w.t)
	return trust.NewMirror(verdict.Material{CRLs: [][]byte{der}})
}

// unsealed adds a file behind the seal.
func unsealed(w *world) []byte { return w.repacked(whole(w), "extra.txt") }

// twins adds a second file of a name.
func twins(w *world) []byte { return w.repacked(whole(w), "receipts/001-SubmissionAcceptance.json") }

// repacked writes a container again with one file more.
func (w *world) repacked(file []byte, name string) []byte {
	r := must(zip.NewReader(bytes.NewReader(file), int64(len(file))))(w.t)
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, f := range r.File {
		raw := must(f.OpenRaw())(w.t)
		to := must(z.CreateRaw(&f.FileHeader))(w.t)
		must(io.Copy(to, raw))(w.t)
	}
	to := must(z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store}))(w.t)
	must(to.Write([]byte("hello")))(w.t)
	if err := z.Close(); err != nil {
		w.t.Fatal(err)
	}
	return out.Bytes()
}

// closed takes the third receipt away and closes the gap.
func closed(files []bundle.File) []bundle.File {
	files = without(3)(files)
	for i := range files {
		files[i].Name = strings.Replace(files[i].Name, "receipts/004-", "receipts/003-", 1)
	}
	return files
}

// twoEnds records acceptance and refusal behind the same hand-over.
func twoEnds(w *world) []byte {
	w.event(hub.EventContentConsignment)
	handed := w.event(hub.EventContentHandover)
	w.event(hub.EventConsignmentAcceptance)
	w.event(hub.EventConsignmentRejection, func(e *hub.Evidence) { prev := handed.Ref(); e.Prev = &prev })
	w.stamp()
	return w.bundle(false)
}

// afterEnd refuses what was registered before.
func afterEnd(w *world) []byte {
	w.event(hub.EventContentConsignment)
	w.event(hub.EventContentHandover)
	w.event(hub.EventConsignmentAcceptance)
	w.event(hub.EventConsignmentRejection)
	w.stamp()
	return w.bundle(false)
}

// ofAnother puts a receipt about another recipient into the bundle.
func ofAnother(w *world) []byte {
	w.event(hub.EventContentConsignment)
	w.event(hub.EventConsignmentRejection)
	e := hub.DeliveryEvidence(hub.EventContentConsignment, &w.dispatch, &w.other, w.now)
	sealed := w.record(e, &w.other)
	w.stamp()
	w.change = func(files []bundle.File) []bundle.File { return append(files, w.receiptFiles(4, sealed)...) }
	return w.bundle(false)
}

// receiptFiles are the files of the n-th receipt.
func (w *world) receiptFiles(n int, sealed hub.SealedEvidence) []bundle.File {
	w.t.Helper()
	reader := &audit.Reader{Evidence: w.audit, Store: w, Rehashes: rehashStore{&w.rehashes, w}, Tiles: tiles{world: w}}
	proof, _, err := reader.Prove(w.t.Context(), party(), sealed.Evidence.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	name := fmt.Sprintf("receipts/%03d-%s", n, sealed.Evidence.Event.Name())
	return []bundle.File{
		bundle.Bytes(name+".json", "", sealed.Canonical), bundle.Bytes(name+".jws", "", []byte(sealed.JWS)), bundle.Bytes(name+".tlog-proof", "", proof.Text()),
	}
}
