package onestop_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/lienthong/lienthong/adapters/onestop"
	"github.com/lienthong/lienthong/hub"
)

func example(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile("testdata/hoso.xml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestPackage: the example says what the table of deploy/dossiers.md says of it.
func TestPackage(t *testing.T) {
	p, err := onestop.Packages{}.Read(strings.NewReader(example(t)))
	if err != nil {
		t.Fatal(err)
	}
	got := []string{fmt.Sprintf("%+v", p.Head)}
	for i := range p.Events {
		e := &p.Events[i]
		got = append(got, fmt.Sprint(e.Key, " ", e.Act, " ", e.Status, " ", e.Local, " ", e.At, " ", e.ToCode, " ", e.Role, " ", e.Due))
	}
	got = append(got, fmt.Sprintf("%+v", p.Papers))
	want := []string{
		fmt.Sprintf("%+v", hub.DossierWish{
			Number: "000.00.00.H47-260302-0001", Procedure: "1.001193", Owner: hub.DossierOwner{Name: "Trần Thị Mẫu", Contact: "0900000000"},
			Channel: hub.ChannelCounter, Received: "2026-03-02T08:00:00+07:00", Due: "2026-03-05",
		}),
		"hs1-1 accept 0  2026-03-02T08:05:00+07:00   ",
		"hs1-2 hand_over 0  2026-03-02T09:30:00+07:00 000.00.12.H47 lead 2026-03-04",
		"hs1-3 report 4 Chuyển phòng chuyên môn 2026-03-02T09:45:00+07:00   ",
		"[{Name:giay-chung-sinh.pdf Kind:filed Key:hs1-f1}]",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("%q\nwant\n%q", got, want)
	}
}

// TestPackageRefused: what is wrong is named by element and rule, and all of it at once.
func TestPackageRefused(t *testing.T) {
	const body = "<MaHoSo>H47-260302-0001</MaHoSo>"
	in := func(s string) string { return "<HoSo>" + body + s + "</HoSo>" }
	event := func(s string) string {
		return in("<SuKien><MaSuKien>1</MaSuKien><ThoiDiemXuLy>20260302093000</ThoiDiemXuLy>" + s + "</SuKien>")
	}
	for text, want := range map[string]string{
		"":            "HoSo required",
		"<Khac/>":     "HoSo required",
		"<HoSo>":      "HoSo well_formed",
		"<HoSo/>x&y;": "HoSo well_formed",
		`<!DOCTYPE HoSo [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + in(""): "HoSo doctype",
		`<?xml version="1.0" encoding="UTF-16"?>` + in(""):                   "HoSo well_formed",
		"<HoSo/>":                           "HoSo/MaHoSo required",
		"<HoSo><MaHoSo>H47</MaHoSo></HoSo>": "HoSo/MaHoSo dossier_number",
		in(body):                            "HoSo/MaHoSo unique",
		in("<Ghi/>"):                        "HoSo/Ghi unknown_element",
		in("<LienHe><a/></LienHe>"):         "HoSo/LienHe text",
		in("<NgayTiepNhan>20260230</NgayTiepNhan>"):                    "HoSo/NgayTiepNhan date_time",
		in("<NgayHenTra>2026/02/30 08:00:00</NgayHenTra>"):             "HoSo/NgayHenTra date_time",
		in("<NgayHenTra>00010101000000</NgayHenTra>"):                  "HoSo/NgayHenTra date_time",
		in("<KenhThucHien>4</KenhThucHien>"):                           "HoSo/KenhThucHien code_list",
		in("<SuKien/>"):                                                "HoSo/SuKien[0]/MaSuKien required, HoSo/SuKien[0]/ThoiDiemXuLy required",
		event("<HanhDong>bay</HanhDong>"):                              "HoSo/SuKien[0]/HanhDong code_list",
		event("<HanhDong>erase</HanhDong>"):                            "HoSo/SuKien[0]/HanhDong code_list",
		event("<TrangThai>11</TrangThai>"):                             "HoSo/SuKien[0]/TrangThai code_list",
		event("<TrangThai>Đang xử lý</TrangThai>"):                     "HoSo/SuKien[0]/TrangThai code_list",
		event("<HanhDong>process</HanhDong><TrangThai>9</TrangThai>"):  "HoSo/SuKien[0]/TrangThai act",
		event("<HanXuLy>mai</HanXuLy>"):                                "HoSo/SuKien[0]/HanXuLy date_time",
		in("<TepTin><LoaiTep>khác</LoaiTep></TepTin>"):                 "HoSo/TepTin[0]/TenTep required, HoSo/TepTin[0]/LoaiTep code_list",
		in(strings.Repeat("<TepTin><TenTep>a</TenTep></TepTin>", 101)): "HoSo max_size",
		in("<LienHe>" + strings.Repeat("x", 1<<20) + "</LienHe>"):      "HoSo max_size",
		in(strings.Repeat("<SuKien/>", 5000)):                          "HoSo max_size",
		in("<SuKien><A><B><C/></B></A></SuKien>"):                      "HoSo max_size",
	} {
		_, err := onestop.Packages{}.Read(strings.NewReader(text))
		var got []string
		for _, v := range hub.ViolationsOf(err) {
			got = append(got, v.Field+" "+v.Rule)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("%.100q: %q (%v), want %q", text, got, err, want)
		}
	}
	_, err := onestop.Packages{}.Read(iotest.ErrReader(hub.Errorf(hub.KindUnavailable, "", "", "away")))
	if err == nil || hub.KindOf(err) != hub.KindUnavailable {
		t.Errorf("a failure to read is %v", err)
	}
}

// TestPackageFields: every field that the hub may name has an element.
func TestPackageFields(t *testing.T) {
	p := onestop.Packages{}
	for field, want := range map[string]string{"due_at": "HoSo/NgayHenTra", "owner.name": "HoSo/ChuHoSo", "": "HoSo", "agency": "HoSo"} {
		if got := p.Element(-1, field); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
	for field, want := range map[string]string{"due_at": "HoSo/SuKien[2]/HanXuLy", "to": "HoSo/SuKien[2]/DonViNhan", "agency": "HoSo/SuKien[2]"} {
		if got := p.Element(2, field); got != want {
			t.Errorf("%q: %q, want %q", field, got, want)
		}
	}
	if got := p.PaperElement(1, "name"); got != "HoSo/TepTin[1]/TenTep" {
		t.Error(got)
	}
}

// FuzzPackage: whatever comes is read within bounds or refused by field and rule, and what
// is read has a number, and times that exist.
func FuzzPackage(f *testing.F) {
	f.Add(example(f))
	f.Add("<HoSo><MaHoSo>H47-260302-0001</MaHoSo><SuKien><MaSuKien>1</MaSuKien></SuKien></HoSo>")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := onestop.Packages{}.Read(strings.NewReader(text))
		if err != nil {
			for _, v := range hub.ViolationsOf(err) {
				if v.Rule == "" || !strings.HasPrefix(v.Field, "HoSo") {
					t.Errorf("%v has no field or rule", v)
				}
			}
			return
		}
		if _, err := hub.ParseDossierNumber(p.Head.Number); err != nil {
			t.Error(err)
		}
		for i := range p.Events {
			if at, _, ok := p.Events[i].At.Time(); !ok || at.IsZero() || p.Events[i].Key == "" {
				t.Errorf("%+v", p.Events[i])
			}
		}
	})
}
