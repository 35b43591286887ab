package phone

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"capf/enroll/wire"
)

const (
	loopback4 = "127.0.0.1"
	loopback6 = "::1"
)

// nothingScheduled is a session that ends at once.
func nothingScheduled(p *peer) { p.auth(); p.end(wire.ReasonNoAction) }

// connections is the vendor's table of how a phone connects, row by row: the
// addresses that it tries, in their order.
func connections() []struct {
	mode   IPMode
	has    Family
	server Family
	tries  []Family
} {
	return []struct {
		mode   IPMode
		has    Family
		server Family
		tries  []Family
	}{
		{TwoStack, IPv4 | IPv6, IPv4 | IPv6, []Family{IPv6, IPv4}},
		{TwoStack, IPv4, IPv4 | IPv6, []Family{IPv4}},
		{TwoStack, IPv6, IPv4 | IPv6, []Family{IPv6, IPv4}},
		{TwoStack, IPv4, IPv4, []Family{IPv4}},
		{TwoStack, IPv4 | IPv6, IPv6, []Family{IPv6}},
		{TwoStack, IPv4 | IPv6, IPv4, []Family{IPv4}},
		{TwoStack, IPv4, IPv6, nil},
		{TwoStack, IPv6, IPv4, nil},
		{TwoStack, IPv6, IPv6, []Family{IPv6}},
		{IPv4Only, IPv4, IPv4 | IPv6, []Family{IPv4}},
		{IPv6Only, IPv6, IPv4 | IPv6, []Family{IPv6}},
		{IPv4Only, IPv4, IPv4, []Family{IPv4}},
		{IPv4Only, IPv4, IPv6, nil},
		{IPv6Only, IPv6, IPv6, []Family{IPv6}},
		{IPv6Only, IPv6, IPv4, nil},
	}
}

// TestConnectionTable plays each row of the table over loopback sockets: once
// for each address that the phone may come to, those before it being dead.
func TestConnectionTable(t *testing.T) {
	t.Parallel()
	hosts := map[Family]string{IPv4: loopback4, IPv6: loopback6}
	for i, row := range connections() {
		for alive := 0; alive < max(len(row.tries), 1); alive++ {
			ca := newAuthority(t)
			var servers []string
			want := ""
			for _, family := range []Family{IPv4, IPv6} {
				if row.server&family == 0 {
					continue
				}
				addr := ""
				if len(row.tries) > alive && row.tries[alive] == family {
					addr = serveAt(t, net.JoinHostPort(hosts[family], "0"), ca, nothingScheduled)
					want = addr
				} else {
					addr = deadAddress(t, hosts[family])
				}
				servers = append(servers, addr)
			}
			c := config(servers...)
			c.IPMode, c.Addresses, c.Attempts, c.Sleep = row.mode, row.has, 3, new(naps).sleep
			r, err := Run(t.Context(), c)
			switch {
			case want == "":
				if !errors.Is(err, ErrNoRoute) || !errors.Is(err, ErrCommunication) || r.Attempts != 1 {
					t.Errorf("row %d: %v after %d attempts", i+1, err, r.Attempts)
				}
			case err != nil || r.Remote.String() != want:
				t.Errorf("row %d: at %v, %v, want %v", i+1, r.Remote, err, want)
			}
		}
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	both := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:3804"), netip.MustParseAddrPort("[2001:db8::1]:3804")}
	for i, row := range connections() {
		var server []netip.AddrPort
		if row.server&IPv4 != 0 {
			server = append(server, both[0])
		}
		if row.server&IPv6 != 0 {
			server = append(server, both[1])
		}
		var tries []Family
		for _, addr := range orderAddresses(row.mode, row.has, server) {
			if addr.Addr().Is4() {
				tries = append(tries, IPv4)
			} else {
				tries = append(tries, IPv6)
			}
		}
		if !reflect.DeepEqual(tries, row.tries) {
			t.Errorf("row %d: %v, want %v", i+1, tries, row.tries)
		}
	}
}

// TestTurnedAway is a server that accepts IPv6 connections and closes them, as
// it does when IPv6 is not enabled.
func TestTurnedAway(t *testing.T) {
	t.Parallel()
	away := accept(t, net.JoinHostPort(loopback6, "0"), func(int, net.Conn) {})
	s := serve(t, nothingScheduled)
	r, err := Run(t.Context(), config(s.addr, away))
	if err != nil || r.Remote.String() != s.addr {
		t.Errorf("at %v, %v", r.Remote, err)
	}

	c := config(away)
	c.Attempts, c.Sleep = 3, new(naps).sleep
	r, err = Run(t.Context(), c)
	if !errors.Is(err, ErrCommunication) || r.Attempts != 3 {
		t.Errorf("%v after %d attempts", err, r.Attempts)
	}
}

func TestHostName(t *testing.T) {
	t.Parallel()
	s := serve(t, nothingScheduled)
	_, port, err := net.SplitHostPort(s.addr)
	if err != nil {
		t.Fatal(err)
	}
	c := config("localhost:" + port)
	c.IPMode = IPv4Only
	if r, err := Run(t.Context(), c); err != nil || r.Remote.String() != s.addr {
		t.Errorf("at %v, %v", r.Remote, err)
	}
}

func TestCannotConnect(t *testing.T) {
	t.Parallel()
	dead4, dead6 := deadAddress(t, loopback4), deadAddress(t, loopback6)
	plain := accept(t, loopback4+":0", func(_ int, conn net.Conn) {
		if _, err := conn.Write([]byte("220 not a TLS server\r\n")); err != nil {
			t.Error(err)
		}
		conn.Read(make([]byte, 1000))
	})
	tests := []struct {
		name    string
		servers []string
		is      error
		want    string
	}{
		{"refused", []string{dead4, dead6}, ErrCommunication,
			"communication failure: connecting to " + dead6 + ": dial tcp " + dead6 + ": connect: connection refused; " +
				"connecting to " + dead4 + ": dial tcp " + dead4 + ": connect: connection refused"},
		{"not TLS", []string{plain}, ErrCommunication, "communication failure: connecting to " + plain + ": tls: first record does not look like a TLS handshake"},
		{"no port", []string{"capf.example"}, ErrCommunication, "communication failure: address capf.example: missing port in address"},
		{"port", []string{"127.0.0.1:capf"}, ErrCommunication, `communication failure: address "127.0.0.1:capf": "capf" is no port`},
		{"no servers", nil, ErrNoRoute, "communication failure: no common address family: two-stack phone, server at "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Run(t.Context(), config(tt.servers...))
			failed(t, err, tt.is, "", tt.want)
		})
	}
}

