package phone

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"testing"

	"capf/crypto"
	"capf/enroll/wire"
)

func TestDeclined(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) { p.auth(); p.end(wire.ReasonDeclined) })
	c := config(s.addr)
	c.Attempts = 3
	r, err := Run(t.Context(), c)
	var declined *DeclinedError
	if !errors.As(err, &declined) || declined.Reason != wire.ReasonDeclined || r.Attempts != 1 {
		t.Errorf("%v after %d attempts", err, r.Attempts)
	}
	if want := "the server ended the session after AUTH_RESPONSE with reason 7 (declined)"; err.Error() != want {
		t.Errorf("error %q, want %q", err, want)
	}
}

func TestMalformedServer(t *testing.T) {
	t.Parallel()
	lsc := wire.StoreRequest{Type: wire.TypeLSC, Certificate: wire.Certificate{Type: wire.TypeLSC, DER: []byte("der")}}
	tests := []struct {
		name   string
		script func(*peer)
		want   string
	}{
		{"protocol", func(p *peer) { p.sendBytes([]byte("HTTP/1.1 200 OK\r\n")) },
			"after the TLS handshake: malformed frame: protocol id 0x48 is not 0x55"},
		{"duplicate", func(p *peer) { p.sendBytes([]byte("\x55\x0f\x00\x00\x00\x01\x00\x08\x01\x00\x01\x01\x01\x00\x01\x01")) },
			"after the TLS handshake: malformed frame: REASON comes twice"},
		{"foreign session", func(p *peer) { p.auth(); p.id++; p.send(wire.EndSession{}) },
			"malformed frame: END_SESSION of session feed0001 in session feed0000"},
		{"key before auth", func(p *peer) { p.send(wire.KeyGenerateRequest{Size: 2048}) },
			"malformed frame: the server sent KEY_GENERATE_REQUEST out of turn"},
		{"fetch before auth", func(p *peer) { p.send(wire.FetchRequest{}) },
			"malformed frame: the server sent FETCH_CERTIFICATE_REQUEST out of turn"},
		{"delete before auth", func(p *peer) { p.send(wire.DeleteRequest{}) },
			"malformed frame: the server sent DELETE_CERTIFICATE_REQUEST out of turn"},
		{"auth twice", func(p *peer) { p.auth(); p.send(wire.AuthRequest{Version: 3}) },
			"malformed frame: the server sent AUTH_REQUEST out of turn"},
		{"certificate without key", func(p *peer) { p.auth(); p.send(lsc) },
			"malformed frame: the server sent STORE_CERTIFICATE_REQUEST out of turn"},
		{"possession without key", func(p *peer) { p.auth(); p.send(wire.EncryptRequest{Digest: wire.SHA256, SignedData: []byte("d")}) },
			"malformed frame: the server sent ENCRYPT_REQUEST out of turn"},
		{"abort out of the blue", func(p *peer) { p.auth(); p.send(wire.AbortResponse{Reason: wire.ReasonSuccess}) },
			"malformed frame: the server sent ABORT_RESPONSE out of turn"},
		{"a phone's command", func(p *peer) { p.send(wire.RequestInProgress{}) },
			"malformed frame: the server sent REQUEST_IN_PROGRESS out of turn"},
		{"unknown command", func(p *peer) { p.sendBytes([]byte("\x55\x4d\x00\x00\x00\x01\x00\x00")) },
			"malformed frame: the server sent COMMAND_77 out of turn"},
		{"end without reason", func(p *peer) { p.sendBytes([]byte("\x55\x0f\x00\x00\x00\x01\x00\x00")) },
			"malformed frame: END_SESSION without REASON"},
		{"retry without delay", func(p *peer) { p.sendBytes([]byte("\x55\x10\x00\x00\x00\x01\x00\x00")) },
			"malformed frame: RETRY_LATER without RETRY_DELAY"},
		{"key of no form", func(p *peer) { p.auth(); p.sendBytes([]byte("\x55\x03\xfe\xed\x00\x00\x00\x00")) },
			"malformed frame: KEY_GENERATE_REQUEST for RSA needs one size or curve, its own"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(p *peer) { tt.script(p); p.gone() })
			c := config(s.addr)
			c.Attempts = 3
			r, err := Run(t.Context(), c)
			failed(t, err, wire.ErrMalformed, s.addr, tt.want)
			if r.Attempts != 1 || r.Outcome != Nothing {
				t.Errorf("%v after %d attempts", r.Outcome, r.Attempts)
			}
		})
	}
}

