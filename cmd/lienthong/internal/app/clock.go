package app

import (
	"encoding/binary"
	"time"

	"github.com/google/uuid"
)

// now is the time by the clock of the hub, by which all goes that it says and decides. The
// certificate of the listener and the tokens of keys are of the machine, and go by its clock.
func (c *Config) now() time.Time {
	if c.Behind == nil {
		return time.Now()
	}
	return time.Now().Add(-c.Behind())
}

func (a *App) now() time.Time { return a.config.now() }

// newID makes a UUIDv7, whose time is that of the clock of the hub: what it made later sorts
// behind, and the registers of a span are found by it.
func (a *App) newID() string {
	id := uuid.Must(uuid.NewV7())
	if a.config.Behind == nil {
		return id.String()
	}
	var ms [8]byte
	copy(ms[2:], id[:6]) // milliseconds since 1970 (RFC 9562, 5.7)
	binary.BigEndian.PutUint64(ms[:], binary.BigEndian.Uint64(ms[:])-uint64(a.config.Behind().Milliseconds()))
	copy(id[:6], ms[2:])
	return id.String()
}

// newID makes a UUIDv7 for programs that run beside the hub.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
