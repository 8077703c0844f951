package demo

import (
	"context"
	"fmt"

	"github.com/lienthong/lienthong/adapters/hubclient"
	"github.com/lienthong/lienthong/cmd/lienthong/internal/text"
	"github.com/lienthong/lienthong/hub"
)

// board prints, for each document, what became of it at every recipient.
func (s *show) board(ctx context.Context) error {
	for _, code := range []string{province, justice, interior} {
		for item, err := range hubclient.All(func(p hub.Page) (hub.List[hub.SentItem], error) {
			return s.parties[code].client.Sent(ctx, hubclient.SentQuery{Page: p})
		}) {
			if err != nil {
				return err
			}
			if err := s.boardOf(ctx, s.parties[code].client, &item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *show) boardOf(ctx context.Context, client *hubclient.Client, item *hub.SentItem) error {
	receipts, err := countReceipts(ctx, client, item.Dispatch.ID)
	if err != nil {
		return err
	}
	verdict, err := verdictOf(ctx, client, item.Dispatch.ID)
	if err != nil {
		return err
	}
	d := &item.Dispatch.Document
	fmt.Fprintf(s.Out, "\n%s  %s  %s\n", d.Number(), item.Dispatch.SenderName, d.Subject)
	fmt.Fprintf(s.Out, "Chữ ký: %s   Khuôn dạng: %s   Lượt gửi: %s\n", verdict, item.Dispatch.Format, item.Dispatch.ID)
	board := text.Table{Head: []string{"NƠI NHẬN", "MÃ", "TRẠNG THÁI", "XỬ LÝ", "SỐ ĐẾN", "BIÊN NHẬN"}}
	for _, v := range item.Deliveries {
		number := ""
		if v.Registration != nil {
			number = v.Registration.Number
		}
		// The acceptance is about every recipient.
		board.Add(v.Name, string(v.AddressedAs), stateText(&v), progressText(v.Progress), number, fmt.Sprint(receipts[v.ID]+1))
	}
	board.Write(s.Out)
	return nil
}

func countReceipts(ctx context.Context, client *hubclient.Client, id hub.DispatchID) (map[hub.DeliveryID]int, error) {
	count := map[hub.DeliveryID]int{}
	for sealed, err := range hubclient.All(func(p hub.Page) (hub.List[hub.SealedEvidence], error) {
		return client.DispatchEvidence(ctx, id, p)
	}) {
		if err != nil {
			return nil, err
		}
		if sealed.Evidence.Delivery != "" {
			count[sealed.Evidence.Delivery]++
		}
	}
	return count, nil
}

// verdictOf sums up what the hub found when it took the document in.
func verdictOf(ctx context.Context, client *hubclient.Client, id hub.DispatchID) (string, error) {
	reports, err := client.SignatureReports(ctx, id)
	if err != nil {
		return "", err
	}
	valid, all := 0, 0
	for _, r := range reports {
		for _, sig := range r.Signatures {
			all++
			if sig.Indication == hub.TotalPassed {
				valid++
			}
		}
	}
	return fmt.Sprintf("%d/%d hợp lệ", valid, all), nil
}

func stateText(d *hub.Delivery) string {
	switch d.State {
	case hub.StateQueued:
		return "chờ chuyển"
	case hub.StateConsigned:
		return "đã đến hộp"
	case hub.StateHandedOver:
		return "đã nhận"
	case hub.StateAccepted:
		return "đã vào sổ"
	case hub.StateRefused:
		return "từ chối: " + string(d.Reason.Code)
	case hub.StateFailed:
		return "không chuyển được"
	case hub.StateExpired:
		return "hết hạn"
	case hub.StateWithdrawn:
		return "đã thu hồi"
	}
	return string(d.State)
}

func progressText(c hub.StatusCode) string {
	switch c {
	case hub.StatusArrived:
		return "đã đến"
	case hub.StatusRefused:
		return "từ chối"
	case hub.StatusAccepted:
		return "đã tiếp nhận"
	case hub.StatusAssigned:
		return "phân công"
	case hub.StatusInProgress:
		return "đang xử lý"
	case hub.StatusCompleted:
		return "hoàn thành"
	}
	return ""
}
