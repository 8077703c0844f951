package inspect_test

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/inspect"
	"github.com/lienthong/lienthong/hub"
)

// TestClosedRegisters: an entry of a closed register that was changed, added or removed
// behind the hub's back is found, whatever else is changed with it.
func TestClosedRegisters(t *testing.T) {
	at := time.Date(2025, 6, 1, 2, 0, 0, 0, time.UTC)
	dispatchFile := func() hub.DispatchFile {
		return hub.DispatchFile{
			ID: "d", Dispatch: &hub.Dispatch{ID: "d", Sender: "a", Operation: hub.OperationNew, AcceptedAt: at, Document: hub.Document{CodeNumber: "1", Subject: "x"}},
			Deliveries: []hub.Delivery{{ID: "v", Dispatch: "d", Recipient: "b", Name: "B", State: hub.StateAccepted, Registration: &hub.Registration{Number: "1", Date: "2025-06-02"}}},
		}
	}
	var out, in, none hub.BookSum
	d := dispatchFile()
	_, entry, _ := hub.OutgoingEntry(d.Dispatch, d.Deliveries)
	out.Add(entry)
	_, _, entry, _ = hub.IncomingEntry(d.Dispatch, &d.Deliveries[0])
	in.Add(entry)
	outgoing, incoming, empty := out.Digest(), in.Digest(), none.Digest()
	closed := []hub.RegisterYear{
		{Agency: "a", Year: 2025, Outgoing: &outgoing, Incoming: &empty}, {Agency: "b", Year: 2025, Outgoing: &empty, Incoming: &incoming},
	}
	for name, tt := range map[string]struct {
		change func(*hub.DispatchFile)
		wrong  int
	}{
		"as it was":            {func(*hub.DispatchFile) {}, 0},
		"progress":             {func(d *hub.DispatchFile) { d.Deliveries[0].Progress = hub.StatusCompleted }, 0},
		"another year":         {func(d *hub.DispatchFile) { d.Deliveries[0].Registration.Date = "2026-06-02" }, 1},
		"another number":       {func(d *hub.DispatchFile) { d.Deliveries[0].Registration.Number = "2" }, 1},
		"another subject":      {func(d *hub.DispatchFile) { d.Dispatch.Document.Subject = "y" }, 2},
		"another recipient":    {func(d *hub.DispatchFile) { d.Deliveries[0].Name = "C" }, 1},
		"no longer registered": {func(d *hub.DispatchFile) { d.Deliveries[0].State, d.Deliveries[0].Registration = hub.StateRefused, nil }, 1},
		"in another register":  {func(d *hub.DispatchFile) { d.Deliveries[0].Register = "c" }, 1},
		"sent at another time": {func(d *hub.DispatchFile) { d.Dispatch.AcceptedAt = at.Add(time.Hour) }, 1},
	} {
		d := dispatchFile()
		tt.change(&d)
		wrong := 0
		_, err := inspect.Run(t.Context(), inspect.Options{State: one{d}, Receipts: one{d}, Closed: closed, Found: func(f inspect.Finding) {
			if f.Rule == "closed_register" {
				wrong++
			}
		}})
		if err != nil || wrong != tt.wrong {
			t.Errorf("%s: %d findings, want %d; %v", name, wrong, tt.wrong, err)
		}
	}
}
