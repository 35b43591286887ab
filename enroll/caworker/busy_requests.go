package caworker

import "sync"

// busy holds the requests that are being worked on.
type busy struct {
	mu       sync.Mutex // guards requests
	requests map[int64]bool
}

func newBusy() *busy { return &busy{requests: map[int64]bool{}} }

func (b *busy) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.requests)
}

// add adds a request, and reports whether it was not there already.
func (b *busy) add(requestID int64) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.requests[requestID] {
		return false
	}
	b.requests[requestID] = true
	return true
}

func (b *busy) remove(requestID int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.requests, requestID)
}
