package demo

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/sample"
	"github.com/lienthong/lienthong/hub"
)

const (
	proceduresFile   = "08-QD-UBND.pdf" // publishes procedures
	proceduresNumber = "08/QĐ-UBND"
	proceduresID     = province + ",2020/01/20," + proceduresNumber

	stayingCode = "1.001193" // of the procedure that stays in force
	lapsingCode = "1.004873" // of the one that lapses on the day of the answers

	lapseMinutes = 30 // behind the beginning of that day
	lapseLead    = 2 * time.Second
	lapsePause   = 50 * time.Millisecond // between two looks
)

// manifestProcedures tells scripts about the procedures that the province published.
type manifestProcedures struct {
	Decision hub.DispatchID `json:"decision"`
	InForce  string         `json:"in_force"` // code
	Lapsed   string         `json:"lapsed"`   // code
	LapsedAt time.Time      `json:"lapsed_at"`
}

func proceduresLetter() *sample.Letter {
	l := letter("184")
	l.Number, l.Subject = proceduresNumber, "công bố thủ tục hành chính lĩnh vực hộ tịch"
	l.To = []string{"Các cơ quan, đơn vị, địa phương"}
	l.Body = []string{"Công bố kèm theo Quyết định này các thủ tục hành chính lĩnh vực hộ tịch thuộc thẩm quyền giải quyết của Sở Tư pháp./."}
	return l
}

func proceduresData() hub.Document {
	d := letterData("08")
	d.CodeNotation, d.TypeCode, d.TypeName = "QĐ-UBND", 0, "Quyết định"
	d.Subject = "Công bố thủ tục hành chính lĩnh vực hộ tịch"
	return d
}

// publishProcedures sends a decision and publishes two procedures by it, one of which lapses
// at a minute that the decision names.
func (s *show) publishProcedures(ctx context.Context) error {
	if err := s.writeOne(ctx, proceduresFile, province, proceduresLetter().Paper); err != nil {
		return err
	}
	p := s.parties[province]
	accepted, err := s.submit(ctx, p, proceduresFile, proceduresID, proceduresData(), justice)
	if err != nil {
		return err
	}
	if err := s.empty(ctx, s.parties[justice], 1); err != nil {
		return err
	}
	morning, err := time.ParseInLocation(time.DateOnly, string(s.day(inTimeDay)), hub.Vietnam())
	if err != nil {
		return err
	}
	s.procedures = manifestProcedures{
		Decision: accepted.Dispatch.ID, InForce: stayingCode, Lapsed: lapsingCode,
		LapsedAt: morning.Add(playHour*time.Hour + lapseMinutes*time.Minute).UTC(),
	}
	list := fmt.Sprintf("Mã TTHC;Tên thủ tục;Lĩnh vực;Cấp thực hiện;Mã cơ quan;Thời hạn giải quyết;Mức độ;Lệ phí;Ngày hết hiệu lực\n"+
		"%s;Đăng ký khai sinh có yếu tố nước ngoài;Hộ tịch;Cấp Tỉnh;%s;15 ngày làm việc;Toàn trình;8.000 đồng bản sao;\n"+
		"%s;Xác nhận thông tin hộ tịch;Hộ tịch;Cấp Tỉnh;%s;3 ngày làm việc;Một phần;;%s\n",
		stayingCode, justice, lapsingCode, justice, hub.MinuteOf(s.procedures.LapsedAt))
	for _, dry := range []bool{true, false} {
		report, err := p.client.ImportProcedures(ctx, hub.ProcedureWish{Decision: accepted.Dispatch.ID, DryRun: dry}, strings.NewReader(list))
		if err != nil {
			return err
		}
		s.check(report.Published == 2 && report.DryRun == dry, "two procedures are published by %s (%d)", proceduresNumber, report.Published)
	}
	_, err = s.parties[justice].client.AbolishProcedures(ctx, hub.ProcedureWish{Decision: accepted.Dispatch.ID}, stayingCode)
	s.check(err != nil, "who did not send the decision abolishes nothing by it (%v)", err)
	s.say("%s: %s, %s", proceduresNumber, stayingCode, lapsingCode)
	return s.sealDay(ctx, p, accepted.Dispatch.ID)
}

// lapse watches a procedure over the minute at which it lapses: listed by every answer that
// was given before, and by none that was asked for from then on. The first look comes before
// the clock is moved close to that minute, however long it takes.
func (s *show) lapse(ctx context.Context) error {
	end, client := s.procedures.LapsedAt, s.parties[tamKy].client
	before := 0
	for {
		asked := s.now()
		list, err := client.Procedures(ctx, "", "", time.Time{}, hub.Page{Limit: 50})
		if err != nil {
			return err
		}
		answered := s.now()
		listed := slices.ContainsFunc(list.Items, func(v hub.ProcedureVersion) bool { return v.Code == lapsingCode })
		switch {
		case answered.Before(end):
			if before++; !listed {
				s.check(false, "%s is in force at %s", lapsingCode, answered.Format(time.RFC3339Nano))
			}
			if before == 1 {
				s.moveToInstant(end.Add(-lapseLead))
			}
		case !asked.Before(end):
			s.check(!listed && before > 0, "%s is in force up to %s and not from then on (%d looks before)", lapsingCode, hub.MinuteOf(end), before)
			s.check(len(list.Items) == 1, "%s stays in force", stayingCode)
			changes, last, err := client.ProcedureChanges(ctx, 0, 10)
			if err != nil {
				return err
			}
			s.check(len(changes) == 2 && last == 2 && changes[1].Version.State == hub.ProcedureLapsed, "the feed says that %s has lapsed (%d changes)", lapsingCode, len(changes))
			s.say("%s hết hiệu lực lúc / lapsed at %s", lapsingCode, hub.MinuteOf(end))
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(lapsePause):
		}
	}
}
