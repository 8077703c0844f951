package faulttest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/lienthong/lienthong/cmd/lienthong/internal/hubproc"
)

// Linearizability: what clients saw of one key, or of one delivery, must be explained
// by some order of single acts that agrees with the times of calls and answers. An act
// whose answer got lost may have happened at any time from its call on, or never.

// act is one call in a history.
type act struct {
	kind  string // submit, look, lease, acknowledge, recall
	fence int64
}

// seen is what a call answered.
type seen struct {
	unknown bool   // the answer got lost
	id      string // dispatch or receipt; "" for none
	fence   int64
	refused bool
	taken   bool // a recall came before the hand-over
}

// keyModel: a key stands for one dispatch, from its first acceptance on and for ever.
func keyModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, output any) (bool, any) {
			standing, in, out := state.(string), input.(act), output.(seen)
			switch {
			case out.unknown && in.kind == "submit" && standing == "":
				return true, "unknown"
			case out.unknown:
				return true, standing
			case standing == "unknown":
				return out.id != "", out.id // the lost answer was about this dispatch
			case in.kind == "look":
				return out.id == standing, standing
			}
			return standing == "" || standing == out.id, out.id
		},
	}
}

// hold is the state of a delivery: its last fence, and the receipt of its hand-over or of
// its withdrawal.
type hold struct {
	fence     int64
	receipt   string
	withdrawn string
}

// deliveryModel: fences grow, and there is one hand-over or one withdrawal, with one
// receipt.
func deliveryModel() porcupine.Model {
	return porcupine.Model{
		Init: func() any { return hold{} },
		Step: func(state, input, output any) (bool, any) {
			h, in, out := state.(hold), input.(act), output.(seen)
			open := h.receipt == "" && h.withdrawn == ""
			switch {
			case in.kind == "recall":
				return recalled(h, out)
			case in.kind == "lease" && out.unknown:
				h.fence++
				return true, h
			case in.kind == "lease":
				valid := out.fence > h.fence && open
				h.fence = out.fence
				return valid, h
			case out.refused:
				return true, h
			case out.unknown:
				if open && in.fence == h.fence {
					h.receipt = "unknown"
				}
				return true, h
			case open || h.receipt == "unknown":
				h.receipt = out.id
				return in.fence == h.fence, h
			}
			return out.id == h.receipt, h
		},
	}
}

// recalled is the step of a recall: it withdraws what was not handed over, once, and
// asks for everything else.
func recalled(h hold, out seen) (bool, hold) {
	open := h.receipt == "" && h.withdrawn == ""
	switch {
	case out.unknown && open:
		h.withdrawn = "unknown"
		return true, h
	case out.unknown || out.refused:
		return true, h
	case !out.taken:
		return h.receipt != "", h
	case open || h.withdrawn == "unknown":
		h.withdrawn = out.id
		return true, h
	}
	return out.id == h.withdrawn, h
}

// history collects what clients saw, by object.
type history struct {
	mu  sync.Mutex
	ops map[string][]porcupine.Operation
	n   atomic.Int64
}

// note runs a call and writes down when it was made and what came back.
func (h *history) note(object string, client int, in act, call func() (seen, error)) error {
	begun := time.Now().UnixNano()
	out, err := call()
	returned := time.Now().UnixNano()
	var no *refused
	switch {
	case errors.As(err, &no):
		out = seen{refused: true}
		if in.kind == "lease" {
			return nil // nobody learnt anything of the delivery
		}
	case err != nil:
		out, returned = seen{unknown: true}, math.MaxInt64
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops[object] = append(h.ops[object], porcupine.Operation{ClientId: client, Input: in, Call: begun, Output: out, Return: returned})
	h.n.Add(1)
	if no != nil {
		return nil
	}
	return err
}

// TestLinearizable drives one hub with many clients on few keys while it is killed
// again and again, and looks for an order that explains everything.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	linearizable(t, rounds(t, "LIENTHONG_HISTORIES", 2))
}

