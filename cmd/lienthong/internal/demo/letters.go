package demo

import (
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
)

// directive is the seed of the sample province, in our own words: official letter
// 173/UBND-KSTTHC of 10 January 2020 on administrative reform.
func directive() *sample.Letter {
	return &sample.Letter{
		Issuer: "ỦY BAN NHÂN DÂN\nTỈNH QUẢNG NAM", Number: "173/UBND-KSTTHC",
		Place: "Quảng Nam", Date: in2020(time.January, 10),
		Subject: "đẩy mạnh công tác cải cách hành chính năm 2020",
		To:      []string{"Các Sở, Ban, ngành thuộc tỉnh", "UBND các huyện, thị xã, thành phố", "UBND các xã, phường, thị trấn"},
		Body: []string{
			"Thời gian qua, công tác cải cách hành chính trên địa bàn tỉnh có nhiều chuyển biến; tuy nhiên tỷ lệ hồ sơ trễ hẹn tại một số nơi còn cao, việc gửi, nhận và xử lý văn bản trên môi trường điện tử chưa đồng đều. Để nâng cao chất lượng công tác này trong năm 2020, UBND tỉnh yêu cầu các cơ quan, đơn vị, địa phương thực hiện các nội dung sau:",
			"1. Gửi, nhận văn bản điện tử có chữ ký số giữa các cơ quan hành chính nhà nước và trong nội bộ từng cơ quan; xử lý hồ sơ công việc trên môi trường điện tử; bảo đảm liên thông từ cấp tỉnh đến cấp huyện, cấp xã và kết nối được với Trục liên thông văn bản quốc gia.",
			"2. Giảm tỷ lệ hồ sơ trễ hẹn; thực hiện nghiêm túc việc xin lỗi tổ chức, cá nhân khi để hồ sơ trễ hẹn. Công khai đầy đủ, kịp thời thủ tục hành chính; không công khai thủ tục hành chính đã hết hiệu lực. Tiếp tục thí điểm bố trí nhân viên bưu chính công ích tiếp nhận hồ sơ và trả kết quả.",
			"3. Sở Nội vụ và các Sở có liên quan trả lời bằng văn bản các kiến nghị nêu tại mục V của Báo cáo số 2773/BC-SNV; hoàn thành trước ngày 28/02/2020.",
			"4. Sở Thông tin và Truyền thông chủ trì, phối hợp với Văn phòng UBND tỉnh nâng cấp Cổng dịch vụ công và hệ thống thông tin một cửa điện tử của tỉnh theo Thông tư số 22/2019/TT-BTTTT; hoàn thành trước ngày 30/6/2020.",
			"5. Sở Tư pháp hướng dẫn các địa phương rà soát văn bản quy phạm pháp luật có quy định thủ tục hành chính.",
			"6. Văn phòng UBND tỉnh theo dõi, đôn đốc, kiểm tra tiến độ thực hiện nhiệm vụ do UBND tỉnh, Chủ tịch UBND tỉnh giao; đánh giá việc giải quyết thủ tục hành chính theo Thông tư số 01/2018/TT-VPCP và báo cáo UBND tỉnh.",
			"Phân công cụ thể và thời hạn nêu tại Phụ lục kèm theo. Yêu cầu các cơ quan, đơn vị, địa phương nghiêm túc triển khai thực hiện./.",
		},
		Recipients: []string{"Như trên;", "Chủ tịch, các PCT UBND tỉnh;", "CPVP UBND tỉnh;", "Lưu: VT, KSTTHC."},
		Authority:  "TM. ỦY BAN NHÂN DÂN\nKT. CHỦ TỊCH\nPHÓ CHỦ TỊCH", Signer: "Nguyễn Văn Ví Dụ",
	}
}

func directiveData() hub.Document {
	return hub.Document{
		CodeNumber: "173", CodeNotation: "UBND-KSTTHC", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v đẩy mạnh công tác cải cách hành chính năm 2020",
		Content: "Đẩy mạnh công tác cải cách hành chính năm 2020",
		Place:   "Quảng Nam", Promulgated: "2020-01-10",
		DueDate:  "2020-02-27", // "before 28/02/2020": the day itself is too late
		Priority: hub.PriorityUrgent,
		Signer:   hub.Signer{Competence: "KT. CHỦ TỊCH", Position: "Phó Chủ tịch", FullName: "Nguyễn Văn Ví Dụ"},
		// Printed copies and pages as the register of outgoing documents has them.
		IssuedAmount: 2, PageAmount: 2, SteeringType: 2,
		ToPlaces: []string{"Như trên", "Chủ tịch, các PCT UBND tỉnh", "CPVP UBND tỉnh", "Lưu: VT, KSTTHC"},
		Staff:    &hub.Staff{Department: "Văn thư", Name: "Trần Thị Mẫu"},
		Business: hub.BusinessInfo{Reason: "Văn bản mới"},
	}
}

