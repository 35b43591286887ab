package crypto_test

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"math/big"
	"os"
	"slices"
	"testing"

	"capf/crypto"
)

// What phones sent in the two By-Existing-Certificate exchanges.
func TestVerifyBareOnVectors(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/proofs.json")
	if err != nil {
		t.Fatal(err)
	}
	var proofs []struct{ Exchange, What, Device, Text, Certificate, SHA1, SHA512 string }
	if err := json.Unmarshal(data, &proofs); err != nil {
		t.Fatal(err)
	}
	issuer := readCertificate(t, "testdata/capf-issuer.pem")
	if len(proofs) != 4 {
		t.Errorf("%d proofs instead of 4", len(proofs))
	}
	for _, p := range proofs {
		t.Run(p.Exchange+" "+p.What, func(t *testing.T) {
			cert := parse(t, unhex(t, p.Certificate))
			for hash, sig := range map[stdcrypto.Hash]string{stdcrypto.SHA1: p.SHA1, stdcrypto.SHA512: p.SHA512} {
				if err := crypto.VerifyBare(cert, hash, unhex(t, p.Text), unhex(t, sig)); err != nil {
					t.Error(err)
				}
			}
			if _, err := crypto.VerifyPath(cert, chainOf(issuer), nil, cert.NotBefore, crypto.PathOptions{}); err != nil {
				t.Error(err)
			}
			if !crypto.BelongsTo(cert, p.Device) || crypto.BelongsTo(cert, "SEP001122334456") {
				t.Errorf("%q does not belong to %q alone", cert.Subject.CommonName, p.Device)
			}
		})
	}
}

func TestSignBareRoundTrip(t *testing.T) {
	t.Parallel()
	text, other := []byte("SEP001122334455\x00certificate"), []byte("SEP001122334456\x00certificate")
	for _, kind := range crypto.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			key := generate(t, kind)
			cert := &x509.Certificate{PublicKey: key.Public(), Subject: pkix.Name{CommonName: "phone"}}
			stranger := &x509.Certificate{PublicKey: generate(t, kind).Public(), Subject: pkix.Name{CommonName: "phone"}}
			for _, hash := range []stdcrypto.Hash{stdcrypto.SHA1, stdcrypto.SHA256, stdcrypto.SHA512} {
				sig, err := crypto.SignBare(key, hash, text)
				if kind == crypto.RSA512 && hash == stdcrypto.SHA512 {
					wantError(t, err, "signing over SHA-512: a digest of 64 bytes does not fit an RSA key of 512 bits")
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := crypto.VerifyBare(cert, hash, text, sig); err != nil {
					t.Error(err)
				}
				flipped := slices.Clone(sig)
				flipped[len(flipped)/2] ^= 1
				for what, err := range map[string]error{
					"another text":      crypto.VerifyBare(cert, hash, other, sig),
					"another key":       crypto.VerifyBare(stranger, hash, text, sig),
					"a flipped bit":     crypto.VerifyBare(cert, hash, text, flipped),
					"a byte less":       crypto.VerifyBare(cert, hash, text, sig[1:]),
					"a byte more":       crypto.VerifyBare(cert, hash, text, append([]byte{0}, sig...)),
					"no signature":      crypto.VerifyBare(cert, hash, text, nil),
					"another signature": crypto.VerifyBare(cert, otherHash(hash), text, sig),
				} {
					if !errors.Is(err, crypto.ErrBadSignature) && (kind != crypto.RSA512 || err == nil) {
						t.Errorf("%s over %s: %v", what, hash, err)
					}
				}
			}
		})
	}
}

func otherHash(hash stdcrypto.Hash) stdcrypto.Hash {
	if hash == stdcrypto.SHA1 {
		return stdcrypto.SHA256
	}
	return stdcrypto.SHA1
}

