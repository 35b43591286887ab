package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestHandshakeHints: the line in the log about a handshake that failed says what to do.
func TestHandshakeHints(t *testing.T) {
	t.Parallel()
	strange := &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "CAPF"}
	dial := func(config *tls.Config) func(string) {
		return func(address string) {
			if conn, err := tls.Dial("tcp", address, config); err == nil {
				conn.Close()
			}
		}
	}
	openssl := func(args ...string) func(string) {
		return func(address string) {
			_ = exec.Command("openssl", append([]string{"s_client", "-connect", address}, args...)...).Run() // it fails, by the server
		}
	}
	say := func(text string, hear bool) func(string) {
		return func(address string) {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Error(err)
				return
			}
			defer conn.Close()
			io.WriteString(conn, text)
			if hear {
				io.ReadAll(conn)
			}
		}
	}
	for _, test := range []struct {
		name, lowest string
		come         func(address string)
		log          []string
	}{
		{"no certificate authority that it knows", "1.2", openssl("-tls1_2", "-verify_return_error", "-no-CAfile", "-no-CApath", "-no-CAstore"),
			[]string{`outcome="certificate not trusted" reason="making the TLS connection: tls: unknown certificate authority"`, `hint="the phone's trust list (ITL or CTL) does not name the CAPF certificate that serve shows`}},
		{"the same with TLS 1.3", "1.2", openssl("-tls1_3", "-verify_return_error", "-no-CAfile", "-no-CApath", "-no-CAstore"), []string{`hint="it broke off when`}},
		{"Go's words", "1.2", dial(strange), []string{"tls: bad certificate", `does not name the CAPF certificate`}},
		{"TLS 1.0", "1.2", dial(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}),
			[]string{`outcome="no common TLS"`, "unsupported versions: [301]", `hint="the phone speaks TLS 1.0 at most: capf set tls_min_version 1.0, then capf service restart capf"`}},
		{"TLS 1.1", "1.2", dial(&tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}),
			[]string{"unsupported versions: [302 301]", "TLS 1.1 at most"}},
		{"old suites with TLS 1.2", "1.2", dial(&tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_CBC_SHA}}),
			[]string{`outcome="no common TLS"`, "no cipher suite supported", "set tls_min_version 1.1"}},
		{"RC4 alone", "1.0", dial(&tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_RC4_128_SHA}}),
			[]string{`outcome="no common TLS"`, "newer firmware"}},
		{"SHA-1 alone", "1.0", openssl("-tls1_2", "-cipher", "ALL:@SECLEVEL=0", "-sigalgs", "RSA+SHA1"),
			[]string{`outcome="no common TLS"`, "takes no signature better than SHA-1"}},
		{"a web browser", "1.2", say("GET / HTTP/1.1\r\nHost: capf\r\n\r\n", true), []string{`outcome="connection lost"`, `hint="this is no TLS`}},
		{"a probe", "1.2", say("", false), []string{`outcome="connection lost"`, "!hint="}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var log book
			h := open(t)
			h.set("tls_min_version", test.lowest)
			h.stop()
			h.start(log.log)
			test.come(h.address)
			eventually(t, "the session is logged", func() bool { return log.has("msg=session ") })
			for _, want := range test.log {
				not := strings.HasPrefix(want, "!")
				if log.has(strings.TrimPrefix(want, "!")) == not {
					t.Errorf("the log has not %q:\n%s", want, log.text.String())
				}
			}
		})
	}
}

// TestWentAfterTheCertificate: some phones turn a certificate down without a word.
func TestWentAfterTheCertificate(t *testing.T) {
	t.Parallel()
	var log book
	h := open(t, log.log)
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(patience))
	phone := tls.Client(conn, &tls.Config{MaxVersion: tls.VersionTLS12, InsecureSkipVerify: true,
		VerifyConnection: func(tls.ConnectionState) error { conn.Close(); return io.EOF }})
	if err := phone.Handshake(); err == nil {
		t.Error("the phone was content")
	}
	eventually(t, "the session is logged", func() bool { return log.has("msg=session ") })
	if !log.has(`hint="it broke off when it had seen the CAPF certificate: the phone's trust list`) {
		t.Errorf("the log has no hint:\n%s", log.text.String())
	}
}
