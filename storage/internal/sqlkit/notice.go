package sqlkit

import "github.com/lienthong/lienthong/hub"

// Notices puts status reports together with the deliveries that they are about.
func Notices(reports []hub.StatusReport, items []hub.Item) []hub.Notice {
	byID := make(map[hub.DeliveryID]*hub.Item, len(items))
	for i := range items {
		byID[items[i].Delivery.ID] = &items[i]
	}
	notices := make([]hub.Notice, len(reports))
	for i := range reports {
		notices[i].Report = reports[i]
		if item := byID[reports[i].Delivery]; item != nil {
			notices[i].Item = *item
		}
	}
	return notices
}

// Behind is the key behind which a page begins; "" for the first page.
func Behind(cursor []string) string {
	if len(cursor) == 0 {
		return ""
	}
	return cursor[0]
}