// A block whose tail is the hash is not enough: everything before it counts.
func TestVerifyBareComparesTheWholeBlock(t *testing.T) {
	t.Parallel()
	text := []byte("text")
	digest := sha1.Sum(text)
	for _, bits := range []int{512, 2048} {
		key := privateRSA(t, bits)
		cert := &x509.Certificate{PublicKey: &key.PublicKey, Subject: pkix.Name{CommonName: "phone"}}
		good := make([]byte, bits/8)
		for i := range good {
			good[i] = 0xff
		}
		good[0], good[1], good[len(good)-21] = 0, 1, 0
		copy(good[len(good)-20:], digest[:])
		info := slices.Clone(good) // with DigestInfo before the hash
		copy(info[len(info)-35:], []byte{0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2b, 0x0e, 0x03, 0x02, 0x1a, 0x05, 0x00, 0x04, 0x14})
		info[len(info)-36] = 0
		change := func(at int, b byte) []byte {
			block := slices.Clone(good)
			block[at] = b
			return block
		}
		for what, block := range map[string][]byte{
			"type 2": change(1, 2), "type 0": change(1, 0), "garbage in the padding": change(20, 7),
			"no separator": change(len(good)-21, 0xff), "early separator": change(10, 0), "DigestInfo": info,
		} {
			err := crypto.VerifyBare(cert, stdcrypto.SHA1, text, rawRSA(key, block))
			wantError(t, err, `signature does not verify over SHA-1 with the RSA key of "phone"`)
			if !errors.Is(err, crypto.ErrBadSignature) {
				t.Errorf("%d bits, %s: %v", bits, what, err)
			}
		}
		sig := rawRSA(key, good)
		if err := crypto.VerifyBare(cert, stdcrypto.SHA1, text, sig); err != nil {
			t.Errorf("%d bits: %v", bits, err)
		}
		// The same number plus the modulus is the same signature to careless arithmetic.
		bigger := new(big.Int).Add(new(big.Int).SetBytes(sig), key.N)
		if bigger.BitLen() <= bits {
			err := crypto.VerifyBare(cert, stdcrypto.SHA1, text, bigger.FillBytes(make([]byte, bits/8)))
			wantError(t, err, `signature does not verify over SHA-1 with the RSA key of "phone"`)
		}
	}
}

// privateRSA opens a key of the package up.
func privateRSA(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	der, err := crypto.MarshalPrivateKey(generate(t, crypto.RSA(bits)))
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		t.Fatal(err)
	}
	return key.(*rsa.PrivateKey)
}

func rawRSA(key *rsa.PrivateKey, block []byte) []byte {
	s := new(big.Int).Exp(new(big.Int).SetBytes(block), key.D, key.N)
	return s.FillBytes(make([]byte, len(block)))
}

func TestVerifyBareRefusesKeys(t *testing.T) {
	t.Parallel()
	tiny := &x509.Certificate{PublicKey: &rsa.PublicKey{N: big.NewInt(3233), E: 17}}
	wantError(t, crypto.VerifyBare(tiny, stdcrypto.SHA1, nil, nil),
		"verifying a signature: an RSA key of 12 bits: only 512, 1024, 2048, 3072 and 4096 are known")
	wantError(t, crypto.VerifyBare(&x509.Certificate{}, stdcrypto.SHA1, nil, nil), "verifying a signature: an unknown key: only RSA and EC keys are known")
	wantError(t, crypto.VerifyBare(tiny, stdcrypto.MD5, nil, nil), "the hash MD5 is not one that phones sign over")
	weak := generate(t, crypto.RSA512)
	digest := sha512.Sum512(nil)
	_, err := weak.Sign(rand.Reader, digest[:], stdcrypto.SHA512)
	wantError(t, err, "signing with a weak RSA key: the hash SHA-512 is not supported")
	_, err = weak.Sign(rand.Reader, digest[:20], &rsa.PSSOptions{Hash: stdcrypto.SHA1})
	wantError(t, err, "signing with a weak RSA key: PSS is not supported")
}

func TestBelongsTo(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		names  []string
		device string
		want   bool
	}{
		{[]string{"SEP001122334455"}, "SEP001122334455", true},
		{[]string{"sep001122334455"}, "SEP001122334455", true},
		{[]string{"CP-8861-SEP001122334455"}, "sep001122334455", true},
		{[]string{"SEP001122334455"}, "SEP001122334456", false},
		{[]string{"\u017fEP001122334455"}, "SEP001122334455", false}, // the long s, which Unicode folds to S
		{[]string{"CP-8861-\u017fEP001122334455"}, "SEP001122334455", false},
		{[]string{"CP-8861SEP001122334455"}, "SEP001122334455", false},
		{[]string{"SEP001122334455-CP"}, "SEP001122334455", false},
		{[]string{"XSEP001122334455"}, "SEP001122334455", false},
		{[]string{"-"}, "", false},
		{[]string{""}, "", false},
		{nil, "SEP001122334455", false},
		{[]string{"SEP001122334456", "SEP001122334455"}, "SEP001122334455", false},
	} {
		cert := &x509.Certificate{}
		for _, name := range test.names {
			cert.Subject.CommonName = name
			cert.Subject.Names = append(cert.Subject.Names, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 3}, Value: name})
		}
		if got := crypto.BelongsTo(cert, test.device); got != test.want {
			t.Errorf("%q belongs to %q: %t", test.names, test.device, got)
		}
	}
}

func unhex(t *testing.T, text string) []byte {
	t.Helper()
	data, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
