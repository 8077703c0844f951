package tracking

import "github.com/lienthong/lienthong/hub"

// clocked adds to an item how the duties of its recipient stand now. Of what was taken back
// nothing is left to say when.
func (s *Service) clocked(item hub.Item) hub.Item {
	item.Clocks = s.clocks(&item.Dispatch, []hub.Delivery{item.Delivery})
	return item
}

// clocks are those of the recipients of a dispatch, in the order of its deliveries.
func (s *Service) clocks(d *hub.Dispatch, deliveries []hub.Delivery) []hub.LegalClock {
	if s.Law == nil || s.Calendar == nil {
		return nil
	}
	law, calendar, now := s.Law(), s.Calendar(), s.now()
	var clocks []hub.LegalClock
	for i := range deliveries {
		if !deliveries[i].TakenBack() {
			clocks = append(clocks, law.DeliveryClocks(calendar, d, &deliveries[i], now)...)
		}
	}
	return clocks
}

// sendClock is that of the sender of a dispatch, if there is one.
func (s *Service) sendClock(d *hub.Dispatch) []hub.LegalClock {
	if s.Law == nil || s.Calendar == nil {
		return nil
	}
	if c, ok := s.Law().SendClock(s.Calendar(), d, s.now()); ok {
		return []hub.LegalClock{c}
	}
	return nil
}
