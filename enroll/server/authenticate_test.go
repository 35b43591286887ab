package server_test

import (
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/devices"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

func mode(m store.AuthMode) func(*devices.Edit) {
	return func(e *devices.Edit) { e.AuthMode = &m }
}

func withString(s string) func(*devices.Edit) {
	return func(e *devices.Edit) { e.String = &s }
}

// declined expects a refusal, its status, and that the operation stays
// scheduled.
func (h *house) declined(device, status string, err error) {
	h.Helper()
	var d *phone.DeclinedError
	if !errors.As(err, &d) || d.Reason != wire.ReasonDeclined {
		h.Errorf("the phone ended with %v", err)
	}
	if got := h.device(device); got.Status.Long() != status || got.Operation == store.NoOperation {
		h.Errorf("the device has %s, %q, not %q", got.Operation, got.Status.Long(), status)
	}
}

func TestByString(t *testing.T) {
	h := open(t)
	h.add(sep, store.Install, mode(store.ByString), withString("123456"))
	for _, wrong := range []string{"", "12345", "1234567", "654321", "123456 "} {
		_, err := h.phone(sep, func(c *phone.Config) { c.Password = []byte(wrong) })
		h.declined(sep, "Upgrade Failed: Invalid Authentication String", err)
	}
	if _, err := h.phone(sep, func(c *phone.Config) { c.Password = []byte("123456") }); err != nil {
		t.Error(err)
	}
	h.add("null", store.Install)
	_, err := h.phone("null", func(c *phone.Config) { c.Password = []byte("123456") })
	h.declined("null", "Upgrade Failed: Invalid Authentication String", err)
}

// TestLock is the brute force of a string: ten wrong ones lock the device for
// ten minutes, across a restart of the server, and no other device.
func TestLock(t *testing.T) {
	h := open(t)
	for _, name := range []string{sep, "other"} {
		h.add(name, store.Install, mode(store.ByString), withString("123456"))
	}
	try := func(name, s string) error {
		_, err := h.phone(name, func(c *phone.Config) { c.Password = []byte(s) })
		return err
	}
	for i := range 9 {
		h.declined(sep, "Upgrade Failed: Invalid Authentication String", try(sep, fmt.Sprint(1000+i)))
	}
	for range 20 { // no guesses: a phone without a user sends nothing
		h.declined(sep, "Upgrade Failed: Invalid Authentication String", try(sep, ""))
	}
	if d := h.device(sep); !d.LockedUntil.IsZero() {
		t.Fatalf("locked until %v by nine wrong strings", d.LockedUntil)
	}
	h.declined(sep, "Upgrade Failed: Invalid Authentication String", try(sep, "9999"))
	h.declined(sep, "Upgrade Failed: Invalid Authentication String", try(sep, "123456"))
	if err := h.stop(); err != nil {
		t.Fatal(err)
	}
	h.start()
	h.declined(sep, "Upgrade Failed: Invalid Authentication String", try(sep, "123456"))
	if err := try("other", "123456"); err != nil {
		t.Errorf("another device: %v", err)
	}
	h.clock.advance(10*time.Minute + time.Second)
	if err := try(sep, "123456"); err != nil {
		t.Errorf("after ten minutes: %v", err)
	}
	if d := h.device(sep); d.WrongStrings != 0 {
		t.Errorf("%d wrong strings are still counted", d.WrongStrings)
	}
}

// TestByExistingCertificate goes through the checks of the protocol page, one
// phone each.
func TestByExistingCertificate(t *testing.T) {
	h := open(t)
	capf, err := h.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	maker, stranger := newCA(t, "Manufacturer"), newCA(t, "Stranger")
	_, err = h.trustStores().Upload(t.Context(), operator, []authority.UploadFile{{Data: maker.Leaf().Raw, Purposes: []store.Purpose{store.CAPFTrust}}}, authority.UploadOptions{For: store.ForMIC})
	if err != nil {
		t.Fatal(err)
	}
	h.add("phone", store.NoOperation)
	h.add("lab-phone", store.NoOperation)
	now := time.Now()
	lsc := func(a *crypto.Authority, cn string, at time.Time, days int) *phone.Identity {
		return identity(t, a, crypto.RSA2048, cn, "", at, days)
	}
	mic := func(a *crypto.Authority, cn string, at time.Time, days int) *phone.Identity {
		id := identity(t, a, crypto.RSA2048, cn, "PID:CP-8861 SN:FCH1", at, days)
		id.Type = wire.TypeMIC
		return id
	}
	const ok, badLSC, badMIC = "Upgrade Success", "Upgrade Failed: Invalid LSC", "Upgrade Failed: Invalid MIC"
	for _, test := range []struct {
		name, device string
		mode         store.AuthMode
		existing     *phone.Identity
		sudi         *phone.Identity
		status       string
		cn           string // of the new LSC
		recorded     bool   // whether the record has the existing one
	}{
		{"lsc", sep, store.ByLSCPrecedence, lsc(capf, sep, now, 90), nil, ok, sep, true},
		{"lsc-ec", sep, store.ByLSCPrecedence, identity(t, capf, crypto.EC384, sep, "", now, 90), nil, ok, sep, true},
		{"lsc-512", sep, store.ByLSCPrecedence, identity(t, capf, crypto.RSA512, sep, "", now, 90), nil, ok, sep, true},
		{"lsc-other-case", "sep001122334455", store.ByLSCPrecedence, lsc(capf, sep, now, 90), nil, ok, sep, true},
		{"lsc-unrecorded", sep, store.ByLSCPrecedence, lsc(capf, sep, now, 90), nil, badLSC, "", false},
		{"lsc-other-device", sep, store.ByLSCPrecedence, lsc(capf, "SEP00112233445F", now, 90), nil, badLSC, "", false},
		{"lsc-of-a-longer-name", "phone", store.ByLSCPrecedence, lsc(capf, "lab-phone", now, 90), nil, badLSC, "", false},
		{"lsc-expired", sep, store.ByLSCPrecedence, lsc(capf, sep, now.AddDate(0, 0, -10), 9), nil, badLSC, "", true},
		{"lsc-foreign", sep, store.ByLSCPrecedence, lsc(stranger, sep, now, 90), nil, badLSC, "", true},
		{"mic-for-want-of-an-lsc", sep, store.ByLSCPrecedence, mic(maker, "CP-8861-"+sep, now, 90), nil, ok, "CP-8861-" + sep, false},
		{"mic", sep, store.ByMICPrecedence, mic(maker, "CP-8861-"+sep, now, 90), nil, ok, "CP-8861-" + sep, false},
		{"mic-foreign", sep, store.ByMICPrecedence, mic(stranger, "CP-8861-"+sep, now, 90), nil, badMIC, "", false},
		{"mic-other-device", sep, store.ByMICPrecedence, mic(maker, "CP-8861-SEP00112233445F", now, 90), nil, badMIC, "", false},
		{"mic-expired", sep, store.ByMICPrecedence, mic(maker, "CP-8861-"+sep, now.AddDate(0, 0, -10), 9), nil, badMIC, "", false},
		{"lsc-and-sudi", sep, store.ByLSCPrecedence, lsc(capf, sep, now, 90), mic(maker, "CP-8861-"+sep, now, 90), ok, "CP-8861-" + sep, true},
		{"sudi-root-removed", sep, store.ByLSCPrecedence, lsc(capf, sep, now, 90), mic(stranger, "CP-8861-"+sep, now, 90), ok, sep, true},
		{"sudi-of-another", sep, store.ByLSCPrecedence, lsc(capf, sep, now, 90), mic(maker, "CP-8861-SEP00112233445F", now, 90), badMIC, "", true},
		{"none", sep, store.ByLSCPrecedence, nil, nil, "Upgrade Failed: Invalid Credentials", "", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := &house{TB: t, base: h.base, address: h.address, clock: h.clock}
			if _, err := h.base.Store.Device(t.Context(), test.device); err == nil {
				if err := h.base.Store.DeleteDevice(t.Context(), operator, test.device); err != nil {
					t.Fatal(err)
				}
			}
			h.add(test.device, store.Install, mode(test.mode))
			if test.recorded {
				h.record(test.device, test.existing)
			}
			r, err := h.phone(test.device, func(c *phone.Config) { c.Existing, c.SUDI = test.existing, test.sudi })
			if test.status != ok {
				h.declined(test.device, test.status, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if cn := commonName(t, r.Certificate); cn != test.cn {
				t.Errorf("the LSC is for %q, not %q", cn, test.cn)
			}
			want := store.Voucher{Kind: store.VouchedByLSC, Fingerprint: crypto.RawFingerprint(test.existing.Certificate)}
			if test.existing.Type == wire.TypeMIC {
				want.Kind = store.VouchedByMIC
			}
			h.vouched(test.device, want)
		})
	}
	t.Run("allow-expired-mic", func(t *testing.T) {
		h := &house{TB: t, base: h.base, address: h.address, clock: h.clock}
		h.set("allow_expired_mic", "true")
		h.schedule(sep, store.Install)
		h.change(sep, mode(store.ByMICPrecedence))
		old := now.AddDate(0, 0, -10)
		// Calling an LSC a MIC does not make it live longer.
		for _, cn := range []string{sep, "CP-8861-" + sep} {
			_, err := h.phone(sep, func(c *phone.Config) { c.Existing = mic(capf, cn, old, 9) })
			h.declined(sep, badMIC, err)
		}
		_, err := h.phone(sep, func(c *phone.Config) { c.Existing = mic(maker, "CP-8861-"+sep, old, 9) })
		if err != nil {
			t.Error(err)
		}
	})
}

// TestForgedProofs changes what an honest phone would send.
func TestForgedProofs(t *testing.T) {
	h := open(t)
	capf, err := h.capf().Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	mine := identity(t, capf, crypto.RSA2048, sep, "", time.Now(), 90)
	sign := func(hash stdcrypto.Hash, text []byte) []byte {
		sig, err := crypto.SignBare(mine.Key, hash, text)
		if err != nil {
			t.Fatal(err)
		}
		return sig
	}
	text := wire.SignedText(sep, mine.Certificate)
	good := func() wire.AuthResponse {
		return wire.AuthResponse{
			Version: 3, Device: sep, Reason: wire.ReasonSuccess,
			Certificate: &wire.Certificate{Type: wire.TypeLSC, DER: mine.Certificate},
			SignedData:  sign(stdcrypto.SHA1, text),
			SHA2:        &wire.SHA2Signature{Digest: wire.SHA512, Signature: sign(stdcrypto.SHA512, text)},
		}
	}
	h.add(sep, store.Install, mode(store.ByLSCPrecedence))
	h.record(sep, mine)
	for name, forge := range map[string]func(*wire.AuthResponse, uint32){
		"no signature":      func(m *wire.AuthResponse, _ uint32) { m.SignedData, m.SHA2 = nil, nil },
		"sha-1 flipped":     func(m *wire.AuthResponse, _ uint32) { m.SignedData[9] ^= 1 },
		"sha-512 flipped":   func(m *wire.AuthResponse, _ uint32) { m.SHA2.Signature[9] ^= 1 },
		"unknown digest":    func(m *wire.AuthResponse, _ uint32) { m.SHA2.Digest = 9 },
		"other text":        func(m *wire.AuthResponse, _ uint32) { m.SignedData = sign(stdcrypto.SHA1, []byte("else")) },
		"no certificate":    func(m *wire.AuthResponse, _ uint32) { m.Certificate.DER = []byte("none") },
		"sudi of an old id": func(m *wire.AuthResponse, id uint32) { m.SUDI = sudi(mine.Certificate, sign, id+1) },
		"sudi without proof": func(m *wire.AuthResponse, id uint32) {
			m.SUDI = sudi(mine.Certificate, sign, id)
			m.SUDI.SHA512[0] ^= 1
		},
	} {
		c := h.dial()
		m := good()
		forge(&m, c.id)
		c.write(m.Frame(c.id))
		c.end(wire.ReasonDeclined)
		if d := h.device(sep); d.Operation != store.Install || !d.Status.IsFailure() {
			t.Errorf("%s: the device has %s, %q", name, d.Operation, d.Status)
		}
	}
	c := h.dial()
	m := good()
	m.SUDI = sudi(mine.Certificate, sign, c.id)
	c.write(m.Frame(c.id))
	if f := c.read(); f.Command != wire.CmdKeyGenerateRequest {
		t.Errorf("the honest phone got %v", f.Command)
	}
}

func sudi(cert []byte, sign func(stdcrypto.Hash, []byte) []byte, id uint32) *wire.SUDI {
	text := wire.SUDIText(id, cert)
	return &wire.SUDI{Certificate: cert, SHA1: sign(stdcrypto.SHA1, text), SHA512: slices.Clone(sign(stdcrypto.SHA512, text))}
}

// TestFIPS: version 3 is neither offered nor taken.
func TestFIPS(t *testing.T) {
	h := open(t)
	h.set("fips_mode", "true")
	h.add(sep, store.Install)
	if m, err := wire.ParseAuthRequest(h.connect().read()); err != nil || m.Version != 2 {
		t.Errorf("the server offers version %d: %v", m.Version, err)
	}
	_, err := h.phone(sep)
	h.declined(sep, "Upgrade Failed", err)
	if _, err := h.phone(sep, func(c *phone.Config) { c.Version = 2 }); err != nil {
		t.Error(err)
	}
}

// TestNotAccepted are phones that answer with another version than 2 and 3, or
// say that they cannot go on.
func TestNotAccepted(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add(sep, store.Install)
	for _, test := range []struct {
		version byte
		reason  wire.Reason
		status  string
	}{
		{1, wire.ReasonSuccess, "Upgrade Failed"},
		{4, wire.ReasonSuccess, "Upgrade Failed"},
		{3, wire.ReasonDeclined, "Upgrade Failed: Invalid Credentials"},
	} {
		c := h.dial()
		c.write(wire.AuthResponse{Version: test.version, Device: sep, Reason: test.reason}.Frame(c.id))
		c.end(wire.ReasonDeclined)
		if d := h.device(sep); d.Operation != store.Install || d.Status.Long() != test.status {
			t.Errorf("version %d, %v: the device has %s, %q", test.version, test.reason, d.Operation, d.Status.Long())
		}
	}
}

func TestECOnlyInVersion2(t *testing.T) {
	h := open(t)
	order := store.ECOnly
	h.add(sep, store.Install, func(e *devices.Edit) { e.KeyOrder = &order })
	_, err := h.phone(sep, func(c *phone.Config) { c.Version = 2 })
	h.declined(sep, "Upgrade Failed: No Support for EC only in CAPF version 3", err)
	// No key is asked for when the phone only deletes its LSC.
	h.schedule(sep, store.Delete)
	d, err := h.phone(sep, func(c *phone.Config) { c.Version, c.Delete = 2, func() error { return nil } })
	if err != nil || d.Outcome != phone.Deleted {
		t.Errorf("the phone did %v: %v", d.Outcome, err)
	}
}

func commonName(t *testing.T, der []byte) string {
	t.Helper()
	c, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return c.Subject.CommonName
}

// TestNameThatEndsInAnother: the LSC of a device that has gone does not become
// that of one whose name is the end of its name.
func TestNameThatEndsInAnother(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.add("lab-phone", store.Install)
	f := &flash{}
	if _, err := h.phone("lab-phone", f.config); err != nil {
		t.Fatal(err)
	}
	if err := h.base.Store.DeleteDevice(t.Context(), operator, "lab-phone"); err != nil {
		t.Fatal(err)
	}
	h.add("phone", store.Install, mode(store.ByLSCPrecedence))
	_, err := h.phone("phone", func(c *phone.Config) {
		c.Existing = &phone.Identity{Certificate: f.certificate, Key: f.key, Type: wire.TypeLSC}
	})
	h.declined("phone", "Upgrade Failed: Invalid LSC", err)
}

// TestOddName: on the wire a name is what it is. A device that an earlier capf has given
// a MAC address with dots as its name is that of the phone which says so, and the
// hardware phone with this address is another one.
func TestOddName(t *testing.T) {
	t.Parallel()
	h := open(t)
	const odd, bare, sep = "0011.2233.4455", "001122334466", "SEP001122334455"
	for _, name := range []string{odd, bare} {
		d, err := devices.New(sep)
		if err != nil {
			t.Fatal(err)
		}
		d.Name = name
		if _, err := h.base.Store.AddDevice(t.Context(), operator, d); err != nil {
			t.Fatal(err)
		}
		h.schedule(name, store.Install)
		if _, err := h.phone(name); err != nil {
			t.Errorf("the phone %s: %v", name, err)
		}
		if h.settled(name, "Upgrade Success"); len(h.lscs(name)) != 1 {
			t.Errorf("%s has the LSCs %v", name, h.lscs(name))
		}
	}
	if _, err := h.phone(sep); err == nil || !strings.Contains(err.Error(), "unknown device") {
		t.Errorf("the phone %s has no row: %v", sep, err)
	}
	h.add(sep, store.Install)
	if _, err := h.phone(sep); err != nil {
		t.Errorf("the phone %s: %v", sep, err)
	}
	h.settled(sep, "Upgrade Success")
	if h.schedule(odd, store.Delete); h.device(sep).Operation != store.NoOperation {
		t.Errorf("a change of %s was made to %s", odd, sep)
	}
}
