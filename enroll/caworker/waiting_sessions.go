package caworker

import "sync"

// sessions are the sessions that wait for the CA, by request.
type sessions struct {
	mu    sync.Mutex // guards waits
	waits map[int64]func()
}

func newSessions() *sessions { return &sessions{waits: map[int64]func(){}} }

// wait registers a function to be called when the request has an outcome.
func (s *sessions) wait(requestID int64, decided func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[requestID] = decided
}

// leave ends the wait, and reports whether there was one.
func (s *sessions) leave(requestID int64) bool {
	return s.remove(requestID) != nil
}

// decided wakes the session that waits for the request.
func (s *sessions) decided(requestID int64) {
	if decided := s.remove(requestID); decided != nil {
		decided()
	}
}

func (s *sessions) remove(requestID int64) func() {
	s.mu.Lock()
	defer s.mu.Unlock()
	decided := s.waits[requestID]
	delete(s.waits, requestID)
	return decided
}
