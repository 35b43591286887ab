package onlineca_test

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
)

// How each kind of web server refuses a login, what is said of it, and that the
// password is sent to none that should not have it.
func TestRefusedLogins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		kind   onlineca.Type
		offers []string // of the 401
		change func(*onlineca.Config)
		reason string
		advice []string
		shown  bool // the server gets to see the password
	}{
		{"basic only, NTLM required", onlineca.Microsoft, []string{"Basic realm=x"}, func(c *onlineca.Config) { c.RequireNTLM = true },
			"online_ca_require_ntlm keeps the password", []string{"NTLM", "online_ca_require_ntlm false"}, false},
		{"EST, basic only, NTLM required", onlineca.EST, []string{"Basic realm=x"}, func(c *onlineca.Config) { c.RequireNTLM = true },
			"online_ca_require_ntlm keeps the password", []string{"NTLM"}, false},
		{"Kerberos only", onlineca.Microsoft, []string{"Negotiate"}, nil,
			"refuses NTLM", []string{"Restrict NTLM: Incoming NTLM traffic", "Negotiate:Kerberos", "Basic"}, false},
		{"Kerberos only, with a token", onlineca.Microsoft, []string{"Negotiate oQcwBaADCgEC"}, nil,
			"refuses NTLM", []string{"Restrict NTLM"}, false},
		{"Kerberos and basic, NTLM required", onlineca.Microsoft, []string{"Negotiate", "Basic realm=x"}, func(c *onlineca.Config) { c.RequireNTLM = true },
			"refuses NTLM", []string{"Restrict NTLM"}, false},
		{"Digest only", onlineca.Microsoft, []string{`Digest realm="x", nonce="y"`}, nil, "offers only Digest", []string{"NTLM", "Basic"}, false},
		{"EST, Digest only", onlineca.EST, []string{`Digest realm="x", nonce="y"`}, nil, "offers only Digest", []string{"Basic", "client certificate"}, true},
		{"no header", onlineca.Microsoft, nil, nil, "does not say which", []string{"Windows Authentication"}, false},
		{"EST, no header", onlineca.EST, nil, nil, "names no other way", []string{"online_ca_password", "client certificate"}, true},
		{"EST, no header, no user", onlineca.EST, nil, func(c *onlineca.Config) { c.Username, c.Password = "", "" },
			"does not say which", []string{"client certificate"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			shown := false
			front := func(w http.ResponseWriter, r *http.Request) bool {
				if _, pass, ok := r.BasicAuth(); ok && pass == password {
					shown = true
				}
				if value := r.Header.Get("Authorization"); strings.Contains(value, "TlRMTVNTUAAD") {
					shown = true
				}
				for _, offer := range test.offers {
					w.Header().Add("WWW-Authenticate", offer)
				}
				w.WriteHeader(http.StatusUnauthorized)
				return true
			}
			var s *catest.Server
			if test.kind == onlineca.EST {
				s = catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Front: front}}).Server
			} else {
				s = catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Front: front}}).Server
			}
			_, err := client(t, s, test.kind, test.change).Submit(t.Context(), ecRequest(t))
			s.Close()
			e := failure(t, err, onlineca.ErrRejected)
			if e.Code != "401" || e.Sent || !strings.Contains(e.Reason, test.reason) || strings.Contains(e.Error(), "denied") {
				t.Errorf("%v", e)
			}
			for _, word := range test.advice {
				if !strings.Contains(e.Advice, word) {
					t.Errorf("the advice %q does not speak of %q", e.Advice, word)
				}
			}
			if shown != test.shown {
				t.Errorf("the server has seen the password: %v", shown)
			}
		})
	}
}

// A web server that wants a client certificate in the handshake has a page for who
// shows none or another; these are nginx's, Apache's and IIS's own words.
func TestClientCertificateWanted(t *testing.T) {
	t.Parallel()
	const page = "<html>\r\n<head><title>400 %s</title></head>\r\n<body>\r\n<center><h1>400 Bad Request</h1></center>\r\n<center>%s</center>\r\n<hr><center>nginx/1.22.1</center>"
	nginx := func(words string) string { return strings.ReplaceAll(page, "%s", words) }
	for _, test := range []struct {
		status             int
		page, code, reason string
	}{
		{400, nginx("No required SSL certificate was sent"), "496", "shown none"},
		{400, nginx("The SSL certificate error"), "495", "does not take our client certificate"},
		{403, "<p>You don't have permission to access this resource.Reason: Cannot perform Post-Handshake Authentication.<br />", "403", "only after the handshake"},
		{403, "<h2>403 - Forbidden: Access is denied.</h2> HTTP Error 403.7 - Forbidden", "403.7", "shown none"},
		{403, "HTTP Error 403.16 - Forbidden: Your client certificate is either not trusted or is invalid.", "403.16", "does not take our client certificate"},
	} {
		front := func(w http.ResponseWriter, _ *http.Request) bool {
			w.WriteHeader(test.status)
			io.WriteString(w, test.page)
			return true
		}
		transport := catest.Transport{Front: front}
		for kind, s := range map[onlineca.Type]*catest.Server{
			onlineca.EST:       catest.MustEST(t, catest.ESTOptions{Transport: transport}).Server,
			onlineca.Microsoft: catest.MustCertsrv(t, catest.CertsrvOptions{Transport: transport}).Server,
		} {
			c := client(t, s, kind, nil)
			_, err := c.Submit(t.Context(), ecRequest(t))
			e := failure(t, err, onlineca.ErrRejected)
			if e.Code != test.code || e.Sent || !strings.Contains(e.Reason, test.reason) || !strings.Contains(e.Advice, "online_ca_client_certificate") {
				t.Errorf("%s, %s: %v; %s", kind, test.code, e, e.Advice)
			}
			steps := c.Check(t.Context(), nil)
			last := steps[len(steps)-1]
			if last.Name != onlineca.StepAuthentication || last.OK || !strings.Contains(last.Text, test.reason) || !strings.Contains(last.Advice, "online_ca_client_certificate") {
				t.Errorf("%s, %s: %+v", kind, test.code, last)
			}
		}
	}
}

