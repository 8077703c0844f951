package amqp

import (
	"fmt"
	"hash/fnv"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/lienthong/lienthong/hub"
)

// Names in the broker. Operators and permissions know them.
const (
	workExchange   = "lienthong.work"   // topic, work.<normal|urgent>.<shard>
	eventsExchange = "lienthong.events" // topic, <agency code>.<level>.<normal|urgent>
	deadExchange   = "lienthong.dead"   // fanout

	urgentQueue  = "lienthong.urgent"
	deadQueue    = "lienthong.dead"
	noticesQueue = "lienthong.dead.notices" // copies of dead letters, until OnDead has seen them

	// Of an agency: its queue agency.CODE and, beside it, the exchange and the queue of
	// what it sends (the same name), and the queues of answers and of what was refused.
	agencyPrefix  = "agency."
	intakeSuffix  = ".intake"
	answersSuffix = ".answers"
	refusedSuffix = ".refused"
)

// Bounds in the broker. They are part of the declaration of a queue and the same on
// every version of RabbitMQ, whatever its defaults.
const (
	deliveryLimit = 20         // then the broker makes a message a dead letter itself
	noLimit       = 1<<31 - 1  // deliveries of what is kept whatever happens
	workLength    = 1_000_000  // messages of one shard, some 33 MB of memory
	deadLength    = 1_000_000  // dead letters
	noticeLength  = 100_000    // the oldest ones go first
	agencyLength  = 100_000    // references that wait for one agency
	agencyBytes   = 1024 << 20 // of them
	intakeLength  = 10_000     // messages that one agency sent and nobody has served
	refusedLength = 10_000     // messages of an agency that were refused; the oldest go first
	refusedBytes  = 256 << 20  // of them
)

func workQueue(shard int) string { return fmt.Sprintf("%s.%02d", workExchange, shard) }

// laneName names the two kinds of work in routing keys.
func laneName(urgent bool) string {
	if urgent {
		return "urgent"
	}
	return "normal"
}

// urgentKey is the routing key of urgent work, which is not sharded.
const urgentKey = "work.urgent.00"

// workKey is the routing key of a shard's ordinary work.
func workKey(shard int) string { return fmt.Sprintf("work.normal.%02d", shard) }

// shardOf is the shard of a dispatch: the same for the same dispatch.
func shardOf(dispatch hub.DispatchID, shards int) int {
	h := fnv.New32a()
	h.Write([]byte(dispatch))
	return int(h.Sum32() % uint32(shards))
}

// quorum returns the arguments of a quorum queue that refuses what does not fit.
func quorum(length int) amqp091.Table {
	return amqp091.Table{
		amqp091.QueueTypeArg:     amqp091.QueueTypeQuorum,
		amqp091.QueueMaxLenArg:   length,
		amqp091.QueueOverflowArg: amqp091.QueueOverflowRejectPublish,
		"x-delivery-limit":       noLimit,
	}
}

// work are the arguments of queues whose dead letters are kept: the source keeps them
// until the dead letter queue has confirmed.
func work() amqp091.Table {
	t := quorum(workLength)
	t["x-delivery-limit"] = deliveryLimit
	t["x-dead-letter-exchange"] = deadExchange
	t["x-dead-letter-strategy"] = "at-least-once"
	return t
}

func notices() amqp091.Table {
	t := quorum(noticeLength)
	t[amqp091.QueueOverflowArg] = amqp091.QueueOverflowDropHead
	return t
}

func agency() amqp091.Table {
	t := quorum(agencyLength)
	t[amqp091.QueueMaxLenBytesArg] = agencyBytes
	return t
}

// AgencyIntake is the exchange to which an agency writes, and the queue behind it.
func AgencyIntake(code hub.Code) string { return AgencyUser(code) + intakeSuffix }

func agencyAnswers(code hub.Code) string { return AgencyUser(code) + answersSuffix }

func agencyRefused(code hub.Code) string { return AgencyUser(code) + refusedSuffix }

// agencyBounds are the queues of an agency. Those of answers and refused messages get
// theirs by name.
func agencyBounds(code hub.Code) []bound {
	intake, refused := agency(), agency()
	intake[amqp091.QueueMaxLenArg] = intakeLength
	refused[amqp091.QueueMaxLenArg], refused[amqp091.QueueMaxLenBytesArg] = refusedLength, refusedBytes
	refused[amqp091.QueueOverflowArg] = amqp091.QueueOverflowDropHead
	return []bound{
		agencyQueue(code),
		{AgencyIntake(code), AgencyIntake(code), "", intake},
		{agencyAnswers(code), "", "", agency()},
		{agencyRefused(code), "", "", refused},
	}
}

// declareAgency makes what is missing of an agency; what is there stays as it is.
func declareAgency(ch *amqp091.Channel, code hub.Code) error {
	for name, kind := range map[string]string{eventsExchange: amqp091.ExchangeTopic, AgencyIntake(code): amqp091.ExchangeFanout} {
		if err := ch.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare %s: %w", name, err)
		}
	}
	for _, b := range agencyBounds(code) {
		if err := b.declare(ch); err != nil {
			return err
		}
	}
	return nil
}

// bound is a queue and where it gets its messages from; without an exchange, by name.
type bound struct {
	queue, exchange, key string
	arguments            amqp091.Table
}

// topology is everything that a Queue needs, in the order of declaration: what is
// referred to comes first.
func (o *Options) topology() []bound {
	list := []bound{{deadQueue, deadExchange, "", quorum(deadLength)}}
	if o.OnDead != nil {
		list = append(list, bound{noticesQueue, deadExchange, "", notices()})
	}
	list = append(list, bound{urgentQueue, workExchange, "work.urgent.*", work()})
	for shard := range o.Shards {
		list = append(list, bound{workQueue(shard), workExchange, workKey(shard), work()})
	}
	return list
}

// declare makes what is missing in the broker; what is there stays as it is.
func (o *Options) declare(ch *amqp091.Channel) error {
	for name, kind := range map[string]string{
		deadExchange: amqp091.ExchangeFanout, workExchange: amqp091.ExchangeTopic, eventsExchange: amqp091.ExchangeTopic,
	} {
		if err := ch.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare %s: %w", name, err)
		}
	}
	for _, b := range o.topology() {
		if err := b.declare(ch); err != nil {
			return err
		}
	}
	return nil
}

func (b *bound) declare(ch *amqp091.Channel) error {
	if _, err := ch.QueueDeclare(b.queue, true, false, false, false, b.arguments); err != nil {
		return fmt.Errorf("declare %s: %w", b.queue, err)
	}
	if b.exchange == "" {
		return nil
	}
	if err := ch.QueueBind(b.queue, b.key, b.exchange, false, nil); err != nil {
		return fmt.Errorf("bind %s: %w", b.queue, err)
	}
	return nil
}

// inspect asks for a queue by its name; there is none where found is false. A miss
// ends the channel that asked, so each question has its own.
func inspect(c *connection, queue string) (found bool, q amqp091.Queue, err error) {
	ch, err := c.Channel()
	if err != nil {
		return false, q, err
	}
	defer func() { _ = ch.Close() }() // it may have ended with the question
	q, err = ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if notThere(err) {
		return false, q, nil
	}
	return err == nil, q, err
}
