package telemetry

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/lienthong/lienthong/hub"
)

// TestBoxedDeliveriesTakeTime: a delivery that lies in its box as it is accepted took the
// time until that was durable. Its evidence was made before its id.
func TestBoxedDeliveriesTakeTime(t *testing.T) {
	tel, err := New(t.Context(), Options{Name: "test"})
	if err != nil {
		t.Fatal(err)
	}
	evidence := hub.SealedEvidence{Evidence: hub.Evidence{Event: hub.EventContentConsignment, Time: time.Now().Add(-time.Minute)}}
	a := hub.Acceptance{}
	for range 3 {
		d := hub.Delivery{ID: hub.DeliveryID(uuid.Must(uuid.NewV7()).String()), State: hub.StateConsigned}
		evidence.Evidence.Delivery = d.ID
		a.Deliveries, a.Evidence = append(a.Deliveries, d), append(a.Evidence, evidence)
	}
	tel.boxed(&a)
	families, err := tel.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "lienthong_consignment_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 3 || h.GetSampleSum() < 0 || h.GetSampleSum() > 30 {
			t.Errorf("%d deliveries took %f s", h.GetSampleCount(), h.GetSampleSum())
		}
		return
	}
	t.Error("there is no such metric")
}
