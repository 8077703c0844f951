package faulttest

import (
	"encoding/json"
	"sync"
)

// record is what the client was promised, kept outside the hub: the only truth
// that the checker believes.
type record struct {
	mu        sync.Mutex
	attempted map[string]document        // by external id: sent at least once, outcome perhaps unknown
	accepted  map[string]promise         // by external id: a receipt was given
	handed    map[string]json.RawMessage // by delivery id: receipt of the hand-over
	doubled   []string                   // contradictions seen while the load ran
	refusals  int                        // of submissions, while the load ran
	refusal   error                      // the last one: says why a load came to nothing
}

// promise is one receipt of acceptance and what it stands for.
type promise struct {
	document document
	dispatch string
	receipt  json.RawMessage
}

func newRecord() *record {
	return &record{
		attempted: map[string]document{},
		accepted:  map[string]promise{},
		handed:    map[string]json.RawMessage{},
	}
}

func (r *record) attempt(d document) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.attempted[d.externalID] = d
}

func (r *record) accept(d document, a accepted) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if earlier, ok := r.accepted[d.externalID]; ok {
		if string(earlier.receipt) != string(a.Receipt) {
			r.doubled = append(r.doubled, "two different receipts for "+d.externalID)
		}
		return
	}
	r.accepted[d.externalID] = promise{document: d, dispatch: a.Dispatch.ID, receipt: a.Receipt}
}

// refuse notes that the hub did not take a document now.
func (r *record) refuse(no *refused) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.refusals++
	r.refusal = no
}

func (r *record) handOver(delivery string, receipt json.RawMessage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if earlier, ok := r.handed[delivery]; ok && string(earlier) != string(receipt) {
		r.doubled = append(r.doubled, "delivery "+delivery+" handed over twice")
		return
	}
	r.handed[delivery] = receipt
}

// snapshot copies the record as it stands, so that the checker can run while
// the load waits.
func (r *record) snapshot() *record {
	r.mu.Lock()
	defer r.mu.Unlock()
	c := newRecord()
	for k, v := range r.attempted {
		c.attempted[k] = v
	}
	for k, v := range r.accepted {
		c.accepted[k] = v
	}
	for k, v := range r.handed {
		c.handed[k] = v
	}
	c.doubled = append(c.doubled, r.doubled...)
	return c
}

// unresolved lists documents that were sent and never answered.
func (r *record) unresolved() []document {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []document
	for id, d := range r.attempted {
		if _, ok := r.accepted[id]; !ok {
			list = append(list, d)
		}
	}
	return list
}
