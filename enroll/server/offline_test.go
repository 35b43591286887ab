package server_test

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/archive"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/offline"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

// waitingPhone is a phone that waits for another CA in the background.
type waitingPhone struct {
	done chan struct{}
	r    phone.Result
	err  error
}

func (h *house) waits(name string, set ...func(*phone.Config)) *waitingPhone {
	w := &waitingPhone{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		w.r, w.err = h.phone(name, set...)
	}()
	return w
}

// leaves is a phone that loses its power when it has come to that.
func (h *house) leaves(name, what string, there func() bool, set ...func(*phone.Config)) {
	h.Helper()
	ctx, lose := context.WithCancelCause(h.Context())
	defer lose(nil)
	c := phone.Config{Device: name, Servers: []string{h.address}, Attempts: 1, Timeout: patience, WaitForIssue: patience, NewKey: keyOf(name)}
	for _, f := range set {
		f(&c)
	}
	ended := make(chan error, 1)
	go func() { _, err := phone.Run(ctx, c); ended <- err }()
	eventually(h, what, there)
	lose(errPower)
	if err := <-ended; !errors.Is(err, errPower) {
		h.Fatalf("the phone ended with %v", err)
	}
}

// pending waits for the request of a device.
func (h *house) pending(device string) store.Request {
	h.Helper()
	var found store.Request
	eventually(h, "a pending request of "+device, func() bool {
		for r, err := range h.base.Store.Requests(h.Context(), store.RequestFilter{Device: device, State: store.RequestPending}) {
			if err != nil {
				h.Fatal(err)
			}
			found = r
		}
		return found.ID != 0
	})
	return found
}

// sign is the other CA: it makes a certificate for the key of a request.
func (h *house) sign(a *crypto.Authority, r store.Request) []byte {
	h.Helper()
	der, err := a.Issue(rand.Reader, crypto.LSCTemplate{Device: r.Device, SPKI: r.PublicKey, ValidityDays: 90}, time.Now())
	if err != nil {
		h.Fatal(err)
	}
	return der
}

// bring imports certificates as an operator does.
func (h *house) bring(ders ...[]byte) offline.ImportReport {
	h.Helper()
	report, err := offline.CA{Store: h.base.Store, Now: h.base.Now}.Import(h.Context(), operator, []archive.Source{archive.Stream("test.pem", bytes.NewReader(crypto.CertificatePEM(ders...)))}, offline.ImportOptions{})
	if err != nil {
		h.Fatal(err)
	}
	return report
}

func offlineHouse(t *testing.T, set ...func(*server.Config)) (*house, *crypto.Authority) {
	h := open(t, set...)
	h.set("certificate_issuer", "offline-ca")
	ca := newCA(t, "Company")
	_, err := h.trustStores().Upload(t.Context(), operator, []authority.UploadFile{{Data: ca.Leaf().Raw, Purposes: []store.Purpose{store.CAPFTrust}}}, authority.UploadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return h, ca
}

func TestOffline(t *testing.T) {
	h, ca := offlineHouse(t)
	for _, kind := range []crypto.KeyKind{crypto.RSA2048, crypto.EC384} {
		name := "phone-" + string(kind)
		h.add(name, store.Install, func(e *devices.Edit) {
			if kind.IsEC() {
				order := store.ECOnly
				e.KeyOrder = &order
			}
		})
		w := h.waits(name)
		r := h.pending(name)
		csr, err := x509.ParseCertificateRequest(r.CSR)
		if err != nil || csr.CheckSignature() != nil || !r.Possessed {
			t.Fatalf("the PKCS#10: %v, %v", err, csr.CheckSignature())
		}
		if csr.Subject.CommonName != name || csr.DNSNames[0] != name {
			t.Errorf("the PKCS#10 is for %v, %v", csr.Subject, csr.DNSNames)
		}
		h.bring(h.sign(ca, r))
		<-w.done
		if w.err != nil || w.r.Outcome != phone.Installed {
			t.Fatalf("the phone did %v: %v", w.r.Outcome, w.err)
		}
		if d := h.device(name); d.Operation != store.NoOperation || d.Status.Long() != "Upgrade Success" {
			t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
		}
	}
}

// TestOfflineGone is a phone that does not wait: the certificate becomes stale
// when it makes a new key, before or after the import.
func TestOfflineGone(t *testing.T) {
	h, ca := offlineHouse(t)
	order := store.ECOnly
	h.add(sep, store.Install, func(e *devices.Edit) { e.KeyOrder = &order })
	fresh := func(c *phone.Config) { c.NewKey = nil }
	var last store.Request
	leave := func() store.Request {
		h.leaves(sep, "a new request", func() bool { r := h.pending(sep); newer := r.ID > last.ID; last = r; return newer }, fresh)
		return last
	}
	first := leave()
	h.bring(h.sign(ca, first))
	if got := h.lscs(sep); len(got) != 1 || got[0] != store.LSCIssued {
		t.Fatalf("the LSCs are %v", got)
	}
	second := leave()
	if got := h.lscs(sep); len(got) != 1 || got[0] != store.LSCStale {
		t.Fatalf("after a new key the LSCs are %v", got)
	}
	w := h.waits(sep, fresh)
	eventually(t, "a third request", func() bool { return h.pending(sep).ID > second.ID })
	h.bring(h.sign(ca, second))
	if got := h.lscs(sep); len(got) != 2 || got[1] != store.LSCStale {
		t.Errorf("after an import for an old key the LSCs are %v", got)
	}
	h.bring(h.sign(ca, h.pending(sep)))
	<-w.done
	if w.err != nil {
		t.Error(w.err)
	}
}

// TestOfflineEndings are the ways in which a wait ends without a certificate.
func TestOfflineEndings(t *testing.T) {
	h, _ := offlineHouse(t)
	ends := func(e *devices.Edit) { by := h.clock.now().Add(soon); e.CompletesBy = new(devices.At(by)) }
	for _, test := range []struct {
		name   string
		edit   func(*devices.Edit)
		end    func(store.Request)
		status string
	}{
		{"deadline", ends, func(store.Request) {}, "Upgrade Failed: User Initiated Request Late/Timedout"},
		{"deleted", func(*devices.Edit) {}, func(r store.Request) {
			if _, err := h.base.Store.DeleteRequests(t.Context(), operator, []int64{r.ID}); err != nil {
				t.Fatal(err)
			}
		}, "Upgrade Failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address}
			h.add(test.name, store.Install, test.edit)
			w := h.waits(test.name)
			test.end(h.pending(test.name))
			<-w.done
			h.declined(test.name, test.status, w.err)
		})
	}
}

