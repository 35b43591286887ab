// Package phone is the phone's side of CAPF: it connects to a server, says who
// it is and does what the server asks. It serves trouble-shooting, tests and
// load. It knows nothing of devices, databases or files; what is to survive
// goes through the functions of Config.
package phone

import (
	"context"
	stdcrypto "crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"capf/crypto"
	"capf/enroll/wire"
)

// What a caller may want to tell apart. A frame that is not what the protocol
// allows, or not at its time, is wire.ErrMalformed; an ending by the server is
// a DeclinedError.
var (
	// ErrCommunication is a server that cannot be reached, a connection that
	// is lost, an answer that does not come, or RETRY_LATER, after all attempts.
	ErrCommunication = errors.New("communication failure")
	// ErrNoRoute is a phone that has no address of a family in which the
	// server has one. It is also an ErrCommunication, but not tried again.
	ErrNoRoute = errors.New("no common address family")
	// ErrUntrusted is a server certificate that does not verify. It is not
	// tried again.
	ErrUntrusted = errors.New("the server's certificate is not trusted")
	// ErrRefused is the phone's own failure to do what it was asked, such as
	// a key it cannot make or a certificate it cannot store.
	ErrRefused = errors.New("refused by the phone")
	// ErrAborted is what Config.Abort leads to.
	ErrAborted = errors.New("aborted at the phone")
	// ErrStopped is what Config.StopAfter leads to.
	ErrStopped = errors.New("stopped on request")
)

// DeclinedError is a session that the server ended with another reason than
// no action or success. A version-2 client gets wire.ReasonDeclined also when
// nothing is scheduled for it.
type DeclinedError struct {
	Reason wire.Reason
	After  wire.Command // the last frame before the end, sent or received
}

func (e *DeclinedError) Error() string {
	return fmt.Sprintf("the server ended the session after %v with reason %d (%v)", e.After, byte(e.Reason), e.Reason)
}

// Identity is a certificate that the phone has already, and its key.
type Identity struct {
	Certificate []byte // DER
	Key         stdcrypto.Signer
	Type        wire.CertificateType
}

// Possession is what the phone does when it is asked to prove that it has its
// new private key.
type Possession byte

const (
	Sign   Possession = iota
	Refuse            // answer that it does not
	Drop              // end the connection, as a client that does not know the step
)

// Config describes one phone and one thing to do. Run does not change it, so
// that a Config may be used again and at the same time.
type Config struct {
	Device  string
	Version byte // of the protocol, 2 or 3, whatever the server offers; 0 is 3

	// Servers are the HOST:PORT under which the one CAPF server is to be
	// found. A host may be a name with addresses of both families. All IPv6
	// addresses are tried before all IPv4 ones.
	Servers   []string
	IPMode    IPMode
	Addresses Family // which addresses the phone has; 0 is both
	// From is the address that the phone connects from, for a host that plays
	// many phones; the zero value leaves the choice to the system.
	From netip.Addr

	// TLS gives versions, suites and roots; nil is Go's default client. Real
	// phones check the server against their CTL; without RootCAs and
	// ServerCertificate this one accepts every server, and Result.Server
	// shows which it was. The name in the certificate is never checked: a
	// CAPF certificate has none of a host.
	TLS               *tls.Config
	ServerCertificate []byte // DER of the server's certificate, or of a CA above it

	// Password is the authentication string; nil is the null string.
	Password []byte
	// Existing proves who the phone is by its LSC or MIC; SUDI by its MIC,
	// bound to the session. Nil leaves the proof out.
	Existing, SUDI *Identity
	// LSC and MIC (DER) are given away when the server fetches them; nil is
	// one that the phone does not have.
	LSC, MIC []byte

	// NewKey makes the key that the server asks for; nil is
	// crypto.GenerateKey. It is called again for each attempt.
	NewKey func(crypto.KeyKind) (stdcrypto.Signer, error)
	// Progress sends REQUEST_IN_PROGRESS before the key is made, as hardware
	// phones do.
	Progress   bool
	Possession Possession
	// Store makes certificate and key safe before the phone confirms; with an
	// error the phone answers that it failed. Delete does so for a deletion.
	// Nil is nothing to do.
	Store  func(certDER []byte, key stdcrypto.Signer) error
	Delete func() error

	// Attempts is how often communication is tried, 0 is 3; Interval lies
	// between two of them, 0 is 30 s: what phones do. RETRY_LATER sets its
	// own interval.
	Attempts int
	Interval time.Duration
	// Timeout bounds each connection attempt and each wait for a frame that
	// the server owes at once; 0 is 30 s.
	Timeout time.Duration
	// WaitForIssue bounds the wait that follows a key: a CA or an operator
	// may need hours. 0 is no limit but the context.
	WaitForIssue time.Duration
	// Sleep waits between attempts; nil is a timer. It returns early with the
	// context's error.
	Sleep func(context.Context, time.Duration) error

	// Observe sees each frame, a received one before the phone acts on it and any
	// other before it is sent. A frame may hold the authentication string: Redact
	// it before it is shown.
	Observe func(sent bool, f wire.Frame)

	// For trouble-shooting. StopAfter drops the connection without a word
	// after that command was sent or received, as if the power failed; 0 is
	// never. Abort sends ABORT_REQUEST where a key is asked for.
	StopAfter wire.Command
	Abort     bool
}

