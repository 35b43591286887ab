package main

import (
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"time"

	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/store"
)

// powerFails are the frames after which a phone may lose power.
func powerFails() []wire.Command {
	return []wire.Command{wire.CmdAuthRequest, wire.CmdAuthResponse, wire.CmdKeyGenerateRequest, wire.CmdKeyGenerateResponse,
		wire.CmdStoreCertificateRequest, wire.CmdStoreCertificateResponse, wire.CmdFetchCertificateRequest, wire.CmdFetchCertificateResponse,
		wire.CmdDeleteCertificateRequest, wire.CmdDeleteCertificateResponse, wire.CmdEndSession}
}

// phone is worker i, which plays some of the phones. Each phone is in one session at
// a time.
func (s *storm) phone(ctx context.Context, r *mathrand.Rand, i int) error {
	for pause(ctx, between(r, 0, 20*time.Millisecond)) {
		d := s.devices[i+s.phones*r.IntN((len(s.devices)-i+s.phones-1)/s.phones)]
		if !d.wants() && r.IntN(20) > 0 {
			continue
		}
		c := phone.Config{Progress: r.IntN(2) == 0, Attempts: 1 + r.IntN(2)}
		if r.IntN(3) == 0 {
			c.StopAfter = powerFails()[r.IntN(len(powerFails()))]
		}
		if d.secret && r.IntN(10) == 0 {
			c.Password = []byte("0000") // mistyped
		}
		_, err := d.connect(ctx, c)
		switch {
		case err == nil && c.Password != nil:
			s.count("session by a wrong string") // nothing was scheduled, or the judge would tell
		case err == nil:
			s.count("session ok")
		case errors.Is(err, phone.ErrStopped):
			s.count("session without power")
		default:
			s.count("session failed")
		}
	}
	return nil
}

// connect runs the phone once and remembers everything.
func (d *device) connect(ctx context.Context, c phone.Config) (phone.Result, error) {
	c.Device, c.Servers = d.name, []string{d.address}
	c.TLS = &tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}}
	c.Timeout, c.WaitForIssue, c.Interval = 20*time.Second, 20*time.Second, 100*time.Millisecond
	c.NewKey = func(kind crypto.KeyKind) (stdcrypto.Signer, error) { return crypto.GenerateKey(rand.Reader, kind) }
	if d.secret && c.Password == nil {
		c.Password = []byte(authString)
	}
	c.Store = func(der []byte, key stdcrypto.Signer) error { d.certificate, d.key = der, key; return nil }
	c.Delete = func() error { d.certificate, d.key = nil, nil; return nil }
	c.LSC = []byte{0x30, 0} // whatever a phone sends is kept for viewing
	if d.certificate != nil {
		c.LSC = d.certificate
	}
	if d.careful && d.certificate != nil {
		c.Existing = &phone.Identity{Certificate: d.certificate, Key: d.key, Type: wire.TypeLSC}
	}
	m := memory{device: d, existing: c.Existing, gives: c.LSC}
	c.Observe = m.observe
	return phone.Run(ctx, c)
}

// memory is what a phone remembers of its current session.
type memory struct {
	*device
	existing *phone.Identity
	gives    []byte // its LSC, to a Troubleshoot
	began    int64
	granted  int64
	said     store.Operation // that it has done
	got      []byte          // the certificate of this session
}

// observe sees each frame before a phone that loses power forgets it.
func (m *memory) observe(sent bool, f wire.Frame) {
	if !sent && m.began > 0 && m.granted == 0 && f.Command != wire.CmdEndSession {
		m.granted = m.now()
	}
	switch f.Command {
	case wire.CmdKeyGenerateResponse:
		m.did(deed{kind: keyed})
	case wire.CmdAuthResponse:
		*m = memory{device: m.device, existing: m.existing, gives: m.gives, began: m.now()}
		if m.existing != nil {
			m.did(deed{kind: showed, certificate: m.existing.Certificate})
		}
	case wire.CmdStoreCertificateRequest:
		if one, err := wire.ParseStoreRequest(f); err == nil {
			m.got = one.Certificate.DER
			m.did(deed{kind: received, certificate: m.got})
			m.count("certificate received")
		}
	case wire.CmdStoreCertificateResponse:
		if one, err := wire.ParseStoreResponse(f); err == nil && one.Reason == wire.ReasonSuccess {
			m.say(store.Install)
		}
	case wire.CmdDeleteCertificateResponse:
		if one, err := wire.ParseDeleteResponse(f); err == nil && one.Reason == wire.ReasonSuccess {
			m.say(store.Delete)
		}
	case wire.CmdFetchCertificateResponse:
		// The server clears the operation after the second one, or when the
		// phone ends the session after the first.
		if one, err := wire.ParseFetchResponse(f); err == nil && one.Reason == wire.ReasonSuccess {
			m.say(store.Troubleshoot)
		}
	case wire.CmdEndSession:
		one, err := wire.ParseEndSession(f)
		if err != nil || m.said == "" {
			return
		}
		if one.Reason == wire.ReasonSuccess || m.said == store.Troubleshoot && one.Reason == wire.ReasonNoAction {
			m.did(deed{kind: confirmed, op: m.said, began: m.began, certificate: m.got, gave: m.gives})
			m.count(m.said.String() + " confirmed")
		}
	}
}

// say is called before the frame is sent: from then on the server may know.
func (m *memory) say(op store.Operation) {
	m.said = op
	m.did(deed{kind: said, op: op, began: m.began, granted: m.granted, certificate: m.got})
}

// finish does what is still scheduled, like a phone after a power failure, and reports
// what went wrong.
func (d *device) finish(ctx context.Context) string {
	r, err := d.connect(ctx, phone.Config{Attempts: 3})
	if err != nil {
		return fmt.Sprintf("%s: after the storm, attempt %d ended with: %v", d.name, r.Attempts, err)
	}
	return ""
}