// annex is the table of who does what by when.
func annex() *sample.Annex {
	return &sample.Annex{
		Issuer: "UBND tỉnh Quảng Nam", Title: "Phân công nhiệm vụ và thời hạn hoàn thành", Date: in2020(time.January, 10),
		With:   "Kèm theo Công văn số 173/UBND-KSTTHC ngày 10/01/2020 của UBND tỉnh",
		Head:   []string{"TT", "Nhiệm vụ", "Chủ trì", "Phối hợp", "Thời hạn"},
		Widths: []float64{10, 62, 33, 30, 27},
		Rows: [][]string{
			{"1", "Trả lời bằng văn bản các kiến nghị tại mục V Báo cáo số 2773/BC-SNV", "Sở Nội vụ", "Các Sở có liên quan", "Trước ngày 28/02/2020"},
			{"2", "Nâng cấp Cổng dịch vụ công và hệ thống thông tin một cửa điện tử theo Thông tư số 22/2019/TT-BTTTT", "Sở Thông tin và Truyền thông", "Văn phòng UBND tỉnh", "Trước ngày 30/6/2020"},
			{"3", "Hướng dẫn rà soát văn bản quy phạm pháp luật có quy định thủ tục hành chính", "Sở Tư pháp", "UBND cấp huyện", "Quý I/2020"},
			{"4", "Thực hiện xin lỗi bằng văn bản đối với từng hồ sơ trễ hẹn", "Các Sở; UBND cấp huyện, cấp xã", "", "Thường xuyên"},
			{"5", "Theo dõi, đôn đốc, kiểm tra và báo cáo tiến độ", "Văn phòng UBND tỉnh", "Các cơ quan, địa phương", "Hằng quý"},
		},
	}
}

// guidance is sent by the Department of Justice.
func guidance() *sample.Letter {
	return &sample.Letter{
		Superior: "UBND TỈNH QUẢNG NAM", Issuer: "SỞ TƯ PHÁP", Number: "42/STP-VP",
		Place: "Quảng Nam", Date: in2020(time.January, 15),
		Subject: "hướng dẫn rà soát văn bản quy phạm pháp luật có quy định thủ tục hành chính",
		To:      []string{"Sở Nội vụ", "UBND thành phố Tam Kỳ", "UBND thành phố Hội An"},
		Body: []string{
			"Thực hiện Công văn số 173/UBND-KSTTHC ngày 10/01/2020 của UBND tỉnh về đẩy mạnh công tác cải cách hành chính năm 2020, Sở Tư pháp hướng dẫn việc rà soát văn bản quy phạm pháp luật có quy định thủ tục hành chính như sau:",
			"1. Lập danh mục văn bản còn hiệu lực do địa phương ban hành có quy định thủ tục hành chính; nêu rõ nội dung không còn phù hợp.",
			"2. Đề xuất bãi bỏ, sửa đổi, bổ sung hoặc thay thế theo thẩm quyền.",
			"Đề nghị các cơ quan, địa phương gửi kết quả về Sở Tư pháp qua hệ thống liên thông văn bản điện tử./.",
		},
		Recipients: []string{"Như trên;", "UBND tỉnh (b/c);", "Lưu: VT."},
		Authority:  "GIÁM ĐỐC", Signer: "Lê Thị Hư Cấu",
	}
}

func guidanceData() hub.Document {
	return hub.Document{
		CodeNumber: "42", CodeNotation: "STP-VP", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v hướng dẫn rà soát văn bản quy phạm pháp luật có quy định thủ tục hành chính",
		Place:   "Quảng Nam", Promulgated: "2020-01-15",
		Signer: hub.Signer{Position: "Giám đốc", FullName: "Lê Thị Hư Cấu"},
	}
}

// training goes with a large file.
func training() *sample.Letter {
	l := guidance()
	l.Number, l.Date, l.Subject = "43/STP-VP", in2020(time.January, 16), "gửi tài liệu tập huấn rà soát văn bản"
	l.Body = []string{"Sở Tư pháp gửi kèm theo tài liệu tập huấn về rà soát văn bản quy phạm pháp luật để các cơ quan, địa phương nghiên cứu, sử dụng./."}
	return l
}