// Did is what a session came to.
type Did byte

const (
	Nothing Did = iota
	Installed
	Fetched // at least one certificate was given to the server
	Deleted
)

// String is the outcome in a word.
func (d Did) String() string {
	return [...]string{"nothing", "installed", "fetched", "deleted"}[d]
}

// Result is what happened in the last attempt, filled as far as it came also
// beside an error. Did, Certificate and Key outlast an attempt that failed: a
// connection that breaks after the phone has confirmed makes it try again, as
// it cannot know what the server took in, and the server may then have nothing
// more for it.
type Result struct {
	Did         Did
	Certificate []byte           // DER, when Installed
	Key         stdcrypto.Signer // when Installed
	Reason      wire.Reason      // of END_SESSION
	Attempts    int
	Remote      net.Addr
	Server      *x509.Certificate // the server's own
	Delay       time.Duration     // of RETRY_LATER
}

// Run connects, lets the server lead a session, and tries again when
// communication fails. It returns an error that wraps one of the errors of
// this package, wire.ErrMalformed, or the context's.
func Run(ctx context.Context, c Config) (Result, error) {
	c.setDefaults()
	var before Result
	for attempt := 1; ; attempt++ {
		r, err := once(ctx, &c)
		r.Attempts = attempt
		if r.Did == Nothing {
			r.Did, r.Certificate, r.Key = before.Did, before.Certificate, before.Key
		}
		if err == nil || attempt >= c.Attempts || !again(err) {
			return r, err
		}
		wait := c.Interval
		if r.Delay > 0 {
			wait = r.Delay
		}
		if stopped := c.Sleep(ctx, wait); stopped != nil {
			return r, fmt.Errorf("waiting %v for attempt %d after %q: %w", wait, attempt+1, err, stopped)
		}
		before = r
	}
}

// again tells whether another attempt may help.
func again(err error) bool {
	return errors.Is(err, ErrCommunication) && !errors.Is(err, ErrNoRoute)
}

func (c *Config) setDefaults() {
	if c.Version == 0 {
		c.Version = 3
	}
	if c.Addresses == 0 {
		c.Addresses = IPv4 | IPv6
	}
	if c.Attempts == 0 {
		c.Attempts = 3
	}
	if c.Interval == 0 {
		c.Interval = 30 * time.Second
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// once is one attempt: one connection, one session.
func once(ctx context.Context, c *Config) (Result, error) {
	conn, err := connect(ctx, c)
	if err != nil {
		return Result{}, err
	}
	s := &session{ctx: ctx, config: c, conn: conn}
	s.result.Remote = conn.RemoteAddr()
	s.result.Server = conn.ConnectionState().PeerCertificates[0]

	// The socket is closed, not the TLS connection: that would wait for a
	// peer to take its last alert.
	stop := context.AfterFunc(ctx, func() { conn.NetConn().Close() })
	defer stop()
	err = s.run()
	if err != nil {
		conn.NetConn().Close()
	} else {
		conn.Close()
	}
	if err != nil && ctx.Err() != nil {
		err = fmt.Errorf("in the session with %v after %v: %w", s.result.Remote, s.last, context.Cause(ctx))
	}
	return s.result, err
}
