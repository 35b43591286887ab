package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"syscall"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/authority"
	"capf/enroll/caworker"
	"capf/enroll/restart"
	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/store"
)

// listener is one run of the service, from a start to the next restart:
// sockets, certificate and TLS settings do not change meanwhile.
type listener struct {
	env       *environment
	log       *slog.Logger
	sockets   []net.Listener
	inForce   map[string]string // what it has read, and uses until the restart
	accepting sync.WaitGroup
	// stopWatching stops the issuer watcher. Waiting sessions need it until the
	// last of them has ended.
	stopWatching context.CancelFunc
	closed       chan struct{} // the sockets are closed
	drained      chan struct{} // the last session has ended
}

// environment is shared by the sessions of a listener.
type environment struct {
	store     *store.Reader
	now       func() time.Time
	registrar *enroll.Registrar
	online    *caworker.Worker
	meter     Meter
	timeouts  Timeouts
	authority *crypto.Authority
	tls       *tls.Config
	sessions  *openSessions
	waits     *issuerWaits
}

func newEnvironment(c Config, registrar *enroll.Registrar, online *caworker.Worker, capf *crypto.Authority, inForce settings.Settings) *environment {
	return &environment{
		store: c.Store.Reader, now: c.Now, registrar: registrar, online: online, meter: c.Meter, timeouts: c.Timeouts,
		authority: capf, tls: tlsConfig(capf, inForce.TLSMinVersion),
		sessions: newOpenSessions(inForce.KeepAlive), waits: newIssuerWaits(),
	}
}

// portAddress returns the port on all addresses, of both families if the
// host has both.
func portAddress(port int) string { return net.JoinHostPort("", strconv.Itoa(port)) }

// listen opens the sockets and begins to accept phones.
func listen(ctx context.Context, c Config, registrar *enroll.Registrar, online *caworker.Worker, addresses []string, inForce settings.Settings) (*listener, error) {
	capf, err := authority.CAPF{Store: c.Store, Sealer: c.Sealer, Now: c.Now, Rand: c.Rand}.Load(ctx)
	if err != nil {
		return nil, err
	}
	l := &listener{env: newEnvironment(c, registrar, online, capf, inForce), log: c.Log,
		inForce: restart.Listener(capf, inForce, len(c.Listen) > 0), closed: make(chan struct{}), drained: make(chan struct{})}
	for _, address := range addresses {
		// Go's default keepalive would probe every 15 seconds; our interval is a
		// parameter.
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
	go watchIssuers(watching, l.env.store, l.env.waits, l.log)
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

// accept hands each connection to its own goroutine. It waits out a temporary
// failure. When file descriptors run out, an unauthenticated session makes room,
// as at max_sessions.
func (l *listener) accept(socket net.Listener) {
	failures := backoff.Backoff{Log: l.log, Doing: "accepting connections", First: 5 * time.Millisecond, Last: time.Second}
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
			l.env.sessions.makeRoom()
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

// drain gives the sessions time and then ends them; when the whole serve stops meanwhile,
// only the grace from then on.
func (l *listener) drain(patience time.Duration, stop *stop) {
	l.env.sessions.drain(patience, stop)
	l.stopWatching()
	close(l.drained)
}

func (l *listener) closeSockets() {
	for _, s := range l.sockets {
		s.Close()
	}
}

// serve runs the session of a phone, unless a limit forbids it.
func (l *listener) serve(tcp *net.TCPConn) {
	defer tcp.Close()
	address := peer(tcp)
	log := l.log.With("address", address.String())
	ctx, cancel := background()
	inForce, err := settings.Read(ctx, l.env.store)
	cancel()
	if err != nil {
		log.Error("session", "outcome", "not begun", "reason", err)
		return
	}
	if address.Is6() && !inForce.IPv6 {
		log.Info("session", "outcome", "turned away", "reason", "enable_ipv6 is false")
		l.env.meter.TurnedAway(noIPv6)
		return
	}
	conn := newConnection(tcp, address, l.env.timeouts)
	if reason := l.env.sessions.add(conn, inForce); reason != "" {
		log.Warn("session", "outcome", "turned away", "reason", reason.String())
		l.env.meter.TurnedAway(string(reason))
		return
	}
	defer l.env.sessions.remove(conn)
	newSession(l.env, conn, &inForce, log).run()
}

// peer returns the address of the phone; on a dual-stack socket, an IPv4 phone
// still has an IPv4 address.
func peer(conn *net.TCPConn) netip.Addr {
	if a, ok := conn.RemoteAddr().(*net.TCPAddr); ok {
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}
