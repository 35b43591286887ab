package phone

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// IPMode is the addressing mode that the phone is configured with.
type IPMode byte

const (
	TwoStack IPMode = iota // IPv6 first, then IPv4
	IPv4Only
	IPv6Only
)

// String returns the mode in words.
func (m IPMode) String() string {
	return [...]string{"two-stack", "IPv4-only", "IPv6-only"}[m]
}

// Family is a set of address families.
type Family byte

const (
	IPv4 Family = 1 << iota
	IPv6
)

// connect resolves the server's addresses, tries them in the order of the
// phone's IP mode and returns the first TLS connection that succeeds. A server
// that refuses an address family during the handshake counts as unreachable
// there.
func connect(ctx context.Context, c *Config) (*tls.Conn, error) {
	addrs, lookupErr := resolve(ctx, c.Servers)
	plan := orderAddresses(c.IPMode, c.Addresses, addrs)
	if len(plan) == 0 {
		if err := context.Cause(ctx); err != nil {
			return nil, fmt.Errorf("looking up the server: %w", err)
		}
		if lookupErr != nil {
			return nil, fmt.Errorf("%w: %w", ErrCommunication, lookupErr)
		}
		return nil, fmt.Errorf("%w: %w: %s phone, server at %s", ErrCommunication, ErrNoRoute, c.IPMode, strings.Join(c.Servers, ", "))
	}
	config := tlsConfig(c)
	var failed []error
	for _, addr := range plan {
		conn, err := dial(ctx, c.From, addr, config, c.Timeout)
		if err == nil {
			return conn, nil
		}
		if cause := context.Cause(ctx); cause != nil {
			return nil, fmt.Errorf("connecting to %v: %w", addr, cause)
		}
		failed = append(failed, fmt.Errorf("connecting to %v: %w", addr, err))
	}
	err := joinedErrors(failed)
	if errors.Is(err, ErrUntrusted) {
		return nil, err
	}
	return nil, fmt.Errorf("%w: %w", ErrCommunication, err)
}

// Look connects, ends the TLS handshake, and goes: it shows which server it was, without a
// session.
func Look(ctx context.Context, c Config) (Result, error) {
	c.setDefaults()
	conn, err := connect(ctx, &c)
	if err != nil {
		return Result{}, err
	}
	defer conn.Close()
	return Result{Remote: conn.RemoteAddr(), Server: conn.ConnectionState().PeerCertificates[0]}, nil
}

// joinedErrors is errors.Join on one line.
type joinedErrors []error

func (j joinedErrors) Error() string {
	parts := make([]string, len(j))
	for i, err := range j {
		parts[i] = err.Error()
	}
	return strings.Join(parts, "; ")
}

func (j joinedErrors) Unwrap() []error { return j }

// resolve lists the addresses of all servers. The error is that of the last
// name that has none; other names may have addresses.
func resolve(ctx context.Context, servers []string) ([]netip.AddrPort, error) {
	var found []netip.AddrPort
	var last error
	for _, server := range servers {
		host, service, err := net.SplitHostPort(server)
		if err != nil {
			last = err
			continue
		}
		port, err := strconv.ParseUint(service, 10, 16)
		if err != nil {
			last = fmt.Errorf("address %q: %q is no port", server, service)
			continue
		}
		ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		if err != nil {
			last = err
			continue
		}
		for _, ip := range ips {
			found = append(found, netip.AddrPortFrom(ip.Unmap(), uint16(port)))
		}
	}
	return found, last
}

// orderAddresses follows the vendor's table of how a phone connects to CAPF: which of
// the server's addresses it tries, and in which order. By the table's third
// row a dual-stack phone that has only an IPv6 address still tries IPv4 after
// IPv6 failed; by the eighth it does not begin with IPv4.
func orderAddresses(mode IPMode, has Family, server []netip.AddrPort) []netip.AddrPort {
	var four, six []netip.AddrPort
	for _, addr := range server {
		if addr.Addr().Is4() {
			four = append(four, addr)
		} else {
			six = append(six, addr)
		}
	}
	if mode == IPv4Only || has&IPv6 == 0 {
		six = nil
	}
	if mode == IPv6Only || has&IPv4 == 0 && len(six) == 0 {
		four = nil
	}
	return append(six, four...)
}

func dial(ctx context.Context, from netip.Addr, addr netip.AddrPort, config *tls.Config, timeout time.Duration) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	var dialer net.Dialer
	if from.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))
	}
	raw, err := dialer.DialContext(ctx, "tcp", addr.String())
	if err != nil {
		return nil, err
	}
	conn := tls.Client(raw, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		raw.Close()
		return nil, err
	}
	return conn, nil
}

// tlsConfig replaces the verification in the given configuration with one
// that ignores names.
func tlsConfig(c *Config) *tls.Config {
	config := &tls.Config{}
	if c.TLS != nil {
		config = c.TLS.Clone()
	}
	// A frame is one write, and should be one TLS record. Without this, Go
	// begins with records of about 1400 bytes.
	config.DynamicRecordSizingDisabled = true
	verify := !config.InsecureSkipVerify && (config.RootCAs != nil || c.ServerCertificate != nil)
	config.InsecureSkipVerify = true
	theirs := config.VerifyConnection
	config.VerifyConnection = func(state tls.ConnectionState) error {
		if verify {
			if err := verifyServer(state.PeerCertificates, c.ServerCertificate, config); err != nil {
				return fmt.Errorf("%w: %w", ErrUntrusted, err)
			}
		}
		if theirs != nil {
			return theirs(state)
		}
		return nil
	}
	return config
}

// verifyServer accepts the pinned certificate itself, and a chain that leads
// to it or to one of the roots.
func verifyServer(chain []*x509.Certificate, pinned []byte, config *tls.Config) error {
	leaf := chain[0]
	if pinned != nil && bytes.Equal(leaf.Raw, pinned) {
		return nil
	}
	roots := x509.NewCertPool()
	if config.RootCAs != nil {
		roots = config.RootCAs.Clone()
	}
	if pinned != nil {
		anchor, err := x509.ParseCertificate(pinned)
		if err != nil {
			return fmt.Errorf("reading the certificate to trust: %w", err)
		}
		roots.AddCert(anchor)
	}
	between := x509.NewCertPool()
	for _, cert := range chain[1:] {
		between.AddCert(cert)
	}
	options := x509.VerifyOptions{
		Roots:         roots,
		Intermediates: between,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageAny},
	}
	if config.Time != nil {
		options.CurrentTime = config.Time()
	}
	_, err := leaf.Verify(options)
	return err
}