func linearizable(t *testing.T, histories int, env ...string) {
	dir := t.TempDir()
	l := &load{keys: prepared(t, dir, env...), record: newRecord(), counter: new(atomic.Int64)}
	total, withdrawn := int64(0), 0
	for n := range histories {
		h := &history{ops: map[string][]porcupine.Operation{}}
		for life := 0; h.n.Load() < 2000 && life < 60; life++ {
			hub := startHub(t, dir, "", env...)
			h.live(t, hub, l, fmt.Sprintf("%d-%d", n, life/6))
		}
		total, withdrawn = total+h.n.Load(), withdrawn+h.withdrawals()
		if object, ok := h.explained(); !ok {
			t.Fatalf("no order of single acts explains what clients saw of %s", object)
		}
	}
	if withdrawn == 0 {
		t.Error("no recall came before a hand-over")
	}
	t.Logf("%d histories, %d calls, %d withdrawals", histories, total, withdrawn)
}

// withdrawals counts the recalls that came before a hand-over.
func (h *history) withdrawals() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for _, ops := range h.ops {
		for _, op := range ops {
			if op.Output.(seen).taken {
				n++
			}
		}
	}
	return n
}

// live lets clients work on a few shared keys and deliveries until the hub is killed.
func (h *history) live(t *testing.T, hub *hubproc.Process, l *load, group string) {
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for client := range 6 {
		all.Go(func() { h.submitAndLook(ctx, newClient(hub.URL, l.keys.sender), client, group) })
	}
	for client, key := range append(l.keys.recipients, l.keys.recipients...) {
		all.Go(func() {
			h.leaseAndAcknowledge(ctx, newClient(hub.URL, key), newClient(hub.URL, l.keys.sender), 100+client)
		})
	}
	calls := h.n.Load() + 5 + rand.Int64N(60) // a life is as long as what happens in it, however slow the machine
	await(t, "the hub answers calls", func() bool {
		select {
		case <-hub.Done():
			t.Fatalf("the hub ended by itself:\n%s", hub.Log())
		default:
		}
		return h.n.Load() >= calls
	})
	time.Sleep(rand.N(20 * time.Millisecond))
	hub.Kill()
	cancel()
	all.Wait()
}

func (h *history) submitAndLook(ctx context.Context, c *client, client int, group string) {
	for ctx.Err() == nil {
		key := fmt.Sprintf("key-%s-%d", group, rand.IntN(12))
		d := document{externalID: key, content: []byte(key), recipients: []string{recipientCode(0), recipientCode(1)}}
		err := h.note(key, client, act{kind: "submit"}, func() (seen, error) {
			a, err := c.submit(ctx, senderCode, d)
			return seen{id: a.Dispatch.ID}, err
		})
		if err == nil && rand.IntN(3) == 0 {
			err = h.note(key, client, act{kind: "look"}, func() (seen, error) { return c.look(ctx, key) })
		}
		if err != nil {
			return
		}
	}
}

// look asks which dispatch a key stands for.
func (c *client) look(ctx context.Context, externalID string) (seen, error) {
	var page struct {
		Items []struct {
			Dispatch struct {
				ID string `json:"id"`
			} `json:"dispatch"`
		} `json:"items"`
	}
	err := c.json(ctx, http.MethodGet, "/v1/sent?external_id="+url.QueryEscape(externalID), nil, &page)
	if err != nil || len(page.Items) == 0 {
		return seen{}, err
	}
	return seen{id: page.Items[0].Dispatch.ID}, nil
}

// leaseAndAcknowledge collects, while the sender sometimes takes back what is collected:
// before the recipient acknowledges it, until that has been seen once, and beside it.
func (h *history) leaseAndAcknowledge(ctx context.Context, c, sender *client, client int) {
	var recalls sync.WaitGroup
	defer recalls.Wait()
	for ctx.Err() == nil {
		begun := time.Now().UnixNano()
		items, err := c.lease(ctx, 1+rand.IntN(3))
		var no *refused
		if err != nil && !errors.As(err, &no) {
			return // which deliveries it would have leased nobody knows; fences only grow
		}
		for _, it := range items {
			h.leased(it, client, begun)
			recall := func() {
				_ = h.note(it.Delivery.ID, 200+client, act{kind: "recall"}, func() (seen, error) { return sender.recall(ctx, it) })
			}
			switch {
			case h.withdrawals() == 0:
				recall()
			case rand.IntN(4) == 0:
				recalls.Go(recall)
			}
			digests := map[string]string{}
			for _, p := range it.Dispatch.Parts {
				digests[p.ID] = p.SHA256
			}
			for range 1 + rand.IntN(2) { // sometimes the client is not sure and asks again
				err := h.note(it.Delivery.ID, client, act{kind: "acknowledge", fence: it.Delivery.Lease.Fence}, func() (seen, error) {
					receipt, err := c.acknowledge(ctx, it.Delivery, digests)
					return seen{id: string(receipt)}, err
				})
				if err != nil {
					return
				}
			}
		}
	}
}

