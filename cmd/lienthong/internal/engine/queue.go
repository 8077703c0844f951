package engine

import (
	"context"

	"github.com/lienthong/lienthong/hub/delivery"
)

// localSize is how many references wait in the process; more wait in the database.
const localSize = 10_000

// OpenQueue opens the queue. It does not wait for the broker.
func OpenQueue(context.Context, Options) (Queue, error) {
	return local{delivery.NewLocalQueue(localSize)}, nil
}

// local is the queue of a hub with one node.
type local struct{ *delivery.LocalQueue }

// Health implements Queue.
func (local) Health(context.Context) error { return nil }

// Depths implements Queue.
func (local) Depths(context.Context) (map[string]int, error) { return nil, nil } //nolint:nilnil // there is no broker

// Close implements io.Closer.
func (local) Close() error { return nil }
