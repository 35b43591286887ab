package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync/atomic"
	"time"

	"github.com/pin/tftp/v3"
)

// How a client that does not acknowledge is treated: what it has not acknowledged is
// sent again at this interval, so often.
const (
	resendAfter = 2 * time.Second
	resends     = 4
)

// TFTPServer gives files by TFTP. It takes none.
type TFTPServer struct {
	config Config
	gate   *gate
	server *tftp.Server
	socket *net.UDPConn
	served chan struct{} // it no longer reads requests
	ended  chan struct{} // the last transfer has ended
	ending atomic.Bool   // transfers are broken off
}

// ListenTFTP begins to give files on the address.
func ListenTFTP(ctx context.Context, address string, c Config) (*TFTPServer, error) {
	socket, err := (&net.ListenConfig{}).ListenPacket(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	s := &TFTPServer{config: c, gate: newGate(c.Limits), socket: socket.(*net.UDPConn), served: make(chan struct{}), ended: make(chan struct{})}
	s.server = tftp.NewServer(s.read, s.write)
	s.server.SetTimeout(resendAfter)
	s.server.SetRetries(resends)
	s.server.SetBackoff(func(int) time.Duration { return 0 })
	s.server.SetBlockSize(largestBlock)
	s.server.SetHook(malformed{c.Giver})
	go func() {
		defer close(s.served)
		if err := s.server.Serve(s.socket); err != nil {
			c.Log.Error("requests by TFTP are no longer read", "reason", err)
		}
	}()
	return s, nil
}

// Addr is the address on which it listens.
func (s *TFTPServer) Addr() net.Addr { return s.socket.LocalAddr() }

// Shut closes the socket; when it returns, the address is free.
func (s *TFTPServer) Shut() {
	go func() {
		defer close(s.ended)
		s.server.Shutdown() // it also waits for the transfers
	}()
	<-s.served
}

// Drain waits for what is being sent until ctx ends. Then each transfer ends by
// itself: at its next block, or when a client that is silent has been given up.
func (s *TFTPServer) Drain(ctx context.Context) {
	select {
	case <-s.ended:
	case <-ctx.Done():
		s.ending.Store(true)
	}
}

// malformed is told by the library of packets that are no requests.
type malformed struct{ giver Giver }

// OnSuccess is of no interest: whoever gave the file knows it.
func (malformed) OnSuccess(tftp.TransferStats) {}

// OnFailure is called for packets that are no requests, without an address, and for
// transfers, whose end is known already.
func (m malformed) OnFailure(stats tftp.TransferStats, err error) {
	if stats.RemoteAddr == nil {
		m.giver.Ended(Result{Request: Request{Protocol: TFTP}, Outcome: Refused, Err: err})
	}
}

// What clients are told. The library has one error code for all, that of a file which
// is not found.
var (
	errTellNotFound = errors.New("file not found")
	errTellRefused  = errors.New("not allowed")
	errTellLimited  = errors.New("too many requests; try again later")
	errTellFailed   = errors.New("not available")
)

// write refuses a file.
func (s *TFTPServer) write(name string, w io.WriterTo) error {
	s.config.Giver.Ended(Result{Request: s.request(name, w), Outcome: Refused, Err: errors.New("a request to write")})
	return errTellRefused
}

// request is what the client asks for, with a name that fits into a log.
func (s *TFTPServer) request(name string, peer any) Request {
	r := Request{Protocol: TFTP, Name: name[:min(len(name), longestName)]}
	if p, ok := peer.(interface{ RemoteAddr() net.UDPAddr }); ok {
		remote := p.RemoteAddr()
		r.From = addressOf(&remote)
	}
	if p, ok := peer.(tftp.RequestPacketInfo); ok {
		local, _ := netip.AddrFromSlice(p.LocalIP()) // the system may not say which it is
		r.Local = local.Unmap()
	}
	return r
}

// read gives a file, and returns what the client is told if it does not get it.
func (s *TFTPServer) read(name string, to io.ReaderFrom) (tell error) {
	began := time.Now()
	result := Result{Request: s.request(name, to)}
	defer func() {
		result.Took = time.Since(began)
		s.config.Giver.Ended(result)
	}()
	if !s.gate.ask(result.From) {
		result.Outcome, result.Err = Limited, errors.New("too many requests")
		return errTellLimited
	}
	if !s.gate.enter(result.From) {
		result.Outcome, result.Err = Limited, errors.New("too many transfers")
		return errTellLimited
	}
	defer s.gate.leave(result.From)
	if len(name) > longestName {
		result.Outcome, result.Err = Refused, errors.New("no name of a file")
		return errTellNotFound
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Limits.Stalled)
	f, err := s.config.Giver.Give(ctx, result.Request)
	cancel()
	if err != nil {
		result.Outcome, result.Err, tell = notGiven(err)
		return tell
	}
	defer f.Close()
	if sized, ok := to.(tftp.OutgoingTransfer); ok {
		sized.SetSize(f.Size)
	}
	source := &patient{file: f, server: s, until: began.Add(s.config.Limits.Stalled + time.Duration(f.Size/s.config.Limits.Slowest)*time.Second)}
	_, err = to.ReadFrom(source)
	result.Bytes, result.Outcome = source.read, Sent
	switch {
	case source.failed != nil:
		result.Outcome, result.Err = Failed, source.failed
	case err != nil:
		result.Outcome, result.Err = Broken, err
	}
	return nil // the library has told the client
}

// notGiven is what a file that is not given means: for us, and for the client.
func notGiven(err error) (Outcome, error, error) {
	switch {
	case errors.Is(err, ErrNotFound):
		return NotFound, err, errTellNotFound
	case errors.Is(err, ErrForbidden):
		return Forbidden, err, errTellRefused
	}
	return Failed, err, errTellFailed
}

// patient reads a file for a client, but not for ever.
type patient struct {
	file   io.Reader
	server *TFTPServer
	until  time.Time
	read   int64
	failed error // the file could not be read
}

// Read is called once a block. What it returns, the client is told.
func (p *patient) Read(b []byte) (int, error) {
	switch {
	case p.server.ending.Load():
		return 0, errors.New("the server stops")
	case time.Now().After(p.until):
		return 0, errors.New("too slow")
	}
	n, err := p.file.Read(b)
	p.read += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		p.failed = fmt.Errorf("after %d bytes: %w", p.read, err)
		return n, errTellFailed
	}
	return n, err
}
