package metrics

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Page is the path of the metrics.
const Page = "/metrics"

// looksAtOnce is how many scrapes may run at the same time; the page is short,
// and one Prometheus needs one.
const looksAtOnce = 4

// connectionsAtOnce is how many connections may be open; more wait in the
// kernel. The file descriptors are for the phones.
const connectionsAtOnce = 16

// limited is a listener with a limited number of connections.
type limited struct {
	net.Listener
	places chan struct{}
}

func limit(l net.Listener, most int) net.Listener { return limited{l, make(chan struct{}, most)} }

// Accept first waits for a free place. Once the listener is closed, the server
// closes its connections, so that one becomes free.
func (l limited) Accept() (net.Conn, error) {
	l.places <- struct{}{}
	leave := func() { <-l.places }
	conn, err := l.Listener.Accept()
	if err != nil {
		leave()
		return nil, err
	}
	return &placed{conn, sync.OnceFunc(leave)}, nil
}

// placed is a connection that holds a place until it is closed.
type placed struct {
	net.Conn
	leave func()
}

func (c *placed) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

func (m *Meter) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Page, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: looksAtOnce, ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// Serve serves the page on the address until ctx ends, and calls ready with
// the actual address. There is no access control: the address should be one
// that only the monitoring can reach. The error is one of listening.
func (m *Meter) Serve(ctx context.Context, address string, ready func(net.Addr)) error {
	socket, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %q for metrics: %w", address, err)
	}
	s := &http.Server{
		Handler: m.handler(), ReadTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10,
		ErrorLog: slog.NewLogLogger(m.log.With("of", "metrics").Handler(), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	ready(socket.Addr())
	if err := s.Serve(limit(socket, connectionsAtOnce)); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("showing metrics on %q: %w", address, err)
	}
	return nil
}
