package caworker

import "sync"

// sessions are those of phones that wait for a decision of the CA.
type sessions struct {
	mu    sync.Mutex // guards the rest
	waits map[int64]func()
}

func newSessions() *sessions { return &sessions{waits: map[int64]func(){}} }

// wait has decided called when the request has an outcome.
func (s *sessions) wait(requestID int64, decided func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waits[requestID] = decided
}

// leave says whether somebody waited, who does not any more.
func (s *sessions) leave(requestID int64) bool {
	return s.remove(requestID) != nil
}

// decided tells the session that waits of the outcome.
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
