package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// HTTPServer gives files by HTTP: GET and HEAD, and nothing else.
type HTTPServer struct {
	config Config
	gate   *gate
	server *http.Server
	socket net.Listener
	served sync.WaitGroup
}

// ListenHTTP begins to give files on the address.
func ListenHTTP(ctx context.Context, address string, c Config) (*HTTPServer, error) {
	socket, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	s := &HTTPServer{config: c, gate: newGate(c.Limits), socket: socket}
	s.server = &http.Server{
		Handler: s, DisableGeneralOptionsHandler: true, MaxHeaderBytes: 8 << 10,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 10 * time.Second,
		ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug), // clients that speak no HTTP
	}
	s.served.Go(func() { _ = s.server.Serve(gatedListener{socket, s}) })
	return s, nil
}

// Addr is the address on which it listens.
func (s *HTTPServer) Addr() net.Addr { return s.socket.Addr() }

// Shut closes the socket; when it returns, the address is free.
func (s *HTTPServer) Shut() {
	s.socket.Close()
	s.served.Wait()
}

// Drain waits for what is being sent until ctx ends, then breaks it off.
func (s *HTTPServer) Drain(ctx context.Context) {
	if s.server.Shutdown(ctx) != nil {
		s.server.Close()
	}
}

// gatedListener accepts the connections for which there is a place.
type gatedListener struct {
	net.Listener
	server *HTTPServer
}

func (l gatedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(c.RemoteAddr())
		if l.server.gate.enter(from) {
			return &gatedConn{Conn: c, leave: sync.OnceFunc(func() { l.server.gate.leave(from) })}, nil
		}
		c.Close()
		l.server.config.Giver.Ended(Result{Request: Request{Protocol: HTTP, From: from}, Outcome: Limited, Err: errors.New("too many connections")})
	}
}

// gatedConn gives its place back when it is closed.
type gatedConn struct {
	net.Conn
	leave func()
}

func (c *gatedConn) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// ReadFrom lets the system copy a file by itself.
func (c *gatedConn) ReadFrom(r io.Reader) (int64, error) { return io.Copy(c.Conn, r) }

// addressOf is that of the client; of an IPv4 one also on a dual-stack socket.
func addressOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// bodyWait is how long the rest of a body that is refused may take: without it, a client
// that never sends it would keep its place for ever.
const bodyWait = time.Second

// ServeHTTP answers one request.
func (s *HTTPServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	remote, _ := netip.ParseAddrPort(r.RemoteAddr)
	answer := &httpAnswer{w: w, limits: s.config.Limits, control: http.NewResponseController(w)}
	answer.result.Request = Request{Protocol: HTTP, From: remote.Addr().Unmap(), SizeOnly: r.Method == http.MethodHead}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		answer.result.Local = addressOf(local)
	}
	_ = answer.control.SetWriteDeadline(began.Add(s.config.Limits.Stalled)) // a connection of net/http has one
	if r.ContentLength != 0 {                                               // net/http reads a body that nobody wants before it closes
		_ = answer.control.SetReadDeadline(began.Add(bodyWait))
	}
	s.answer(r, answer)
	answer.result.Took = time.Since(began)
	s.config.Giver.Ended(answer.result)
}

func (s *HTTPServer) answer(r *http.Request, a *httpAnswer) {
	name, named := nameOf(r.RequestURI)
	a.result.Name = name
	switch {
	case !s.gate.ask(a.result.From):
		a.w.Header().Set("Retry-After", "5")
		a.refuse(http.StatusTooManyRequests, Limited, errors.New("too many requests"))
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		a.w.Header().Set("Allow", "GET, HEAD")
		a.refuse(http.StatusMethodNotAllowed, Refused, fmt.Errorf("the method %.20q", r.Method))
	case r.ContentLength != 0:
		a.refuse(http.StatusBadRequest, Refused, errors.New("a request with a body"))
	case !named:
		a.refuse(http.StatusNotFound, Refused, errors.New("no name of a file"))
	default:
		ctx, cancel := context.WithTimeout(r.Context(), s.config.Limits.Stalled)
		defer cancel()
		a.give(s.config.Giver.Give(ctx, a.result.Request))
	}
}

// nameOf is the file that a request names. The only letter that has to be escaped is
// the blank: whoever escapes another one, such as a dot or a slash, means no file of
// ours.
func nameOf(uri string) (name string, ok bool) {
	name, ok = strings.CutPrefix(uri, "/")
	plain := strings.ReplaceAll(name, "%20", " ")
	if !ok || len(name) > longestName || strings.ContainsAny(plain, "%?#") {
		return name[:min(len(name), longestName)], false
	}
	if _, err := url.Parse("/" + name); err != nil {
		return name, false
	}
	return plain, true
}

// httpAnswer is the answer to one request.
type httpAnswer struct {
	w       http.ResponseWriter
	control *http.ResponseController
	limits  Limits
	result  Result
}

// refuse answers with a status alone, and closes the connection where the client does
// what no phone does.
func (a *httpAnswer) refuse(status int, o Outcome, err error) {
	if o != NotFound {
		a.w.Header().Set("Connection", "close")
	}
	a.w.Header().Set("Content-Length", "0")
	a.w.WriteHeader(status)
	a.result.Outcome, a.result.Err = o, err
}

// give sends the file, or says that there is none.
func (a *httpAnswer) give(f File, err error) {
	switch {
	case errors.Is(err, ErrNotFound):
		a.refuse(http.StatusNotFound, NotFound, err)
		return
	case errors.Is(err, ErrForbidden):
		a.refuse(http.StatusForbidden, Forbidden, err)
		return
	case err != nil:
		a.refuse(http.StatusInternalServerError, Failed, err)
		return
	}
	defer f.Close()
	a.w.Header().Set("Content-Type", f.Type)
	a.w.Header().Set("Content-Length", strconv.FormatInt(f.Size, 10))
	a.w.WriteHeader(http.StatusOK)
	a.result.Outcome = Sent
	if a.result.SizeOnly {
		return
	}
	switch err := a.send(f); {
	case errors.Is(err, io.EOF):
		a.result.Outcome, a.result.Err = Failed, errors.New("the file has become shorter meanwhile")
	case err != nil:
		a.result.Outcome, a.result.Err = Broken, err
	}
}

// piece is how much of a file a client must take before it counts as stalled.
const piece = 256 << 10

func (a *httpAnswer) send(f File) error {
	for a.result.Bytes < f.Size {
		if err := a.control.SetWriteDeadline(time.Now().Add(a.limits.Stalled)); err != nil {
			return err
		}
		n, err := io.CopyN(a.w, f.ReadCloser, min(piece, f.Size-a.result.Bytes))
		a.result.Bytes += n
		if err != nil {
			return err
		}
	}
	return nil
}
