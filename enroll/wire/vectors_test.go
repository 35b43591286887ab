package wire

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha512"
	"crypto/x509"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// vectorFrame is one line of a vector.
type vectorFrame struct {
	file   string
	line   int
	sender string // server or phone
	bytes  []byte
}

// vectors reads the recorded exchanges in testdata/vectors.
func vectors(tb testing.TB) []vectorFrame {
	tb.Helper()
	files, err := filepath.Glob("testdata/vectors/*.txt")
	if err != nil {
		tb.Fatal(err)
	}
	if len(files) != 10 {
		tb.Fatalf("%d vectors, want 10", len(files))
	}
	var frames []vectorFrame
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		for i, line := range strings.Split(strings.TrimSpace(string(content)), "\n") {
			fields := strings.Fields(line)
			if len(fields) != 2 {
				tb.Fatalf("%s:%d: %d fields", file, i+1, len(fields))
			}
			b, err := hex.DecodeString(fields[1])
			if err != nil {
				tb.Fatalf("%s:%d: %v", file, i+1, err)
			}
			frames = append(frames, vectorFrame{filepath.Base(file), i + 1, fields[0], b})
		}
	}
	return frames
}

// message is what every typed message can do.
type message interface{ Frame(session uint32) Frame }

func typed[M message](parse func(Frame) (M, error)) func(Frame) (message, error) {
	return func(f Frame) (message, error) { return parse(f) }
}

// parsers has the typed reader of each command that has one.
func parsers() map[Command]func(Frame) (message, error) {
	return map[Command]func(Frame) (message, error){
		CmdAuthRequest:               typed(ParseAuthRequest),
		CmdAuthResponse:              typed(ParseAuthResponse),
		CmdKeyGenerateRequest:        typed(ParseKeyGenerateRequest),
		CmdKeyGenerateResponse:       typed(ParseKeyGenerateResponse),
		CmdEncryptRequest:            typed(ParseEncryptRequest),
		CmdEncryptResponse:           typed(ParseEncryptResponse),
		CmdStoreCertificateRequest:   typed(ParseStoreRequest),
		CmdStoreCertificateResponse:  typed(ParseStoreResponse),
		CmdFetchCertificateRequest:   typed(ParseFetchRequest),
		CmdFetchCertificateResponse:  typed(ParseFetchResponse),
		CmdDeleteCertificateRequest:  typed(ParseDeleteRequest),
		CmdDeleteCertificateResponse: typed(ParseDeleteResponse),
		CmdEndSession:                typed(ParseEndSession),
		CmdRetryLater:                typed(ParseRetryLater),
		CmdRequestInProgress:         typed(ParseRequestInProgress),
		CmdAbortRequest:              typed(ParseAbortRequest),
		CmdAbortResponse:             typed(ParseAbortResponse),
	}
}

func TestVectorsRoundTrip(t *testing.T) {
	t.Parallel()
	parse := parsers()
	for _, v := range vectors(t) {
		f, err := Parse(v.bytes)
		if err != nil {
			t.Errorf("%s:%d: %v", v.file, v.line, err)
			continue
		}
		if unknown := f.Unknown(); unknown != nil {
			t.Errorf("%s:%d: unknown %v", v.file, v.line, unknown)
		}
		if b, err := f.Marshal(); err != nil || !bytes.Equal(b, v.bytes) {
			t.Errorf("%s:%d: frame marshals to %x, %v", v.file, v.line, b, err)
		}
		r := bytes.NewReader(append(bytes.Clone(v.bytes), "more"...))
		if read, err := Read(r); err != nil || !reflect.DeepEqual(read, f) || r.Len() != 4 {
			t.Errorf("%s:%d: Read: %v, %v, %d bytes left", v.file, v.line, read, err, r.Len())
		}
		m, err := parse[f.Command](f)
		if err != nil {
			t.Errorf("%s:%d: %v", v.file, v.line, err)
			continue
		}
		rebuilt := m.Frame(f.Session)
		if b, err := rebuilt.Marshal(); err != nil || !bytes.Equal(b, v.bytes) {
			t.Errorf("%s:%d: %#v builds %x, %v", v.file, v.line, m, b, err)
		}
		if fromServer := f.Command%2 == 1 && f.Command != CmdRequestInProgress; fromServer != (v.sender == "server") {
			t.Errorf("%s:%d: %v from the %s", v.file, v.line, f.Command, v.sender)
		}
	}
}

// verify checks a signature as the protocol makes them: bare hash for RSA.
func verify(t *testing.T, certDER []byte, hash crypto.Hash, text, signature []byte) bool {
	t.Helper()
	cert, err := x509.ParseCertificate(certDER)
	if err != nil {
		t.Fatal(err)
	}
	var digest []byte
	switch hash {
	case crypto.SHA1:
		sum := sha1.Sum(text)
		digest = sum[:]
	case crypto.SHA512:
		sum := sha512.Sum512(text)
		digest = sum[:]
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, 0, digest, signature) == nil
	case *ecdsa.PublicKey:
		return ecdsa.VerifyASN1(key, digest, signature)
	}
	t.Fatalf("key %T", cert.PublicKey)
	return false
}

func TestVectorSignatures(t *testing.T) {
	t.Parallel()
	proofs := 0
	for _, v := range vectors(t) {
		f, err := Parse(v.bytes)
		if err != nil {
			t.Fatal(err)
		}
		if f.Command != CmdAuthResponse || !f.has(TagSignedData) {
			continue
		}
		m, err := ParseAuthResponse(f)
		if err != nil {
			t.Fatal(err)
		}
		proofs++
		if m.SHA2.Digest != SHA512 {
			t.Errorf("%s: SHA2_SIGNED_DATA is %v", v.file, m.SHA2.Digest)
		}
		text := SignedText(m.Device, m.Certificate.DER)
		sudi := SUDIText(f.Session, m.SUDI.Certificate)
		for _, s := range []struct {
			name            string
			certificate     []byte
			hash            crypto.Hash
			text, signature []byte
		}{
			{"SIGNED_DATA", m.Certificate.DER, crypto.SHA1, text, m.SignedData},
			{"SHA2_SIGNED_DATA", m.Certificate.DER, crypto.SHA512, text, m.SHA2.Signature},
			{"SUDI SHA-1", m.SUDI.Certificate, crypto.SHA1, sudi, m.SUDI.SHA1},
			{"SUDI SHA-512", m.SUDI.Certificate, crypto.SHA512, sudi, m.SUDI.SHA512},
		} {
			if !verify(t, s.certificate, s.hash, s.text, s.signature) {
				t.Errorf("%s: %s does not verify", v.file, s.name)
			}
			wrong := bytes.Clone(s.signature)
			wrong[len(wrong)-1] ^= 1
			if verify(t, s.certificate, s.hash, s.text, wrong) {
				t.Errorf("%s: %s verifies with a flipped bit", v.file, s.name)
			}
			other := bytes.Clone(s.text)
			other[0] ^= 1
			if verify(t, s.certificate, s.hash, other, s.signature) {
				t.Errorf("%s: %s verifies over another text", v.file, s.name)
			}
		}
		if verify(t, m.SUDI.Certificate, crypto.SHA1, SUDIText(f.Session+1, m.SUDI.Certificate), m.SUDI.SHA1) {
			t.Errorf("%s: the SUDI signature verifies in another session", v.file)
		}
	}
	if proofs != 2 {
		t.Errorf("%d vectors with signatures, want 2", proofs)
	}
}
