package catest

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Login says whom a server lets in, and how.
type Login struct {
	Username string   // user, without a domain; empty lets everybody in
	Password string   //
	Schemes  []string // of "Basic", "NTLM", "Negotiate", as offered; default Basic

	// ExtendedProtection is "", "allowed" or "required": whether NTLM must be
	// bound to the TLS connection.
	ExtendedProtection string
	// EachRequest forgets an NTLM login after one request.
	EachRequest bool

	// ClientCAs asks for a client certificate; who shows one is let in.
	ClientCAs []*x509.Certificate
}

// Transport is what all servers have in common.
type Transport struct {
	CA     *CA
	Listen string // "127.0.0.1:0"
	Login  Login
	Delay  time.Duration // before every answer

	// Certificate is the HTTPS certificate; default one for 127.0.0.1, ::1,
	// localhost and Names.
	Certificate *tls.Certificate
	Names       []string
	MinTLS      uint16 // the lowest version that the server speaks
	MaxTLS      uint16 // the highest version that the server speaks, as crypto/tls numbers them

	// Intercept sees every request after the login. It returns true when it
	// has answered, well or badly.
	Intercept func(http.ResponseWriter, *http.Request) bool
	// Front sees every request before the login.
	Front func(http.ResponseWriter, *http.Request) bool
}

// Server is one that listens.
type Server struct {
	Host string
	Port int
	CA   *CA

	http     *http.Server
	login    Login
	leaf     *x509.Certificate
	requests atomic.Int64
	logins   atomic.Int64
	refused  atomic.Int64

	mu   sync.Mutex // guards open
	open map[net.Conn]bool
	most int
}

// URL is the root of the server.
func (s *Server) URL() string { return "https://" + net.JoinHostPort(s.Host, fmt.Sprint(s.Port)) }

// Close ends the listener and all connections.
func (s *Server) Close() { s.http.Close() }

// Drop closes the connections that are open, and goes on.
func (s *Server) Drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for conn := range s.open {
		conn.Close()
	}
}

// Requests counts the requests that came, logins included.
func (s *Server) Requests() int { return int(s.requests.Load()) }

// Logins counts the logins that succeeded, Refused those that did not.
func (s *Server) Logins() int { return int(s.logins.Load()) }

// Refused counts the logins that failed.
func (s *Server) Refused() int { return int(s.refused.Load()) }

// MostConnections is the largest number of connections that were open at once.
func (s *Server) MostConnections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.most
}

type connectionKey struct{}

// connection is what a server keeps of one TCP connection.
type connection struct {
	mu        sync.Mutex // guards the rest
	challenge []byte
	loggedIn  bool
}

func start(t Transport, handler http.Handler) (*Server, error) {
	if t.Listen == "" {
		t.Listen = "127.0.0.1:0"
	}
	if len(t.Login.Schemes) == 0 {
		t.Login.Schemes = []string{"Basic"}
	}
	if t.Certificate == nil {
		c, err := t.CA.Server(append([]string{"127.0.0.1", "::1", "localhost"}, t.Names...), nil)
		if err != nil {
			return nil, err
		}
		t.Certificate = &c
	}
	leaf, err := x509.ParseCertificate(t.Certificate.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("reading the HTTPS certificate: %w", err)
	}
	listener, err := net.Listen("tcp", t.Listen)
	if err != nil {
		return nil, fmt.Errorf("listening on %q: %w", t.Listen, err)
	}
	address := listener.Addr().(*net.TCPAddr)
	s := &Server{Host: address.IP.String(), Port: address.Port, CA: t.CA, login: t.Login, leaf: leaf, open: map[net.Conn]bool{}}
	s.http = &http.Server{
		Handler:           s.wrap(t, handler),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		TLSConfig:         t.tlsConfig(),
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // NTLM knows HTTP/1.1 only
		ConnState:         s.count,
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, &connection{})
		},
	}
	go s.http.ServeTLS(listener, "", "") // ends with Close
	return s, nil
}

