package phone

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"capf/crypto"
	"capf/enroll/wire"
)

// exchange is one recorded session.
type exchange struct {
	senders []string
	frames  [][]byte
}

func readExchange(t *testing.T, file string) exchange {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var e exchange
	for _, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
		fields := strings.Fields(line)
		b, err := hex.DecodeString(fields[1])
		if err != nil {
			t.Fatal(err)
		}
		e.senders = append(e.senders, fields[0])
		e.frames = append(e.frames, b)
	}
	return e
}

// recorded signs with the signatures of a recording, whose private keys nobody
// has, after checking that they are over the digest it is asked for.
type recorded struct {
	public     stdcrypto.PublicKey
	signatures [][]byte
}

func (r recorded) Public() stdcrypto.PublicKey { return r.public }

func (r recorded) Sign(_ io.Reader, digest []byte, opts stdcrypto.SignerOpts) ([]byte, error) {
	for _, signature := range r.signatures {
		switch public := r.public.(type) {
		case *rsa.PublicKey:
			if opts.HashFunc() == 0 && rsa.VerifyPKCS1v15(public, 0, digest, signature) == nil {
				return signature, nil
			}
		case *ecdsa.PublicKey:
			if ecdsa.VerifyASN1(public, digest, signature) {
				return signature, nil
			}
		}
	}
	return nil, errors.New("no recorded signature over this digest")
}

func recordedIdentity(t *testing.T, der []byte, signatures ...[]byte) *Identity {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &Identity{Certificate: der, Key: recorded{cert.PublicKey, signatures}, Type: wire.TypeLSC}
}

// phoneOf makes the phone that a recording shows.
func phoneOf(t *testing.T, e exchange) Config {
	t.Helper()
	var c Config
	for i, b := range e.frames {
		if e.senders[i] != "phone" {
			continue
		}
		f, err := wire.Parse(b)
		if err != nil {
			t.Fatal(err)
		}
		switch f.Command {
		case wire.CmdAuthResponse:
			m, err := wire.ParseAuthResponse(f)
			if err != nil {
				t.Fatal(err)
			}
			c.Device, c.Version = m.Device, m.Version
			if len(m.Password) > 0 {
				c.Password = m.Password
			}
			if m.Certificate != nil {
				c.Existing = recordedIdentity(t, m.Certificate.DER, m.SignedData, m.SHA2.Signature)
				c.SUDI = recordedIdentity(t, m.SUDI.Certificate, m.SUDI.SHA1, m.SUDI.SHA512)
			}
		case wire.CmdRequestInProgress:
			c.Progress = true
		case wire.CmdKeyGenerateResponse:
			m, err := wire.ParseKeyGenerateResponse(f)
			if err != nil {
				t.Fatal(err)
			}
			public, kind, err := crypto.ParsePublicKey(m.PublicKey)
			if err != nil {
				t.Fatal(err)
			}
			c.NewKey = func(asked crypto.KeyKind) (stdcrypto.Signer, error) {
				if asked != kind {
					t.Errorf("asked for %q, recorded %q", asked, kind)
				}
				return recorded{public: public}, nil
			}
		case wire.CmdFetchCertificateResponse:
			m, err := wire.ParseFetchResponse(f)
			if err != nil {
				t.Fatal(err)
			}
			c.LSC = m.Certificate.DER
		}
	}
	return c
}

// TestVectors plays the server of each recording; the phone must answer with
// the recorded bytes, each frame in one TLS record and so in one write.
func TestVectors(t *testing.T) {
	t.Parallel()
	outcomes := map[string]struct {
		did    Outcome
		reason wire.Reason
	}{
		"delete":                       {Deleted, wire.ReasonSuccess},
		"install-ec384-by-null-string": {Installed, wire.ReasonSuccess},
		"install-rsa2048-by-authentication-string":                {Installed, wire.ReasonSuccess},
		"install-rsa2048-by-existing-certificate-ec-lsc-rsa-sudi": {Installed, wire.ReasonSuccess},
		"install-rsa2048-by-existing-certificate-rsa-lsc":         {Installed, wire.ReasonSuccess},
		"install-version2-softphone":                              {Installed, wire.ReasonSuccess},
		"no-operation-reason-0":                                   {Nothing, wire.ReasonNoAction},
		"troubleshoot-fetch":                                      {Fetched, wire.ReasonNoAction},
		"unknown-device":                                          {Nothing, wire.ReasonUnknownDevice},
		"wrong-authentication-string":                             {Nothing, wire.ReasonDeclined},
	}
	for name, want := range outcomes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := readExchange(t, filepath.Join("..", "wire", "testdata", "vectors", name+".txt"))
			c := phoneOf(t, e)
			s := serve(t, func(p *peer) {
				buffer := make([]byte, wire.HeaderSize+wire.MaxBody)
				for i, b := range e.frames {
					if e.senders[i] == "server" {
						p.sendBytes(b)
						continue
					}
					n, err := p.conn.Read(buffer)
					if err != nil {
						p.quit("frame %d: %v", i+1, err)
					}
					if !bytes.Equal(buffer[:n], b) {
						p.quit("frame %d is\n%x, recorded\n%x", i+1, buffer[:n], b)
					}
				}
				p.gone()
			})
			var stored []byte
			c.Store = func(der []byte, _ stdcrypto.Signer) error {
				stored = der
				return nil
			}
			c.Servers, c.Attempts = []string{s.addr}, 1
			r, err := Run(t.Context(), c)
			var declined *DeclinedError
			switch {
			case want.reason > wire.ReasonSuccess:
				if !errors.As(err, &declined) || declined.Reason != want.reason || declined.After != wire.CmdAuthResponse {
					t.Errorf("error %v, want reason %d", err, want.reason)
				}
			case err != nil:
				t.Error(err)
			}
			if r.Outcome != want.did || r.Reason != want.reason || r.Attempts != 1 {
				t.Errorf("%v, reason %v, %d attempts; want %v, %v", r.Outcome, r.Reason, r.Attempts, want.did, want.reason)
			}
			if r.Outcome == Installed && (r.Key == nil || r.Certificate == nil || !bytes.Equal(r.Certificate, stored)) {
				t.Error("no certificate and key")
			}
			if !r.Server.Equal(s.cert) || r.Remote.String() != s.addr {
				t.Errorf("server %v at %v", r.Server.Subject, r.Remote)
			}
		})
	}
}
