package phone

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/wire"
)

// failed checks the outcome of Run. address stands for the server's in want.
func failed(t *testing.T, err, is error, addr, want string) {
	t.Helper()
	want = strings.ReplaceAll(want, "ADDRESS", addr)
	if !errors.Is(err, is) || err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	var keys [][]byte
	request := wire.KeyGenerateRequest{Type: wire.EC, Curve: wire.P256}
	s := serve(t,
		func(p *peer) { p.auth() },
		func(p *peer) { p.auth(); keys = append(keys, p.key(request)) },
		func(p *peer) {
			name := p.auth().Device
			keys = append(keys, p.key(request))
			p.sendLSC(p.ca.issue(p.t, name, keys[1]))
			p.receive(wire.CmdStoreCertificateResponse)
			p.end(wire.ReasonSuccess)
		})
	var slept naps
	c := config(s.addr)
	c.Attempts, c.Sleep = 0, slept.sleep
	r, err := Run(t.Context(), c)
	if err != nil || r.Outcome != Installed || r.Attempts != 3 {
		t.Fatalf("%v, %d attempts, %v", r.Outcome, r.Attempts, err)
	}
	if want := (naps{30 * time.Second, 30 * time.Second}); !reflect.DeepEqual(slept, want) {
		t.Errorf("slept %v, want %v", slept, want)
	}
	if bytes.Equal(keys[0], keys[1]) {
		t.Error("the same key twice")
	}
	if public, err := crypto.MarshalPublicKey(r.Key.Public()); err != nil || !bytes.Equal(public, keys[1]) {
		t.Error("not the key of the last attempt")
	}
}

func TestRetryEnds(t *testing.T) {
	t.Parallel()
	drop := func(p *peer) { p.auth() }
	s := serve(t, drop, drop)
	var slept naps
	c := config(s.addr)
	c.Attempts, c.Interval, c.Sleep = 2, time.Second, slept.sleep
	r, err := Run(t.Context(), c)
	failed(t, err, ErrCommunication, s.addr, "communication failure: the server closed the connection after AUTH_RESPONSE")
	if r.Attempts != 2 || !reflect.DeepEqual(slept, naps{time.Second}) {
		t.Errorf("%d attempts, slept %v", r.Attempts, slept)
	}
}

func TestRetryLater(t *testing.T) {
	t.Parallel()
	later := func(p *peer) { p.send(wire.RetryLater{Delay: 90 * time.Second}); p.gone() }
	s := serve(t, later, later)
	var slept naps
	c := config(s.addr)
	c.Attempts, c.Sleep = 2, slept.sleep
	r, err := Run(t.Context(), c)
	failed(t, err, ErrCommunication, s.addr, "communication failure: the server says to try again in 1m30s")
	if r.Delay != 90*time.Second || !reflect.DeepEqual(slept, naps{90 * time.Second}) {
		t.Errorf("delay %v, slept %v", r.Delay, slept)
	}
}

// TestConfirmedThenLost has a server that dies with the confirmation in hand,
// and one that dies before it has taken it in.
func TestConfirmedThenLost(t *testing.T) {
	t.Parallel()
	dies := func(p *peer) {
		name := p.auth().Device
		p.sendLSC(p.ca.issue(p.t, name, p.key(wire.KeyGenerateRequest{Type: wire.EC})))
		p.receive(wire.CmdStoreCertificateResponse)
	}
	nothing := func(p *peer) { p.auth(); p.end(wire.ReasonNoAction) }
	for _, second := range []func(*peer){nothing, (*peer).enroll} {
		s := serve(t, dies, second)
		var stored [][]byte
		c := config(s.addr)
		c.Attempts, c.Sleep = 3, new(naps).sleep
		c.Store = func(der []byte, _ stdcrypto.Signer) error {
			stored = append(stored, der)
			return nil
		}
		r, err := Run(t.Context(), c)
		if err != nil || r.Outcome != Installed || r.Attempts != 2 || !bytes.Equal(r.Certificate, stored[len(stored)-1]) || r.Key == nil {
			t.Errorf("%v after %d attempts, %d stored, %v", r.Outcome, r.Attempts, len(stored), err)
		}
	}
}

func TestCancel(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	reason := errors.New("the operator leaves")
	s := serve(t, func(p *peer) {
		p.auth()
		p.key(wire.KeyGenerateRequest{Type: wire.EC})
		cancel(reason)
		p.gone()
	})
	_, err := Run(ctx, config(s.addr))
	failed(t, err, reason, s.addr, "in the session with ADDRESS after KEY_GENERATE_RESPONSE: the operator leaves")
	if errors.Is(err, ErrCommunication) {
		t.Error("a cancelled context is no communication failure")
	}

	_, err = Run(ctx, config(s.addr))
	if !errors.Is(err, reason) {
		t.Errorf("error %v before connecting", err)
	}
}

func TestWaitForIssue(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) { p.auth(); p.key(wire.KeyGenerateRequest{Type: wire.EC}); p.gone() })
	c := config(s.addr)
	c.WaitForIssue = 10 * time.Millisecond
	_, err := Run(t.Context(), c)
	failed(t, err, ErrCommunication, s.addr, "communication failure: nothing from the server in 10ms after KEY_GENERATE_RESPONSE")
}

// TestPatience has the server owe a prompt frame but while it issues.
func TestPatience(t *testing.T) {
	t.Parallel()
	c := &Config{Timeout: time.Minute, WaitForIssue: time.Hour}
	for last, want := range map[wire.Command]time.Duration{
		0:                                time.Minute,
		wire.CmdAuthResponse:             time.Minute,
		wire.CmdKeyGenerateResponse:      time.Hour,
		wire.CmdEncryptResponse:          time.Hour,
		wire.CmdStoreCertificateResponse: time.Minute,
		wire.CmdAbortRequest:             time.Minute,
	} {
		if got := (&session{config: c, last: last}).patience(); got != want {
			t.Errorf("%v: %v, want %v", last, got, want)
		}
	}
	c.WaitForIssue = 0
	if got := (&session{config: c, last: wire.CmdKeyGenerateResponse}).patience(); got != 0 {
		t.Errorf("%v, want no limit", got)
	}
}

func TestSleep(t *testing.T) {
	t.Parallel()
	if err := sleep(t.Context(), 0); err != nil {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sleep(ctx, time.Hour); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	s := serve(t, func(p *peer) { p.auth() })
	c := config(s.addr)
	c.Attempts = 2
	c.Sleep = func(context.Context, time.Duration) error { return context.Canceled }
	_, err := Run(t.Context(), c)
	failed(t, err, context.Canceled, s.addr,
		`waiting 30s for attempt 2 after "communication failure: the server closed the connection after AUTH_RESPONSE": context canceled`)
}
