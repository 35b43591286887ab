package onlineca_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func TestBadCertificatesOfTheServer(t *testing.T) {
	t.Parallel()
	ca := catest.MustCA(t, catest.Options{})
	host := []string{"127.0.0.1"}
	own := selfSigned(t)
	cases := []struct {
		name           string
		names          []string
		shape          func(*x509.Certificate)
		roots          []*x509.Certificate
		reason, advice string
	}{
		{"expired", host, func(c *x509.Certificate) {
			c.NotBefore, c.NotAfter = time.Now().AddDate(-2, 0, 0), time.Now().AddDate(-1, 0, 0)
		}, nil, "expired", "renew"},
		{"not yet", host, func(c *x509.Certificate) { c.NotBefore = time.Now().AddDate(0, 0, 9) }, nil, "valid only from", "clocks"},
		{"another name", []string{"ca.example.com"}, nil, nil, "is for ca.example.com, not", "online_ca_hostname"},
		{"name only in CN", nil, func(c *x509.Certificate) { c.Subject.CommonName = "127.0.0.1" }, nil, "only as CN", "subject alternative name"},
		{"no name", nil, nil, nil, "carries no name", "subject alternative name"},
		{"SHA-1", host, func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }, nil, "SHA-1", "SHA-256"},
		{"not for servers", host, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }, nil, "not for servers", "template"},
		{"unknown issuer", host, nil, []*x509.Certificate{catest.MustCA(t, catest.Options{}).Root()}, "issuer \"CN=Test Root CA\"", "upload"},
		{"empty capf-trust", host, nil, []*x509.Certificate{}, "not in capf-trust", "upload"},
		{"two at once", []string{"other"}, nil, []*x509.Certificate{}, "not for \"127.0.0.1\"; the issuer", "online_ca_hostname"},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cert, err := ca.Server(tc.names, tc.shape)
			if err != nil {
				t.Fatal(err)
			}
			refusedByTLS(t, ca, cert, tc.roots, tc.reason, tc.advice)
		})
	}
	t.Run("self-signed", func(t *testing.T) {
		t.Parallel()
		refusedByTLS(t, ca, own, nil, "self-signed", "itself")
	})
}

func refusedByTLS(t *testing.T, ca *catest.CA, cert tls.Certificate, roots []*x509.Certificate, reason, advice string) {
	t.Helper()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: ca, Certificate: &cert}})
	c := client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) {
		if roots != nil {
			c.Roots = roots
		}
	})
	_, err := c.Submit(t.Context(), ecRequest(t))
	e := failure(t, err, onlineca.ErrUnreachable)
	if !strings.Contains(e.Error(), reason) || !strings.Contains(e.Advice, advice) || e.Sent {
		t.Errorf("%v; %s", e, e.Advice)
	}
	if s.Requests() != 0 {
		t.Error("a request went over it")
	}
	steps := c.Check(t.Context(), nil)
	if last := steps[len(steps)-1]; last.OK || last.Name != onlineca.StepTLS || !strings.Contains(last.Advice, advice) {
		t.Errorf("%+v", last)
	}
}

// The operator may trust the root, the intermediate or the server's own
// certificate.
func TestWhatMayBeTrusted(t *testing.T) {
	t.Parallel()
	ca, own := catest.MustCA(t, catest.Options{}), selfSigned(t)
	cert, err := ca.Server([]string{"127.0.0.1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		served tls.Certificate
		root   *x509.Certificate
	}{
		"root": {cert, ca.Root()}, "intermediate": {cert, ca.Issuing()}, "leaf": {cert, cert.Leaf}, "self-signed leaf": {own, own.Leaf},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{CA: ca, Certificate: &tc.served}})
			enroll(t, client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.Roots = []*x509.Certificate{tc.root} }), ecRequest(t))
		})
	}
}

func TestExpiredIntermediate(t *testing.T) {
	t.Parallel()
	long := time.Now().AddDate(-15, 0, 0)
	ca := catest.MustCA(t, catest.Options{Now: func() time.Time { return long }}) // root 20 years, issuing 10
	cert, err := ca.Server([]string{"127.0.0.1"}, func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(1, 0, 0) })
	if err != nil {
		t.Fatal(err)
	}
	refusedByTLS(t, ca, cert, nil, "a certificate above its HTTPS certificate has expired", "renew")
}

func TestNotTLSAtAll(t *testing.T) {
	t.Parallel()
	for answer, reason := range map[string]string{"HTTP/1.1 400 Bad Request\r\n\r\n": "not TLS", "": "handshake"} {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		go func() {
			for {
				conn, err := listener.Accept()
				if err != nil {
					return
				}
				conn.Read(make([]byte, 2000))
				conn.Write([]byte(answer))
				conn.Close()
			}
		}()
		address := listener.Addr().(*net.TCPAddr)
		c, err := onlineca.New(onlineca.Config{Type: onlineca.EST, Host: "127.0.0.1", Port: address.Port})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Submit(t.Context(), ecRequest(t))
		if e := failure(t, err, onlineca.ErrUnreachable); !strings.Contains(e.Reason, reason) || e.Sent {
			t.Errorf("%q: %v", answer, e)
		}
	}
}

func TestOldTLS(t *testing.T) {
	t.Parallel()
	for version, ok := range map[uint16]bool{tls.VersionTLS11: false, tls.VersionTLS12: true} {
		s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{MaxTLS: version}})
		_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
		if ok {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if e := failure(t, err, onlineca.ErrUnreachable); !strings.Contains(e.Advice, "TLS 1.2") {
			t.Errorf("%+v", e)
		}
	}
}
