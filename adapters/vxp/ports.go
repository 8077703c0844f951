package vxp

import (
	"context"

	"github.com/lienthong/lienthong/adapters/internal/edoc"
	"github.com/lienthong/lienthong/hub"
)

// Systems tells which system signed a request; KindUntrusted when none. proves is asked
// with each secret that the system has now.
type Systems interface {
	AuthenticateSystem(ctx context.Context, system string, proves func(secret []byte) bool) (hub.Actor, error)
}

type (
	// Desk is what this door has in common with others that hand packages in and out.
	Desk = edoc.Desk
	// Codec reads and writes packages.
	Codec = edoc.Codec
	// Blobs keeps packages.
	Blobs = edoc.Blobs
	// Application is what a system asks of the operator.
	Application = edoc.Application
)
