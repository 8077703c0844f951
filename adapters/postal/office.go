package postal

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lienthong/lienthong/hub"
)

// Fault is a way in which an Office misbehaves.
type Fault string

// The faults.
const (
	FaultLost       Fault = "lost"         // takes an order, and the answer never arrives
	FaultHold       Fault = "hold"         // takes an order, and never answers
	FaultDuplicate  Fault = "duplicate"    // tells everything twice
	FaultOutOfOrder Fault = "out_of_order" // tells the last first
	FaultDate       Fault = "date"         // tells times that cannot be
	FaultCode       Fault = "code"         // tells codes that stand for nothing
	FaultSlow       Fault = "slow"         // never answers in time
	FaultError      Fault = "error"        // answers with status 500
	FaultNaive      Fault = "naive"        // takes the same number again as another order
	FaultRefuse     Fault = "refuse"       // refuses orders
	FaultGarbage    Fault = "garbage"      // answers with what is no JSON
)

// Faults lists all faults.
func Faults() []Fault {
	return []Fault{FaultLost, FaultHold, FaultDuplicate, FaultOutOfOrder, FaultDate, FaultCode, FaultSlow, FaultError, FaultNaive, FaultRefuse, FaultGarbage}
}

// Carried is an order that an Office has.
type Carried struct {
	Number  string `json:"number"`
	Times   int    `json:"times"` // that it was given: more than one is a second item
	Bill    string `json:"bill"`
	From    string `json:"from"`
	To      string `json:"to"`
	Collect int64  `json:"cod_collect"`

	taken time.Time
	rows  []happened
}

type happened struct {
	act  hub.PostalAct
	at   time.Time
	text string
}

// Office plays the operator: an http.Handler for its calls below whatever path, and for
// GET orders, which lists what it has. The zero Office with Token and Now works.
type Office struct {
	Token string
	Now   func() time.Time
	// Step is the time between two things that happen to an order by themselves: collected,
	// accepted, and last Ends. Zero: only what Happens says.
	Step time.Duration
	Ends hub.PostalAct // "": delivered

	mu     sync.Mutex
	faults []Fault
	orders []*Carried
}

// Misbehave replaces the faults.
func (o *Office) Misbehave(faults ...Fault) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults = slices.Clone(faults)
}

// Orders are those that it has, as they came.
func (o *Office) Orders() []Carried {
	o.mu.Lock()
	defer o.mu.Unlock()
	list := make([]Carried, len(o.orders))
	for i, c := range o.orders {
		list[i] = *c
	}
	return list
}

// Happens lets something happen to an order.
func (o *Office) Happens(number string, act hub.PostalAct, at time.Time, text string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if c := o.find(number); c != nil {
		c.rows = append(c.rows, happened{act, at, text})
	}
}

func (o *Office) find(number string) *Carried {
	for _, c := range o.orders {
		if c.Number == number {
			return c
		}
	}
	return nil
}

func (o *Office) has(f Fault) bool { return slices.Contains(o.faults, f) }

// ServeHTTP implements http.Handler.
func (o *Office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	name := path.Base(r.URL.Path)
	if name == "orders" {
		reply(w, http.StatusOK, o.Orders())
		return
	}
	o.mu.Lock()
	slow, failing, garbage := o.has(FaultSlow), o.has(FaultError), o.has(FaultGarbage)
	o.mu.Unlock()
	switch {
	case r.URL.Query().Get("token") != o.Token:
		reply(w, http.StatusUnauthorized, answer{Code: "401", Message: "token"})
	case slow:
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the caller leaves
		<-r.Context().Done()
	case failing:
		http.Error(w, "Internal Server Error", http.StatusInternalServerError)
	case garbage:
		fmt.Fprint(w, "<html>bảo trì hệ thống</html>")
	case name == callOrder:
		o.take(w, r)
	case name == callAcceptance, name == callDelivery:
		o.tell(w, r, name)
	default:
		reply(w, http.StatusNotFound, answer{Code: "no_call"})
	}
}

func reply(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the caller may be gone
}

