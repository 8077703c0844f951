package backlogtest

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/cli"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/engine"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/hubtest/server"
)

// asProgram makes the test binary be the program for the hubs that are started.
const asProgram = "LIENTHONG_BACKLOG_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		os.Exit(cli.Main(context.Background(), cli.Environment{
			Args: os.Args[1:], Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: "test",
		}))
	}
	os.Setenv(asProgram, "yes")
	os.Exit(m.Run())
}

const (
	senderCode = "H47"
	// largestFanOut is the most recipients of one dispatch that waits.
	largestFanOut = 500
)

func boxID(i int) string   { return fmt.Sprintf("box-%d", i) }
func boxCode(i int) string { return fmt.Sprintf("H47.%d", i+1) }

// backlog is what waits: so many deliveries, spread over so many boxes.
type backlog struct{ deliveries, boxes int }

func (b backlog) String() string { return fmt.Sprintf("%d-in-%d", b.deliveries, b.boxes) }

// fanOut is the number of recipients of each dispatch that waits.
func (b backlog) fanOut() int { return min(b.boxes, largestFanOut) }

// site is a hub that can be started: its folder, its engines, and who may speak to it.
type site struct {
	dir       string
	settings  engine.Settings
	sender    string // key
	collector string // key of the first box
}

// newSite makes a hub with one sender and so many boxes, on the engines.
func newSite(tb testing.TB, settings engine.Settings, boxes int) *site {
	tb.Helper()
	s := &site{dir: filepath.Join(tb.TempDir(), "hub"), settings: settings}
	process := s.start(tb)
	key, err := process.OperatorKey()
	if err != nil {
		tb.Fatal(err)
	}
	operator := client(tb, process.URL, key)
	var csv strings.Builder
	csv.WriteString("id,code,name,level,kind,parent_code,valid_from,valid_to,registers,email,telephone,aliases,successors\n")
	fmt.Fprintf(&csv, "h47,%s,UBND tỉnh (thử nghiệm),province,,,,,true,,,,\n", senderCode)
	for i := range boxes {
		fmt.Fprintf(&csv, "%s,%s,Đơn vị thử nghiệm %d (hư cấu),department,,%s,,,true,,,,\n", boxID(i), boxCode(i), i, senderCode)
	}
	if _, err := operator.ImportAgencies(tb.Context(), strings.NewReader(csv.String()), false); err != nil {
		tb.Fatal(err)
	}
	s.sender, s.collector = issue(tb, operator, senderCode), issue(tb, operator, boxCode(0))
	if err := process.Stop(server.Patience); err != nil {
		tb.Fatal(err)
	}
	return s
}

