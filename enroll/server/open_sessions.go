package server

import (
	"container/list"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"capf/enroll/settings"
)

// openSessions are the sessions of a listener, and the limits on them. The mutex
// guards all fields.
type openSessions struct {
	mu         sync.Mutex
	open       map[*connection]*openSession
	perAddress map[netip.Addr]int
	newest     map[int64]*openSession // authenticated sessions, by device
	// unauthenticated lists the sessions that make room for others, the next to
	// go first: sessions whose phone has begun a newer one, then those whose
	// phone has not authenticated.
	unauthenticated *list.List           // of *openSession
	perNetwork      map[netip.Prefix]int // counts the unauthenticated ones
	keepAlive       time.Duration
	draining        bool
	empty           chan struct{} // closed when the last one ends while draining
}

// openSession is what the limits know about a session.
type openSession struct {
	conn   *connection
	device int64         // 0 until the phone has authenticated
	place  *list.Element // in unauthenticated; nil for a session that stays
}

func newOpenSessions(keepAlive time.Duration) *openSessions {
	return &openSessions{
		open: map[*connection]*openSession{}, perAddress: map[netip.Addr]int{}, newest: map[int64]*openSession{},
		unauthenticated: list.New(), perNetwork: map[netip.Prefix]int{}, keepAlive: keepAlive, empty: make(chan struct{}),
	}
}

// refusal says why a connection gets no session; empty when it gets one.
type refusal string

const (
	stopping        refusal = "stopping"
	tooMany         refusal = "max_sessions"
	tooManyFromHere refusal = "max_sessions_per_address"
)

func (r refusal) String() string {
	if r == stopping {
		return "the service is stopping"
	}
	return string(r) + " is reached"
}

// add admits a session, or says why not. When all places are taken, the session
// that has been unauthenticated for the longest time makes room: an honest phone
// authenticates within a moment, while idle connections would keep all phones out
// until their deadlines. A network with more than its share of unauthenticated
// sessions gets no room, since it would only keep coming back.
func (o *openSessions) add(conn *connection, limits settings.Settings) refusal {
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case o.draining:
		return stopping
	case limits.MaxPerAddress > 0 && o.perAddress[conn.address] >= limits.MaxPerAddress:
		return tooManyFromHere
	case limits.MaxSessions > 0 && len(o.open) >= limits.MaxSessions && (o.crowded(conn.network) || !o.displace()):
		return tooMany
	}
	one := &openSession{conn: conn}
	o.open[conn] = one
	o.perAddress[conn.address]++
	one.place = o.unauthenticated.PushBack(one)
	o.perNetwork[conn.network]++
	// The value in force now: the settings of the session may have been read before
	// a change.
	conn.setKeepAlive(o.keepAlive)
	return ""
}

func (o *openSessions) remove(conn *connection) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if one := o.open[conn]; one != nil {
		o.drop(one)
	}
}

// drop removes an open session. The mutex is held.
func (o *openSessions) drop(one *openSession) {
	delete(o.open, one.conn)
	o.exempt(one)
	if o.newest[one.device] == one {
		delete(o.newest, one.device)
	}
	address := one.conn.address
	if o.perAddress[address]--; o.perAddress[address] == 0 {
		delete(o.perAddress, address)
	}
	if o.draining && len(o.open) == 0 {
		close(o.empty)
	}
}

// displace ends the session that is next to make room, if there is one. The
// mutex is held.
func (o *openSessions) displace() bool {
	first := o.unauthenticated.Front()
	if first == nil {
		return false
	}
	one := first.Value.(*openSession)
	one.conn.cut(cutForRoom)
	o.drop(one)
	return true
}

// exempt exempts a session from making room for others. The mutex is held.
func (o *openSessions) exempt(one *openSession) {
	if one.place == nil {
		return
	}
	o.unauthenticated.Remove(one.place)
	one.place = nil
	network := one.conn.network
	if o.perNetwork[network]--; o.perNetwork[network] == 0 {
		delete(o.perNetwork, network)
	}
}

// crowded reports whether a network has more than the average number of
// unauthenticated sessions per network. The mutex is held.
func (o *openSessions) crowded(network netip.Prefix) bool {
	return o.perNetwork[network]*len(o.perNetwork) > o.unauthenticated.Len()
}

// identify lets a session stay, now that its phone is known. A phone does one
// thing at a time, so an earlier session of the same phone is the first to make
// room: with one device name, an attacker cannot hold all places. This session
// may itself be the earlier one, when its phone lost it and came back before we
// got here.
func (o *openSessions) identify(conn *connection, device int64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	one := o.open[conn]
	if one == nil {
		return // it has made room
	}
	o.exempt(one)
	one.device = device
	earlier := o.newest[device]
	if earlier != nil && earlier.conn.began.After(conn.began) {
		earlier = one
	} else {
		o.newest[device] = one
	}
	if earlier != nil {
		earlier.place = o.unauthenticated.PushFront(earlier)
		o.perNetwork[earlier.conn.network]++
	}
}

// overtaken reports whether the phone of an authenticated session has begun
// another one since.
func (o *openSessions) overtaken(conn *connection) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	one := o.open[conn]
	return one == nil || o.newest[one.device] != one
}

// makeRoom ends the session that is next to make room, if there is one.
func (o *openSessions) makeRoom() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.displace()
}

func (o *openSessions) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.open)
}

// connections lists those of all open sessions.
func (o *openSessions) connections() []*connection {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Collect(maps.Keys(o.open))
}

// setKeepAlive applies a change of keep_alive to the open sessions.
func (o *openSessions) setKeepAlive(interval time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.keepAlive == interval {
		return
	}
	o.keepAlive = interval
	for conn := range o.open {
		conn.setKeepAlive(interval)
	}
}

// drain waits until all sessions have ended. Those left after the time are cut off, or
// after the grace from when the serve stops; their phones will come back.
func (o *openSessions) drain(patience time.Duration, stop *stop) {
	o.mu.Lock()
	o.draining = true
	if len(o.open) == 0 {
		close(o.empty)
	}
	o.mu.Unlock()
	select {
	case <-o.empty:
		return
	case <-time.After(patience):
	case <-stop.begun:
		select {
		case <-o.empty:
			return
		case <-time.After(min(patience, stop.grace)):
		}
	}
	o.mu.Lock()
	for conn := range o.open {
		conn.cut(cutByStop)
	}
	o.mu.Unlock()
	<-o.empty
}

// stop is the end of a serve, for sessions that may go on for longer otherwise.
type stop struct {
	begun chan struct{}
	grace time.Duration // set before begun is closed
}