// TestOfflineRestart: pending requests outlast the service, and phones that
// come back are served.
func TestOfflineRestart(t *testing.T) {
	h, ca := offlineHouse(t, func(c *server.Config) { c.Grace = 50 * time.Millisecond })
	h.add(sep, store.Install)
	w := h.waits(sep)
	r := h.pending(sep)
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	<-w.done
	if !errors.Is(w.err, phone.ErrCommunication) {
		t.Errorf("the phone ended with %v", w.err)
	}
	if again := h.pending(sep); again.ID != r.ID || h.device(sep).Status != store.StatusPending {
		t.Errorf("after the stop the request is %d and the status %q", again.ID, h.device(sep).Status)
	}
	h.start()
	w = h.waits(sep)
	eventually(t, "a new request", func() bool { return h.pending(sep).ID > r.ID })
	h.bring(h.sign(ca, h.pending(sep)))
	<-w.done
	if w.err != nil {
		t.Error(w.err)
	}
}

// TestNoPossession are phones that do not sign: one that says so is served at
// once, one that drops the session at its next attempt.
func TestNoPossession(t *testing.T) {
	h, ca := offlineHouse(t)
	h.add("refuses", store.Install)
	w := h.waits("refuses", func(c *phone.Config) { c.Possession = phone.Refuse })
	r := h.pending("refuses")
	if r.CSR != nil || r.Possessed {
		t.Error("the request claims a proof")
	}
	h.bring(h.sign(ca, r))
	if <-w.done; w.err != nil {
		t.Error(w.err)
	}
	h.add("drops", store.Install)
	if _, err := h.phone("drops", func(c *phone.Config) { c.Possession = phone.Drop }); err == nil {
		t.Error("the phone that drops the session was content")
	}
	eventually(t, "it is remembered", func() bool { return h.device("drops").NoPossession })
	w = h.waits("drops", func(c *phone.Config) { c.Possession = phone.Drop })
	h.bring(h.sign(ca, h.pending("drops")))
	if <-w.done; w.err != nil {
		t.Error(w.err)
	}
	h.add("forges", store.Install)
	other, err := crypto.GenerateKey(rand.Reader, crypto.RSA2048)
	if err != nil {
		t.Fatal(err)
	}
	h.waits("forges", func(c *phone.Config) {
		c.NewKey = func(k crypto.KeyKind) (stdcrypto.Signer, error) {
			mine, err := keyOf("forges")(k)
			return forger{mine, other}, err
		}
	})
	if r := h.pending("forges"); r.Possessed || r.CSR != nil {
		t.Error("another key's signature was taken for a proof")
	}
}

// TestStoppedAtPossession: a phone that we leave while it signs is not taken for
// one that cannot.
func TestStoppedAtPossession(t *testing.T) {
	t.Parallel()
	h, _ := offlineHouse(t, func(c *server.Config) { c.Grace = 50 * time.Millisecond })
	h.add(sep, store.Install)
	c := h.dial()
	c.hello(sep)
	c.read()
	c.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.RSA2048)}.Frame(c.id))
	if f := c.read(); f.Command != wire.CmdEncryptRequest {
		t.Fatalf("the server sent %v", f.Command)
	}
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	if h.device(sep).NoPossession {
		t.Error("the phone is not asked to sign any more")
	}
}

