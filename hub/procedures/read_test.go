package procedures_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/lienthong/lienthong/hub"
	"github.com/lienthong/lienthong/hub/procedures"
)

// wanted is what each of the lists below says.
const wanted = `{1.000123 Đăng ký khai sinh Hộ tịch [province commune]  H47.12 {15 working_days} full [{200000 nộp trực tiếp} {0 miễn phí}] [Tờ khai Giấy chứng sinh] [Luật Hộ tịch 2014] 2030-01-01T00:00} 2025-06-30T17:00:00Z false`

func sampleLists() map[string]string {
	return map[string]string{
		"ours": "code,name,field,level,agency,limit,online,fees,papers,basis,from,until\n" +
			"1.000123,Đăng ký khai sinh,Hộ tịch,\"province,commune\",H47.12,15 working_days,full,200000 nộp trực tiếp|miễn phí,Tờ khai|Giấy chứng sinh,Luật Hộ tịch 2014,2025-07-01,2030-01-01\n",
		"national CSV": "\ufeffSTT;Mã TTHC;TÊN THỦ TỤC;Lĩnh vực;Cấp thực hiện;Mã định danh cơ quan;Thời hạn giải quyết;Đơn vị tính;Mức độ;Phí, lệ phí;Thành phần hồ sơ;Căn cứ pháp lý;Ngày hiệu lực;Ngày hết hiệu lực;Trạng thái\r\n" +
			"1;1.000123;Đăng ký  khai sinh;Hộ tịch;Cấp Tỉnh; H47.12;15;Ngày làm việc;Toàn trình;\"200.000 đồng: nộp trực tiếp\nmiễn phí\";\"Tờ khai\nGiấy chứng sinh\";Luật Hộ tịch 2014;01/07/2025;01/01/2030;Còn hiệu lực\r\n",
		"JSON": `{"total": 1, "data": [{"MaTTHC": "1.000123", "ten_thu_tuc": "Đăng ký khai sinh", "LinhVuc": "Hộ tịch", "levels": ["Cấp tỉnh", "Cấp xã"], "agency": "H47.12",
			"limit": {"amount": 15, "unit": "working_days"}, "online": 4, "fees": [{"amount": 200000, "note": "nộp trực tiếp"}, "miễn phí"], "papers": ["Tờ khai", "Giấy chứng sinh"],
			"basis": "Luật Hộ tịch 2014", "from": "2025-07-01T00:00:00+07:00", "until": "2030-01-01T00:00", "khác": null}]}`,
		"XML": `<?xml version="1.0"?><DanhSach><ThuTuc MaTTHC="1.000123"><TenThuTuc>Đăng ký khai sinh</TenThuTuc><LinhVuc>Hộ tịch</LinhVuc><CapThucHien>Cấp Tỉnh; Cấp Xã</CapThucHien><MaCoQuan>H47.12</MaCoQuan>
			<ThoiHanGiaiQuyet>15 ngày làm việc</ThoiHanGiaiQuyet><MucDo>Dịch vụ công trực tuyến toàn trình</MucDo><Fees><Fee>200.000 VNĐ nộp trực tiếp</Fee><Fee>miễn phí</Fee></Fees>
			<ThanhPhanHoSo><HoSo>Tờ khai</HoSo><HoSo>Giấy chứng sinh</HoSo></ThanhPhanHoSo><CanCuPhapLy>Luật Hộ tịch 2014</CanCuPhapLy><NgayHieuLuc>00:00 01/07/2025</NgayHieuLuc><NgayHetHieuLuc>2030-01-01</NgayHetHieuLuc><GhiChu/></ThuTuc></DanhSach>`,
	}
}

func read(r io.Reader, columns map[string]string) ([]procedures.Row, []string, error) {
	list, err := procedures.NewList(columns)
	if err != nil {
		return nil, nil, err
	}
	format, r, err := procedures.Sniff(r)
	if err != nil {
		return nil, nil, err
	}
	var rows []procedures.Row
	for row, err := range list.Read(r, format) {
		if err != nil {
			return rows, list.Ignored(), err
		}
		rows = append(rows, row)
	}
	return rows, list.Ignored(), nil
}

