package metrics

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Page is the path of the metrics.
const Page = "/metrics"

// looksAtOnce is how many may look at the same time; the page is short, and one
// Prometheus has one look.
const looksAtOnce = 4

func (m *Meter) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+Page, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: looksAtOnce, ErrorHandling: promhttp.ContinueOnError}))
	return mux
}

// Serve shows the page on the address until ctx ends; ready is told where. It
// has no access control: the address should be one that only the monitoring
// reaches. The error is one of listening.
func (m *Meter) Serve(ctx context.Context, address string, ready func(net.Addr)) error {
	socket, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening on %q for metrics: %w", address, err)
	}
	s := &http.Server{
		Handler: m.handler(), ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 16 << 10,
	}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	ready(socket.Addr())
	if err := s.Serve(socket); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("showing metrics on %q: %w", address, err)
	}
	return nil
}