// TestPossessionInAnotherForm: the form of the answer is our reading. A phone
// that answers in another one is served like one that does not sign.
func TestPossessionInAnotherForm(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	for name, body := range map[string][]byte{
		"without-a-reason":    {byte(wire.TagSignedData), 0, 1, 0xaa},
		"without-a-signature": {byte(wire.TagReason), 0, 1, 1},
		"empty":               nil,
	} {
		h.add(name, store.Install)
		c := h.dial()
		c.hello(name)
		c.read()
		c.write(wire.KeyGenerateResponse{PublicKey: publicOf(t, name, crypto.RSA2048)}.Frame(c.id))
		if f := c.read(); f.Command != wire.CmdEncryptRequest {
			t.Fatalf("%s: the server sent %v", name, f.Command)
		}
		c.writeBytes(raw(byte(wire.CmdEncryptResponse), c.id, body...))
		r := h.pending(name)
		if r.Possessed || r.CSR != nil {
			t.Errorf("%s: the request claims a proof", name)
		}
		h.bring(h.sign(ca, r))
		if f := c.read(); f.Command != wire.CmdStoreCertificateRequest {
			t.Errorf("%s: the server sent %v", name, f.Command)
		}
		c.Close()
	}
}

// forger signs with another key than it shows.
type forger struct {
	shown stdcrypto.Signer
	stdcrypto.Signer
}

func (f forger) Public() stdcrypto.PublicKey { return f.shown.Public() }

// TestSilentAtProof: a phone that lost its power at the proof, so that not even
// its end of the connection tells, is not taken for one that does not sign once
// it is back.
func TestSilentAtProof(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t, func(c *server.Config) { c.Timeouts.Answer = 2 * soon })
	h.add(sep, store.Install, ecKey)
	dead := h.dial()
	dead.hello(sep)
	dead.read()
	dead.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.EC384)}.Frame(dead.id))
	if f := dead.read(); f.Command != wire.CmdEncryptRequest {
		t.Fatalf("the server sent %v", f.Command)
	}
	back := h.waits(sep, anew)
	r := h.pending(sep)
	if !r.Possessed {
		t.Error("the phone that is back was not asked for a proof")
	}
	h.bring(h.sign(ca, r))
	if <-back.done; back.err != nil {
		t.Error(back.err)
	}
	io.Copy(io.Discard, dead) // until its time is over
	h.schedule(sep, store.Install)
	again := h.waits(sep, anew)
	if r = h.pending(sep); !r.Possessed {
		t.Error("the next time it was not asked")
	}
	h.bring(h.sign(ca, r))
	<-again.done
}

// TestPowerFailureOffline and TestPowerFailureOnline let the phone lose power
// after each frame on the way to another CA. Within three attempts it has its
// LSC, whatever was remembered of the step at which it was lost.
func TestPowerFailureOffline(t *testing.T) {
	t.Parallel()
	h, ca := offlineHouse(t)
	h.bringAll(t, ca)
	powerFailures(t, h)
}

func TestPowerFailureOnline(t *testing.T) {
	t.Parallel()
	h := open(t, fast)
	ca := catest.MustEST(t, catest.ESTOptions{Transport: catest.Transport{Login: catest.UserLogin("Basic")}})
	h.online(onlineca.EST, ca.Server)
	powerFailures(t, h)
}

func powerFailures(t *testing.T, h *house) {
	for _, at := range []wire.Command{wire.CmdAuthRequest, wire.CmdAuthResponse, wire.CmdKeyGenerateRequest, wire.CmdRequestInProgress,
		wire.CmdKeyGenerateResponse, wire.CmdEncryptRequest, wire.CmdEncryptResponse, wire.CmdStoreCertificateRequest} {
		name := "lost-" + strings.ReplaceAll(at.String(), "_", "-")
		h.add(name, store.Install, ecKey)
		whole := func(c *phone.Config) { c.NewKey, c.Progress = nil, true }
		if _, err := h.phone(name, whole, func(c *phone.Config) { c.StopAfter = at }); !errors.Is(err, phone.ErrStopped) {
			t.Errorf("%s: the phone stopped with %v", at, err)
			continue
		}
		if d := h.device(name); d.Operation != store.Install {
			t.Errorf("%s: the operation is %s", at, d.Operation)
		}
		_, err := h.phone(name, whole)
		if err != nil && at == wire.CmdEncryptRequest {
			// Taken for a phone that cannot sign, it was not asked to; an
			// online CA has no use for that, so the third attempt asks again.
			_, err = h.phone(name, whole)
		}
		if err != nil {
			t.Errorf("%s: the last attempt: %v", at, err)
		}
		if d := h.device(name); d.Operation != store.NoOperation || d.Status != store.Succeeded(store.Install) {
			t.Errorf("%s: in the end the device has %s, %q", at, d.Operation, d.Status)
		}
	}
}