func TestCutOffFrame(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) { p.sendBytes([]byte("\x55\x0f\x00\x00\x00\x01\x00\x04\x01")) })
	_, err := Run(t.Context(), config(s.addr))
	failed(t, err, ErrCommunication, s.addr, "communication failure: after the TLS handshake: reading body of END_SESSION: unexpected EOF")
}

// TestKeyRefused has keys that the phone cannot make; after the last the
// server asks for another, as it does for "EC preferred, RSA backup".
func TestKeyRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		version byte
		request wire.KeyGenerateRequest
		want    string
	}{
		{"size", 3, wire.KeyGenerateRequest{Size: 1000}, `refused by the phone: making a key: generating a key: "rsa-1000" is no known kind`},
		{"curve", 3, wire.KeyGenerateRequest{Type: wire.EC, Curve: 7}, "refused by the phone: making a key: curve 7 is not known"},
		{"EC in version 2", 2, wire.KeyGenerateRequest{Type: wire.EC}, "refused by the phone: making a key: no EC keys in version 2"},
	}
	for _, tt := range tests {
		for _, again := range []bool{false, true} {
			s := serve(t, func(p *peer) {
				name := p.auth().Device
				p.send(tt.request)
				m, err := wire.ParseKeyGenerateResponse(p.receive(wire.CmdKeyGenerateResponse))
				if err != nil || m.PublicKey != nil || m.Reason != wire.ReasonDeclined {
					p.quit("%+v, %v", m, err)
				}
				if !again {
					p.end(wire.ReasonDeclined)
					return
				}
				p.sendLSC(p.ca.issue(p.t, name, p.key(wire.KeyGenerateRequest{Size: 1024})))
				p.receive(wire.CmdStoreCertificateResponse)
				p.end(wire.ReasonSuccess)
			})
			c := config(s.addr)
			c.Version = tt.version
			r, err := Run(t.Context(), c)
			if again && (err != nil || r.Outcome != Installed) {
				t.Errorf("%s, asked again: %v, %v", tt.name, r.Outcome, err)
			}
			if !again {
				failed(t, err, ErrRefused, s.addr, tt.want)
			}
		}
	}
}

func TestStoreRefused(t *testing.T) {
	t.Parallel()
	full := errors.New("disk full")
	other, err := crypto.GenerateKey(rand.Reader, crypto.EC256)
	if err != nil {
		t.Fatal(err)
	}
	otherPublic, err := crypto.MarshalPublicKey(other.Public())
	if err != nil {
		t.Fatal(err)
	}
	asked := func(p *peer, public []byte) wire.StoreRequest {
		return wire.StoreRequest{Type: wire.TypeLSC, Certificate: wire.Certificate{Type: wire.TypeLSC, DER: p.ca.issue(p.t, "SEP001122334455", public)}}
	}
	tests := []struct {
		name    string
		request func(p *peer, public []byte) wire.StoreRequest
		is      error
		want    string
	}{
		{"disk", asked, full, "refused by the phone: storing the certificate: disk full"},
		{"other key", func(p *peer, _ []byte) wire.StoreRequest { return asked(p, otherPublic) }, ErrRefused,
			"refused by the phone: storing the certificate: it is not for the key of this session"},
		{"no certificate", func(p *peer, public []byte) wire.StoreRequest {
			m := asked(p, public)
			m.Certificate.DER = []byte("no certificate")
			return m
		}, ErrRefused, "refused by the phone: storing the certificate: x509: malformed certificate"},
		{"MIC", func(p *peer, public []byte) wire.StoreRequest {
			m := asked(p, public)
			m.Type = wire.TypeMIC
			return m
		}, ErrRefused, "refused by the phone: storing the certificate: types MIC and LSC where LSC belongs"},
	}
	for _, tt := range tests {
		s := serve(t, func(p *peer) {
			p.auth()
			p.send(tt.request(p, p.key(wire.KeyGenerateRequest{Type: wire.EC})))
			m, err := wire.ParseStoreResponse(p.receive(wire.CmdStoreCertificateResponse))
			if err != nil || m.Reason != wire.ReasonDeclined {
				p.quit("%+v, %v", m, err)
			}
			p.end(wire.ReasonDeclined)
		})
		c := config(s.addr)
		c.Store = func([]byte, stdcrypto.Signer) error { return full }
		r, err := Run(t.Context(), c)
		failed(t, err, tt.is, s.addr, tt.want)
		if r.Outcome != Nothing || r.Key != nil {
			t.Errorf("%s: %v", tt.name, r.Outcome)
		}
	}
}

