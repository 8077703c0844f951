package sqlkit

import "github.com/lienthong/lienthong/hub"

// HandOverRows are the bodies of what a hand-over changes, in its order.
type HandOverRows struct{ Agencies, Accounts []string }

// EncodeHandOver returns the bodies of what a hand-over changes.
func EncodeHandOver(h *hub.HandOverChange) (HandOverRows, error) {
	var rows HandOverRows
	for i := range h.Agencies {
		body, err := Encode(&h.Agencies[i])
		if err != nil {
			return rows, err
		}
		rows.Agencies = append(rows.Agencies, body)
	}
	for i := range h.Accounts {
		body, err := EncodeAccount(&h.Accounts[i])
		if err != nil {
			return rows, err
		}
		rows.Accounts = append(rows.Accounts, body)
	}
	return rows, nil
}
