package amqp

import (
	"context"
	"slices"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// sick are queues that do not answer while the broker does: without a majority of
// their nodes, or damaged by a crash. A question to one ends the connection that
// asked, so nobody asks but the one who looks whether it is well again.
type sick struct {
	mu     sync.Mutex
	queues map[string]bool
	healed chan struct{} // closed when a queue is well again
}

const (
	// answerLimit is how long a queue may take to answer.
	answerLimit = 3 * time.Second
	// healEvery is how often somebody looks whether sick queues are well again.
	healEvery = 5 * time.Second
)

func newSick() *sick { return &sick{queues: map[string]bool{}, healed: make(chan struct{})} }

func (s *sick) has(queue string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.queues[queue]
}

func (s *sick) list() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]string, 0, len(s.queues))
	for queue := range s.queues {
		list = append(list, queue)
	}
	slices.Sort(list)
	return list
}

func (s *sick) add(queue string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queues[queue] = true
}

func (s *sick) remove(queue string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.queues, queue)
	close(s.healed)
	s.healed = make(chan struct{})
}

// recovery is closed when any queue is well again.
func (s *sick) recovery() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.healed
}

// asking bounds an act that needs an answer of the queue. If there is none, the queue
// is sick and the connection ended.
func (q *Queue) asking(ctx context.Context, c *connection, queue string, act func() error) error {
	cut := time.AfterFunc(answerLimit, func() { _ = c.socket.Close() })
	err := act()
	if inTime := cut.Stop(); inTime && !hasCode(err, amqp091.InternalError) {
		return err
	}
	q.sick.add(queue)
	q.Log.WarnContext(ctx, "a queue does not answer; it is left alone until it does", "queue", queue, "error", err)
	return away(err, "the queue "+queue+" does not answer")
}

// healing looks after the sick queues until ctx ends.
func (q *Queue) healing(ctx context.Context) {
	look := time.NewTicker(healEvery)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		for _, queue := range q.sick.list() {
			if q.answers(ctx, queue) {
				q.Log.InfoContext(ctx, "a queue answers again", "queue", queue)
				q.sick.remove(queue)
			}
		}
	}
}

// answers asks the queue for a message, which it gets back at once. One that is not
// there any more is no longer sick, either.
func (q *Queue) answers(ctx context.Context, queue string) bool {
	asking, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	err := q.control(asking, func(ch *amqp091.Channel) error {
		_, _, err := ch.Get(queue, false)
		return err
	})
	return err == nil || notThere(err)
}
