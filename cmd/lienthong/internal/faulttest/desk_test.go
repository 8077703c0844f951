package faulttest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lienthong/lienthong/adapters/edxml"
	"github.com/lienthong/lienthong/hub"
)

// deskOrders is the variable of the environment that makes this program a desk.
const deskOrders = "LIENTHONG_TEST_DESK"

// desk is the one-stop system of an agency, a process of its own. It behaves as badly as
// such systems do: it hears no answer, sends again, sends the same in other packages, tells
// the end before the middle, writes days and words that do not exist. It hands dossiers over
// until its input ends, or, where it leads, answers as many as its input says. Every line of
// its output is a package for which it holds a receipt; it fails when the hub does something
// else than it must.
type desk struct {
	Address string // file that names where the hub is
	Key     string
	Code    string
	Other   string // the agency that it works with
	Leads   bool

	mu sync.Mutex // of the output
}

// deskLine says that a package was accepted.
type deskLine struct {
	ID     string `json:"id"` // of the document
	Number string `json:"number"`
}

func runDesk(orders string) int {
	d := &desk{}
	err := json.Unmarshal([]byte(orders), d)
	switch {
	case err != nil:
	case d.Leads:
		err = d.lead()
	default:
		err = d.receive()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// receive takes dossiers in and hands them over to the other agency.
func (d *desk) receive() error {
	const workers = 4
	var over atomic.Bool
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		over.Store(true)
	}()
	errs := make([]error, workers)
	var group sync.WaitGroup
	for i := range workers {
		group.Go(func() {
			for n := i + 1; !over.Load() && errs[i] == nil; n += workers {
				errs[i] = d.handOver(n)
			}
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

const (
	deskHead   = "<MaTTHC>1.001193</MaTTHC><ChuHoSo>Trần Thị Mẫu</ChuHoSo><NgayTiepNhan>20250303080000</NgayTiepNhan><NgayHenTra>20250306</NgayHenTra>"
	deskAccept = "<SuKien><MaSuKien>e1</MaSuKien><ThoiDiemXuLy>20250303081000</ThoiDiemXuLy><HanhDong>accept</HanhDong></SuKien>"
	deskHand   = "<SuKien><MaSuKien>e2</MaSuKien><ThoiDiemXuLy>20250303090000</ThoiDiemXuLy><HanhDong>hand_over</HanhDong><DonViNhan>%s</DonViNhan><VaiTro>lead</VaiTro></SuKien>"
	deskAnswer = "<SuKien><MaSuKien>%s</MaSuKien><ThoiDiemXuLy>%s</ThoiDiemXuLy><HanhDong>%s</HanhDong></SuKien>"
)

func (d *desk) handOver(n int) error {
	number := fmt.Sprintf("%s-250303-%04d", d.Code, n)
	events := deskAccept + fmt.Sprintf(deskHand, d.Other)
	for rule, wrong := range map[string]string{
		"date_time": strings.Replace(events, "20250303081000", "20250230081000", 1),
		"code_list": strings.Replace(events, ">accept<", ">bay<", 1),
	} {
		if n%3 == 0 {
			if err := d.send(number+" "+rule, number, deskHead+wrong, rule); err != nil {
				return err
			}
		}
	}
	if n%2 == 0 {
		d.cutOff(number, deskHead+events)
	}
	if err := d.send(number+" first", number, deskHead+events, ""); err != nil || n%4 != 0 {
		return err
	}
	if err := d.send(number+" first", number, deskHead+events, ""); err != nil {
		return err
	}
	return d.send(number+" again", number, deskHead+events, "")
}

// lead follows what happens to dossiers and answers those that it was given.
func (d *desk) lead() error {
	var wanted atomic.Int64
	wanted.Store(-1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n')
		if n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64); err == nil {
			wanted.Store(n)
		}
	}()
	answered, last := int64(0), int64(0)
	for answered != wanted.Load() {
		news, err := dossierNews(context.Background(), d.client(), last)
		if err != nil || len(news) == 0 {
			time.Sleep(20 * time.Millisecond)
			continue
		}
		for _, n := range news {
			if last++; n.Seq != last {
				return fmt.Errorf("told of %d where %d was to come", n.Seq, last)
			}
			if n.Event.Act != "hand_over" {
				continue
			}
			if err := d.answer(n.Number); err != nil {
				return err
			}
			answered++
		}
	}
	return nil
}

func (d *desk) answer(number string) error {
	end, middle := fmt.Sprintf(deskAnswer, "r2", "20250305090000", "result"), fmt.Sprintf(deskAnswer, "r1", "20250304090000", "process")
	return errors.Join(
		d.send(number+" end", number, end, ""),
		d.send(number+" middle", number, middle, ""),
		d.send(number+" end", number, end, ""),
	)
}

// send sends a package until the hub answers as it must: with a receipt, or by the rule that
// is broken.
func (d *desk) send(id, number, content, rule string) error {
	pkg, err := d.pack(id, number, content)
	if err != nil {
		return err
	}
	for {
		_, err := d.client().do(context.Background(), http.MethodPost, "/v1/packages", "application/xml", bytes.NewReader(pkg), nil)
		var no *refused
		switch {
		case err == nil && rule == "":
			return d.tell(deskLine{ID: id, Number: number})
		case err == nil:
			return fmt.Errorf("%s was accepted in spite of %s", id, rule)
		case errors.As(err, &no) && rule != "" && strings.Contains(no.body, `"`+rule+`"`):
			return nil
		case errors.As(err, &no) && !passes(no.status):
			return fmt.Errorf("%s was refused: %w", id, no)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// passes reports whether a refusal is one to come again after.
func passes(status int) bool {
	return status >= 500 || slices.Contains([]int{http.StatusConflict, http.StatusTooManyRequests}, status)
}

// cutOff sends the first package of a dossier and hears no answer.
func (d *desk) cutOff(number, content string) {
	pkg, err := d.pack(number+" first", number, content)
	if err != nil {
		return // the same is told by the next one
	}
	ctx, hangUp := context.WithCancel(context.Background())
	defer hangUp()
	_, _ = d.client().do(ctx, http.MethodPost, "/v1/packages", "application/xml", io.MultiReader(bytes.NewReader(pkg), endOf(hangUp)), nil)
}

// endOf ends a body by hanging up.
type endOf context.CancelFunc

func (hangUp endOf) Read([]byte) (int, error) {
	hangUp()
	return 0, io.EOF
}

// pack is a package with a file beside its content; the same id is the same package.
func (d *desk) pack(id, number, content string) ([]byte, error) {
	texts := map[string]string{"p1": "<HoSo><MaHoSo>" + number + "</MaHoSo>" + content + "</HoSo>", "p2": "đơn " + number}
	sub := hub.Submission{
		Sender: d.Code, Recipients: []string{d.Other}, ExternalID: id, Operation: hub.OperationNew,
		Document: hub.Document{CodeNumber: "1", CodeNotation: "HS", TypeName: "Hồ sơ liên thông", Subject: "Hồ sơ", Promulgated: "2025-03-03", Application: "HoSoLienThong"},
		Parts: []hub.Part{
			{ID: "p1", Role: hub.RoleOriginal, Name: hub.DossierPart, MediaType: "application/xml"},
			{ID: "p2", Role: hub.RoleAttachment, Name: "đơn.txt", MediaType: "text/plain"},
		},
	}
	var out bytes.Buffer
	err := edxml.New(edxml.Options{}).EncodeSubmission(context.Background(), &out, sub, nil, func(_ context.Context, p hub.Part) (hub.Blob, error) {
		return hub.BlobOf([]byte(texts[p.ID])), nil
	})
	return out.Bytes(), err
}

func (d *desk) tell(line deskLine) error {
	text, err := json.Marshal(line)
	if err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	_, err = fmt.Println(string(text))
	return err
}

// client is one for the hub where it is now.
func (d *desk) client() *client {
	address, _ := os.ReadFile(d.Address) // none is one that nobody listens at
	return newClient(string(address), d.Key)
}

// dossierEvent is the part of an event that the tests read.
type dossierEvent struct {
	Seq      int64  `json:"seq"`
	Act      string `json:"act"`
	Dispatch string `json:"dispatch"`
}

// dossierItem is an event as the agencies of a dossier follow it.
type dossierItem struct {
	Seq    int64        `json:"seq"`
	Number string       `json:"number"`
	Event  dossierEvent `json:"event"`
}

func dossierNews(ctx context.Context, c *client, after int64) ([]dossierItem, error) {
	var page struct {
		Items []dossierItem `json:"items"`
	}
	err := c.json(ctx, http.MethodGet, "/v1/dossiers/events?after="+strconv.FormatInt(after, 10)+"&limit=100", nil, &page)
	return page.Items, err
}

func dossierEvents(ctx context.Context, c *client, number string) ([]dossierEvent, error) {
	var dossier struct {
		Events []dossierEvent `json:"events"`
	}
	err := c.json(ctx, http.MethodGet, "/v1/dossiers/"+url.PathEscape(number), nil, &dossier)
	return dossier.Events, err
}