func (t Transport) tlsConfig() *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{*t.Certificate}, NextProtos: []string{"http/1.1"}}
	if t.MaxTLS != 0 {
		c.MinVersion, c.MaxVersion = tls.VersionTLS10, t.MaxTLS
	}
	if t.MinTLS != 0 {
		c.MinVersion = t.MinTLS
	}
	if len(t.Login.ClientCAs) > 0 {
		c.ClientCAs, c.ClientAuth = x509.NewCertPool(), tls.VerifyClientCertIfGiven
		for _, ca := range t.Login.ClientCAs {
			c.ClientCAs.AddCert(ca)
		}
	}
	return c
}

func (s *Server) count(conn net.Conn, state http.ConnState) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch state {
	case http.StateNew:
		s.open[conn] = true
		s.most = max(s.most, len(s.open))
	case http.StateClosed, http.StateHijacked:
		delete(s.open, conn)
	}
}

func (s *Server) wrap(t Transport, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		if t.Front != nil && t.Front(w, r) {
			return
		}
		if !s.admit(w, r) {
			return
		}
		if t.Delay > 0 {
			select {
			case <-time.After(t.Delay):
			case <-r.Context().Done():
				return
			}
		}
		if t.Intercept != nil && t.Intercept(w, r) {
			return
		}
		next.ServeHTTP(w, r)
	})
}

// admit lets a request through or has answered it with 401.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	if s.login.Username == "" && len(s.login.ClientCAs) == 0 || r.TLS != nil && len(r.TLS.VerifiedChains) > 0 {
		return true
	}
	c := r.Context().Value(connectionKey{}).(*connection)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loggedIn {
		c.loggedIn = !s.login.EachRequest
		return true
	}
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch {
	case s.login.Username == "" || !s.offers(scheme):
		s.refuse(w, s.login.Schemes...)
	case strings.EqualFold(scheme, "Basic"):
		if user, password, _ := r.BasicAuth(); s.same(user, password) {
			s.logins.Add(1)
			return true
		}
		s.refused.Add(1)
		s.refuse(w, s.login.Schemes...)
	default:
		return s.negotiate(w, c, scheme, value)
	}
	return false
}

func (s *Server) offers(scheme string) bool {
	for _, offered := range s.login.Schemes {
		if strings.EqualFold(scheme, offered) {
			return true
		}
	}
	return false
}

func (s *Server) refuse(w http.ResponseWriter, offers ...string) {
	for _, offer := range offers {
		if offer == "Basic" {
			offer = `Basic realm="test, CA"`
		}
		w.Header().Add("WWW-Authenticate", offer)
	}
	w.Header().Set("Content-Type", "text/html")
	w.WriteHeader(http.StatusUnauthorized)
	io.WriteString(w, "<html><head><title>401</title></head><body><h1>Unauthorized</h1></body></html>")
}

// same takes the user with a domain before or behind it, or without.
func (s *Server) same(user, password string) bool {
	if _, after, ok := strings.Cut(user, `\`); ok {
		user = after
	}
	user, _, _ = strings.Cut(user, "@")
	return strings.EqualFold(user, s.login.Username) && password == s.login.Password
}

// negotiate does the two steps of NTLM.
func (s *Server) negotiate(w http.ResponseWriter, c *connection, scheme, value string) bool {
	raw, err := base64.StdEncoding.DecodeString(value)
	if err == nil && c.challenge == nil && messageType(raw) == 1 {
		c.challenge = newChallenge()
		s.refuse(w, scheme+" "+base64.StdEncoding.EncodeToString(challengeMessage(c.challenge)))
		return false
	}
	challenge := c.challenge
	c.challenge = nil
	if err == nil && challenge != nil && s.verify(raw, challenge) {
		s.logins.Add(1)
		c.loggedIn = !s.login.EachRequest
		return true
	}
	s.refused.Add(1)
	s.refuse(w, s.login.Schemes...)
	return false
}
