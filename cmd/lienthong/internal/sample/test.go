package sample

import (
	"time"

	"github.com/lienthong/lienthong/hub"
)

// TestMark stands before the subject of every document that tests a connection.
const TestMark = "[THỬ KẾT NỐI – KHÔNG PHẢI VĂN BẢN] "

// TestDocument is a document that is none, for tests of connections.
func TestDocument(number string, at time.Time) hub.Document {
	return hub.Document{
		CodeNumber: number, CodeNotation: "TEST", TypeName: "Công văn", Subject: TestMark + number,
		Promulgated: hub.Date(at.In(hub.Vietnam()).Format(time.DateOnly)), Place: "Thử",
		Signer: hub.Signer{FullName: "Người Thử (hư cấu)"},
	}
}

// TestLetter is the page that goes with it.
func TestLetter(at time.Time) Letter {
	return Letter{
		Issuer: "ĐƠN VỊ THỬ KẾT NỐI", Number: "1/TEST", Place: "Thử", Date: at, Subject: "thử kết nối, không phải văn bản",
		Body: []string{"Trang này dùng để thử kết nối và không phải văn bản."}, Authority: "NGƯỜI THỬ", Signer: "(hư cấu)",
	}
}