// recall takes a document back from one recipient.
func (c *client) recall(ctx context.Context, it item) (seen, error) {
	var answer struct {
		Items []struct {
			Outcome string `json:"outcome"`
			Receipt struct {
				Evidence struct {
					ID string `json:"evidence_id"`
				} `json:"evidence"`
			} `json:"receipt"`
		} `json:"items"`
	}
	err := c.json(ctx, http.MethodPost, "/v1/dispatches/"+it.Dispatch.ID+"/recall",
		map[string]any{"reason": "ban hành nhầm", "recipients": []string{it.Delivery.AddressedAs}}, &answer)
	if err != nil || len(answer.Items) != 1 {
		return seen{}, err
	}
	return seen{id: answer.Items[0].Receipt.Evidence.ID, taken: answer.Items[0].Outcome == "withdrawn"}, nil
}

func (h *history) leased(it item, client int, begun int64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ops[it.Delivery.ID] = append(h.ops[it.Delivery.ID], porcupine.Operation{
		ClientId: client, Input: act{kind: "lease"}, Call: begun,
		Output: seen{fence: it.Delivery.Lease.Fence}, Return: time.Now().UnixNano(),
	})
	h.n.Add(1)
}

// explained names an object whose history no order explains.
func (h *history) explained() (string, bool) {
	for object, ops := range h.ops {
		model := keyModel()
		if ops[0].Input.(act).kind != "submit" && ops[0].Input.(act).kind != "look" {
			model = deliveryModel()
		}
		if porcupine.CheckOperationsTimeout(model, ops, time.Minute) == porcupine.Illegal {
			return object, false
		}
	}
	return "", true
}

// TestUnexplained: the models refuse what must never be seen.
func TestUnexplained(t *testing.T) {
	op := func(call, ret int64, in act, out seen) porcupine.Operation {
		return porcupine.Operation{Input: in, Output: out, Call: call, Return: ret}
	}
	for name, ops := range map[string][]porcupine.Operation{
		"a key with two dispatches": {
			op(0, 1, act{kind: "submit"}, seen{id: "a"}), op(2, 3, act{kind: "submit"}, seen{id: "b"}),
		},
		"an accepted dispatch that is not there": {
			op(0, 1, act{kind: "submit"}, seen{id: "a"}), op(2, 3, act{kind: "look"}, seen{}),
		},
		"a fence twice": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "lease"}, seen{fence: 1}),
		},
		"an acknowledgement under an old fence": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "lease"}, seen{fence: 2}),
			op(4, 5, act{kind: "acknowledge", fence: 1}, seen{id: "r"}),
		},
		"two receipts of one hand-over": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "acknowledge", fence: 1}, seen{id: "r"}),
			op(4, 5, act{kind: "acknowledge", fence: 1}, seen{id: "s"}),
		},
		"a hand-over after a withdrawal": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "recall"}, seen{id: "w", taken: true}),
			op(4, 5, act{kind: "acknowledge", fence: 1}, seen{id: "r"}),
		},
		"a withdrawal after a hand-over": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "acknowledge", fence: 1}, seen{id: "r"}),
			op(4, 5, act{kind: "recall"}, seen{id: "w", taken: true}),
		},
		"a question about what was not handed over": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "recall"}, seen{id: "w"}),
		},
		"two receipts of one withdrawal": {
			op(0, 1, act{kind: "lease"}, seen{fence: 1}), op(2, 3, act{kind: "recall"}, seen{id: "w", taken: true}),
			op(4, 5, act{kind: "recall"}, seen{id: "x", taken: true}),
		},
	} {
		h := &history{ops: map[string][]porcupine.Operation{name: ops}}
		if _, ok := h.explained(); ok {
			t.Errorf("%s counts as explained", name)
		}
	}
}
