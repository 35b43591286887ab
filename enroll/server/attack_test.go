package server_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

// Attacks that stand elsewhere: TestLock (guesses one after the other, across a
// restart), TestByExistingCertificate (another phone's LSC or MIC),
// TestForgedProofs, TestMalformed (oversized frames, foreign session ids),
// TestSilence (slow handshakes and frames), TestSessionIDs.

// TestGuessesAtOnce sends many guesses of one string at the same moment, each
// over a connection of its own: ten are judged, whatever is under way, and the
// right one is of no use behind them. Other devices enroll meanwhile.
func TestGuessesAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.set("wrong_strings_per_address", "0") // one device's guesses are what this is about
	const guesses, right = 40, 25
	for round := range 3 {
		name := fmt.Sprintf("phone-%d", round)
		h.add(name, store.Install, mode(store.ByString), withString("77777"+fmt.Sprint(round)))
		honest := fmt.Sprintf("honest-%d", round)
		h.add(honest, store.Install, mode(store.ByString), withString("123456"))
		lines := make([]*conversation, guesses)
		for i := range lines {
			lines[i] = h.dial()
		}
		var passed atomic.Bool
		inParallel(t, guesses+1, guesses+1, func(i int) error {
			if i == guesses {
				_, err := h.phone(honest, func(c *phone.Config) { c.Password = []byte("123456") })
				return err
			}
			guess := fmt.Sprint(100000 + i)
			if i == right {
				guess = "77777" + fmt.Sprint(round)
			}
			c := lines[i]
			c.write(wire.AuthResponse{Version: 3, Device: name, Reason: wire.ReasonSuccess, Password: []byte(guess)}.Frame(c.id))
			f, err := wire.Read(c)
			if err == nil && f.Command == wire.CmdKeyGenerateRequest {
				passed.Store(true)
			}
			c.Close()
			return err
		})
		counted, locked := 0, 0
		eventually(t, "all guesses are recorded", func() bool {
			counted, locked = h.guesses(name)
			return counted+locked >= guesses-1
		})
		// The right one ends a row of wrong ones: nine before it, ten after it.
		if passed.Load() && counted > 19 || !passed.Load() && counted != 10 {
			t.Errorf("%d wrong guesses were judged, %d found the device locked; the right one passed: %v", counted, locked, passed.Load())
		}
	}
}

// guesses counts the wrong strings that were judged, and the strings that came
// while the device was locked.
func (h *house) guesses(device string) (judged, locked int) {
	h.Helper()
	for e, err := range h.base.Store.Events(h.Context(), store.EventFilter{Device: device}) {
		switch {
		case err != nil:
			h.Fatal(err)
		case e.Outcome == "wrong-string" || e.Outcome == "locked":
			judged++
		case e.Outcome == "declined" && strings.HasPrefix(e.Detail, "locked"):
			locked++
		}
	}
	return judged, locked
}

// TestReplay repeats what an honest phone said in an earlier session. Its SUDI
// is bound to the session; its other proof is not, by the protocol, which
// leaves that to TLS.
func TestReplay(t *testing.T) { overBoth(t, replay) }

func replay(t *testing.T, open opener) {
	h := open(t)
	capf, err := h.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine := identity(t, capf, crypto.RSA2048, sep, "", time.Now(), 90)
	h.add(sep, store.Install, mode(store.ByLSCPrecedence))
	h.record(sep, mine)
	var said wire.Frame
	_, err = h.phone(sep, func(c *phone.Config) {
		c.Existing, c.SUDI, c.StopAfter = mine, mine, wire.CmdKeyGenerateRequest
		c.Observe = func(sent bool, f wire.Frame) {
			if sent && f.Command == wire.CmdAuthResponse {
				said = f
			}
		}
	})
	if !errors.Is(err, phone.ErrStopped) {
		t.Fatal(err)
	}
	again := func(change func(*wire.Frame, uint32)) wire.Frame {
		c := h.dial()
		f := said
		change(&f, c.id)
		c.write(f)
		return c.read()
	}
	if f := again(func(*wire.Frame, uint32) {}); f.Command != wire.CmdEndSession {
		t.Errorf("the same bytes: %v", f.Command)
	}
	if f := again(func(f *wire.Frame, id uint32) { f.Session = id }); f.Command != wire.CmdEndSession {
		t.Errorf("with the new session's id: %v", f.Command)
	}
	withoutSUDI := func(f *wire.Frame, id uint32) {
		f.Session, f.Elements = id, nil
		for _, e := range said.Elements {
			if e.Tag != wire.TagSUDIData {
				f.Elements = append(f.Elements, e)
			}
		}
	}
	if f := again(withoutSUDI); f.Command != wire.CmdKeyGenerateRequest {
		t.Errorf("a phone without a SUDI says the same in each session, but got %v", f.Command)
	}
}