func trainingData() hub.Document {
	d := guidanceData()
	d.CodeNumber, d.Promulgated, d.Subject = "43", "2020-01-16", "V/v gửi tài liệu tập huấn rà soát văn bản"
	return d
}

// axisLetter goes over the national document axis; the one of the package that waits in
// the folder says the same under the next number.
func axisLetter(number string) *sample.Letter {
	l := guidance()
	l.Number, l.Date, l.Subject = number+"/STP-VP", in2020(time.January, 17), "đề nghị phối hợp rà soát văn bản quy phạm pháp luật"
	l.To = []string{"Sở Nội vụ"}
	l.Body = []string{"Sở Tư pháp đề nghị Sở Nội vụ phối hợp rà soát văn bản quy phạm pháp luật về tổ chức, biên chế có quy định thủ tục hành chính./."}
	return l
}

// provinceLetter goes to a unit behind the provincial API; the one of the package that
// waits for whoever tries that says the same under the next number.
func provinceLetter(number string) *sample.Letter {
	l := axisLetter(number)
	l.To = []string{"UBND thành phố Hội An"}
	l.Body = []string{"Sở Tư pháp đề nghị UBND thành phố Hội An phối hợp rà soát văn bản quy phạm pháp luật có quy định thủ tục hành chính./."}
	return l
}

func axisData(number string) hub.Document {
	d := guidanceData()
	d.CodeNumber, d.Promulgated, d.Subject = number, "2020-01-17", "V/v đề nghị phối hợp rà soát văn bản quy phạm pháp luật"
	return d
}

// axisReference names a document of the Department of Justice in a status message.
func axisReference(number string) hub.Reference {
	d := axisData(number)
	return hub.Reference{Agency: justice, Number: d.Number(), ExternalID: packedID(justice, number), Promulgated: d.Promulgated}
}

// unitNumber is the number of the answer of a unit behind the provincial API.
const unitNumber = "31/UBND-VP"

func unitLetter() *sample.Letter {
	return &sample.Letter{
		Superior: "UBND TỈNH QUẢNG NAM", Issuer: "ỦY BAN NHÂN DÂN\nTHÀNH PHỐ HỘI AN", Number: unitNumber,
		Place: "Hội An", Date: in2020(time.January, 18),
		Subject:    "phối hợp rà soát văn bản quy phạm pháp luật",
		To:         []string{"Sở Tư pháp"},
		Body:       []string{"Thực hiện Công văn số 46/STP-VP ngày 17/01/2020 của Sở Tư pháp, UBND thành phố Hội An cử Phòng Tư pháp phối hợp rà soát và gửi kết quả trong quý I/2020./."},
		Recipients: []string{"Như trên;", "Lưu: VT."},
		Authority:  "TM. ỦY BAN NHÂN DÂN\nCHỦ TỊCH", Signer: "Hồ Thị Ví Dụ",
	}
}

func unitData() hub.Document {
	return hub.Document{
		CodeNumber: "31", CodeNotation: "UBND-VP", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v phối hợp rà soát văn bản quy phạm pháp luật",
		Place:   "Hội An", Promulgated: "2020-01-18",
		Signer:      hub.Signer{Position: "Chủ tịch", FullName: "Hồ Thị Ví Dụ"},
		ResponseFor: []hub.Reference{axisReference("46")},
	}
}

// letterNumber is the number of a letter to agencies that are not connected by REST alone.
const letterNumber = "180/UBND-KSTTHC"

// letter asks for figures about the directive.
func letter(number string, to ...string) *sample.Letter {
	l := directive()
	l.Number, l.Date, l.Subject = number+"/UBND-KSTTHC", in2020(time.January, 20), "báo cáo tình hình gửi, nhận văn bản điện tử"
	l.To = to
	l.Body = []string{"Thực hiện Công văn số 173/UBND-KSTTHC ngày 10/01/2020, UBND tỉnh đề nghị báo cáo tình hình gửi, nhận văn bản điện tử tại địa phương./."}
	return l
}

func letterData(number string) hub.Document {
	d := directiveData()
	d.CodeNumber, d.Promulgated, d.Subject, d.Content = number, "2020-01-20", "V/v báo cáo tình hình gửi, nhận văn bản điện tử", ""
	d.DueDate, d.Priority = "", hub.PriorityNormal
	return d
}