// A web server that closes the connection instead of answering runs, and the advice
// does not doubt that.
func TestClosedInsteadOfAnswer(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Front: func(http.ResponseWriter, *http.Request) bool {
		panic(http.ErrAbortHandler)
	}}})
	_, err := client(t, s.Server, onlineca.Microsoft, nil).Submit(t.Context(), ecRequest(t))
	e := failure(t, err, onlineca.ErrUnreachable)
	if !strings.Contains(e.Reason, "the connection broke") || !strings.Contains(e.Advice, "instead of answering") || !strings.Contains(e.Advice, "SSL Settings") {
		t.Errorf("%v; %s", e, e.Advice)
	}
}

// With NTLM demanded, a server that offers it as well gets it.
func TestNTLMDemanded(t *testing.T) {
	t.Parallel()
	s := catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic", "NTLM")}})
	verify(t, s.CA, enroll(t, client(t, s.Server, onlineca.Microsoft, func(c *onlineca.Config) { c.RequireNTLM = true }), ecRequest(t)))
}

// openSSLServer is openssl's own web server, with a certificate of the CA; it
// returns its port. Whoever asks for a page makes it shake hands again, if so told.
func openSSLServer(t *testing.T, ca *catest.CA, again bool, arguments ...string) (port int) {
	t.Helper()
	own, err := ca.Server([]string{"127.0.0.1"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.MarshalPKCS8PrivateKey(own.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	var text []byte
	for _, der := range own.Certificate {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	text = append(text, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})...)
	root := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Root().Raw})
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "server.pem"), text, 0o600), os.WriteFile(filepath.Join(dir, "root.pem"), root, 0o600)); err != nil {
		t.Fatal(err)
	}
	server := exec.CommandContext(t.Context(), "openssl", append([]string{"s_server", "-accept", "127.0.0.1:0", "-cert", "server.pem", "-cert_chain", "server.pem"}, arguments...)...)
	server.Dir = dir
	in, _ := server.StdinPipe()
	out, _ := server.StdoutPipe()
	server.Stderr = io.Discard
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { server.Process.Kill(); server.Wait() })
	listening := make(chan int, 1)
	go func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			if address, ok := strings.CutPrefix(line, "ACCEPT "); ok {
				_, number, _ := net.SplitHostPort(strings.TrimSpace(address))
				n, _ := strconv.Atoi(number)
				select {
				case listening <- n:
				default:
				}
			}
			if again && strings.Contains(line, " HTTP/1.1") {
				io.WriteString(in, "R\n")
			}
		}
	}()
	return <-listening
}

// IIS asks for a client certificate by renegotiation, once it knows the path;
// here openssl does, after the first line of the request.
func TestRenegotiation(t *testing.T) {
	t.Parallel()
	ca := catest.MustCA(t, catest.Options{})
	port := openSSLServer(t, ca, true, "-tls1_2")
	for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
		c, err := onlineca.New(onlineca.Config{Type: kind, Host: "127.0.0.1", Port: port, Username: user, Password: password, Roots: []*x509.Certificate{ca.Root()}})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.Submit(t.Context(), ecRequest(t))
		c.Close()
		e := failure(t, err, onlineca.ErrUnreachable)
		if e.Sent || !strings.Contains(e.Reason, "wants a client certificate") || !strings.Contains(e.Advice, "SSL Settings") || strings.Contains(e.Advice, "runs and answers") {
			t.Errorf("%v; %s", e, e.Advice)
		}
	}
}

// A server that wants a client certificate in the handshake has read no request
// when it gets none, or a foreign one, also with TLS 1.3, where it says so only when
// the client has finished.
func TestClientCertificateInHandshake(t *testing.T) {
	t.Parallel()
	ca := catest.MustCA(t, catest.Options{})
	foreign, err := catest.MustCA(t, catest.Options{}).Client("stranger")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"-tls1_2", "-tls1_3"} {
		for _, kind := range []onlineca.Type{onlineca.Microsoft, onlineca.EST} {
			for shown, want := range map[*tls.Certificate]string{nil: "wants a client certificate, and we have shown none", &foreign: "does not take our client certificate"} {
				port := openSSLServer(t, ca, false, version, "-Verify", "4", "-verify_return_error", "-CAfile", "root.pem")
				c, err := onlineca.New(onlineca.Config{Type: kind, Host: "127.0.0.1", Port: port, Username: user, Password: password,
					ClientCertificate: shown, Roots: []*x509.Certificate{ca.Root()}})
				if err != nil {
					t.Fatal(err)
				}
				_, err = c.Submit(t.Context(), ecRequest(t))
				e := failure(t, err, onlineca.ErrUnreachable)
				if e.Sent || !strings.Contains(e.Reason, want) || !strings.Contains(e.Advice, "online_ca_client_certificate") {
					t.Errorf("%s, %s: %v; %s", version, kind, e, e.Advice)
				}
				steps := c.Check(t.Context(), nil)
				if last := steps[len(steps)-1]; last.Name != onlineca.StepTLS || !strings.Contains(last.Text, want) {
					t.Errorf("%s, %s: %+v", version, kind, last)
				}
				c.Close()
			}
		}
	}
}
