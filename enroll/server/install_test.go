package server_test

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/server"
	"capf/enroll/wire"
	"capf/store"
)

const sep = "SEP001122334455"

func TestInstallKeys(t *testing.T) {
	h := open(t)
	ca := filepath.Join(t.TempDir(), "capf.pem")
	a, err := h.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(ca, crypto.CertificatePEM(a.Leaf().Raw), 0o600); err != nil {
		t.Fatal(err)
	}
	rsa, ec := store.RSAOnly, store.ECOnly
	for _, test := range []struct {
		name    string
		order   store.KeyOrder
		rsa, ec int
		version byte
		progress,
		noEC bool
		want crypto.KeyKind
	}{
		{"rsa-512", rsa, 512, 384, 3, true, false, crypto.RSA512},
		{"rsa-1024", rsa, 1024, 384, 3, true, false, crypto.RSA1024},
		{"rsa-2048", rsa, 2048, 384, 3, true, false, crypto.RSA2048},
		{"rsa-2048-version-2", rsa, 2048, 384, 2, false, false, crypto.RSA2048},
		{"rsa-3072", rsa, 3072, 384, 3, false, false, crypto.RSA3072},
		{"ec-256", ec, 2048, 256, 3, true, false, crypto.EC256},
		{"ec-384", ec, 2048, 384, 3, true, false, crypto.EC384},
		{"ec-521", ec, 2048, 521, 3, true, false, crypto.EC521},
		{"ec-preferred", store.ECPreferred, 2048, 256, 3, true, false, crypto.EC256},
		{"ec-preferred-backup", store.ECPreferred, 2048, 256, 3, true, true, crypto.RSA2048},
		{"ec-preferred-version-2", store.ECPreferred, 2048, 256, 2, false, false, crypto.RSA2048},
	} {
		t.Run(test.name, func(t *testing.T) {
			h.add(test.name, store.Install, func(e *devices.Edit) {
				e.KeyOrder, e.RSABits, e.ECBits = &test.order, &test.rsa, &test.ec
			})
			r, err := h.phone(test.name, func(c *phone.Config) {
				c.Version, c.Progress = test.version, test.progress
				if test.noEC {
					c.NewKey = rsaOnly
				}
			})
			if err != nil || r.Outcome != phone.Installed || r.Reason != wire.ReasonSuccess {
				t.Fatalf("the phone did %v with reason %v: %v", r.Outcome, r.Reason, err)
			}
			verifyByOpenSSL(t, ca, r.Certificate)
			cert, _ := x509.ParseCertificate(r.Certificate)
			if _, kind, _ := crypto.ParsePublicKey(cert.RawSubjectPublicKeyInfo); kind != test.want {
				t.Errorf("the LSC has an %s key", kind)
			}
			d := h.device(test.name)
			if d.Operation != store.NoOperation || d.Status.Long() != "Upgrade Success" {
				t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
			}
			if got := h.lscs(test.name); !slices.Equal(got, []store.LSCState{store.LSCInstalled}) {
				t.Errorf("its LSCs are %v", got)
			}
		})
	}
}

func rsaOnly(kind crypto.KeyKind) (k stdcrypto.Signer, err error) {
	if kind.IsEC() {
		return nil, errors.New("this phone makes no EC keys")
	}
	return keyOf(sep)(kind)
}

func verifyByOpenSSL(t *testing.T, ca string, der []byte) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lsc.pem")
	if err := os.WriteFile(file, crypto.CertificatePEM(der), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command("openssl", "verify", "-auth_level", "0", "-CAfile", ca, file).CombinedOutput()
	if err != nil {
		t.Errorf("openssl verify: %v\n%s", err, out)
	}
}

// TestReplaced installs twice: the first LSC is replaced by the confirmation
// of the second, not before.
func TestReplaced(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	if _, err := h.phone(sep); err != nil {
		t.Fatal(err)
	}
	h.schedule(sep, store.Install)
	_, err := h.phone(sep, func(c *phone.Config) { c.StopAfter = wire.CmdStoreCertificateRequest })
	if !errors.Is(err, phone.ErrStopped) {
		t.Fatal(err)
	}
	h.settled(sep, "Upgrade Failed: Phone Communication Failure")
	if got, want := h.lscs(sep), []store.LSCState{store.LSCInstalled, store.LSCIssued}; !slices.Equal(got, want) {
		t.Fatalf("after a lost session the LSCs are %v, not %v", got, want)
	}
	if _, err := h.phone(sep); err != nil {
		t.Fatal(err)
	}
	if got, want := h.lscs(sep), []store.LSCState{store.LSCReplaced, store.LSCStale, store.LSCInstalled}; !slices.Equal(got, want) {
		t.Errorf("in the end the LSCs are %v, not %v", got, want)
	}
}