// tasksLetter sets the tasks of the directive, with days that lie ahead.
func tasksLetter() *sample.Letter {
	l := letter("184", "Các Sở, Ban, ngành có liên quan")
	l.Subject = "giao nhiệm vụ thực hiện Công văn số 173/UBND-KSTTHC"
	l.Body = []string{
		"Thực hiện Công văn số 173/UBND-KSTTHC ngày 10/01/2020 của UBND tỉnh, UBND tỉnh giao các nhiệm vụ sau, thời hạn theo dõi trên hệ thống liên thông văn bản:",
		"1. Sở Nội vụ, Sở Tài chính, Sở Y tế trả lời bằng văn bản các kiến nghị nêu tại mục V của Báo cáo số 2773/BC-SNV.",
		"2. Sở Thông tin và Truyền thông chủ trì, phối hợp với Văn phòng UBND tỉnh nâng cấp Cổng dịch vụ công và hệ thống thông tin một cửa điện tử của tỉnh./.",
	}
	return l
}

func tasksData() hub.Document {
	d := letterData("184")
	d.Subject = "V/v giao nhiệm vụ thực hiện Công văn số 173/UBND-KSTTHC"
	return d
}

// taskAnswer is the answer of the Department of Finance to one of the tasks.
func taskAnswer() *sample.Letter {
	l := answer()
	l.Issuer, l.Number, l.Subject = "SỞ TÀI CHÍNH", "98/STC-VP", "trả lời các kiến nghị theo Công văn số 184/UBND-KSTTHC"
	l.Body = []string{"Thực hiện Công văn số 184/UBND-KSTTHC của UBND tỉnh, Sở Tài chính báo cáo: các kiến nghị nêu tại mục V Báo cáo số 2773/BC-SNV đã được trả lời theo thẩm quyền./."}
	l.Recipients, l.Signer = []string{"Như trên;", "Lưu: VT."}, "Hồ Thị Minh Chứng"
	return l
}

// lateAnswer is that of the Department of the Interior, a day too late.
func lateAnswer() *sample.Letter {
	l := answer()
	l.Number, l.Date, l.Subject = "99/SNV-CCHC", in2020(time.February, 28), taskAnswer().Subject
	l.Body = []string{"Thực hiện Công văn số 184/UBND-KSTTHC của UBND tỉnh, Sở Nội vụ báo cáo: các kiến nghị nêu tại mục V Báo cáo số 2773/BC-SNV đã được trả lời theo thẩm quyền./."}
	return l
}

func lateAnswerData() hub.Document {
	d := answerData()
	d.CodeNumber, d.Subject, d.Promulgated, d.ResponseFor = "99", taskAnswerData().Subject, "2020-02-28", nil
	return d
}

func taskAnswerData() hub.Document {
	return hub.Document{
		CodeNumber: "98", CodeNotation: "STC-VP", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v trả lời các kiến nghị theo Công văn số 184/UBND-KSTTHC",
		Place:   "Quảng Nam", Promulgated: "2020-02-20",
		Signer: hub.Signer{Position: "Giám đốc", FullName: "Hồ Thị Minh Chứng"},
	}
}

// normative is a normative document, which the Department of Justice inspects (NĐ 34/2016/NĐ-CP).
func normative() *sample.Letter {
	l := letter("184")
	l.Number, l.Subject = "05/2020/QĐ-UBND", "ban hành quy định về gửi, nhận văn bản điện tử trên địa bàn tỉnh"
	l.To = []string{"Các cơ quan, đơn vị, địa phương"}
	l.Body = []string{"Ban hành kèm theo Quyết định này Quy định về gửi, nhận văn bản điện tử giữa các cơ quan hành chính nhà nước trên địa bàn tỉnh./."}
	return l
}

func normativeData() hub.Document {
	d := letterData("05")
	d.CodeNotation, d.TypeCode, d.TypeName = "2020/QĐ-UBND", 0, "Quyết định"
	d.Subject = "Ban hành Quy định về gửi, nhận văn bản điện tử trên địa bàn tỉnh"
	return d
}

// recommendation is what the Department of Justice recommends about the normative document.
func recommendation() *sample.Letter {
	l := guidance()
	l.Number, l.Subject = "49/STP-KTVB", "kiến nghị xử lý Quyết định số 05/2020/QĐ-UBND"
	l.To = []string{"UBND tỉnh Quảng Nam"}
	l.Body = []string{"Qua kiểm tra Quyết định số 05/2020/QĐ-UBND, Sở Tư pháp nhận thấy Điều 3 quy định thủ tục hành chính khi không được luật giao (trái thẩm quyền). Sở Tư pháp kiến nghị UBND tỉnh sửa đổi, bổ sung và trả lời bằng văn bản./."}
	return l
}

