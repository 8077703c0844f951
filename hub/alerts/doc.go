// Package alerts watches what an operator must know in time, and tells by mail.
//
// Every node looks at what is its own and leaves what it found in the store; the node that
// holds the schedule looks at the rest, puts all together and writes the mails. It promises:
//
//   - A cause is told once, however long it stays, whichever node looks and whoever
//     restarts; again only after it has ended and come back. What comes and goes must stay
//     away longer each time before it counts as ended.
//   - What comes together is told in one mail. What is not urgent waits for others, and
//     over quiet hours; what stops the exchange does not.
//   - That something was told and the mail that tells it are one change of the store: no
//     crash lets a cause go untold. A crash between the answer of the mail server and the
//     note of it sends that mail once more, under the same message id.
//   - Where the store itself is away, each node tells so by itself, once.
//
// It mends nothing, and tells nobody but the operators.
package alerts