func TestPossessionRefused(t *testing.T) {
	t.Parallel()
	digest := sha256.Sum256([]byte("CertificationRequestInfo"))
	tests := []struct {
		name       string
		possession Possession
		request    wire.EncryptRequest
		want       string
	}{
		{"refuses", Refuse, wire.EncryptRequest{Digest: wire.SHA256, SignedData: digest[:]}, "refused by the phone: signing with the new key: it is set to refuse"},
		{"digest type", Sign, wire.EncryptRequest{Digest: 9, SignedData: digest[:]}, "refused by the phone: signing with the new key: digest type 9 is not known"},
		{"digest length", Sign, wire.EncryptRequest{Digest: wire.SHA512, SignedData: digest[:]}, "refused by the phone: signing with the new key: a digest of 32 bytes is no SHA-512"},
	}
	for _, tt := range tests {
		s := serve(t, func(p *peer) {
			p.auth()
			p.key(wire.KeyGenerateRequest{Type: wire.EC})
			p.send(tt.request)
			m, err := wire.ParseEncryptResponse(p.receive(wire.CmdEncryptResponse))
			if err != nil || m.Reason != wire.ReasonDeclined || m.SignedData != nil {
				p.quit("%+v, %v", m, err)
			}
			p.end(wire.ReasonDeclined)
		})
		c := config(s.addr)
		c.Possession = tt.possession
		_, err := Run(t.Context(), c)
		failed(t, err, ErrRefused, s.addr, tt.want)
	}
}

// TestPossessionDropped is the client that does not know the step: it comes
// back and is served without.
func TestPossessionDropped(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		p.auth()
		p.key(wire.KeyGenerateRequest{Type: wire.EC})
		p.send(wire.EncryptRequest{Digest: wire.SHA256, SignedData: make([]byte, 32)})
		p.gone()
	}, (*peer).enroll)
	c := config(s.addr)
	c.Possession, c.Attempts, c.Sleep = Drop, 2, new(naps).sleep
	if r, err := Run(t.Context(), c); err != nil || r.Outcome != Installed || r.Attempts != 2 {
		t.Errorf("%v after %d attempts, %v", r.Outcome, r.Attempts, err)
	}
}

func TestAbort(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		answer func(*peer)
		want   string
	}{
		{"answered", func(p *peer) { p.send(wire.AbortResponse{Reason: wire.ReasonSuccess}); p.gone() },
			"aborted at the phone: the server answers with reason 1 (success)"},
		{"ended", func(p *peer) { p.end(wire.ReasonSuccess) },
			"aborted at the phone: the server ends the session with reason 1 (success)"},
		{"hung up", func(*peer) {},
			"aborted at the phone: communication failure: the server closed the connection after ABORT_REQUEST"},
	} {
		s := serve(t, func(p *peer) {
			p.auth()
			p.send(wire.KeyGenerateRequest{Type: wire.EC})
			p.receive(wire.CmdAbortRequest)
			tt.answer(p)
		})
		c := config(s.addr)
		c.Abort, c.Attempts = true, 3
		r, err := Run(t.Context(), c)
		failed(t, err, ErrAborted, s.addr, tt.want)
		if r.Attempts != 1 {
			t.Errorf("%s: %d attempts", tt.name, r.Attempts)
		}
	}
}

