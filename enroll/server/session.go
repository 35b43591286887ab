package server

import (
	"container/list"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync/atomic"
	"time"

	"capf/enroll"
	"capf/enroll/settings"
	"capf/enroll/wire"
	"capf/store"
)

// session is one connection of one phone.
type session struct {
	*listener
	tcp      *net.TCPConn
	tls      *tls.Conn
	log      *slog.Logger
	settings settings.Settings
	address  netip.Addr
	near     netip.Prefix
	began    time.Time
	stopped  atomic.Bool // the service closed the connection
	// displaced says that the session has made room for another one.
	displaced atomic.Bool
	gone      chan struct{} // closed with the connection, by one of these two
	place     *list.Element // among those who make room; guarded by sessions
	known     int64         // the device, once it has authenticated; guarded by sessions
	heard     int           // bytes of the handshake
	secure    bool          // the handshake is over

	id       uint32
	version  byte // 3 until the phone has answered
	state    state
	metered  string    // the state as the meter knows it
	deadline time.Time // for the frame that is waited for
	device   string    // as the phone named itself
	grant    *enroll.Grant

	waiting waiting // for another CA

	asked int // how often the phone was asked for a key
	kind  int // which of grant.Keys it was asked for
	lsc   store.LSC
	keyAt time.Time                         // when the key came for which an LSC is to be made
	gave  map[enroll.CertificateKind][]byte // certificates that were fetched
}

func newSession(l *listener, conn *net.TCPConn, address netip.Addr, settings settings.Settings, log *slog.Logger) *session {
	return &session{listener: l, tcp: conn, log: log, settings: settings, address: address, near: neighbourhood(address),
		began: time.Now(), version: 3, state: awaitAuthentication, gone: make(chan struct{})}
}

// cut ends the session from outside, for the reason that is set. It is called
// under the mutex of sessions.
func (s *session) cut(reason *atomic.Bool) {
	reason.Store(true)
	s.tcp.Close()
	select {
	case <-s.gone: // cut before
	default:
		close(s.gone)
	}
}

// run speaks with the phone to the end of the session, whatever that is, and
// writes the one line about it. A panic ends only this session, also one while
// its end is recorded.
func (s *session) run() {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
		}
	}()
	err := s.speak()
	s.leave()
	if err != nil {
		err = s.record(err)
	}
	s.count(err) // before the phone hears of it
	s.close(err)
	s.logEnd(err)
}

func (s *session) speak() (err error) {
	defer func() {
		if p := recover(); p != nil {
			s.panicked(p)
			err = errors.New("internal error")
		}
	}()
	if err := s.shakeHands(); err != nil {
		return err
	}
	if err := s.greet(); err != nil {
		return err
	}
	for s.state != over {
		f, err := s.next()
		if errors.Is(err, errDecided) {
			if err := s.decided(); err != nil {
				return err
			}
			continue
		}
		if s.state == awaitMIC && errors.Is(err, enroll.ErrLost) && len(s.gave) > 0 {
			return s.confirmFetched() // the phone gave its LSC and knows no more
		}
		if err != nil {
			return err
		}
		if err := s.take(f); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) panicked(p any) {
	s.log.Error("panic in a session", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
}

// shakeHands makes the TLS connection. Its deadline runs from the first byte,
// so a phone, or something else, that sends nothing or little is not waited for.
func (s *session) shakeHands() error {
	s.move(handshaking)
	s.tcp.SetDeadline(s.began.Add(s.Timeouts.Handshake))
	s.tls = tls.Server(line{s.tcp, s}, s.listener.tls)
	// With a context that ends, each would have a second goroutine.
	if err := s.tls.Handshake(); err != nil {
		return s.lost("making the", "TLS connection", err)
	}
	s.secure = true
	return nil
}

// greet opens the conversation. The id is unpredictable and new, since a
// phone's SUDI signature covers it.
func (s *session) greet() error {
	var b [4]byte
	if _, err := io.ReadFull(rand.Reader, b[:]); err != nil {
		return fmt.Errorf("choosing a session id: %w", err)
	}
	s.id = binary.BigEndian.Uint32(b[:])
	if s.settings.FIPS {
		s.version = 2
	}
	// Captured servers add AUTH_TYPE 0 for hardware phones, which do not mind,
	// whatever their mode is.
	return s.send(wire.AuthRequest{Version: s.version, HasAuthType: s.version > 2}.Frame(s.id), s.Timeouts.Answer)
}

// send writes a frame in one write, since two make a phone's client stall, and
// sets how long its answer is waited for.
func (s *session) send(f wire.Frame, wait time.Duration) error {
	b, err := f.Marshal()
	if err != nil {
		return err
	}
	s.tcp.SetWriteDeadline(time.Now().Add(s.Timeouts.Write))
	if _, err := s.tls.Write(b); err != nil {
		return s.lost("sending", f.Command, err)
	}
	s.log.Debug("sent", "command", f.Command.String())
	s.deadline = time.Now().Add(wait)
	return nil
}

// next reads the next frame, or says that the issuer has decided meanwhile.
func (s *session) next() (wire.Frame, error) {
	s.move(s.state.step())
	if s.state == awaitIssuer {
		return s.receiveWaiting()
	}
	return s.receive(s.tls)
}

// receive reads the next frame of this session. The deadline is that of the
// whole answer, however slowly its bytes arrive.
func (s *session) receive(from io.Reader) (wire.Frame, error) {
	s.tcp.SetReadDeadline(s.deadline)
	f, err := wire.Read(from)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && s.state == awaitKey:
		return f, enroll.NoKey("the phone made no key within %v", s.settings.KeygenTimeout)
	case errors.Is(err, wire.ErrMalformed):
		return f, enroll.Malformed("%v", err)
	case err != nil:
		return f, s.lost("waiting for", s.state, err)
	case f.Session != s.id:
		return f, enroll.Malformed("the frame names a foreign session")
	}
	s.log.Debug("received", "command", f.Command.String())
	if unknown := f.Unknown(); unknown != nil {
		s.log.Debug("skipped", "command", f.Command.String(), "unknown_elements", fmt.Sprint(unknown)) // slog takes tags for text
	}
	return f, nil
}

func (s *session) lost(doing string, what any, err error) error {
	switch {
	case s.stopped.Load():
		return enroll.Lost("the service stopped while %s %v", doing, what)
	case s.displaced.Load() && s.grant != nil:
		return enroll.Superseded("made room, since the phone has begun another session")
	case s.displaced.Load():
		return enroll.Lost("made room for another phone while %s %v", doing, what)
	}
	return enroll.Lost("%s %v: %v", doing, what, plain(err))
}

// plain says what happened to a connection without addresses and layers.
func plain(err error) string {
	var op *net.OpError
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "the phone closed the connection"
	case errors.As(err, &op):
		return op.Err.Error()
	}
	return err.Error()
}
