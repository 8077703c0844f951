package vxp

import (
	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// sent is a row of getSentEdocList: one recipient of one document.
type sent struct {
	ServiceType       string `json:"serviceType"`
	MessageType       string `json:"messageType"`
	SenderDocID       string `json:"senderDocId"`
	ReceiverDocID     string `json:"receiverDocId"`
	FromCode          string `json:"fromCode"`
	ToCode            string `json:"toCode"`
	Title             string `json:"title"`
	Notation          string `json:"notation"`
	SentTime          string `json:"sentTime"`
	ReceivedTime      string `json:"receivedTime"`
	SendStatus        string `json:"sendStatus"`
	SendStatusDesc    string `json:"sendStatusDesc"`
	ReceiveStatus     string `json:"receiveStatus"`
	ReceiveStatusDesc string `json:"receiveStatusDesc"`
}

// sentList tells what became of a document, one row for each recipient, or without a
// docId of those sent last. Status messages have no state of delivery: they are recorded
// for whom they are for when they are accepted.
func (s *Server) sentList(x *call) error {
	kind, err := messageType(x, edoc.TypeDocument)
	if err != nil {
		return err
	}
	rows := []sent{}
	if kind == edoc.TypeStatus {
		return x.ok(fields{fieldData: rows})
	}
	items, err := s.sentItems(x)
	if err != nil {
		return err
	}
	for i := range items {
		for j := range items[i].Deliveries {
			if len(rows) < s.Limits.Rows {
				rows = append(rows, s.sentRow(x, &items[i].Dispatch, &items[i].Deliveries[j]))
			}
		}
	}
	return x.ok(fields{fieldData: rows})
}

// sentItems finds what a call asks for. A client may carry the docId of a document that
// it received with an earlier call; then it means no document of its own.
func (s *Server) sentItems(x *call) ([]hub.SentItem, error) {
	id := x.first("docId", "docid")
	if id == "" {
		return s.recent(x)
	}
	f, err := s.Find(x.context(), x.caller(), id)
	switch {
	case err != nil && hub.KindOf(err) == hub.KindNotFound:
		return nil, nil
	case err != nil:
		return nil, err
	case f.Notice != nil || f.Stray != nil || x.actor.SpeaksFor(f.Dispatch.Sender, hub.ScopeRead) != nil:
		return s.recent(x)
	}
	item, err := s.Dispatches.Dispatch(x.context(), x.actor, f.Dispatch.ID)
	return []hub.SentItem{item}, err
}

// recentDispatches are shown of each agency when no document is named.
const recentDispatches = 100

func (s *Server) recent(x *call) ([]hub.SentItem, error) {
	var all []hub.SentItem
	for _, agency := range x.actor.Agencies {
		list, err := s.Dispatches.Sent(x.context(), x.actor, hub.SentQuery{Agency: agency, Page: hub.Page{Limit: recentDispatches}})
		if err != nil {
			return nil, err
		}
		all = append(all, list.Items...)
	}
	return all, nil
}

func (s *Server) sentRow(x *call, d *hub.Dispatch, v *hub.Delivery) sent {
	row := sent{
		ServiceType: edoc.ServiceType, MessageType: edoc.TypeDocument, SenderDocID: string(d.ID), ReceiverDocID: string(v.ID),
		FromCode: string(d.SenderCode), ToCode: string(v.AddressedAs), Title: d.Document.Subject, Notation: d.Document.Number(),
		SentTime: stamp(d.AcceptedAt), SendStatus: edoc.StateDone, SendStatusDesc: "Da gui",
		ReceiveStatus: edoc.StateOf(v, x.begun), ReceiveStatusDesc: string(v.State),
	}
	if v.State != hub.StateQueued && v.State != hub.StateConsigned {
		row.ReceivedTime = stamp(v.UpdatedAt)
	}
	if v.Reason != nil {
		row.ReceiveStatusDesc = string(v.State) + ": " + v.Reason.Detail
	}
	return row
}