// TestFormats: the same procedure in the formats and under the names of national exports.
func TestFormats(t *testing.T) {
	for name, text := range sampleLists() {
		rows, ignored, err := read(strings.NewReader(text), nil)
		if err != nil || len(rows) != 1 {
			t.Errorf("%s: %d rows, %v", name, len(rows), err)
			continue
		}
		want := wanted
		if name == "national CSV" {
			want = strings.Replace(want, "province commune", "province", 1)
		}
		if got := fmt.Sprint(rows[0].Procedure, " ", rows[0].From.Format("2006-01-02T15:04:05Z"), " ", rows[0].Abolish); got != want {
			t.Errorf("%s:\n%s, want\n%s", name, got, want)
		}
		if want := map[string]string{"ours": "[]", "national CSV": "[STT]", "JSON": "[khác]", "XML": "[GhiChu]"}[name]; fmt.Sprint(ignored) != want {
			t.Errorf("%s: ignored %v, want %s", name, ignored, want)
		}
	}
}

// TestExportIsAList: what a hub tells of procedures is a list that another hub reads.
func TestExportIsAList(t *testing.T) {
	rows, _, err := read(strings.NewReader(sampleLists()["ours"]), nil)
	if err != nil {
		t.Fatal(err)
	}
	v := hub.ProcedureVersion{Procedure: rows[0].Procedure, Version: 3, Valid: hub.Interval{From: rows[0].From}, State: hub.ProcedureInForce}
	v.Agency = "an-id"
	text, err := json.Marshal(map[string]any{"items": []hub.ProcedureVersion{v}, "next": ""})
	if err != nil {
		t.Fatal(err)
	}
	again, ignored, err := read(bytes.NewReader(text), nil)
	if err != nil || len(again) != 1 || len(procedures.Differences(&again[0].Procedure, &rows[0].Procedure)) != 0 {
		t.Errorf("%+v %v, want %+v", again, err, rows)
	}
	if fmt.Sprint(ignored) != "[decision valid version]" {
		t.Error(ignored)
	}
}

// TestColumns: names that nobody knew are given with the list.
func TestColumns(t *testing.T) {
	text := strings.Replace(sampleLists()["ours"], "code,", "Số hiệu,", 1)
	if rows, ignored, err := read(strings.NewReader(text), map[string]string{"SO HIEU": "code"}); err != nil || rows[0].Code != "1.000123" || len(ignored) != 0 {
		t.Errorf("%+v %v %v", rows, ignored, err)
	}
	if _, _, err := read(strings.NewReader(text), map[string]string{"x": "y"}); err == nil || hub.ViolationsOf(err)[0].Field != "column" {
		t.Error(err)
	}
}

// TestBrokenLists: what cannot be read says in which row and why.
func TestBrokenLists(t *testing.T) {
	row := `{"code": "1", "name": "n", "field": "f", "levels": "xã", "agency": "H47", "limit": "1 ngày"}`
	for text, want := range map[string]string{
		"code,name\n1,2,3\n":                      "procedures[0] columns",
		"code,name\n\"1,2\n":                      "procedures[0] csv",
		"[" + row + ", 7]":                        "procedures[1] json",
		"[" + row:                                 "procedures[1] json",
		"[" + row + "}":                           "procedures[1] json",
		`{"a": 1}`:                                "procedures[0] json",
		`[{"fees": [[[{"a": {}}]]]}]`:             "procedures[0] json",
		"<a><b><code>1</code></b>":                "procedures[0] agency",
		"<!DOCTYPE a><a></a>":                     "procedures[0] xml",
		"<a><b><c><d><e><f><g></g></f>":           "procedures[0] xml",
		"<a>" + strings.Repeat("&x;", 3) + "</a>": "procedures[0] xml",
		"code,name\n1," + strings.Repeat("x", 50_000) + "\n":                        "procedures[0].name max_length",
		strings.Repeat("c,", 300) + "\n":                                            "procedures[0] columns",
		"<a><b><name>" + strings.Repeat("x", 90_000) + "</name></b></a>":            "procedures[0].name max_length",
		`[{"code": "1", "limit": {"amount": 1, "unit": {"a": {"b": {"c": "d"}}}}}]`: "procedures[0] json",
	} {
		_, _, err := read(strings.NewReader(text), nil)
		v := hub.ViolationsOf(err)
		if want == "procedures[0] agency" {
			want = "procedures[0].agency required"
		}
		if err == nil || v[0].Field+" "+v[0].Rule != want {
			t.Errorf("%.60s: %v, want %s", text, err, want)
		}
	}
	away := errors.New("away")
	if _, _, err := read(io.MultiReader(strings.NewReader("code,name\n"), broken{hub.Errorf(hub.KindTooLarge, "", "max_size", "away")}), nil); hub.KindOf(err) != hub.KindTooLarge {
		t.Error(err)
	}
	if _, _, err := read(broken{away}, nil); !errors.Is(err, away) {
		t.Error(err)
	}
}

