package tvs

import (
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"

	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/internal/turns"
)

// Listener is one run of the service.
type Listener struct {
	Service
	config    *tls.Config // TLS
	socket    net.Listener
	log       *boundedLog
	places    *places
	answering *turns.Limiter
	accepting sync.WaitGroup
	closed    chan struct{}
}

func listen(ctx context.Context, s Service, address string, config *tls.Config) (*Listener, error) {
	socket, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	l := &Listener{Service: s, config: config, socket: socket, log: &boundedLog{log: s.Log, now: s.Now}, places: newPlaces(s.Most), answering: turns.New(), closed: make(chan struct{})}
	l.accepting.Go(l.accept)
	return l, nil
}

// Addr is the address on which it listens.
func (l *Listener) Addr() net.Addr { return l.socket.Addr() }

// Shut closes the socket; when it returns, the address is free.
func (l *Listener) Shut() {
	close(l.closed)
	l.socket.Close()
	l.accepting.Wait()
}

// Drain lets the questions that are under way be answered until ctx ends.
func (l *Listener) Drain(ctx context.Context) { l.places.drain(ctx) }

// accept hands each connection to its own goroutine, and waits out a temporary failure,
// such as a lack of file descriptors.
func (l *Listener) accept() {
	failures := backoff.Backoff{Log: l.Log, Doing: "accepting connections for TVS", First: 5 * time.Millisecond, Last: time.Second}
	for {
		conn, err := l.socket.Accept()
		if err == nil {
			failures.Succeeded()
			go l.serve(conn.(*net.TCPConn))
			continue
		}
		select {
		case <-l.closed:
			return
		default:
		}
		l.places.makeRoom()
		select {
		case <-l.closed:
		case <-time.After(failures.Failed(err)):
		}
	}
}

// serve answers a phone, unless a limit forbids it.
func (l *Listener) serve(tcp *net.TCPConn) {
	defer tcp.Close()
	from := tcp.RemoteAddr().(*net.TCPAddr).AddrPort().Addr().Unmap()
	if outcome := l.admit(from); outcome != "" {
		l.Meter.TVSAnswered(outcome)
		return
	}
	c := newConnection(l, tcp, from)
	if !l.places.add(c) {
		l.Meter.TVSAnswered(noPlace)
		l.log.warn("tvs", "address", from.String(), "outcome", "turned away", "reason", "too many connections")
		return
	}
	defer l.places.remove(c)
	c.run()
}

// admit says why an address is not served, "" if it is. The parameter is read for each
// connection, as that of CAPF is.
func (l *Listener) admit(from netip.Addr) (outcome string) {
	if !from.Is6() {
		return ""
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.Wait)
	defer cancel()
	inForce, err := settings.Read(ctx, l.Store)
	switch {
	case err != nil:
		l.log.warn("tvs", "address", from.String(), "outcome", "not answered", "reason", err)
		return failed
	case !inForce.IPv6:
		l.log.warn("tvs", "address", from.String(), "outcome", "turned away", "reason", "enable_ipv6 is false")
		return noIPv6
	}
	return ""
}