// settled waits until a session that the phone left has been recorded.
func (h *house) settled(device, status string) {
	h.Helper()
	eventually(h, fmt.Sprintf("%s has the status %q", device, status), func() bool { return h.device(device).Status.Long() == status })
}

// TestPowerFailure lets the phone lose power after each frame of each
// operation. The operation stays scheduled, and the next attempt succeeds.
func TestPowerFailure(t *testing.T) {
	h := open(t)
	operations := map[store.Operation][]wire.Command{
		store.Install: {wire.CmdAuthRequest, wire.CmdAuthResponse, wire.CmdKeyGenerateRequest, wire.CmdRequestInProgress,
			wire.CmdKeyGenerateResponse, wire.CmdStoreCertificateRequest},
		store.Delete:       {wire.CmdAuthRequest, wire.CmdAuthResponse, wire.CmdDeleteCertificateRequest},
		store.Troubleshoot: {wire.CmdAuthRequest, wire.CmdAuthResponse, wire.CmdFetchCertificateRequest},
	}
	for op, commands := range operations {
		for _, at := range commands {
			t.Run(op.String()+"/"+at.String(), func(t *testing.T) {
				name := op.String() + "-" + strings.ReplaceAll(at.String(), "_", "-")
				h.add(name, op)
				whole := func(c *phone.Config) { c.Progress, c.LSC = true, []byte{0x30, 0} }
				_, err := h.phone(name, whole, func(c *phone.Config) { c.StopAfter = at })
				if !errors.Is(err, phone.ErrStopped) {
					t.Fatalf("the phone stopped with %v", err)
				}
				if d := h.device(name); d.Operation != op {
					t.Fatalf("the operation is %s", d.Operation)
				}
				if _, err := h.phone(name, whole); err != nil {
					t.Fatalf("the next attempt: %v", err)
				}
				if d := h.device(name); d.Operation != store.NoOperation || d.Status != store.Succeeded(op) {
					t.Errorf("then the device has %s, %q", d.Operation, d.Status)
				}
			})
		}
	}
}

// TestConfirmationLost is a phone that stored its LSC and lost power before
// it could say so. It authenticates with that LSC, which is therefore installed.
func TestConfirmationLost(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	lsc := phone.Identity{Type: wire.TypeLSC}
	_, err := h.phone(sep, func(c *phone.Config) {
		c.StopAfter = wire.CmdStoreCertificateRequest
		c.NewKey = func(k crypto.KeyKind) (stdcrypto.Signer, error) {
			var err error
			lsc.Key, err = crypto.GenerateKey(rand.Reader, k)
			return lsc.Key, err
		}
		c.Observe = func(_ bool, f wire.Frame) {
			if m, err := wire.ParseStoreRequest(f); err == nil {
				lsc.Certificate = m.Certificate.DER
			}
		}
	})
	if !errors.Is(err, phone.ErrStopped) || lsc.Certificate == nil {
		t.Fatalf("the phone stopped with %v", err)
	}
	byLSC := store.ByLSCPrecedence
	h.change(sep, func(e *devices.Edit) { e.AuthMode = &byLSC })
	_, err = h.phone(sep, func(c *phone.Config) { c.Existing, c.StopAfter = &lsc, wire.CmdKeyGenerateRequest })
	if !errors.Is(err, phone.ErrStopped) {
		t.Fatal(err)
	}
	if got, want := h.lscs(sep), []store.LSCState{store.LSCInstalled}; !slices.Equal(got, want) {
		t.Errorf("the LSCs are %v, not %v", got, want)
	}
	if d := h.device(sep); d.Operation != store.Install {
		t.Errorf("the operation is %s: the LSC was no answer to it", d.Operation)
	}
}

// TestRefusedStore is a phone that does not take its LSC: the LSC is stale.
func TestRefusedStore(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	_, err := h.phone(sep, func(c *phone.Config) {
		c.Store = func([]byte, stdcrypto.Signer) error { return errors.New("flash is full") }
	})
	if !errors.Is(err, phone.ErrRefused) {
		t.Fatalf("the phone ended with %v", err)
	}
	if got, want := h.lscs(sep), []store.LSCState{store.LSCStale}; !slices.Equal(got, want) {
		t.Errorf("the LSCs are %v, not %v", got, want)
	}
	if d := h.device(sep); d.Operation != store.Install || d.Status.Long() != "Upgrade Failed" {
		t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
	}
}

