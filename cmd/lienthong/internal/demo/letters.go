package demo

import (
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
)

// Codes of the agencies that play a part of their own; the others are in
// province.csv.
const (
	province  = "000.00.00.H47"
	office    = "000.00.01.H47"
	interior  = "000.00.12.H47" // answers by a document of its own
	justice   = "000.00.14.H47" // sends a document by REST
	stranger  = "000.00.16.H47" // is the wrong addressee and says so
	slow      = "000.00.35.H47" // collects and has not registered yet
	unlisted  = "000.00.41.H47" // does not register: the hand-over is the end
	packaging = "000.00.33.H47" // collects the package as it was sent
)

// directive is the seed of the sample province, in our own words: directive
// 173/UBND-KSTTHC of 10 January 2020 on administrative reform.
func directive() sample.Letter {
	return sample.Letter{
		Issuer: "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM", Number: "173/UBND-KSTTHC",
		PlaceDate: "Quảng Nam, ngày 10 tháng 01 năm 2020",
		Subject:   "đẩy mạnh công tác cải cách hành chính năm 2020",
		To:        []string{"Các Sở, ban, ngành thuộc tỉnh", "UBND các huyện, thị xã, thành phố", "UBND các xã, phường, thị trấn"},
		Body: []string{
			"Để nâng cao chất lượng cải cách hành chính, kiểm soát thủ tục hành chính và giải quyết hồ sơ cho tổ chức, cá nhân, UBND tỉnh yêu cầu các cơ quan, đơn vị, địa phương thực hiện các nội dung sau:",
			"1. Gửi, nhận văn bản điện tử có chữ ký số giữa các cơ quan hành chính nhà nước và trong nội bộ cơ quan; xử lý hồ sơ công việc trên môi trường điện tử; bảo đảm liên thông từ cấp tỉnh đến cấp huyện, cấp xã và kết nối với Trục liên thông văn bản quốc gia.",
			"2. Giảm tỷ lệ hồ sơ trễ hẹn; thực hiện nghiêm việc xin lỗi tổ chức, cá nhân khi để hồ sơ trễ hẹn. Công khai đầy đủ thủ tục hành chính; không công khai thủ tục hành chính đã hết hiệu lực.",
			"3. Các Sở có liên quan trả lời bằng văn bản các kiến nghị của Sở Nội vụ; hoàn thành trước ngày 28/02/2020.",
			"4. Sở Thông tin và Truyền thông chủ trì nâng cấp Cổng dịch vụ công của tỉnh; hoàn thành trước ngày 30/6/2020.",
			"5. Văn phòng UBND tỉnh theo dõi, đôn đốc, kiểm tra tiến độ thực hiện và báo cáo UBND tỉnh.",
			"Yêu cầu các cơ quan, đơn vị, địa phương nghiêm túc triển khai thực hiện./.",
		},
		Recipients: []string{"Như trên;", "Chủ tịch, các PCT UBND tỉnh;", "Văn phòng UBND tỉnh;", "Lưu: VT, KSTTHC."},
		Authority:  "TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH\nPHÓ CHỦ TỊCH", Signer: "Nguyễn Văn Ví Dụ",
		Date: date(2020, 1, 10),
	}
}

func directiveData() hub.Document {
	return hub.Document{
		CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v đẩy mạnh công tác cải cách hành chính năm 2020",
		Content: "Đẩy mạnh công tác cải cách hành chính năm 2020",
		Place:   "Quảng Nam", Promulgated: "2020-01-10", DueDate: "2020-02-27", Priority: hub.PriorityUrgent,
		Signer:       hub.Signer{Competence: "KT. CHỦ TỊCH", Position: "Phó Chủ tịch", FullName: "Nguyễn Văn Ví Dụ"},
		IssuedAmount: 2, PageAmount: 2, SteeringType: 2,
		ToPlaces: []string{"Như trên", "Văn phòng UBND tỉnh", "Lưu: VT, KSTTHC"},
		Staff:    &hub.Staff{Department: "Văn thư", Name: "Trần Thị Mẫu"},
		Business: hub.BusinessInfo{Reason: "Văn bản mới"},
	}
}

