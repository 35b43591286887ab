package crypto_test

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"

	"capf/crypto"
)

func TestKeyKinds(t *testing.T) {
	t.Parallel()
	for _, kind := range crypto.Kinds() {
		if !kind.Known() || kind.IsRSA() == kind.IsEC() {
			t.Errorf("%s: known %t, RSA %t, EC %t", kind, kind.Known(), kind.IsRSA(), kind.IsEC())
		}
		if again := map[bool]crypto.KeyKind{true: crypto.RSA(kind.Bits()), false: crypto.EC(kind.Bits())}[kind.IsRSA()]; again != kind {
			t.Errorf("%s of %d bits is %s", kind, kind.Bits(), again)
		}
	}
	for _, kind := range []crypto.KeyKind{"", "rsa", "rsa-", "rsa-768", "rsa-02048", "ec-224", "dsa-1024", crypto.RSA(-1)} {
		if kind.Known() || kind.Bits() != 0 {
			t.Errorf("%q is known, with %d bits", kind, kind.Bits())
		}
	}
	_, err := crypto.GenerateKey(rand.Reader, "rsa-768")
	wantError(t, err, `generating a key: "rsa-768" is no known kind`)
}

func TestKeysRoundTrip(t *testing.T) {
	t.Parallel()
	for _, kind := range crypto.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			t.Parallel()
			key := generate(t, kind)
			spki := spkiOf(t, key)
			pub, got, err := crypto.ParsePublicKey(spki)
			if err != nil || got != kind {
				t.Fatalf("ParsePublicKey: %s, %v", got, err)
			}
			pem, err := crypto.PrivateKeyPEM(key)
			if err != nil {
				t.Fatal(err)
			}
			again, err := crypto.ParsePrivateKeyPEM(pem)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(spkiOf(t, again), spki) || !pub.(interface {
				Equal(stdcrypto.PublicKey) bool
			}).Equal(key.Public()) {
				t.Error("the key changed on its way")
			}
			// openssl knows the key and verifies what it signs, also below Go's limit.
			text := []byte("text")
			digest := sha256.Sum256(text)
			sig, err := again.Sign(rand.Reader, digest[:], stdcrypto.SHA256)
			if err != nil {
				t.Fatal(err)
			}
			openssl(t, "dgst", "-sha256", "-prverify", writeFile(t, "key.pem", pem),
				"-signature", writeFile(t, "sig", sig), writeFile(t, "text", text))
		})
	}
}

