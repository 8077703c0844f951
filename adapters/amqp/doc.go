// Package amqp is the RabbitMQ side of a hub: the queue between its nodes, and the
// queues of agencies that chose to be reached by AMQP.
//
// The database is the truth and the broker carries. A message between nodes is a
// reference, a few bytes with the id of a dispatch or delivery, never content; whatever
// the broker loses, or does not take, the sweeper of the delivery engine finds in the database.
// So a sender never waits for the broker: [Queue.Publish] answers at once while the
// broker is away, is out of memory or has stopped answering, and after a bounded time
// otherwise. What was published without an error is in a quorum queue: routed,
// confirmed, on disk.
//
// Work lies in a fixed number of quorum queues, sharded by dispatch, with urgent work
// apart; there is one message for a dispatch, however many recipients it has. The
// number of shards can be changed at any restart: queues beyond it are emptied and
// then removed.
//
// Consumers take batches and acknowledge them after they were handled. A batch that
// failed comes again; a message that cannot be read, or that comes again too often,
// goes to the dead letters with the reason, where an operator sees, replays or
// discards it.
//
// What agencies themselves say through the broker a [Desk] serves: their messages carry
// the document that they send or have just asked for, and no backlog of them.
//
// Connections are made anew for as long as it takes, with growing pauses. Nobody but
// the owner of a Queue ends it.
package amqp
