package phone

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"reflect"
	"testing"

	"capf/crypto"
	"capf/enroll/wire"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	for kind, m := range map[crypto.KeyKind]wire.KeyGenerateRequest{
		crypto.RSA512:  {Size: 512, SizeOnly: true},
		crypto.RSA1024: {Size: 1024},
		crypto.RSA2048: {Size: 2048},
		crypto.EC256:   {Type: wire.EC, Curve: wire.P256},
		crypto.EC384:   {Type: wire.EC, Curve: wire.P384},
		crypto.EC521:   {Type: wire.EC, Curve: wire.P521},
	} {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			s := serve(t, func(p *peer) {
				name := p.auth().Device
				public := p.key(m)
				if _, got, err := crypto.ParsePublicKey(public); err != nil || got != kind {
					p.quit("key %q, %v", got, err)
				}
				p.sendLSC(p.ca.issue(p.t, name, public))
				p.receive(wire.CmdStoreCertificateResponse)
				p.end(wire.ReasonSuccess)
			})
			if r, err := Run(t.Context(), config(s.addr)); err != nil || r.Outcome != Installed {
				t.Errorf("%v, %v", r.Outcome, err)
			}
		})
	}
}

// TestStoreBeforeConfirm holds the answer back until Store has returned.
func TestStoreBeforeConfirm(t *testing.T) {
	t.Parallel()
	var done []string
	s := serve(t, (*peer).enroll)
	c := config(s.addr)
	c.Store = func([]byte, stdcrypto.Signer) error { done = append(done, "stored"); return nil }
	c.Observe = func(sent bool, f wire.Frame) {
		if f.Command == wire.CmdStoreCertificateResponse {
			done = append(done, "confirmed")
		}
	}
	if _, err := Run(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if want := []string{"stored", "confirmed"}; !reflect.DeepEqual(done, want) {
		t.Errorf("%v, want %v", done, want)
	}
}

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{nil, errors.New("busy")} {
		wants := wire.ReasonSuccess
		if failure != nil {
			wants = wire.ReasonDeclined
		}
		s := serve(t, func(p *peer) {
			p.auth()
			p.send(wire.DeleteRequest{})
			m, err := wire.ParseDeleteResponse(p.receive(wire.CmdDeleteCertificateResponse))
			if err != nil || m.Reason != wants {
				p.quit("%+v, %v", m, err)
			}
			p.end(wants)
		})
		c := config(s.addr)
		c.Delete = func() error { return failure }
		r, err := Run(t.Context(), c)
		if failure == nil && (err != nil || r.Outcome != Deleted) {
			t.Errorf("%v, %v", r.Outcome, err)
		}
		if failure != nil {
			failed(t, err, ErrRefused, s.addr, "refused by the phone: deleting the certificate: busy")
		}
	}
}

func TestFetch(t *testing.T) {
	t.Parallel()
	lsc, mic := []byte("lsc"), []byte("mic")
	tests := []struct {
		name     string
		lsc, mic []byte
		asked    wire.CertificateType
		want     *wire.Certificate
	}{
		{"untyped", lsc, mic, 0, &wire.Certificate{Type: wire.TypeLSC, DER: lsc}},
		{"untyped without LSC", nil, mic, 0, &wire.Certificate{Type: wire.TypeMIC, DER: mic}},
		{"LSC", lsc, mic, wire.TypeLSC, &wire.Certificate{Type: wire.TypeLSC, DER: lsc}},
		{"MIC", lsc, mic, wire.TypeMIC, &wire.Certificate{Type: wire.TypeMIC, DER: mic}},
		{"no LSC", nil, mic, wire.TypeLSC, nil},
		{"no MIC", lsc, nil, wire.TypeMIC, nil},
		{"none", nil, nil, 0, nil},
	}
	for _, tt := range tests {
		s := serve(t, func(p *peer) {
			p.auth()
			p.send(wire.FetchRequest{Type: tt.asked})
			m, err := wire.ParseFetchResponse(p.receive(wire.CmdFetchCertificateResponse))
			if err != nil || !reflect.DeepEqual(m.Certificate, tt.want) || (m.Reason == wire.ReasonSuccess) != (tt.want != nil) {
				p.quit("%s: %+v, %v", tt.name, m, err)
			}
			p.end(wire.ReasonNoAction)
		})
		c := config(s.addr)
		c.LSC, c.MIC = tt.lsc, tt.mic
		r, err := Run(t.Context(), c)
		if err != nil || (r.Outcome == Fetched) != (tt.want != nil) {
			t.Errorf("%s: %v, %v", tt.name, r.Outcome, err)
		}
	}
}

// overTheWire signs with the key that a phone has.
type overTheWire struct {
	p      *peer
	public stdcrypto.PublicKey
}

func (o overTheWire) Public() stdcrypto.PublicKey { return o.public }

func (o overTheWire) Sign(_ io.Reader, digest []byte, _ stdcrypto.SignerOpts) ([]byte, error) {
	o.p.send(wire.EncryptRequest{Digest: wire.SHA256, SignedData: digest})
	m, err := wire.ParseEncryptResponse(o.p.receive(wire.CmdEncryptResponse))
	if err == nil && m.Reason != wire.ReasonSuccess {
		err = errors.New(m.Reason.String())
	}
	return m.SignedData, err
}

