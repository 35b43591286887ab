package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"capf/enroll/phone"
	"capf/enroll/wire"
)

// attackOrder tells an attacker process which attack to make.
type attackOrder struct {
	Attack, Server string
	Connections    int
}

// underway is a running attack. It has its own process, which uses only what
// the phones leave of their cores.
type underway struct {
	cmd  *exec.Cmd
	line io.Closer // its standard input; the attack ends when it is closed
	made atomic.Int64
}

func beginAttack(ctx context.Context, o options, order attackOrder) (*underway, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(order)
	if err != nil {
		return nil, err
	}
	u := &underway{cmd: exec.CommandContext(ctx, "nice", "-n", "19", self, "attack", string(text))}
	u.cmd.Stderr = os.Stderr
	if u.line, err = u.cmd.StdinPipe(); err != nil {
		return nil, err
	}
	counts, err := u.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := startOn(o.cores.Others, u.cmd); err != nil {
		return nil, fmt.Errorf("starting an attack: %w", err)
	}
	go func() {
		for lines := bufio.NewScanner(counts); lines.Scan(); {
			if n, err := strconv.ParseInt(lines.Text(), 10, 64); err == nil {
				u.made.Store(n)
			}
		}
	}()
	return u, nil
}

func (u *underway) end() {
	u.line.Close()
	_ = u.cmd.Wait() // how it ends does not matter
}

// attackers are the connections of an attack.
type attackers struct {
	server string
	act    func(ctx context.Context, a *attackers, i int)
	making chan struct{} // bounds how many are being made at once
	made   atomic.Int64
}

// makeAttack keeps connections busy until standard input ends, and writes at
// short intervals how many it has made.
func makeAttack(args []string) error {
	var order attackOrder
	if err := json.NewDecoder(bytes.NewReader([]byte(args[0]))).Decode(&order); err != nil {
		return err
	}
	a := &attackers{server: order.Server, making: make(chan struct{}, 200)}
	for _, one := range attacks() {
		if one.name == order.Attack {
			a.act = one.act
		}
	}
	if a.act == nil {
		return fmt.Errorf("there is no attack %q", order.Attack)
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	var all sync.WaitGroup
	for i := range order.Connections {
		all.Go(func() {
			for sleeping(ctx, 0) {
				a.act(ctx, a, i)
			}
		})
	}
	for sleeping(ctx, 10*time.Millisecond) {
		fmt.Println(a.made.Load())
	}
	all.Wait()
	return nil
}

// dial makes a connection from an address, with TLS or without. After a
// failure it waits and goes on, as an attacker would.
func (a *attackers) dial(ctx context.Context, from netip.Addr, secure bool) net.Conn {
	a.making <- struct{}{}
	defer func() { <-a.making }()
	dialer := net.Dialer{Timeout: 10 * time.Second, LocalAddr: net.TCPAddrFromAddrPort(netip.AddrPortFrom(from, 0))}
	conn, err := dialer.DialContext(ctx, "tcp", a.server)
	if err == nil && secure {
		line := tls.Client(conn, phoneTLS())
		if err = line.HandshakeContext(ctx); err != nil {
			conn.Close()
		}
		conn = line
	}
	if err != nil {
		sleeping(ctx, 10*time.Millisecond)
		return nil
	}
	a.made.Add(1)
	return conn
}

// attacker is the address of an attack from a single address.
var attacker = netip.AddrFrom4([4]byte{127, 2, 0, 1})

// sit holds a connection that makes no progress, and reconnects when the
// server ends it. Nine of ten never finish their handshake, and half of those
// never begin it; the tenth sends its first frame at a byte a second. A
// hundred come from one address.
func sit(ctx context.Context, a *attackers, i int) {
	conn := a.dial(ctx, netip.AddrFrom4([4]byte{127, 2, 1, byte(i / 100)}), i%10 == 0)
	if conn == nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	switch {
	case i%10 == 0:
		go func() {
			for b := []byte{wire.ProtocolID, 2, 0, 0, 0, 0, 0, 9}; len(b) > 0 && sleeping(ctx, time.Second); b = b[1:] {
				if _, err := conn.Write(b[:1]); err != nil {
					return
				}
			}
		}()
	case i%2 == 0:
		conn.Write([]byte{0x16, 3, 1, 2, 0, 1}) // whether it arrives does not matter
	}
	untilEnd(conn)
}

func shakeHands(ctx context.Context, a *attackers, _ int) {
	if conn := a.dial(ctx, attacker, true); conn != nil {
		conn.Close()
	}
}

// sendTooMuch sends the longest frame that a header can announce, filled with
// junk.
func sendTooMuch(ctx context.Context, a *attackers, _ int) {
	conn := a.dial(ctx, attacker, true)
	if conn == nil {
		return
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	frame := make([]byte, 8+65535)
	copy(frame, []byte{wire.ProtocolID, byte(wire.CmdAuthResponse), 0, 0, 0, 0, 0xff, 0xff})
	conn.Write(frame) // the server may have closed the connection before
	untilEnd(conn)
}

func untilEnd(conn net.Conn) {
	for piece := make([]byte, 256); ; {
		if _, err := conn.Read(piece); err != nil {
			return
		}
	}
}

func guess(ctx context.Context, a *attackers, _ int) {
	_, err := phone.Run(ctx, phone.Config{
		Device: guessed, Servers: []string{a.server}, From: attacker, TLS: phoneTLS(), Attempts: 1,
		Password: fmt.Appendf(nil, "%04d", rand.IntN(10_000)),
	})
	if errors.As(err, new(*phone.DeclinedError)) {
		a.made.Add(1)
	} else {
		sleeping(ctx, 10*time.Millisecond)
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
