package server

import (
	"container/list"
	"net"
	"net/netip"
	"sync"
	"time"

	"capf/enroll/settings"
	"capf/store"
)

// sessions are the sessions that are open. The mutex guards all fields. Strange
// are the sessions of phones that have not authenticated, and those that a newer
// one of their phone has overtaken.
type sessions struct {
	mu       sync.Mutex
	open     map[*session]struct{}
	by       map[netip.Addr]int
	newest   map[int64]*session      // of those that have authenticated, by device
	strange  *list.List              // of *session: those that make room, the next one first
	nearby   map[netip.Prefix]int    // how many of the strange ones each neighbourhood has
	waits    map[*session]store.Wait // those that wait for an issuer, and may be woken
	probe    time.Duration           // keep_alive
	draining bool
	empty    chan struct{} // closed when draining and the last one is gone
}

func newSessions(keepAlive time.Duration) *sessions {
	return &sessions{
		open: map[*session]struct{}{}, by: map[netip.Addr]int{}, newest: map[int64]*session{}, strange: list.New(),
		nearby: map[netip.Prefix]int{}, waits: map[*session]store.Wait{}, probe: keepAlive, empty: make(chan struct{}),
	}
}

// add takes a session in, or says why not. When all places are taken, the one
// that has been strange for the longest time makes room: an honest phone
// authenticates within a moment, while connections that only sit there would
// otherwise keep all phones out for as long as their deadlines let them. Nothing
// is gained by making room for one more of a neighbourhood which has more than
// its share of them already: it would only come again and again.
func (s *sessions) add(one *session, address netip.Addr, limits settings.Settings) refusal {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining:
		return stopping
	case limits.MaxPerAddress > 0 && s.by[address] >= limits.MaxPerAddress:
		return tooManyFromHere
	case limits.MaxSessions > 0 && len(s.open) >= limits.MaxSessions && (s.crowded(one.near) || !s.displace()):
		return tooMany
	}
	s.open[one] = struct{}{}
	s.by[address]++
	one.place = s.strange.PushBack(one)
	s.nearby[one.near]++
	// What is in force now; the session's own settings may be older than a change.
	setKeepAlive(one.tcp, s.probe)
	return ""
}

func (s *sessions) remove(one *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(one)
}

// drop takes a session out, once. The mutex is held.
func (s *sessions) drop(one *session) {
	if _, ok := s.open[one]; !ok {
		return
	}
	delete(s.open, one)
	s.knows(one)
	if s.newest[one.known] == one {
		delete(s.newest, one.known)
	}
	if s.by[one.address]--; s.by[one.address] == 0 {
		delete(s.by, one.address)
	}
	if s.draining && len(s.open) == 0 {
		close(s.empty)
	}
}

// displace ends the oldest session of a phone that has not authenticated, if
// there is one. The mutex is held.
func (s *sessions) displace() bool {
	oldest := s.strange.Front()
	if oldest == nil {
		return false
	}
	one := oldest.Value.(*session)
	one.cut(&one.displaced)
	s.drop(one)
	return true
}

// knows takes a session out of those that make room for others. The mutex is
// held.
func (s *sessions) knows(one *session) {
	if one.place != nil {
		s.strange.Remove(one.place)
		one.place = nil
		if s.nearby[one.near]--; s.nearby[one.near] == 0 {
			delete(s.nearby, one.near)
		}
	}
}

// crowded says whether a neighbourhood has more strange sessions than
// neighbourhoods have on average. The mutex is held.
func (s *sessions) crowded(near netip.Prefix) bool {
	return s.nearby[near]*len(s.nearby) > s.strange.Len()
}

// authenticated lets a session stay, now that its phone is known. A phone does
// one thing at a time, so an earlier session of it is the first to make room:
// who knows one name cannot hold all places with it. The earlier one may be this,
// when the phone has lost it and come back before we got so far.
func (s *sessions) authenticated(one *session, device int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.open[one]; !ok {
		return // it has made room
	}
	s.knows(one)
	one.known = device
	earlier := s.newest[device]
	if earlier != nil && earlier.began.After(one.began) {
		earlier = one
	} else {
		s.newest[device] = one
	}
	if earlier != nil {
		earlier.place = s.strange.PushFront(earlier)
		s.nearby[earlier.near]++
	}
}

// overtaken says whether the phone of a session has begun another one since.
func (s *sessions) overtaken(one *session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.newest[one.known] != one
}

// makeRoom ends one session of a strange phone, if there is one.
func (s *sessions) makeRoom() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.displace()
}

func (s *sessions) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// keepAlive brings a change of keep_alive to the sessions that are open.
func (s *sessions) keepAlive(interval time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.probe == interval {
		return
	}
	s.probe = interval
	for one := range s.open {
		setKeepAlive(one.tcp, interval)
	}
}

// drain waits until all sessions have ended; what is left after the grace
// loses its connection, and its phone will come back.
func (s *sessions) drain(grace time.Duration) {
	s.mu.Lock()
	s.draining = true
	if len(s.open) == 0 {
		close(s.empty)
	}
	s.mu.Unlock()
	select {
	case <-s.empty:
		return
	case <-time.After(grace):
	}
	s.mu.Lock()
	for one := range s.open {
		one.cut(&one.stopped)
	}
	s.mu.Unlock()
	<-s.empty
}

// setKeepAlive makes something cross the wire in both directions at the
// interval, so that no firewall forgets a phone that waits. The vendor's own
// message for it is not known, and phones that wait for a certificate fail on
// any other command (protocol page, "Keepalive").
func setKeepAlive(conn *net.TCPConn, interval time.Duration) {
	// An error means that the connection is gone, which its session will notice.
	_ = conn.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: interval, Interval: interval, Count: 3})
}