func recommendationData() hub.Document {
	d := guidanceData()
	d.CodeNumber, d.CodeNotation, d.Subject = "49", "STP-KTVB", "V/v kiến nghị xử lý Quyết định số 05/2020/QĐ-UBND"
	d.ResponseFor = nil
	return d
}

// explanation is the answer of the province.
func explanation() *sample.Letter {
	l := letter("186", "Sở Tư pháp")
	l.Number, l.Subject = "186/UBND-NC", "trả lời kiến nghị về Quyết định số 05/2020/QĐ-UBND"
	l.Body = []string{"UBND tỉnh tiếp thu kiến nghị của Sở Tư pháp tại Công văn số 49/STP-KTVB và đã sửa đổi Điều 3 bằng Quyết định số 06/2020/QĐ-UBND./."}
	return l
}

func explanationData(task hub.TaskID) hub.Document {
	d := letterData("186")
	d.CodeNotation, d.Subject = "UBND-NC", "V/v trả lời kiến nghị về Quyết định số 05/2020/QĐ-UBND"
	d.ResponseTasks = []string{string(task)}
	return d
}

// communeLetter is the answer of a commune to the letter.
func communeLetter() *sample.Letter {
	return &sample.Letter{
		Superior: "UBND THÀNH PHỐ HỘI AN", Issuer: "ỦY BAN NHÂN DÂN\nXÃ CẨM THANH", Number: "15/UBND-VP",
		Place: "Cẩm Thanh", Date: in2020(time.January, 22),
		Subject:    "báo cáo tình hình gửi, nhận văn bản điện tử",
		To:         []string{"UBND tỉnh Quảng Nam"},
		Body:       []string{"Thực hiện Công văn số 180/UBND-KSTTHC ngày 20/01/2020 của UBND tỉnh, UBND xã Cẩm Thanh báo cáo: văn bản giữa xã với các cơ quan được gửi, nhận dưới dạng điện tử, có chữ ký số./."},
		Recipients: []string{"Như trên;", "Lưu: VT."},
		Authority:  "TM. ỦY BAN NHÂN DÂN\nCHỦ TỊCH", Signer: "Đặng Thị Minh Họa",
	}
}

func communeData() hub.Document {
	return hub.Document{
		CodeNumber: "15", CodeNotation: "UBND-VP", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v báo cáo tình hình gửi, nhận văn bản điện tử",
		Place:   "Cẩm Thanh", Promulgated: "2020-01-22",
		Signer:      hub.Signer{Position: "Chủ tịch", FullName: "Đặng Thị Minh Họa"},
		ResponseFor: []hub.Reference{{Agency: province, Number: letterNumber, ExternalID: letterID, Promulgated: "2020-01-20"}},
	}
}

// brokeredLetter is the answer of a commune that is connected by RabbitMQ.
func brokeredLetter() *sample.Letter {
	l := communeLetter()
	l.Superior, l.Issuer, l.Number = "UBND HUYỆN DUY XUYÊN", "ỦY BAN NHÂN DÂN\nXÃ DUY VINH", "16/UBND-VP"
	l.Place, l.Signer = "Duy Vinh", "Bùi Văn Minh Họa"
	l.Body = []string{"Thực hiện Công văn số 183/UBND-KSTTHC ngày 20/01/2020 của UBND tỉnh, UBND xã Duy Vinh báo cáo: văn bản giữa xã với các cơ quan được gửi, nhận dưới dạng điện tử, có chữ ký số./."}
	return l
}

func brokeredData() hub.Document {
	d := communeData()
	d.CodeNumber, d.Place, d.Signer.FullName = "16", "Duy Vinh", "Bùi Văn Minh Họa"
	d.ResponseFor = []hub.Reference{{Agency: province, Number: "183/UBND-KSTTHC", ExternalID: brokeredID, Promulgated: "2020-01-20"}}
	return d
}

// ministryLetter is the answer of the ministry to what came over the axis.
func ministryLetter() *sample.Letter {
	return &sample.Letter{
		Issuer: "BỘ MẪU", Number: "12/BM-VP", Place: "Hà Nội", Date: in2020(time.January, 23),
		Subject:    "trả lời về tình hình gửi, nhận văn bản điện tử",
		To:         []string{"UBND tỉnh Quảng Nam"},
		Body:       []string{"Bộ Mẫu đã nhận Công văn số 182/UBND-KSTTHC ngày 20/01/2020 của UBND tỉnh Quảng Nam qua Trục liên thông văn bản quốc gia và không có ý kiến khác./."},
		Recipients: []string{"Như trên;", "Lưu: VT."},
		Authority:  "TL. BỘ TRƯỞNG\nCHÁNH VĂN PHÒNG", Signer: "Vũ Văn Tưởng Tượng",
	}
}