// TestNested sends certificates whose parts contradict one another, and DER
// that is as deep as a frame allows.
func TestNested(t *testing.T) { overBoth(t, nested) }

func nested(t *testing.T, open opener) {
	h := open(t)
	h.add(sep, store.Install, mode(store.ByLSCPrecedence))
	head := []byte{byte(wire.TagReason), 0, 1, 1, byte(wire.TagVersion), 0, 1, 3, byte(wire.TagDeviceName), 0, byte(len(sep) + 1)}
	head = append(append(head, sep...), 0)
	der := bytes.Repeat([]byte{0x30, 0x80}, 1000)
	element := func(tag byte, length int, value ...byte) []byte {
		return append([]byte{tag, byte(length >> 8), byte(length)}, value...)
	}
	inner := func(length int, value ...byte) []byte {
		return element(byte(wire.TagCertificate), len(value)+5, append([]byte{1, byte(length >> 8), byte(length), 0, 1}, value...)...)
	}
	for name, body := range map[string][]byte{
		"deep DER":             inner(len(der)+2, der...),
		"inner longer":         inner(len(der)+9, der...),
		"inner shorter":        inner(len(der)-9, der...),
		"inner without a type": element(byte(wire.TagCertificate), 3, 1, 0, 0),
		"inner empty":          element(byte(wire.TagCertificate), 0),
		"longer than the body": element(byte(wire.TagCertificate), 60000, 1, 0, 2, 0, 1),
		"a thousand elements":  bytes.Repeat([]byte{200, 0, 0}, 1000),
		"SUDI in SUDI":         element(byte(wire.TagSUDIData), 12, 0, 0, 9, byte(wire.TagSUDIData), 0, 6, 0, 0, 3, 1, 0, 0),
	} {
		c := h.dial()
		c.writeBytes(raw(byte(wire.CmdAuthResponse), c.id, append(bytes.Clone(head), body...)...))
		c.end(wire.ReasonDeclined)
		if d := h.device(sep); d.Operation != store.Install {
			t.Errorf("%s: the operation is %s", name, d.Operation)
		}
	}
}

// TestHalfOpen fills all places with connections that never get anywhere:
// phones that authenticate find room, and keep it.
func TestHalfOpen(t *testing.T) {
	t.Parallel()
	const limit, phones = 20, 12
	for name, sit := range map[string]func(net.Conn){
		"no byte":      func(net.Conn) {},
		"half a hello": func(c net.Conn) { c.Write([]byte{0x16, 3, 1, 2, 0, 1}) },
		"silent in TLS": func(c net.Conn) {
			tls.Client(c, &tls.Config{InsecureSkipVerify: true}).Handshake()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := open(t)
			h.set("max_sessions", fmt.Sprint(limit))
			addMany(h, phones)
			for range 5 * limit {
				conn, err := net.Dial("tcp", h.address)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { conn.Close() })
				go func() {
					sit(conn)
					io.Copy(io.Discard, conn)
				}()
			}
			inParallel(t, phones/2, phones, func(i int) error {
				_, err := h.phone(nthDevice(i), func(c *phone.Config) { c.Attempts, c.Interval = 3, 50*time.Millisecond })
				return err
			})
		})
	}
}

// crowd opens so many connections from an address of its own, which say
// nothing, and counts those that the server ends.
func (h *house) crowd(n int, gone *atomic.Int64) {
	h.Helper()
	from := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	for range n {
		conn, err := from.Dial("tcp", h.address)
		if err != nil {
			h.Fatal(err)
		}
		h.Cleanup(func() { conn.Close() })
		go func() {
			io.Copy(io.Discard, conn)
			gone.Add(1)
		}()
	}
}