// TestSilentServer takes the connection and says nothing.
func TestSilentServer(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	silent := accept(t, loopback4+":0", func(int, net.Conn) { <-held })
	c := config(silent)
	c.Timeout = 50 * time.Millisecond
	_, err := Run(t.Context(), c)
	close(held)
	if !errors.Is(err, ErrCommunication) || !strings.HasPrefix(err.Error(), "communication failure: connecting to "+silent+": ") {
		t.Errorf("error %v", err)
	}
}

func TestTrust(t *testing.T) {
	t.Parallel()
	pool := func(certs ...*x509.Certificate) *x509.CertPool {
		p := x509.NewCertPool()
		for _, cert := range certs {
			p.AddCert(cert)
		}
		return p
	}
	root := newAuthority(t)
	other := newAuthority(t)
	signed := newAuthority(t) // by root
	public, err := x509.MarshalPKIXPublicKey(&signed.key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	signed.cert, err = x509.ParseCertificate(root.issue(t, "CAPF-89abcdef", public))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name    string
		server  *authority
		pinned  []byte
		tls     *tls.Config
		trusted bool
	}{
		{"no trust given", root, nil, nil, true},
		{"itself pinned", root, root.cert.Raw, nil, true},
		{"signed, pinned", signed, signed.cert.Raw, nil, true},
		{"signed, its CA pinned", signed, root.cert.Raw, nil, true},
		{"in the roots", root, nil, &tls.Config{RootCAs: pool(root.cert)}, true},
		{"signed, its CA in the roots", signed, nil, &tls.Config{RootCAs: pool(other.cert, root.cert)}, true},
		{"pinned beside roots", root, root.cert.Raw, &tls.Config{RootCAs: pool(other.cert)}, true},
		{"another pinned", root, other.cert.Raw, nil, false},
		{"not in the roots", signed, nil, &tls.Config{RootCAs: pool(other.cert)}, false},
		{"empty roots", root, nil, &tls.Config{RootCAs: pool()}, false},
		{"no certificate pinned", root, []byte("garbage"), nil, false},
		{"too late", root, nil, &tls.Config{RootCAs: pool(root.cert), Time: func() time.Time { return time.Now().Add(48 * time.Hour) }}, false},
		{"not to be verified", root, other.cert.Raw, &tls.Config{InsecureSkipVerify: true}, true},
		{"refused by the caller", root, root.cert.Raw, &tls.Config{VerifyConnection: func(tls.ConnectionState) error { return ErrUntrusted }}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			script := nothingScheduled
			if !tt.trusted {
				script = func(p *peer) { p.gone() }
			}
			c := config(serveAt(t, loopback4+":0", tt.server, script))
			c.TLS, c.ServerCertificate, c.Attempts = tt.tls, tt.pinned, 3
			r, err := Run(t.Context(), c)
			switch {
			case tt.trusted && err != nil:
				t.Error(err)
			case !tt.trusted && (!errors.Is(err, ErrUntrusted) || errors.Is(err, ErrCommunication) || r.Attempts != 1):
				t.Errorf("%v after %d attempts", err, r.Attempts)
			case !tt.trusted && !strings.Contains(err.Error(), "the server's certificate is not trusted"):
				t.Error(err)
			}
		})
	}
}

// TestOldPhone speaks as a 79xx does, which knows TLS 1.0 only.
func TestOldPhone(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	config10 := &tls.Config{
		MinVersion:   tls.VersionTLS10,
		MaxVersion:   tls.VersionTLS10,
		CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA},
	}
	server := config10.Clone()
	server.Certificates = []tls.Certificate{{Certificate: [][]byte{ca.cert.Raw}, PrivateKey: ca.key}}
	addr := accept(t, loopback4+":0", func(n int, raw net.Conn) {
		conn := tls.Server(raw, server)
		defer conn.Close()
		p := &peer{t, ca, conn, 7}
		p.enroll()
		if v := conn.ConnectionState().Version; v != tls.VersionTLS10 {
			t.Errorf("TLS version %#x", v)
		}
	})
	c := config(addr)
	c.TLS = config10
	if r, err := Run(t.Context(), c); err != nil || r.Outcome != Installed {
		t.Errorf("%v, %v", r.Outcome, err)
	}
}
