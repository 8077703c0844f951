package postgres

import (
	"testing"
	"time"

	"github.com/lienthong/lienthong/hub/hubtest/server"
	"github.com/lienthong/lienthong/storage/storagetest"
)

// TestAcceptancesToManyTakeTurns: while others fill the room, those to many wait and those
// to few do not; who needs more than there is has all of it.
func TestAcceptancesToManyTakeTurns(t *testing.T) {
	s, m := openNew(t), storagetest.NewMaker()
	if !s.room.TryAcquire(manyAtOnce - 1) {
		t.Fatal("the room is not empty")
	}
	toMany, ended := m.Acceptance(recipients(many)...), make(chan error, 1)
	go func() {
		_, err := s.Accept(t.Context(), toMany)
		ended <- err
	}()
	for begin := time.Now(); s.room.TryAcquire(1); time.Sleep(time.Millisecond) { // it fails once somebody waits
		s.room.Release(1)
		select {
		case err := <-ended:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
		if time.Since(begin) > server.Patience {
			t.Fatal("nobody waits")
		}
	}
	if _, err := s.Accept(t.Context(), m.Acceptance(recipients(many-1)...)); err != nil {
		t.Fatal(err)
	}
	s.room.Release(manyAtOnce - 1)
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	if _, err := s.Accept(t.Context(), m.Acceptance(recipients(manyAtOnce+1)...)); err != nil {
		t.Fatal(err)
	}
	if !s.room.TryAcquire(manyAtOnce) {
		t.Error("somebody has not left")
	}
}
