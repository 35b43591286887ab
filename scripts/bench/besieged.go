package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// besieged is how phones enrol beside connections that get nowhere.
type besieged struct {
	Connections int           `json:"connections"`
	Open        int64         `json:"open"` // in the middle of the measurement
	Clients     int           `json:"clients"`
	Alone       float64       `json:"alone_per_second"`
	Beside      float64       `json:"beside_per_second"`
	Ratio       float64       `json:"ratio"`
	P50         time.Duration `json:"p50_ns"` // beside them
	P99         time.Duration `json:"p99_ns"`
	Made        int64         `json:"connections_made"` // also those that replaced others
	Memory      int64         `json:"bytes_per_connection"`
}

// besiegers is how many connections are made at the same time.
const besiegers = 200

// besiege lets phones enrol alone, then beside connections which are made anew
// whenever the server ends one, all under the parameters as they come.
func (e *enrolments) besiege(ctx context.Context, side *side) (b *besieged, err error) {
	b = &besieged{Connections: e.halfOpen, Clients: 16}
	d, err := e.base.copyTo(filepath.Join(e.dir, "besieged"))
	if err != nil {
		return nil, err
	}
	server, err := serve(ctx, e.options, d)
	if err != nil {
		return nil, err
	}
	l := &load{server: server.address, kind: side.kind, phones: side.names, keys: e.keys}
	if err := e.compare(ctx, l, server, b); err != nil {
		server.cmd.Process.Kill()
		<-server.ended
		return nil, server.failure(err.Error())
	}
	return b, server.stop()
}

func (e *enrolments) compare(ctx context.Context, l *load, server *serving, b *besieged) error {
	if _, err := l.storm(ctx, b.Clients, b.Clients, time.Time{}); err != nil {
		return err
	}
	began := time.Now()
	took, err := l.storm(ctx, b.Clients, len(l.phones), began.Add(e.span/2))
	if err != nil {
		return err
	}
	b.Alone = float64(len(took)) / time.Since(began).Seconds()
	before, err := memory(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	siege := &siege{server: l.server}
	defer siege.begin(ctx, b.Connections)()
	for siege.open.Load() < int64(b.Connections)*9/10 {
		if !sleeping(ctx, 10*time.Millisecond) {
			return ctx.Err()
		}
	}
	after, err := memory(server.cmd.Process.Pid)
	if err != nil {
		return err
	}
	b.Memory = (after - before) / siege.open.Load()
	began = time.Now()
	if took, err = l.storm(ctx, b.Clients, len(l.phones), began.Add(e.span/2)); err != nil {
		return err
	}
	b.Beside = float64(len(took)) / time.Since(began).Seconds()
	b.Open, b.Made, b.Ratio = siege.open.Load(), siege.made.Load(), b.Beside/b.Alone
	b.P50, b.P99 = percentile(took, 50), percentile(took, 99)
	return nil
}

// siege is connections that get nowhere.
type siege struct {
	server     string
	open, made atomic.Int64
}

// begin keeps so many connections open until the function that it returns is
// called, which waits for their end.
func (s *siege) begin(ctx context.Context, n int) (end func()) {
	ctx, cancel := context.WithCancel(ctx)
	making := make(chan struct{}, besiegers)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			for sleeping(ctx, 0) {
				s.sit(ctx, i, making)
			}
		})
	}
	return func() { cancel(); all.Wait() }
}

// sit is one connection. Nine of ten never finish their handshake, of which
// every other has begun it; the tenth sends its first frame a byte a second.
func (s *siege) sit(ctx context.Context, i int, making chan struct{}) {
	making <- struct{}{}
	conn, err := (&net.Dialer{Timeout: 10 * time.Second}).DialContext(ctx, "tcp", s.server)
	if err == nil && i%10 == 0 {
		line := tls.Client(conn, phoneTLS())
		if err = line.HandshakeContext(ctx); err == nil {
			conn = line
		}
	}
	<-making
	if err != nil {
		if conn != nil {
			conn.Close()
		}
		sleeping(ctx, 100*time.Millisecond)
		return
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	s.made.Add(1)
	s.open.Add(1)
	defer s.open.Add(-1)
	switch {
	case i%10 == 0:
		go func() {
			for b := []byte{0x55, 2, 0, 0, 0, 0, 0, 9}; len(b) > 0 && sleeping(ctx, time.Second); b = b[1:] {
				if _, err := conn.Write(b[:1]); err != nil {
					return
				}
			}
		}()
	case i%2 == 0:
		conn.Write([]byte{0x16, 3, 1, 2, 0, 1}) // whether it arrives is all the same
	}
	for piece := make([]byte, 256); ; {
		if _, err := conn.Read(piece); err != nil {
			return
		}
	}
}

// sleeping returns false when ctx ends.
func sleeping(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return ctx.Err() == nil
	}
}

func (b *besieged) print(out *strings.Builder) {
	fmt.Fprintf(out, "\nEnrolment of %d phones at a time beside connections that never finish their handshake or their first frame\n", b.Clients)
	t := table(out, "connections", "open", "alone per s", "beside per s", "ratio", "p50 ms", "p99 ms", "made", "KiB each")
	t.row(b.Connections, b.Open, whole(b.Alone), whole(b.Beside), fmt.Sprintf("%.2f", b.Ratio), millis(b.P50), millis(b.P99), b.Made, fmt.Sprintf("%.1f", float64(b.Memory)/1024))
	t.end()
	fmt.Fprintf(out, "made: connections in all, since each that the server ends is made anew; KiB each: memory of the server for one\n")
}