type broken struct{ err error }

func (b broken) Read([]byte) (int, error) { return 0, b.err }

// FuzzLists: whatever comes is read to its end or refused by row, field and rule.
func FuzzLists(f *testing.F) {
	for _, text := range sampleLists() {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		rows, _, err := read(strings.NewReader(text), nil)
		if err != nil {
			for _, v := range hub.ViolationsOf(err) {
				if v.Kind != hub.KindInvalid || v.Rule == "" || !strings.HasPrefix(v.Field, "procedures[") {
					t.Errorf("%+v", v)
				}
			}
		}
		for i := range rows {
			_ = rows[i].Check("")
		}
	})
}

// TestListOfAHub: what one hub lists, another one takes as it stands: what ends there ends
// here, what is still to come is not in force, and what has lapsed is not published.
func TestListOfAHub(t *testing.T) {
	const version = `{"code": "1.1", "name": "Khai sinh", "field": "Hộ tịch", "levels": ["commune"], "agency": "d", "agency_code": "D", "limit": {"amount": 1, "unit": "days"}, "online": "full",
		"version": 2, "valid": {"from": "2026-02-28T17:00:00Z", "to": "2026-06-30T10:00:00Z"}, "state": "%s"}`
	for state, want := range map[string]string{
		"in_force": "0001-01-01 00:00:00 +0000 UTC 2026-06-30T17:00 false",
		"coming":   "2026-02-28 17:00:00 +0000 UTC 2026-06-30T17:00 false",
		"lapsed":   "0001-01-01 00:00:00 +0000 UTC  true",
	} {
		rows, _, err := read(strings.NewReader(`{"items": [`+fmt.Sprintf(version, state)+`]}`), nil)
		if err != nil || len(rows) != 1 {
			t.Fatalf("%s: %d rows, %v", state, len(rows), err)
		}
		if got := fmt.Sprint(rows[0].From, " ", rows[0].Until, " ", rows[0].Abolish); got != want {
			t.Errorf("%s: %s, want %s", state, got, want)
		}
	}
}

// endless is a row that never ends.
type endless struct {
	head, more string
	read       int
}

func (e *endless) Read(b []byte) (int, error) {
	n := copy(b, e.head)
	if e.head = e.head[n:]; n == 0 {
		n = copy(b, strings.Repeat(e.more, 1+len(b)/len(e.more)))
	}
	e.read += n
	return n, nil
}

// TestEndlessRow: of a row that never ends little is read, whatever the format.
func TestEndlessRow(t *testing.T) {
	for name, list := range map[string]*endless{
		"csv": {head: "code,name\n1.1,\"", more: "x"}, "json": {head: `[{"a": [0`, more: ",0"},
		"json, text": {head: `[{"a": "`, more: "x"}, "xml": {head: `<a><b c="`, more: "x"}, "xml, elements": {head: "<a><b>", more: "<c/>"},
	} {
		_, _, err := read(list, nil)
		v := hub.ViolationsOf(err)
		if err == nil || v[0].Field != "procedures[0]" || v[0].Rule != "max_length" || list.read > 8<<20 {
			t.Errorf("%s: %v after %d bytes", name, err, list.read)
		}
	}
}