// annex is what goes with the directive.
func annex() sample.Letter {
	l := directive()
	l.Subject = "Phụ lục: phân công nhiệm vụ và thời hạn"
	l.To = []string{"Các cơ quan, đơn vị, địa phương"}
	l.Body = []string{
		"Phụ lục kèm theo Công văn số 173/UBND-KSTTHC ngày 10/01/2020.",
		"1. Trả lời kiến nghị tại mục V của báo cáo: các Sở có liên quan; trước ngày 28/02/2020.",
		"2. Nâng cấp Cổng dịch vụ công: Sở Thông tin và Truyền thông; trước ngày 30/6/2020.",
		"3. Báo cáo kết quả: Văn phòng UBND tỉnh tổng hợp hằng quý.",
	}
	return l
}

// guidance is sent by the Department of Justice.
func guidance() sample.Letter {
	return sample.Letter{
		Superior: "UBND TỈNH QUẢNG NAM", Issuer: "SỞ TƯ PHÁP", Number: "42/STP-VP",
		PlaceDate: "Quảng Nam, ngày 15 tháng 01 năm 2020",
		Subject:   "hướng dẫn rà soát văn bản quy phạm pháp luật",
		To:        []string{"Sở Nội vụ", "UBND thành phố Tam Kỳ", "UBND thành phố Hội An"},
		Body: []string{
			"Thực hiện Công văn số 173/UBND-KSTTHC của UBND tỉnh, Sở Tư pháp hướng dẫn việc rà soát văn bản quy phạm pháp luật về thủ tục hành chính.",
			"Đề nghị các cơ quan, địa phương gửi kết quả về Sở Tư pháp qua hệ thống liên thông văn bản điện tử./.",
		},
		Recipients: []string{"Như trên;", "Lưu: VT."},
		Authority:  "GIÁM ĐỐC", Signer: "Lê Thị Hư Cấu", Date: date(2020, 1, 15),
	}
}

func guidanceData() hub.Document {
	return hub.Document{
		CodeNumber: "42", CodeNotation: "STP-VP", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v hướng dẫn rà soát văn bản quy phạm pháp luật",
		Place:   "Quảng Nam", Promulgated: "2020-01-15",
		Signer: hub.Signer{Position: "Giám đốc", FullName: "Lê Thị Hư Cấu"},
	}
}

// answer is the document with which the Department of the Interior answers.
func answer() sample.Letter {
	return sample.Letter{
		Superior: "UBND TỈNH QUẢNG NAM", Issuer: "SỞ NỘI VỤ", Number: "97/SNV-CCHC",
		PlaceDate: "Quảng Nam, ngày 20 tháng 02 năm 2020",
		Subject:   "trả lời Công văn số 173/UBND-KSTTHC",
		To:        []string{"UBND tỉnh Quảng Nam"},
		Body: []string{
			"Thực hiện Công văn số 173/UBND-KSTTHC ngày 10/01/2020 của UBND tỉnh, Sở Nội vụ đã tổng hợp các kiến nghị và trả lời như sau: toàn bộ kiến nghị đã được xử lý theo thẩm quyền.",
			"Sở Nội vụ kính báo cáo UBND tỉnh./.",
		},
		Recipients: []string{"Như trên;", "Lưu: VT, CCHC."},
		Authority:  "GIÁM ĐỐC", Signer: "Phạm Văn Giả Định", Date: date(2020, 2, 20),
	}
}

func answerData() hub.Document {
	return hub.Document{
		CodeNumber: "97", CodeNotation: "SNV-CCHC", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v trả lời Công văn số 173/UBND-KSTTHC",
		Place:   "Quảng Nam", Promulgated: "2020-02-20",
		Signer:      hub.Signer{Position: "Giám đốc", FullName: "Phạm Văn Giả Định"},
		ResponseFor: []hub.Reference{{Agency: province, Number: "173/UBND-KSTTHC", ExternalID: directiveID, Promulgated: "2020-01-10"}},
	}
}

const (
	directiveID = province + ",2020/01/10,173/UBND-KSTTHC"
	guidanceID  = justice + ",2020/01/15,42/STP-VP"
	answerID    = interior + ",2020/02/20,97/SNV-CCHC"
)

// date is a morning in Vietnam.
func date(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 8, 0, 0, 0, hub.Vietnam())
}