// TestFlood is one address that opens all it can. The limit for an address
// leaves room for the phones at others.
func TestFlood(t *testing.T) {
	t.Parallel()
	h := open(t)
	const limit = 5
	h.set("max_sessions_per_address", fmt.Sprint(limit))
	h.add(sep, store.Install)
	var gone atomic.Int64
	h.crowd(10*limit, &gone)
	eventually(t, "all but the limit are turned away", func() bool { return gone.Load() == 9*limit })
	if _, err := h.phone(sep); err != nil {
		t.Errorf("a phone at another address: %v", err)
	}
	if n := gone.Load(); n != 9*limit {
		t.Errorf("%d are gone", n)
	}
}

// TestCrowd: when all places are taken, an address that has most of them gets
// no more by coming again and again, so that a phone which is slow to
// authenticate is not driven out.
func TestCrowd(t *testing.T) {
	t.Parallel()
	h := open(t)
	const limit = 20
	h.set("max_sessions", fmt.Sprint(limit))
	h.add(sep, store.Install)
	var gone atomic.Int64
	h.crowd(2*limit, &gone)
	eventually(t, "the places are taken", func() bool { return gone.Load() == limit })
	slow := h.dial() // the server has greeted it, so it has one of them
	h.crowd(5*limit, &gone)
	eventually(t, "the others are turned away", func() bool { return gone.Load() == 6*limit+1 })
	slow.hello(sep)
	if f := slow.read(); f.Command != wire.CmdKeyGenerateRequest {
		t.Errorf("the phone that was slow got %v", f.Command)
	}
}

// TestOneName: who knows the name of one phone cannot hold all places with it,
// since its earlier sessions make room.
func TestOneName(t *testing.T) { overBoth(t, oneName) }

func oneName(t *testing.T, open opener) {
	h := open(t)
	const limit = 10
	h.set("max_sessions", fmt.Sprint(limit))
	h.add("known", store.Install)
	h.add(sep, store.Install)
	var held []*conversation
	for range limit {
		c := h.dial()
		c.hello("known")
		if f := c.read(); f.Command != wire.CmdKeyGenerateRequest {
			t.Fatalf("the server sent %v", f.Command)
		}
		held = append(held, c)
	}
	if _, err := h.phone(sep); err != nil {
		t.Errorf("an honest phone: %v", err)
	}
	newest := held[limit-1]
	newest.write(wire.KeyGenerateResponse{PublicKey: publicOf(t, "known", crypto.RSA2048)}.Frame(newest.id))
	if f := newest.read(); f.Command != wire.CmdStoreCertificateRequest {
		t.Errorf("the newest session of the known one got %v", f.Command)
	}
	if d := h.device("known"); d.Status != store.StatusPending {
		t.Errorf("the session that made room left the status %q", d.Status)
	}
}

// TestLongHello: a ClientHello that never ends is not kept.
func TestLongHello(t *testing.T) { overBoth(t, longHello) }

func longHello(t *testing.T, open opener) {
	h := open(t)
	conn, err := net.Dial("tcp", h.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second)) // less than the server gives a handshake
	const record = 16000
	message := append([]byte{1, 0, 0xfd, 0}, make([]byte, 60_000)...) // of 64,768 bytes
	for len(message) > 0 {
		n := min(record, len(message))
		if _, err := conn.Write(append([]byte{0x16, 3, 1, byte(n >> 8), byte(n)}, message[:n]...)); err != nil {
			break // it has had enough
		}
		message = message[n:]
	}
	if _, err := io.Copy(io.Discard, conn); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("the server waits for its end")
	}
}

// TestForEver is a phone that says again and again that it is at work: the
// deadlines are for the whole, not for the next frame.
func TestForEver(t *testing.T) { overBoth(t, forEver) }

