package server_test

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"errors"
	"fmt"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

// moment is when a phone loses its power: as it receives the nth frame of a
// command or, of one that it sends, just before that.
type moment struct {
	command wire.Command
	nth     int
}

// moments are all of them in each operation.
func moments() map[store.Operation][]moment {
	return map[store.Operation][]moment{
		store.Install: {
			{wire.CmdAuthRequest, 1}, {wire.CmdAuthResponse, 1}, {wire.CmdKeyGenerateRequest, 1}, {wire.CmdRequestInProgress, 1},
			{wire.CmdKeyGenerateResponse, 1}, {wire.CmdEncryptRequest, 1}, {wire.CmdEncryptResponse, 1},
			{wire.CmdStoreCertificateRequest, 1}, {wire.CmdStoreCertificateResponse, 1}, {wire.CmdEndSession, 1},
		},
		store.Delete: {
			{wire.CmdAuthRequest, 1}, {wire.CmdAuthResponse, 1}, {wire.CmdDeleteCertificateRequest, 1},
			{wire.CmdDeleteCertificateResponse, 1}, {wire.CmdEndSession, 1},
		},
		store.Troubleshoot: {
			{wire.CmdAuthRequest, 1}, {wire.CmdAuthResponse, 1}, {wire.CmdFetchCertificateRequest, 1}, {wire.CmdFetchCertificateResponse, 1},
			{wire.CmdFetchCertificateRequest, 2}, {wire.CmdFetchCertificateResponse, 2}, {wire.CmdEndSession, 1},
		},
	}
}

// flash is what a phone keeps without power.
type flash struct {
	certificate []byte
	key         stdcrypto.Signer
}

func (f *flash) config(c *phone.Config) {
	c.Progress, c.LSC, c.MIC = true, f.certificate, []byte{0x30, 0}
	c.Store = func(der []byte, key stdcrypto.Signer) error { f.certificate, f.key = der, key; return nil }
	c.Delete = func() error { f.certificate, f.key = nil, nil; return nil }
	c.WaitForIssue = patience
}

var errPower = errors.New("the power is gone")

// until runs the phone to the moment. It returns false when that did not come.
func (f *flash) until(h *house, name string, at moment) bool {
	h.Helper()
	ctx, lose := context.WithCancelCause(h.Context())
	defer lose(nil)
	seen := 0
	c := phone.Config{Device: name, Servers: []string{h.address}, Attempts: 1, Timeout: patience, NewKey: keyOf(name)}
	f.config(&c)
	c.Observe = func(_ bool, frame wire.Frame) {
		if frame.Command == at.command {
			if seen++; seen == at.nth {
				lose(errPower)
			}
		}
	}
	_, err := phone.Run(ctx, c)
	if err != nil && !errors.Is(err, errPower) {
		h.Fatalf("%s: the phone ended with %v", name, err)
	}
	return seen >= at.nth
}

// TestPowerLost: whenever and whatever the issuer, the phone recovers within
// its three attempts, and what it has in its flash is what the database says.
func TestPowerLost(t *testing.T) {
	t.Parallel()
	for issuer, house := range map[string]func(*testing.T) *house{
		"capf": func(t *testing.T) *house { return open(t) },
		"offline": func(t *testing.T) *house {
			h, ca := offlineHouse(t)
			h.bringAll(t, ca)
			return h
		},
		"EST": func(t *testing.T) *house {
			h := open(t, fast)
			h.online(onlineca.EST, catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}}).Server)
			return h
		},
		"Microsoft": func(t *testing.T) *house {
			h := open(t, fast)
			h.online(onlineca.Microsoft, catest.MustCertsrv(t, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}}).Server)
			return h
		},
	} {
		t.Run(issuer, func(t *testing.T) {
			t.Parallel()
			h := house(t)
			for op, all := range moments() {
				for i, at := range all {
					if at.command == wire.CmdEncryptRequest && issuer == "capf" || at.command == wire.CmdEncryptResponse && issuer == "capf" {
						continue // no other CA, no proof of possession
					}
					h.losePower(fmt.Sprintf("%v-%d", op, i), op, at)
				}
			}
		})
	}
}

// losePower gives a phone an LSC, schedules the operation, takes the power at
// the moment and gives it back.
func (h *house) losePower(name string, op store.Operation, at moment) {
	h.Helper()
	complain := func(format string, args ...any) {
		h.Errorf("%v, power lost at %v %d: %s", op, at.command, at.nth, fmt.Sprintf(format, args...))
	}
	f := &flash{}
	h.add(name, store.Install)
	if _, err := h.phone(name, f.config); err != nil {
		complain("the first LSC: %v", err)
		return
	}
	h.schedule(name, op)
	if !f.until(h, name, at) {
		complain("it did not come to that")
	}
	r, err := h.phone(name, f.config, func(c *phone.Config) { c.Attempts, c.Interval = 3, 100*time.Millisecond })
	if err != nil {
		complain("after %d attempts: %v", r.Attempts, err)
	}
	if d := h.device(name); d.Operation != store.NoOperation || d.Status != store.Succeeded(op) {
		complain("the device has %s, %q", d.Operation, d.Status)
	}
	var installed [][]byte
	for l, err := range h.base.Store.LSCs(h.Context(), store.LSCFilter{Device: name, State: store.LSCInstalled}) {
		if err != nil {
			h.Fatal(err)
		}
		installed = append(installed, l.Certificate)
	}
	if f.certificate == nil && len(installed) > 0 || f.certificate != nil && (len(installed) != 1 || !bytes.Equal(installed[0], f.certificate)) {
		complain("%d LSCs are installed, and not what is in the flash", len(installed))
	}
}

// bringAll signs whatever is pending and imports it, to the end of the test.
func (h *house) bringAll(t *testing.T, ca *crypto.Authority) {
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	t.Cleanup(func() { stop(); <-done })
	go func() {
		defer close(done)
		for range ticks(ctx, 10*time.Millisecond) {
			for r, err := range h.base.Store.Requests(ctx, store.RequestFilter{State: store.RequestPending}) {
				if err != nil {
					break
				}
				h.bring(h.sign(ca, r))
			}
		}
	}()
}
