package faulttest

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/signing/pki"
)

// TestProceduresThroughKills imports lists from many sides of a hub that is killed
// meanwhile, and follows the changes: the follower gets every procedure once, in numbers
// without gaps, and of each list all or nothing.
func TestProceduresThroughKills(t *testing.T) {
	throughKills(t, importThroughKills)
}

const listRows = 20 // of each list

// signedDecision is a signed document and the roots that its signatures lead to.
func signedDecision(t *testing.T) (pdf, anchors []byte) {
	t.Helper()
	authority, err := pki.New(time.Now(), pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	signers, err := sample.NewSigners(authority, "UBND tỉnh Quảng Nam", pki.P256)
	if err != nil {
		t.Fatal(err)
	}
	if pdf, err = sample.NewSeries(signers, 40<<10).Document(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	return pdf, authority.AnchorsPEM()
}

// startDecided starts a hub that holds a signed decision by which procedures are published.
func startDecided(t *testing.T, env []string) (h *mortal, decision hub.DispatchID) {
	t.Helper()
	pdf, anchors := signedDecision(t)
	roots := filepath.Join(t.TempDir(), "anchors.pem")
	if err := os.WriteFile(roots, anchors, 0o600); err != nil {
		t.Fatal(err)
	}
	h = startMortal(t, append(env, "LIENTHONG_ANCHORS="+roots))
	if err := h.call(func(c *hubclient.Client) error {
		sent, err := c.Submit(t.Context(), hub.Submission{
			Sender: senderCode, Recipients: []string{recipientCode(0)}, ExternalID: "decision", Key: "decision", Operation: hub.OperationNew,
			Document: hub.Document{CodeNumber: "7", CodeNotation: "QĐ-UBND", TypeName: "Quyết định", Subject: "Công bố thủ tục", Place: "Quảng Nam", Promulgated: "2020-01-10", Signer: hub.Signer{FullName: "Nguyễn Văn Ví Dụ"}},
		}, []hubclient.File{{
			Part: hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "7.pdf", MediaType: "application/pdf", Size: int64(len(pdf))},
			Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(pdf)), nil },
		}}, nil)
		decision = sent.Dispatch.ID
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return h, decision
}

func importThroughKills(t *testing.T, env []string, kills int) {
	t.Helper()
	h, decision := startDecided(t, env)
	take := func(list string) error {
		var rows strings.Builder
		rows.WriteString("code,name,field,levels,agency,limit\n")
		for i := range listRows {
			fmt.Fprintf(&rows, "%s.%02d,Thủ tục,Hộ tịch,xã,%s,1 ngày\n", list, i, senderCode)
		}
		return h.call(func(c *hubclient.Client) error {
			_, err := c.ImportProcedures(t.Context(), hub.ProcedureWish{Decision: decision}, strings.NewReader(rows.String()))
			return err
		})
	}
	var stop atomic.Bool
	var lists atomic.Int64
	var importers, follower sync.WaitGroup
	for i := range 4 {
		importers.Go(func() {
			for n := 0; !stop.Load(); n++ {
				list := fmt.Sprintf("%d.%04d", i, n)
				h.insist(func() error { return take(list) })
				lists.Add(1)
			}
		})
	}
	var got []string
	var last int64
	follow := func() error {
		return h.call(func(c *hubclient.Client) error {
			changes, end, err := c.ProcedureChanges(t.Context(), last, 30)
			for i := range changes {
				if changes[i].Seq != last+int64(i)+1 {
					t.Errorf("change %d comes where %d was to come", changes[i].Seq, last+int64(i)+1)
				}
				got = append(got, changes[i].Code)
			}
			if err == nil {
				last = end
			}
			return err
		})
	}
	follower.Go(func() {
		for !stop.Load() {
			_ = follow() // asked again behind the same number
		}
	})
	h.kill(kills, func() int { return int(lists.Load()) })
	stop.Store(true)
	importers.Wait()
	follower.Wait()
	for before := int64(-1); before != last; {
		before = last
		if err := follow(); err != nil {
			t.Fatal(err)
		}
	}
	if int64(len(got)) != lists.Load()*listRows || lists.Load() < 4 {
		t.Errorf("%d changes of %d lists were told", len(got), lists.Load())
	}
	for list := range slices.Chunk(got, listRows) {
		for i, code := range list {
			if want := fmt.Sprintf("%s%02d", list[0][:len(list[0])-2], i); code != want {
				t.Fatalf("%s comes where %s was to come: a list is not whole", code, want)
			}
		}
	}
	t.Logf("%d lists, %d changes, %d kills", lists.Load(), len(got), kills)
}
