package tvs

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/phonetls"
	"capf/store"
)

// Service is the server on which phones ask. A zero duration means the default.
type Service struct {
	Store  *store.Reader
	Sealer *crypto.Sealer
	Now    func() time.Time
	Log    *slog.Logger
	Meter  Meter // nil when answers are not counted
	// Wait is how long a phone may take for the handshake, for a question, and for
	// taking the answer; 15 s each.
	Wait time.Duration
	// Most is how many connections may be open at the same time; 1,000.
	Most int
}

// Meter counts what phones were told. Its method is called concurrently, and must be
// quick.
type Meter interface {
	// TVSAnswered counts a word of Outcomes.
	TVSAnswered(outcome string)
}

// What phones were told.
const (
	valid     = "valid"
	invalid   = "invalid"
	malformed = "malformed" // nothing: the question cannot be read
	noTLS     = "handshake" // nothing: there was no TLS connection
	noPlace   = "limit"     // nothing: there were too many connections
	noIPv6    = "ipv6"      // nothing: enable_ipv6 is false
	failed    = "error"     // nothing: capf failed
)

// Outcomes are the words that a Meter counts.
func Outcomes() []string {
	return []string{valid, invalid, malformed, noTLS, noPlace, noIPv6, failed}
}

// uncounted is the meter of a service whose answers are not counted.
type uncounted struct{}

func (uncounted) TVSAnswered(string) {}

// State is what a listener reads once: the lowest version of TLS, and the certificate.
func (s Service) State(ctx context.Context, inForce settings.Settings) (string, error) {
	c, err := s.Store.TVSCertificate(ctx)
	if err != nil {
		return "", missing(err)
	}
	return fmt.Sprintf("%s %x", tls.VersionName(inForce.TLSMinVersion), crypto.RawFingerprint(c.Certificate)), nil
}

// missing says what to do where there is no certificate.
func missing(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return apperr.WithHint(errors.New("there is no certificate of TVS yet"), "capf service activate tvs makes it")
	}
	return err
}

// Open begins to listen on the address.
func (s Service) Open(ctx context.Context, address string) (*Listener, error) {
	if s.Meter == nil {
		s.Meter = uncounted{}
	}
	s.Wait, s.Most = cmp.Or(s.Wait, 15*time.Second), cmp.Or(s.Most, 1000)
	inForce, err := settings.Read(ctx, s.Store)
	if err != nil {
		return nil, err
	}
	c, key, err := Load(ctx, s.Store, s.Sealer)
	if err != nil {
		return nil, missing(err)
	}
	own := tls.Certificate{Certificate: [][]byte{c.Raw}, PrivateKey: key, Leaf: c}
	return listen(ctx, s, address, tlsConfig(own, inForce.TLSMinVersion))
}

// tlsConfig returns TLS as phones ask TVS with it. The suites with RSA key exchange are
// offered whatever the version, since newer phones too were seen to ask with AES256-SHA:
// what is asked and answered is no secret, so it does not matter that the key of TVS
// could open what was recorded.
//
// Phones are not asked for a certificate. The answer is the same for everybody, as the
// lists are that anyone may fetch; a phone without an LSC or MIC, with one that has
// expired, or with one that cannot be read here, such as a 512-bit one, needs it like the
// others. Those that have one connect without it as well: the open server does not ask
// for it either.
func tlsConfig(own tls.Certificate, lowest uint16) *tls.Config {
	return phonetls.Config(own, lowest, crypto.PhoneSuites())
}
