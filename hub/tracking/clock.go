package tracking

import "github.com/lienthong/lienthong/hub"

// clocked adds to an item how the duties of its recipient stand now, and how it presses. Of
// what was taken back nothing is left to say when.
func (s *Service) clocked(item hub.Item) hub.Item {
	item.Clocks = s.clocks(&item.Dispatch, []hub.Delivery{item.Delivery})
	if s.Calendar != nil {
		today := hub.DateOf(s.now())
		item.Timeliness = item.Pressing(today, s.Calendar().Soon(today))
	}
	return item
}

// press says what the timeliness that a query asks for means now.
func (s *Service) press(query *hub.MailboxQuery) error {
	query.Pressed = nil
	if len(query.Timeliness) == 0 {
		return nil
	}
	for _, t := range query.Timeliness {
		if t != hub.Overdue && t != hub.DueSoon {
			return hub.Invalid("timeliness", "code_list", "%.20q is none of overdue, due_soon", string(t))
		}
	}
	if query.Asked {
		return hub.Invalid("timeliness", "either", "ask for what presses, or for what is to be answered")
	}
	var law *hub.LegalTerms
	if s.Law != nil {
		law = s.Law()
	}
	calendar := hub.NewCalendar()
	if s.Calendar != nil {
		calendar = s.Calendar()
	}
	query.Pressed = law.Pressed(calendar, query.Timeliness, query.Now)
	return nil
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