func ministryData() hub.Document {
	return hub.Document{
		CodeNumber: "12", CodeNotation: "BM-VP", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v trả lời về tình hình gửi, nhận văn bản điện tử",
		Place:   "Hà Nội", Promulgated: "2020-01-23",
		Signer:      hub.Signer{Position: "Chánh Văn phòng", FullName: "Vũ Văn Tưởng Tượng"},
		ResponseFor: []hub.Reference{{Agency: province, Number: "182/UBND-KSTTHC", ExternalID: upID, Promulgated: "2020-01-20"}},
	}
}

// answer is the document with which the Department of the Interior answers.
func answer() *sample.Letter {
	return &sample.Letter{
		Superior: "UBND TỈNH QUẢNG NAM", Issuer: "SỞ NỘI VỤ", Number: "97/SNV-CCHC",
		Place: "Quảng Nam", Date: in2020(time.February, 20),
		Subject: "trả lời các kiến nghị theo Công văn số 173/UBND-KSTTHC",
		To:      []string{"UBND tỉnh Quảng Nam"},
		Body: []string{
			"Thực hiện Công văn số 173/UBND-KSTTHC ngày 10/01/2020 của UBND tỉnh, Sở Nội vụ đã chủ trì, phối hợp với các Sở có liên quan xem xét các kiến nghị nêu tại mục V Báo cáo số 2773/BC-SNV.",
			"Đến nay toàn bộ kiến nghị đã được trả lời theo thẩm quyền; không còn kiến nghị tồn đọng.",
			"Sở Nội vụ kính báo cáo UBND tỉnh./.",
		},
		Recipients: []string{"Như trên;", "Lưu: VT, CCHC."},
		Authority:  "GIÁM ĐỐC", Signer: "Phạm Văn Giả Định",
	}
}

func answerData() hub.Document {
	return hub.Document{
		CodeNumber: "97", CodeNotation: "SNV-CCHC", TypeCode: 18, TypeName: "Công văn",
		Subject: "V/v trả lời các kiến nghị theo Công văn số 173/UBND-KSTTHC",
		Place:   "Quảng Nam", Promulgated: "2020-02-20",
		Signer:      hub.Signer{Position: "Giám đốc", FullName: "Phạm Văn Giả Định"},
		ResponseFor: []hub.Reference{{Agency: province, Number: "173/UBND-KSTTHC", ExternalID: directiveID, Promulgated: "2020-01-10"}},
	}
}

// The senders' own ids, as document systems write them: code, date and number.
const (
	directiveID    = province + ",2020/01/10,173/UBND-KSTTHC"
	tasksID        = province + ",2020/01/20,184/UBND-KSTTHC"
	taskAnswerID   = finance + ",2020/02/20,98/STC-VP"
	lateAnswerID   = interior + ",2020/02/28,99/SNV-CCHC"
	normativeID    = province + ",2020/01/20,05/2020/QĐ-UBND"
	recommendID    = justice + ",2020/01/21,49/STP-KTVB"
	explainID      = province + ",2020/01/22,186/UBND-NC"
	guidanceID     = justice + ",2020/01/15,42/STP-VP"
	trainingID     = justice + ",2020/01/16,43/STP-VP"
	letterID       = province + ",2020/01/20," + letterNumber
	mailedID       = province + ",2020/01/20,181/UBND-KSTTHC"
	upID           = province + ",2020/01/20,182/UBND-KSTTHC"
	downID         = ministry + ",2020/01/23,12/BM-VP"
	brokeredID     = province + ",2020/01/20,183/UBND-KSTTHC"
	unitID         = hoiAn + ",2020/01/18," + unitNumber
	communeID      = camThanh + ",2020/01/22,15/UBND-VP"
	brokerAnswerID = duyVinh + ",2020/01/22,16/UBND-VP"
	answerID       = interior + ",2020/02/20,97/SNV-CCHC"
)

// in2020 is a morning in Vietnam in the year of the directive.
func in2020(month time.Month, day int) time.Time {
	return time.Date(2020, month, day, 8, 0, 0, 0, hub.Vietnam())
}
