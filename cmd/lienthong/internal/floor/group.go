package floor

// group lets many acts share a commit. A failure fails all acts of the commit: the
// floor has no need to tell them apart.
type group[T any] struct {
	acts    chan *act[T]
	ended   chan struct{} // a writer has ended
	writers int
	commit  func([]T) error
}

// act is a group of rows on its way.
type act[T any] struct {
	rows T
	done chan error
}

// mostActs share a commit.
const mostActs = 256

// newGroup starts so many writers.
func newGroup[T any](writers int, commit func([]T) error) *group[T] {
	g := &group[T]{acts: make(chan *act[T], mostActs), ended: make(chan struct{}), writers: writers, commit: commit}
	for range writers {
		go g.write()
	}
	return g
}

// do returns when the rows are durable.
func (g *group[T]) do(rows T) error {
	a := &act[T]{rows, make(chan error, 1)}
	g.acts <- a
	return <-a.done
}

// write commits together whatever waits.
func (g *group[T]) write() {
	for first := range g.acts {
		batch := g.gather(first)
		rows := make([]T, len(batch))
		for i, a := range batch {
			rows[i] = a.rows
		}
		err := g.commit(rows)
		for _, a := range batch {
			a.done <- err
		}
	}
	g.ended <- struct{}{}
}

func (g *group[T]) gather(first *act[T]) []*act[T] {
	batch := []*act[T]{first}
	for len(batch) < mostActs {
		select {
		case next, open := <-g.acts:
			if !open {
				return batch
			}
			batch = append(batch, next)
		default:
			return batch
		}
	}
	return batch
}

// close lets the writers finish.
func (g *group[T]) close() {
	close(g.acts)
	for range g.writers {
		<-g.ended
	}
}