func issue(tb testing.TB, operator *hubclient.Client, code string) string {
	tb.Helper()
	issued, err := operator.IssueKey(tb.Context(), hubclient.NewKey{
		Name: "backlog", Kind: hub.ActorSystem, Agencies: []string{code},
		Scopes: []hub.Scope{hub.ScopeSubmit, hub.ScopeCollect, hub.ScopeRead},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return issued.Secret
}

func client(tb testing.TB, url, key string) *hubclient.Client {
	tb.Helper()
	c, err := hubclient.New(hubclient.Options{URL: url, Key: key})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(c.CloseIdle)
	return c
}

func (s *site) start(tb testing.TB) *hubproc.Process {
	tb.Helper()
	bin, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	args := []string{"--client-rate", "1000000"}
	if s.settings.Database != "" {
		args = append(args, "--database", s.settings.Database)
	}
	process, err := hubproc.Start(tb.Context(), hubproc.Options{Bin: bin, DataDir: s.dir, Args: args})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(process.Kill)
	return process
}

// content is what lies in a hub: it hands out all its dispatches, then all their deliveries.
type content interface {
	emit(out func(hub.Record) error) error
}

// twin returns a hub with the same parties and keys, on other engines, in whose boxes
// the content lies.
func (s *site) twin(tb testing.TB, settings engine.Settings, waiting content) *site {
	tb.Helper()
	t := *s
	t.dir, t.settings = filepath.Join(tb.TempDir(), "full"), settings
	// os.CopyFS would open keys to others.
	if out, err := exec.CommandContext(tb.Context(), "cp", "-a", s.dir, t.dir).CombinedOutput(); err != nil {
		tb.Fatalf("%v: %s", err, out)
	}
	for _, file := range []string{"hub.db", "hub.db-wal", "hub.db-shm"} {
		os.Remove(filepath.Join(t.dir, file))
	}
	target, err := engine.OpenRestorable(tb.Context(), t.options())
	if err != nil {
		tb.Fatal(err)
	}
	defer target.Close()
	next, stop := iter.Pull2(s.records(tb, waiting))
	defer stop()
	err = target.Import(tb.Context(), func() (hub.Record, error) {
		record, err, more := next()
		if !more {
			return record, io.EOF
		}
		return record, err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return &t
}

func (s *site) options() engine.Options {
	o := engine.Options{Settings: s.settings, DataDir: s.dir, Log: slog.New(slog.DiscardHandler), Fatal: func(err error) { panic(err) }}
	o.DatabaseConnections = 8
	return o
}

var errEnough = errors.New("enough was taken")

// records is the export of the hub with the content in its place.
func (s *site) records(tb testing.TB, waiting content) iter.Seq2[hub.Record, error] {
	return func(yield func(hub.Record, error) bool) {
		source, err := engine.OpenArchive(tb.Context(), s.options())
		if err != nil {
			yield(hub.Record{}, err)
			return
		}
		defer source.Close()
		var before []hub.Record
		if err := source.Export(tb.Context(), func(r hub.Record) error {
			before = append(before, r)
			return nil
		}); err != nil {
			yield(hub.Record{}, err)
			return
		}
		// The hub exchanged nothing yet: all that it has comes before dispatches.
		for _, r := range before {
			if !yield(r, nil) {
				return
			}
		}
		if err := waiting.emit(func(r hub.Record) error {
			if !yield(r, nil) {
				return errEnough
			}
			return nil
		}); err != nil && !errors.Is(err, errEnough) {
			yield(hub.Record{}, err)
		}
	}
}

// emit hands out all dispatches, then all their deliveries, as archives want them. The
// ids of the deliveries are made from those of the dispatches.
func (b backlog) emit(out func(hub.Record) error) error {
	now := time.Now().UTC().Truncate(time.Millisecond)
	dispatches := b.deliveries / b.fanOut()
	for i := range dispatches {
		if err := record(out, hub.RecordDispatch, b.dispatch(i, now)); err != nil {
			return err
		}
	}
	for n := range dispatches * b.fanOut() {
		if err := record(out, hub.RecordDelivery, b.delivery(n, now)); err != nil {
			return err
		}
	}
	return nil
}

// Kinds of ids, in the first of their random bits.
const (
	idDispatch = iota
	idReceipt
	idDelivery
)

// id is the UUIDv7 of the n-th thing of a kind: a thousand in a millisecond, in order.
func id(kind, n int, at time.Time) string {
	var u uuid.UUID
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(at.UnixMilli()+int64(n/1000)))
	copy(u[:6], ms[2:])
	binary.BigEndian.PutUint64(u[8:], uint64(n))
	u[6], u[7], u[8] = 0x70, byte(kind), 0x80
	return u.String()
}

func record(out func(hub.Record) error, kind hub.RecordKind, body any) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return out(hub.Record{Kind: kind, Body: raw})
}

func (b backlog) dispatch(n int, at time.Time) hub.DispatchRecord {
	part := hub.Part{ID: "p1", Role: hub.RoleOriginal, Name: "van-ban.pdf", MediaType: "application/pdf", Size: 1}
	return hub.DispatchRecord{
		Dispatch: hub.Dispatch{
			ID: hub.DispatchID(id(idDispatch, n, at)), Sender: "h47", SenderCode: senderCode, SenderName: "UBND tỉnh (thử nghiệm)",
			ExternalID: fmt.Sprintf("backlog-%d", n), Operation: hub.OperationNew, Format: hub.FormatREST,
			Document: hub.Document{
				CodeNumber: fmt.Sprint(n + 1), CodeNotation: "UBND-KSTTHC", TypeName: "Công văn",
				Subject:     "V/v đẩy mạnh công tác cải cách hành chính năm 2020",
				Promulgated: "2020-01-10", Signer: hub.Signer{FullName: "Nguyễn Văn A (hư cấu)"},
			},
			Parts: []hub.Part{part}, AcceptedAt: at,
		},
		Reports:       []hub.SignatureReport{},
		Receipt:       hub.EvidenceID(id(idReceipt, n, at)),
		FirstDelivery: hub.DeliveryID(id(idDelivery, n*b.fanOut(), at)),
		LastDelivery:  hub.DeliveryID(id(idDelivery, (n+1)*b.fanOut()-1, at)),
	}
}

func (b backlog) delivery(n int, at time.Time) hub.DeliveryRecord {
	box := n % b.boxes
	return hub.DeliveryRecord{Delivery: hub.Delivery{
		ID: hub.DeliveryID(id(idDelivery, n, at)), Dispatch: hub.DispatchID(id(idDispatch, n/b.fanOut(), at)), Index: n % b.fanOut(),
		Recipient: hub.AgencyID(boxID(box)), AddressedAs: hub.Code(boxCode(box)), Name: "Đơn vị thử nghiệm (hư cấu)",
		Channel: hub.ChannelPull, Registers: true, State: hub.StateConsigned, Version: 2,
		UpdatedAt: at, ExpiresAt: at.AddDate(1, 0, 0), Attempts: 1,
	}}
}