func TestParsePublicKeyRefuses(t *testing.T) {
	t.Parallel()
	good := spkiOf(t, generate(t, crypto.RSA1024))
	marshal := func(pub any) []byte {
		der, err := x509.MarshalPKIXPublicKey(pub)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	odd := func(bits int) *big.Int {
		n := new(big.Int).Lsh(big.NewInt(1), uint(bits-1))
		return n.SetBit(n, 0, 1)
	}
	// An int of 32 bits holds no such exponent.
	longExponent := func(n *big.Int, e int64) []byte {
		key, err := asn1.Marshal(struct {
			N *big.Int
			E int64
		}{n, e})
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(struct {
			Algorithm pkix.AlgorithmIdentifier
			Key       asn1.BitString
		}{
			pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue},
			asn1.BitString{Bytes: key, BitLength: 8 * len(key)},
		})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ed, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x25519, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	offCurve := slices.Clone(spkiOf(t, generate(t, crypto.EC256)))
	offCurve[len(offCurve)-1] ^= 1
	// The outer length in two bytes instead of one: BER, not DER.
	ec := spkiOf(t, generate(t, crypto.EC256))
	long := append([]byte{0x30, 0x81, ec[1]}, ec[2:]...)
	// The bit string holds a byte after the key, which Go's reader passes over.
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(good, &info); err != nil {
		t.Fatal(err)
	}
	info.Key.Bytes, info.Key.BitLength = append(info.Key.Bytes, 0), info.Key.BitLength+8
	padded, err := asn1.Marshal(info)
	if err != nil {
		t.Fatal(err)
	}

	tests := []struct {
		name, want string
		spki       []byte
	}{
		{"empty", "reading a public key: asn1: syntax error: sequence truncated", nil},
		{"trailing byte", "reading a public key: x509: trailing data after ASN.1 of public-key", append(slices.Clone(good), 0)},
		{"truncated", "reading a public key: asn1: syntax error: data truncated", good[:len(good)-1]},
		{"long length", "reading a public key: asn1: structure error: non-minimal length", long},
		{"768 bits", "an RSA key of 768 bits: only 512, 1024, 2048, 3072 and 4096 are known", marshal(&rsa.PublicKey{N: odd(768), E: 3})},
		{"2047 bits", "an RSA key of 2047 bits: only 512, 1024, 2048, 3072 and 4096 are known", marshal(&rsa.PublicKey{N: odd(2047), E: 3})},
		{"16384 bits", "an RSA key of 16384 bits: only 512, 1024, 2048, 3072 and 4096 are known", marshal(&rsa.PublicKey{N: odd(16384), E: 3})},
		{"even modulus", "an RSA key of 2048 bits with an even modulus", marshal(&rsa.PublicKey{N: new(big.Int).Add(odd(2048), big.NewInt(1)), E: 3})},
		{"exponent 1", "an RSA key with the exponent 1: it must be odd, at least 3 and below 2^31", marshal(&rsa.PublicKey{N: odd(2048), E: 1})},
		{"exponent 2", "an RSA key with the exponent 2: it must be odd, at least 3 and below 2^31", marshal(&rsa.PublicKey{N: odd(2048), E: 2})},
		{"exponent 2^40+1", "an RSA key with the exponent 1099511627777: it must be odd, at least 3 and below 2^31", longExponent(odd(2048), 1<<40+1)},
		{"P-224", "an EC key on the curve P-224: only P-256, P-384 and P-521 are known", marshal(&p224.PublicKey)},
		{"Ed25519", "an Ed25519 key: only RSA and EC keys are known", marshal(ed)},
		{"X25519", "an X25519 key: only RSA and EC keys are known", marshal(x25519.PublicKey())},
		{"off the curve", "reading a public key: P256 point not on curve", offCurve},
		{"byte after the key", "reading a public key: 163 bytes are not its DER form of 162 bytes", padded},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := crypto.ParsePublicKey(test.spki)
			wantError(t, err, test.want)
		})
	}
	for _, e := range []int{3, 1<<31 - 1} {
		if _, kind, err := crypto.ParsePublicKey(marshal(&rsa.PublicKey{N: odd(2048), E: e})); err != nil || kind != crypto.RSA2048 {
			t.Errorf("exponent %d: %s, %v", e, kind, err)
		}
	}
}

func TestParsePrivateKeyRefuses(t *testing.T) {
	t.Parallel()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(ed)
	if err != nil {
		t.Fatal(err)
	}
	_, err = crypto.ParsePrivateKey(der)
	wantError(t, err, "reading a private key: neither RSA nor EC")
	_, err = crypto.ParsePrivateKeyPEM([]byte("text"))
	wantError(t, err, "reading a private key: no PEM block")
	_, err = crypto.ParsePrivateKeyPEM(crypto.CertificatePEM(der))
	wantError(t, err, `reading a private key: a PEM block "CERTIFICATE", not "PRIVATE KEY"`)
}

func FuzzParsePublicKey(f *testing.F) {
	for _, kind := range []crypto.KeyKind{crypto.RSA512, crypto.RSA1024, crypto.EC256, crypto.EC521} {
		f.Add(spkiOf(f, generate(f, kind)))
	}
	f.Fuzz(func(t *testing.T, spki []byte) {
		pub, kind, err := crypto.ParsePublicKey(spki)
		if err != nil {
			return
		}
		if !kind.Known() {
			t.Errorf("accepted a key of the kind %q", kind)
		}
		again, err := crypto.MarshalPublicKey(pub)
		if err != nil || !bytes.Equal(again, spki) {
			t.Errorf("accepted another form of %x (%v)", again, err)
		}
	})
}
