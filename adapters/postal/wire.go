package postal

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/lienthong/lienthong/hub"
)

// The calls.
const (
	callOrder      = "postDieuTin"
	callAcceptance = "getAcceptance"
	callDelivery   = "getDelivery"
)

// order is an order as the operator takes it.
type order struct {
	SoDonHang          string  `json:"SoDonHang"`
	MaKhachHang        string  `json:"MaKhachHang"`
	TenNguoiGui        string  `json:"TenNguoiGui"`
	DiaChiNguoiGui     string  `json:"DiaChiNguoiGui"`
	DienThoaiNguoiGui  string  `json:"DienThoaiNguoiGui"`
	EmailNguoiGui      string  `json:"EmailNguoiGui"`
	MaTinhGui          int     `json:"MaTinhGui"`
	MaHuyenGui         int     `json:"MaHuyenGui"`
	TenNguoiNhan       string  `json:"TenNguoiNhan"`
	DiaChiNguoiNhan    string  `json:"DiaChiNguoiNhan"`
	DienThoaiNguoiNhan string  `json:"DienThoaiNguoiNhan"`
	EmailNguoiNhan     string  `json:"EmailNguoiNhan"`
	MaTinhNhan         int     `json:"MaTinhNhan"`
	MaHuyenNhan        int     `json:"MaHuyenNhan"`
	NoiDungHang        string  `json:"NoiDungHang"`
	MaBuuGui           string  `json:"MaBuuGui"`
	TrongLuong         float64 `json:"TrongLuong"` // grams
	CuocChinh          float64 `json:"CuocChinh"`
	CuocCOD            float64 `json:"CuocCOD"`
	SoTienCOD          float64 `json:"SoTienCOD"`
	DonHangNoiHuyen    bool    `json:"DonHangNoiHuyen"`
	PosIDThuGom        int     `json:"PosIdThuGom"`
	PosIDNhanTin       int     `json:"PosIdNhanTin"`
	NgayNhap           string  `json:"NgayNhap"`
	GhiChu             string  `json:"GhiChu"`
	ExtendData         string  `json:"ExtendData"`
}

// question asks about an order.
type question struct {
	SoDonHang   string `json:"SoDonHang"`
	MaKhachHang string `json:"MaKhachHang"`
}

// answer is what the operator answers to each call.
type answer struct {
	Status  bool   `json:"Status"`
	Code    word   `json:"Code"`
	Message string `json:"Message"`
	Data    []row  `json:"Data"`
}

// row is one thing that happened to an order.
type row struct {
	MaBuuGui  string  `json:"MaBuuGui"`
	TrangThai word    `json:"TrangThai"`
	ThoiGian  string  `json:"ThoiGian"`
	GhiChu    string  `json:"GhiChu"`
	CuocChinh *amount `json:"CuocChinh,omitempty"`
	CuocCOD   *amount `json:"CuocCOD,omitempty"`
	SoTienCOD *amount `json:"SoTienCOD,omitempty"`
}

// word is a code, which comes as a text or as a number.
type word string

// UnmarshalJSON implements json.Unmarshaler.
func (w *word) UnmarshalJSON(raw []byte) error {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		*w = word(strings.TrimSpace(text))
		return nil
	}
	*w = word(raw)
	return nil
}

// amount is a sum in đồng, which comes as a number or as a text.
type amount int64

const maxAmount = 1e12

// UnmarshalJSON implements json.Unmarshaler. What is no sum of money is none.
func (a *amount) UnmarshalJSON(raw []byte) error {
	value, err := strconv.ParseFloat(strings.Trim(string(raw), `" `), 64)
	if err == nil && value >= 0 && value <= maxAmount {
		*a = amount(math.Round(value))
	}
	return nil
}

// orderOf is an order in the words of the operator.
func orderOf(customer string, o *hub.PostalOrder) order {
	sameDistrict := o.From.District != "" && o.From.District == o.To.District && o.From.Province == o.To.Province
	return order{
		SoDonHang: string(o.ID), MaKhachHang: customer,
		TenNguoiGui: o.From.Name, DiaChiNguoiGui: o.From.Address, DienThoaiNguoiGui: o.From.Phone, EmailNguoiGui: o.From.Email,
		MaTinhGui: number(o.From.Province), MaHuyenGui: number(o.From.District),
		TenNguoiNhan: o.To.Name, DiaChiNguoiNhan: o.To.Address, DienThoaiNguoiNhan: o.To.Phone, EmailNguoiNhan: o.To.Email,
		MaTinhNhan: number(o.To.Province), MaHuyenNhan: number(o.To.District),
		NoiDungHang: o.Content, MaBuuGui: o.Bill, TrongLuong: float64(o.Weight), SoTienCOD: float64(o.Collect),
		DonHangNoiHuyen: sameDistrict, NgayNhap: o.Created.In(hub.Vietnam()).Format(time.RFC3339), GhiChu: o.Note,
	}
}

// number is a code of a place; 0 where there is none.
func number(code string) int {
	n, err := strconv.Atoi(code)
	if err != nil {
		return 0
	}
	return n
}

const (
	maxRows = 100 // of an answer
	maxWord = 200 // characters that are kept of a text of the operator
)

// news is what rows say.
func (c *Codes) news(rows []row) hub.PostalNews {
	var n hub.PostalNews
	for i := range rows[:min(len(rows), maxRows)] {
		r := &rows[i]
		n.Events = append(n.Events, hub.PostalEvent{Act: c.act(string(r.TrangThai)), At: moment(r.ThoiGian), Bill: short(r.MaBuuGui), Code: short(string(r.TrangThai)), Text: short(r.GhiChu)})
		if r.CuocChinh != nil || r.CuocCOD != nil || r.SoTienCOD != nil {
			n.Fees = &hub.PostalFees{Main: value(r.CuocChinh), COD: value(r.CuocCOD), Collect: value(r.SoTienCOD)}
		}
	}
	return n
}

func value(a *amount) int64 {
	if a == nil {
		return 0
	}
	return int64(*a)
}

// moment reads a time, in Vietnam where it does not say another place. The zero time stands
// for what is none.
func moment(text string) time.Time {
	text = strings.TrimSpace(text)
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC()
	}
	for _, form := range []string{"02/01/2006 15:04:05", "02/01/2006 15:04", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		if at, err := time.ParseInLocation(form, text, hub.Vietnam()); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// short is a text of the operator in one line, no longer than is kept.
func short(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if utf8.RuneCountInString(text) > maxWord {
		text = string([]rune(text)[:maxWord])
	}
	return text
}
