package offline

import (
	"bytes"
	"context"
	"runtime"
	"sync"

	"capf/enroll/archive"
)

// item is an entry on its way through the plan.
type item struct {
	archive.Entry
	certs []candidate
	err   error
	done  chan struct{} // closed when certs or err is set
}

// ahead is how many prepared entries may wait for a decision.
const ahead = 64

// fill decides about all certificates. Verifying signatures takes the time,
// so all processors do it, ahead of the decisions, which are made in the
// order of the sources.
func (p *plan) fill(ctx context.Context, sources []archive.Source) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	work, inOrder := make(chan *item), make(chan *item, ahead)
	var all sync.WaitGroup
	var unread, undecided error
	all.Go(func() {
		defer close(work)
		defer close(inOrder)
		unread = read(ctx, sources, func(j *item) {
			inOrder <- j
			work <- j
		})
	})
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for j := range work {
				p.prepare(j)
				close(j.done)
			}
		})
	}
	for j := range inOrder {
		<-j.done
		if undecided == nil {
			if undecided = p.decide(ctx, j); undecided != nil {
				cancel()
			}
		}
	}
	all.Wait()
	if undecided != nil {
		return undecided
	}
	return unread
}

// importLimits bound what an import may hold.
func importLimits() archive.Limits {
	return archive.Limits{File: 1 << 20, Entries: 250_000, Total: 1 << 30, Ratio: 200, Floor: 16 << 20}
}

func read(ctx context.Context, sources []archive.Source, yield func(*item)) error {
	c := archive.NewReader(importLimits())
	for _, s := range sources {
		err := c.Walk(s, func(e archive.Entry) error {
			e.Data = bytes.Clone(e.Data)
			yield(&item{Entry: e, done: make(chan struct{})})
			return ctx.Err()
		})
		if err != nil {
			return err
		}
	}
	return nil
}