// TestChangedMeanwhile is an operator who schedules something else while the
// phone enrols: the newer operation is not cleared by the older confirmation.
func TestChangedMeanwhile(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	_, err := h.phone(sep, func(c *phone.Config) {
		c.Store = func([]byte, stdcrypto.Signer) error { h.schedule(sep, store.Delete); return nil }
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := h.lscs(sep), []store.LSCState{store.LSCInstalled}; !slices.Equal(got, want) {
		t.Errorf("the LSCs are %v, not %v", got, want)
	}
	if d := h.device(sep); d.Operation != store.Delete || d.Status != store.StatusPending {
		t.Errorf("the device has %s, %q", d.Operation, d.Status)
	}
}

// TestKeyRetry counts how often a phone that makes no key is asked.
func TestKeyRetry(t *testing.T) {
	h := open(t)
	h.set("keygen_retry", "2")
	h.add(sep, store.Install)
	asked := 0
	_, err := h.phone(sep, func(c *phone.Config) {
		c.NewKey = func(crypto.KeyKind) (stdcrypto.Signer, error) { asked++; return nil, errors.New("no entropy") }
	})
	if !errors.Is(err, phone.ErrRefused) || asked != 3 {
		t.Errorf("the phone was asked %d times and ended with %v", asked, err)
	}
	if got := h.device(sep).Status.Long(); got != "Upgrade Failed: Key Generation Failed/Timeout" {
		t.Errorf("the status is %q", got)
	}
}

// TestWrongKeys sends what is not the key that was asked for.
func TestWrongKeys(t *testing.T) {
	h := open(t)
	for name, key := range map[string][]byte{
		"none": {}, "garbage": []byte("no key"), "too-small": public(t, crypto.RSA1024), "other-kind": public(t, crypto.EC256),
		"trailing": append(public(t, crypto.RSA2048), 0),
	} {
		t.Run(name, func(t *testing.T) {
			h.add(name, store.Install)
			c := h.dial()
			c.hello(name)
			if f := c.read(); f.Command != wire.CmdKeyGenerateRequest {
				t.Fatalf("the server sent %v", f.Command)
			}
			c.write(wire.KeyGenerateResponse{PublicKey: key}.Frame(c.id))
			c.end(wire.ReasonDeclined)
			if got := h.device(name); got.Operation != store.Install || len(h.lscs(name)) != 0 ||
				(name != "none" && got.Status.Long() != "Upgrade Failed: Key Generation Failed/Timeout") {
				t.Errorf("the device has %s, %q and LSCs %v", got.Operation, got.Status.Long(), h.lscs(name))
			}
		})
	}
}

// TestWrongKeyBackup is a phone that is asked for an EC key and sends an RSA
// one, though not a good one: it is asked for the backup.
func TestWrongKeyBackup(t *testing.T) {
	t.Parallel()
	h := open(t)
	order := store.ECPreferred
	h.add(sep, store.Install, func(e *devices.Edit) { e.KeyOrder = &order })
	c := h.dial()
	c.hello(sep)
	for _, want := range []wire.KeyGenerateRequest{{Type: wire.EC, Curve: wire.P384}, {Type: wire.RSA, Size: 2048}} {
		m, err := wire.ParseKeyGenerateRequest(c.read())
		if err != nil || m != want {
			t.Fatalf("the server asks for %+v, not %+v: %v", m, want, err)
		}
		c.write(wire.KeyGenerateResponse{PublicKey: public(t, crypto.RSA1024)}.Frame(c.id))
	}
	c.end(wire.ReasonDeclined)
	if got := h.device(sep).Status.Long(); got != "Upgrade Failed: Key Generation Failed/Timeout" {
		t.Errorf("the status is %q", got)
	}
}

// TestFetchOnce is a phone that gives its LSC and does not know the request
// for a MIC: it closes the connection, or says nothing more. What it gave is
// kept.
func TestFetchOnce(t *testing.T) {
	t.Parallel()
	h := open(t, func(c *server.Config) { c.Timeouts.Answer = soon })
	for name, leave := range map[string]func(*conversation){
		"closes": func(c *conversation) { c.Close() },
		"silent": func(*conversation) {},
	} {
		h.add(name, store.Troubleshoot)
		c := h.dial()
		c.hello(name)
		c.read()
		c.write(wire.FetchResponse{Reason: wire.ReasonSuccess, Certificate: &wire.Certificate{Type: wire.TypeLSC, DER: []byte{0x30, 0}}}.Frame(c.id))
		if m, err := wire.ParseFetchRequest(c.read()); err != nil || m.Type != wire.TypeMIC {
			t.Fatalf("%s: the server asks for %v: %v", name, m.Type, err)
		}
		leave(c)
		h.settled(name, "Troubleshoot Success")
		if certs, err := h.base.Store.DeviceCertificates(t.Context(), h.device(name).ID); err != nil || len(certs) != 1 {
			t.Errorf("%s: %d certificates were kept: %v", name, len(certs), err)
		}
	}
}

// TestAbort is a user who ends the operation at the phone.
func TestAbort(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	if _, err := h.phone(sep, func(c *phone.Config) { c.Abort = true }); !errors.Is(err, phone.ErrAborted) {
		t.Fatalf("the phone ended with %v", err)
	}
	if d := h.device(sep); d.Operation != store.Install || d.Status.Long() != "Upgrade Failed" {
		t.Errorf("the device has %s, %q", d.Operation, d.Status.Long())
	}
}

func TestDeleteAndTroubleshoot(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	r, err := h.phone(sep)
	if err != nil {
		t.Fatal(err)
	}
	mic := identity(t, newCA(t, "Manufacturer"), crypto.RSA2048, "CP-8861-"+sep, "PID:CP-8861 SN:1", time.Now(), 100)

	h.schedule(sep, store.Troubleshoot)
	f, err := h.phone(sep, func(c *phone.Config) { c.LSC, c.MIC = r.Certificate, mic.Certificate })
	if err != nil || f.Outcome != phone.Fetched || f.Reason != wire.ReasonNoAction {
		t.Fatalf("the phone did %v with reason %v: %v", f.Outcome, f.Reason, err)
	}
	if got := h.device(sep).Status.Long(); got != "Troubleshoot Success" {
		t.Errorf("the status is %q", got)
	}
	certs, err := h.base.Store.DeviceCertificates(t.Context(), h.device(sep).ID)
	if err != nil || len(certs) != 2 {
		t.Errorf("%d certificates were kept: %v", len(certs), err)
	}

	h.schedule(sep, store.Delete)
	gone := false
	d, err := h.phone(sep, func(c *phone.Config) { c.Delete = func() error { gone = true; return nil } })
	if err != nil || !gone || d.Outcome != phone.Deleted || d.Reason != wire.ReasonSuccess {
		t.Fatalf("the phone did %v with reason %v: %v", d.Outcome, d.Reason, err)
	}
	if got := h.device(sep).Status.Long(); got != "Delete Success" {
		t.Errorf("the status is %q", got)
	}
	if got, want := h.lscs(sep), []store.LSCState{store.LSCDeleted}; !slices.Equal(got, want) {
		t.Errorf("the LSCs are %v, not %v", got, want)
	}

	h.schedule(sep, store.Troubleshoot)
	if _, err = h.phone(sep); err == nil {
		t.Error("a phone without certificates was content")
	}
	if got := h.device(sep).Status.Long(); got != "Troubleshoot Failed" {
		t.Errorf("the status is %q", got)
	}
}

func TestNothingScheduled(t *testing.T) {
	h := open(t)
	h.add(sep, store.NoOperation)
	r, err := h.phone(sep)
	if err != nil || r.Outcome != phone.Nothing || r.Reason != wire.ReasonNoAction {
		t.Errorf("version 3: %v with reason %v: %v", r.Outcome, r.Reason, err)
	}
	var declined *phone.DeclinedError
	_, err = h.phone(sep, func(c *phone.Config) { c.Version = 2 })
	if !errors.As(err, &declined) || declined.Reason != wire.ReasonDeclined {
		t.Errorf("version 2: %v", err)
	}
	_, err = h.phone("SEPFFFFFFFFFFFF")
	if !errors.As(err, &declined) || declined.Reason != wire.ReasonUnknownDevice {
		t.Errorf("an unknown device: %v", err)
	}
}

func TestLate(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install)
	h.clock.advance(11 * 24 * time.Hour)
	var declined *phone.DeclinedError
	if _, err := h.phone(sep); !errors.As(err, &declined) || declined.Reason != wire.ReasonDeclined {
		t.Errorf("the phone ended with %v", err)
	}
	if d := h.device(sep); d.Status.Long() != "Upgrade Failed: User Initiated Request Late/Timedout" {
		t.Errorf("the status is %q", d.Status.Long())
	}
}

// TestSeen: a device is seen whenever a phone comes with its name, whatever becomes
// of that; to the hour, so that phones that come again and again cost little.
func TestSeen(t *testing.T) {
	h := open(t)
	seen := func(after time.Duration, want bool) {
		t.Helper()
		h.clock.advance(after)
		_, _ = h.phone(sep)
		if ago := h.clock.now().Sub(h.device(sep).SeenAt); (0 <= ago && ago < 30*time.Second) != want {
			t.Errorf("seen %v ago, which is now: want %v", ago, want)
		}
	}
	h.add(sep, store.NoOperation)
	if !h.device(sep).SeenAt.IsZero() {
		t.Error("a new device has been seen")
	}
	seen(time.Minute, true)
	seen(time.Minute, false)
	seen(time.Hour, true)
	h.schedule(sep, store.Install)
	seen(time.Minute, true) // by the session that installs
	h.schedule(sep, store.Install)
	seen(11*24*time.Hour, true) // too late
	seen(-24*time.Hour, true)   // the clock has gone back
}