// take takes an order.
func (o *Office) take(w http.ResponseWriter, r *http.Request) {
	var given order
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAnswer)).Decode(&given); err != nil || given.SoDonHang == "" || given.DiaChiNguoiNhan == "" {
		reply(w, http.StatusOK, answer{Code: "400", Message: "thiếu SoDonHang hoặc DiaChiNguoiNhan"})
		return
	}
	o.mu.Lock()
	known, lost, holds, refuses := o.find(given.SoDonHang), o.has(FaultLost), o.has(FaultHold), o.has(FaultRefuse)
	switch {
	case refuses:
	case known == nil:
		o.orders = append(o.orders, &Carried{
			Number: given.SoDonHang, Times: 1, Bill: fmt.Sprintf("EB%09dVN", len(o.orders)+1), From: given.TenNguoiGui, To: given.TenNguoiNhan,
			Collect: int64(given.SoTienCOD), taken: o.Now(),
		})
	case o.has(FaultNaive):
		known.Times++
		known = nil
	}
	o.mu.Unlock()
	switch {
	case refuses:
		reply(w, http.StatusOK, answer{Code: "422", Message: "ngoài vùng phục vụ"})
	case holds:
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	case lost:
		panic(http.ErrAbortHandler)
	case known != nil:
		reply(w, http.StatusOK, answer{Code: "DUPLICATE", Message: "đã có đơn hàng"})
	default:
		reply(w, http.StatusOK, answer{Status: true})
	}
}

// tell says what happened to an order, as far as the call is about it.
func (o *Office) tell(w http.ResponseWriter, r *http.Request, name string) {
	var asked question
	if err := json.NewDecoder(io.LimitReader(r.Body, maxAnswer)).Decode(&asked); err != nil {
		reply(w, http.StatusOK, answer{Code: "400"})
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.find(asked.SoDonHang)
	if c == nil {
		reply(w, http.StatusOK, answer{Code: "NOT_FOUND", Message: "không có đơn hàng"})
		return
	}
	var rows []row
	for _, h := range o.course(c) {
		if early := h.act == hub.PostalCollected || h.act == hub.PostalAccepted; early == (name == callAcceptance) {
			rows = append(rows, o.row(c, h))
		}
	}
	if o.has(FaultDuplicate) {
		rows = append(rows, rows...)
	}
	if o.has(FaultOutOfOrder) {
		slices.Reverse(rows)
	}
	reply(w, http.StatusOK, answer{Status: true, Data: rows})
}

// course is what has happened to an order until now.
func (o *Office) course(c *Carried) []happened {
	list := slices.Clone(c.rows)
	if o.Step > 0 {
		for n, act := range []hub.PostalAct{hub.PostalCollected, hub.PostalAccepted, cmp.Or(o.Ends, hub.PostalDelivered)} {
			if at := c.taken.Add(time.Duration(n+1) * o.Step); !at.After(o.Now()) {
				list = append(list, happened{act: act, at: at})
			}
		}
	}
	return list
}

func (o *Office) row(c *Carried, h happened) row {
	codes := map[hub.PostalAct]word{
		hub.PostalCollected: "1", hub.PostalAccepted: "2", hub.PostalDelivered: "PHAT_THANH_CONG", hub.PostalFailed: "4", hub.PostalReturned: "CHUYEN_HOAN",
	}
	main, fee, collect := amount(22_000), amount(0), amount(c.Collect)
	if c.Collect > 0 {
		fee = 13_000
	}
	said := row{MaBuuGui: c.Bill, TrangThai: cmp.Or(codes[h.act], word(h.act)), ThoiGian: h.at.In(hub.Vietnam()).Format("02/01/2006 15:04:05"), GhiChu: h.text}
	if h.act == hub.PostalAccepted {
		said.CuocChinh, said.CuocCOD, said.SoTienCOD = &main, &fee, &collect
	}
	if o.has(FaultDate) {
		said.ThoiGian = strings.Replace(said.ThoiGian, "/20", "/19", 1)
	}
	if o.has(FaultCode) {
		said.TrangThai = "77"
	}
	return said
}