func TestPossession(t *testing.T) {
	t.Parallel()
	for _, m := range []wire.KeyGenerateRequest{{Size: 1024}, {Type: wire.EC, Curve: wire.P384}} {
		s := serve(t, func(p *peer) {
			name := p.auth().Device
			der := p.key(m)
			public, _, err := crypto.ParsePublicKey(der)
			if err != nil {
				p.quit("%v", err)
			}
			template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}, SignatureAlgorithm: x509.SHA256WithRSA}
			if m.Type == wire.EC {
				template.SignatureAlgorithm = x509.ECDSAWithSHA256
			}
			request, err := x509.CreateCertificateRequest(rand.Reader, template, overTheWire{p, public})
			if err != nil {
				p.quit("%v", err)
			}
			parsed, err := x509.ParseCertificateRequest(request)
			if err != nil || parsed.CheckSignature() != nil {
				p.quit("the PKCS#10 does not verify: %v", err)
			}
			p.sendLSC(p.ca.issue(p.t, name, der))
			p.receive(wire.CmdStoreCertificateResponse)
			p.end(wire.ReasonSuccess)
		})
		if r, err := Run(t.Context(), config(s.addr)); err != nil || r.Outcome != Installed {
			t.Errorf("%v: %v, %v", m.Type, r.Outcome, err)
		}
	}
}

// TestWeakExisting has keys with and without room for SHA-512.
func TestWeakExisting(t *testing.T) {
	t.Parallel()
	ca := newAuthority(t)
	for kind, wantSHA2 := range map[crypto.KeyKind]bool{crypto.RSA512: false, crypto.RSA1024: true, crypto.EC256: true} {
		key, err := crypto.GenerateKey(rand.Reader, kind)
		if err != nil {
			t.Fatal(err)
		}
		public, err := crypto.MarshalPublicKey(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		id := &Identity{ca.issue(t, "CP-8861-SEP001122334455", public), key, wire.TypeMIC}
		cert, err := x509.ParseCertificate(id.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, func(p *peer) {
			m := p.auth()
			text, sudi := wire.SignedText(m.Device, id.Certificate), wire.SUDIText(p.id, id.Certificate)
			if m.Certificate.Type != wire.TypeMIC || !bytes.Equal(m.Certificate.DER, id.Certificate) {
				p.quit("%v: certificate %v", kind, m.Certificate.Type)
			}
			if err := errors.Join(
				crypto.VerifyBare(cert, stdcrypto.SHA1, text, m.SignedData),
				crypto.VerifyBare(cert, stdcrypto.SHA1, sudi, m.SUDI.SHA1),
			); err != nil {
				p.quit("%v: %v", kind, err)
			}
			if (m.SHA2 != nil) != wantSHA2 || (m.SUDI.SHA512 != nil) != wantSHA2 {
				p.quit("%v: SHA-512 signatures %v, %x", kind, m.SHA2, m.SUDI.SHA512)
			}
			if wantSHA2 {
				if err := errors.Join(
					crypto.VerifyBare(cert, stdcrypto.SHA512, text, m.SHA2.Signature),
					crypto.VerifyBare(cert, stdcrypto.SHA512, sudi, m.SUDI.SHA512),
				); err != nil {
					p.quit("%v: %v", kind, err)
				}
			}
			p.end(wire.ReasonNoAction)
		})
		c := config(s.addr)
		c.Existing, c.SUDI = id, id
		if _, err := Run(t.Context(), c); err != nil {
			t.Errorf("%v: %v", kind, err)
		}
	}
}

func TestObserveAndRedact(t *testing.T) {
	t.Parallel()
	s := serve(t, func(p *peer) {
		if m := p.auth(); string(m.Password) != "1234567890" {
			p.quit("password %q", m.Password)
		}
		p.end(wire.ReasonNoAction)
	})
	c := config(s.addr)
	c.Password = []byte("1234567890")
	var seen []string
	c.Observe = func(sent bool, f wire.Frame) {
		direction := "got "
		if sent {
			direction = "sent "
		}
		seen = append(seen, direction+f.Command.String())
		redacted, err := Redact(f).Marshal()
		if err != nil || bytes.Contains(redacted, c.Password) {
			t.Errorf("%x, %v", redacted, err)
		}
		if _, err := wire.Parse(redacted); err != nil {
			t.Error(err)
		}
	}
	if _, err := Run(t.Context(), c); err != nil {
		t.Error(err)
	}
	if want := []string{"got AUTH_REQUEST", "sent AUTH_RESPONSE", "got END_SESSION"}; !reflect.DeepEqual(seen, want) {
		t.Errorf("%q, want %q", seen, want)
	}
	null := wire.AuthResponse{Version: 3, Device: "a", Password: []byte{}}.Frame(1)
	if !reflect.DeepEqual(Redact(null), null) {
		t.Error("a null string has nothing to hide")
	}
}
