package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/backoff"
)

// listener is one life of the service: sockets, certificate and TLS settings
// that stay as they are until a restart.
type listener struct {
	Config
	authority *crypto.Authority
	tls       *tls.Config
	sockets   []net.Listener
	sessions  *sessions
	turns     *turns
	accepting sync.WaitGroup
	// stopWatching ends the wait for issuers; the sessions that wait need it
	// until the last has ended.
	stopWatching context.CancelFunc
	closed       chan struct{} // the sockets are closed
	drained      chan struct{} // the last session has ended
}

// portAddress is the port on all addresses, of both families where the host
// has both.
func portAddress(port int) string { return net.JoinHostPort("", strconv.Itoa(port)) }

// listen opens the sockets and begins to accept phones.
func listen(ctx context.Context, c Config, addresses []string, settings settings.Settings) (*listener, error) {
	authority, err := c.Rules.Authority(ctx)
	if err != nil {
		return nil, err
	}
	l := &listener{
		Config: c, authority: authority, tls: tlsConfig(authority, settings.TLSMinVersion),
		sessions: newSessions(settings.KeepAlive), turns: newTurns(), closed: make(chan struct{}), drained: make(chan struct{}),
	}
	for _, address := range addresses {
		// Go's own keepalive would probe every 15 seconds; ours is a parameter.
		lc := net.ListenConfig{KeepAlive: -1}
		socket, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			l.closeSockets()
			return nil, fmt.Errorf("listening on %q: %w", address, err)
		}
		l.sockets = append(l.sockets, socket)
	}
	for _, socket := range l.sockets {
		l.accepting.Go(func() { l.accept(socket) })
	}
	watching, stop := context.WithCancel(context.Background())
	l.stopWatching = stop
	go l.watch(watching)
	return l, nil
}

func (l *listener) addresses() []net.Addr {
	var list []net.Addr
	for _, s := range l.sockets {
		list = append(list, s.Addr())
	}
	return list
}

func (l *listener) addressTexts() []string {
	var list []string
	for _, a := range l.addresses() {
		list = append(list, a.String())
	}
	return list
}

// accept hands each connection to a goroutine of its own. A passing failure is
// waited out; when no file descriptor is free, a strange session makes room
// meanwhile, as at max_sessions.
func (l *listener) accept(socket net.Listener) {
	failures := backoff.Backoff{Log: l.Log, Doing: "accepting connections", First: 5 * time.Millisecond, Last: time.Second}
	for {
		conn, err := socket.Accept()
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
		if noDescriptor(err) {
			l.sessions.makeRoom()
		}
		select {
		case <-l.closed:
		case <-time.After(failures.Failed(err)):
		}
	}
}

func noDescriptor(err error) bool {
	return errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE)
}

// shut closes the sockets; when it returns, their addresses are free.
func (l *listener) shut() {
	close(l.closed)
	l.closeSockets()
	l.accepting.Wait()
}

// drain gives the sessions the grace and ends them after it.
func (l *listener) drain(grace time.Duration) {
	l.sessions.drain(grace)
	l.stopWatching()
	close(l.drained)
}

func (l *listener) closeSockets() {
	for _, s := range l.sockets {
		s.Close()
	}
}

// serve turns away whom it must and runs the session of everyone else.
func (l *listener) serve(conn *net.TCPConn) {
	defer conn.Close()
	address := peer(conn)
	log := l.Log.With("address", address.String())
	ctx, cancel := background()
	settings, err := l.Rules.Settings(ctx)
	cancel()
	if err != nil {
		log.Error("session", "outcome", "not begun", "reason", err)
		return
	}
	if address.Is6() && !settings.IPv6 {
		log.Info("session", "outcome", "turned away", "reason", "enable_ipv6 is false")
		l.Meter.TurnedAway(noIPv6)
		return
	}
	s := newSession(l, conn, address, settings, log)
	if reason := l.sessions.add(s, address, settings); reason != "" {
		log.Warn("session", "outcome", "turned away", "reason", reason.String())
		l.Meter.TurnedAway(string(reason))
		return
	}
	defer l.sessions.remove(s)
	s.run()
}

// peer is the address of the phone, an IPv4 one even on a socket of both families.
func peer(conn *net.TCPConn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
