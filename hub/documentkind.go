package hub

import "strings"

// DocumentKinds are the types of documents by which figures are told apart: the 29 of
// NĐ 30/2020/NĐ-CP, article 7, and those of normative acts. All others are OtherKind.
func DocumentKinds() []string {
	return []string{
		"Nghị quyết", "Quyết định", "Chỉ thị", "Quy chế", "Quy định", "Thông cáo", "Thông báo", "Hướng dẫn", "Chương trình",
		"Kế hoạch", "Phương án", "Đề án", "Dự án", "Báo cáo", "Biên bản", "Tờ trình", "Hợp đồng", "Công văn", "Công điện",
		"Bản ghi nhớ", "Bản thỏa thuận", "Giấy ủy quyền", "Giấy mời", "Giấy giới thiệu", "Giấy nghỉ phép", "Phiếu gửi",
		"Phiếu chuyển", "Phiếu báo", "Thư công", "Luật", "Pháp lệnh", "Lệnh", "Nghị định", "Thông tư",
	}
}

// OtherKind is the kind of documents whose type is none of DocumentKinds, or not said.
const OtherKind = "khac"

// KindKey is the name of a type of documents in figures: "cong-van" for "Công văn".
func KindKey(typeName string) string { return strings.ReplaceAll(Fold(typeName), " ", "-") }

// KindKeys are the names of all kinds, in the order of DocumentKinds, OtherKind last.
func KindKeys() []string {
	var keys []string
	for _, name := range DocumentKinds() {
		keys = append(keys, KindKey(name))
	}
	return append(keys, OtherKind)
}