// TestStopAfter loses power at every step of an enrollment.
func TestStopAfter(t *testing.T) {
	t.Parallel()
	steps := []struct {
		command wire.Command
		server  wire.Command // the last that the server got
		want    string
	}{
		{wire.CmdAuthRequest, 0, "stopped on request after receiving AUTH_REQUEST"},
		{wire.CmdAuthResponse, wire.CmdAuthResponse, "stopped on request after sending AUTH_RESPONSE"},
		{wire.CmdKeyGenerateRequest, wire.CmdAuthResponse, "stopped on request after receiving KEY_GENERATE_REQUEST"},
		{wire.CmdRequestInProgress, wire.CmdRequestInProgress, "stopped on request after sending REQUEST_IN_PROGRESS"},
		{wire.CmdKeyGenerateResponse, wire.CmdKeyGenerateResponse, "stopped on request after sending KEY_GENERATE_RESPONSE"},
		{wire.CmdStoreCertificateRequest, wire.CmdKeyGenerateResponse, "stopped on request after receiving STORE_CERTIFICATE_REQUEST"},
		{wire.CmdStoreCertificateResponse, wire.CmdStoreCertificateResponse, "stopped on request after sending STORE_CERTIFICATE_RESPONSE"},
		{wire.CmdEndSession, wire.CmdStoreCertificateResponse, "stopped on request after receiving END_SESSION"},
	}
	for i, step := range steps {
		last := make(chan wire.Command, 1)
		s := serve(t, func(p *peer) {
			var got wire.Command
			defer func() { last <- got }()
			p.send(wire.AuthRequest{Version: 3})
			for {
				f, err := wire.Read(p.conn)
				if err != nil {
					return
				}
				got = f.Command
				switch f.Command {
				case wire.CmdAuthResponse:
					p.send(wire.KeyGenerateRequest{Type: wire.EC})
				case wire.CmdKeyGenerateResponse:
					m, err := wire.ParseKeyGenerateResponse(f)
					if err != nil {
						p.quit("%v", err)
					}
					p.sendLSC(p.ca.issue(p.t, "SEP001122334455", m.PublicKey))
				case wire.CmdStoreCertificateResponse:
					p.send(wire.EndSession{Reason: wire.ReasonSuccess})
				}
			}
		})
		stored := false
		c := config(s.addr)
		c.StopAfter, c.Progress, c.Attempts = step.command, true, 3
		c.Store = func([]byte, stdcrypto.Signer) error { stored = true; return nil }
		r, err := Run(t.Context(), c)
		failed(t, err, ErrStopped, s.addr, step.want)
		confirmed := i > 5 // STORE_CERTIFICATE_REQUEST has been answered
		if stored != confirmed || (r.Outcome == Installed) != confirmed || r.Attempts != 1 {
			t.Errorf("%v: stored %t, %v, %d attempts", step.command, stored, r.Outcome, r.Attempts)
		}
		if got := <-last; got != step.server {
			t.Errorf("%v: the server got %v last, want %v", step.command, got, step.server)
		}
	}
}

// TestBrokenIdentity has keys that do not sign.
func TestBrokenIdentity(t *testing.T) {
	t.Parallel()
	broken := recordedIdentity(t, newAuthority(t).cert.Raw)
	for _, tt := range []struct {
		existing, sudi *Identity
		want           string
	}{
		{broken, nil, "refused by the phone: proving its identity: signing over SHA-1: no recorded signature over this digest"},
		{nil, broken, "refused by the phone: proving its identity by SUDI: signing over SHA-1: no recorded signature over this digest"},
	} {
		s := serve(t, func(p *peer) { p.send(wire.AuthRequest{Version: 3}); p.gone() })
		c := config(s.addr)
		c.Existing, c.SUDI = tt.existing, tt.sudi
		_, err := Run(t.Context(), c)
		failed(t, err, ErrRefused, s.addr, tt.want)
	}
}
