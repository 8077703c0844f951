//go:build !linux

package demo

import (
	"context"
	"errors"
)

// RabbitMQ is a broker of the demonstration's own, which it starts on Linux alone.
type RabbitMQ struct{ Broker }

// ErrNoRabbitMQ says that none is started here.
var ErrNoRabbitMQ = errors.New("chỉ máy chủ RabbitMQ có sẵn bằng --amqp / name a running RabbitMQ by --amqp")

// StartRabbitMQ starts none.
func StartRabbitMQ(context.Context, string) (*RabbitMQ, error) { return nil, ErrNoRabbitMQ }

// Stop does nothing.
func (*RabbitMQ) Stop() {}
