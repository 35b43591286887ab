// Package phone is the phone's side of CAPF: it connects to a server,
// identifies itself and does what the server asks. It is for troubleshooting,
// tests and load generation. It knows nothing of devices, databases or files;
// what must outlive the session goes through the functions of Config.
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

// What a caller may want to tell apart. A frame that the protocol does not
// allow, or not at that point, is wire.ErrMalformed; a session that the server
// ended is a DeclinedError.
var (
	// ErrCommunication means that after all attempts the server was unreachable,
	// the connection was lost, an answer did not come, or the server sent
	// RETRY_LATER.
	ErrCommunication = errors.New("communication failure")
	// ErrNoRoute means that phone and server have no address family in common.
	// It is also an ErrCommunication, but not retried.
	ErrNoRoute = errors.New("no common address family")
	// ErrUntrusted means that the server's certificate does not verify. It is
	// not retried.
	ErrUntrusted = errors.New("the server's certificate is not trusted")
	// ErrRefused means that the phone itself could not do what it was asked,
	// such as making a key or storing a certificate.
	ErrRefused = errors.New("refused by the phone")
	// ErrAborted is the result of Config.Abort.
	ErrAborted = errors.New("aborted at the phone")
	// ErrStopped is the result of Config.StopAfter.
	ErrStopped = errors.New("stopped on request")
)

// DeclinedError says that the server ended the session with a reason other
// than no action or success. A version-2 client gets wire.ReasonDeclined even
// when nothing is scheduled for it.
type DeclinedError struct {
	Reason wire.Reason
	After  wire.Command // the last frame before the end, sent or received
}

func (e *DeclinedError) Error() string {
	return fmt.Sprintf("the server ended the session after %v with reason %d (%v)", e.After, byte(e.Reason), e.Reason)
}

// Identity is a certificate that the phone already has, and its key.
type Identity struct {
	Certificate []byte // DER
	Key         stdcrypto.Signer
	Type        wire.CertificateType
}

// Possession says what the phone does when it is asked to prove possession of
// its new private key.
type Possession byte

const (
	Sign   Possession = iota
	Refuse            // answer without a signature
	Drop              // drop the connection, like a client that does not know the step
)

// Config describes one phone and one thing to do. Run does not change it, so
// that a Config may be reused, also concurrently.
type Config struct {
	Device  string
	Version byte // of the protocol, 2 or 3, whatever the server offers; 0 means 3

	// Servers are the HOST:PORT pairs of the one CAPF server. A host may be a
	// name with addresses of both families. All IPv6 addresses are tried before
	// all IPv4 ones.
	Servers   []string
	IPMode    IPMode
	Addresses Family // which addresses the phone has; 0 means both
	// From is the phone's own address, for a host that plays many phones. The
	// zero value leaves the choice to the system.
	From netip.Addr

	// TLS gives versions, suites and roots; nil is Go's default client. Real
	// phones check the server against their CTL. Without RootCAs and
	// ServerCertificate this one accepts every server, and Result.Server shows
	// which it was. The name in the certificate is never checked: a CAPF
	// certificate has no host name.
	TLS               *tls.Config
	ServerCertificate []byte // DER of the server's certificate, or of a CA above it

	// Password is the authentication string; nil is the null string.
	Password []byte
	// Existing proves the phone's identity by its LSC or MIC; SUDI by its MIC,
	// bound to the session. Nil leaves the proof out.
	Existing, SUDI *Identity
	// LSC and MIC (DER) are sent when the server fetches them; nil means that
	// the phone has none.
	LSC, MIC []byte

	// NewKey makes the key that the server asks for; nil means
	// crypto.GenerateKey. It is called for each attempt.
	NewKey func(crypto.KeyKind) (stdcrypto.Signer, error)
	// Progress sends REQUEST_IN_PROGRESS before the key is made, as hardware
	// phones do.
	Progress   bool
	Possession Possession
	// Store stores certificate and key before the phone confirms; on an error
	// the phone reports a failure. Delete does the same for a deletion. Nil
	// does nothing.
	Store  func(certDER []byte, key stdcrypto.Signer) error
	Delete func() error

	// Attempts is how often communication is tried (0 means 3), and Interval
	// the time between two attempts (0 means 30 s). The defaults are what
	// phones do. RETRY_LATER sets its own interval.
	Attempts int
	Interval time.Duration
	// Timeout bounds each connection attempt and each wait for a frame that the
	// server can send at once; 0 means 30 s.
	Timeout time.Duration
	// WaitForIssue bounds the wait after the key was sent: a CA or an operator
	// may need hours. 0 means no limit but the context.
	WaitForIssue time.Duration
	// Sleep waits between attempts; nil means a timer. It returns early with
	// the context's error.
	Sleep func(context.Context, time.Duration) error

	// Observe sees each frame: a received one before the phone acts on it, and
	// any other before it is sent. A frame may hold the authentication string:
	// Redact it before you show it.
	Observe func(sent bool, f wire.Frame)

	// For troubleshooting. StopAfter drops the connection after that command
	// was sent or received, as if the power failed; 0 means never. Abort sends
	// ABORT_REQUEST when the server asks for a key.
	StopAfter wire.Command
	Abort     bool
}

// Outcome says how a session came out.
type Outcome byte

const (
	Nothing Outcome = iota
	Installed
	Fetched // at least one certificate was given to the server
	Deleted
)

// String returns the outcome in a word.
func (d Outcome) String() string {
	return [...]string{"nothing", "installed", "fetched", "deleted"}[d]
}

// Result is what happened in the last attempt. It is filled as far as the
// attempt came, even when there is an error. Outcome, Certificate and Key survive
// a failed attempt: when the connection breaks after the phone has confirmed,
// the phone tries again, since it cannot know what the server received, and
// the server may then have nothing more for it.
type Result struct {
	Outcome     Outcome
	Certificate []byte           // DER, when Installed
	Key         stdcrypto.Signer // when Installed
	Reason      wire.Reason      // of END_SESSION
	Attempts    int
	Remote      net.Addr
	Server      *x509.Certificate // the server's certificate
	Delay       time.Duration     // of RETRY_LATER
}

// Run connects, lets the server lead a session, and tries again when
// communication fails. Its error wraps one of this package's errors,
// wire.ErrMalformed or the context's.
func Run(ctx context.Context, c Config) (Result, error) {
	c.setDefaults()
	var before Result
	for attempt := 1; ; attempt++ {
		r, err := runOnce(ctx, &c)
		r.Attempts = attempt
		if r.Outcome == Nothing {
			r.Outcome, r.Certificate, r.Key = before.Outcome, before.Certificate, before.Key
		}
		if err == nil || attempt >= c.Attempts || !isRetryable(err) {
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

// isRetryable reports whether another attempt may help.
func isRetryable(err error) bool {
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

// runOnce makes one attempt: one connection, one session.
func runOnce(ctx context.Context, c *Config) (Result, error) {
	conn, err := connect(ctx, c)
	if err != nil {
		return Result{}, err
	}
	s := &session{ctx: ctx, config: c, conn: conn}
	s.result.Remote = conn.RemoteAddr()
	s.result.Server = conn.ConnectionState().PeerCertificates[0]

	// This closes the socket and not the TLS connection, which would wait for
	// the peer to read its last alert.
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