func forEver(t *testing.T, open opener) {
	short := func(c *server.Config) {
		c.Timeouts = server.Timeouts{Answer: soon, Store: soon}
	}
	busy := func(t *testing.T, c *conversation) {
		b, err := wire.RequestInProgress{}.Frame(c.id).Marshal()
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for range ticks(ctx, 10*time.Millisecond) {
			if _, err := c.Write(b); err != nil {
				return
			}
		}
		t.Error("the session goes on for ever")
	}
	answer := func(t *testing.T, c *conversation, device string) wire.Frame {
		c.hello(device)
		c.read()
		c.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC256)}.Frame(c.id))
		return c.read()
	}
	ec256 := func(e *devices.Edit) { bits := 256; ecKey(e); e.ECBits = &bits }
	for _, test := range []struct {
		name, issuer string
		wants        wire.Command
	}{
		{"while it stores", "capf", wire.CmdStoreCertificateRequest},
		{"while it signs", "offline-ca", wire.CmdEncryptRequest},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := open(t, short)
			h.set("certificate_issuer", test.issuer)
			h.add(sep, store.Install, ec256)
			c := h.dial()
			if f := answer(t, c, sep); f.Command != test.wants {
				t.Fatalf("the server sent %v", f.Command)
			}
			busy(t, c)
			h.settled(sep, "Upgrade Failed: Phone Communication Failure")
		})
	}
	t.Run("while it waits", func(t *testing.T) {
		h, _ := offlineHouse(t, short)
		h.add(sep, store.Install, ec256, func(e *devices.Edit) {
			by := h.clock.now().Add(3 * time.Second)
			e.CompletesBy = new(devices.At(by))
		})
		c := h.dial()
		answer(t, c, sep)
		c.write(wire.EncryptResponse{Reason: wire.ReasonDeclined}.Frame(c.id))
		h.pending(sep)
		busy(t, c)
		h.settled(sep, "Upgrade Failed: User Initiated Request Late/Timedout")
	})
}

// TestRenegotiation: a phone may not negotiate a TLS connection anew.
func TestRenegotiation(t *testing.T) { overBoth(t, renegotiation) }

func renegotiation(t *testing.T, open opener) {
	h := open(t)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	args := []string{"s_client", "-connect", h.address, "-legacy_renegotiation", "-tls1_2"}
	if h.tls != nil {
		args = append(args[:4], "-tls1", "-cipher", "AES128-SHA@SECLEVEL=0")
	}
	cmd := exec.CommandContext(ctx, "openssl", args...)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var text, complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	// The server's first frame shows that the handshake is over.
	for piece := make([]byte, 4096); !bytes.Contains(text.Bytes(), []byte{wire.ProtocolID, byte(wire.CmdAuthRequest)}); {
		n, err := stdout.Read(piece)
		if err != nil {
			t.Fatalf("%v; openssl says:\n%s", err, complaint.String())
		}
		text.Write(piece[:n])
	}
	io.WriteString(stdin, "R\n")
	io.Copy(&text, stdout)
	_ = cmd.Wait() // it ends with an error, by the server
	text.Write(complaint.Bytes())
	if !strings.Contains(text.String(), "RENEGOTIATING") || !strings.Contains(text.String(), "alert") {
		t.Errorf("openssl says:\n%s", text.String())
	}
}

// faulty is a source of randomness that panics for one phone. The mutex guards
// armed.
type faulty struct {
	mu    sync.Mutex
	armed bool
}

func (f *faulty) Read(b []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.armed {
		f.armed = false
		panic("a bug that nobody knows yet")
	}
	return rand.Read(b)
}

// TestPanic: a bug that one phone meets ends its session, which the phone may
// try again, and nobody else's.
func TestPanic(t *testing.T) { overBoth(t, panics) }

func panics(t *testing.T, open opener) {
	random := &faulty{}
	h := open(t, func(c *server.Config) { c.Rand = random })
	h.add(sep, store.Install)
	h.add("other", store.Install)
	beside := h.dial()
	random.mu.Lock()
	random.armed = true
	random.mu.Unlock()
	r, err := h.phone(sep)
	if !errors.Is(err, phone.ErrCommunication) || r.Delay == 0 {
		t.Errorf("the phone ended with %v and is to come back in %v", err, r.Delay)
	}
	if d := h.device(sep); d.Operation != store.Install || !d.Status.IsFailure() || len(h.lscs(sep)) != 0 {
		t.Errorf("the device has %s, %q", d.Operation, d.Status)
	}
	beside.hello("other")
	if f := beside.read(); f.Command != wire.CmdKeyGenerateRequest {
		t.Errorf("the session beside it got %v", f.Command)
	}
	if _, err := h.phone(sep); err != nil {
		t.Errorf("at its next attempt: %v", err)
	}
}
