package crypto_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"

	"capf/crypto"
)

// modulus makes one of exactly so many bits out of two factors, which made gives.
func modulus(t *testing.T, bits int, made func() (p, q *big.Int)) *big.Int {
	t.Helper()
	for range 1000 {
		p, q := made()
		if n := new(big.Int).Mul(p, q); n.BitLen() == bits {
			return n
		}
	}
	t.Fatalf("no modulus of %d bits", bits)
	return nil
}

func prime(t *testing.T, bits int) *big.Int {
	t.Helper()
	p, err := rand.Prime(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// after is the first prime from n on.
func after(n *big.Int) *big.Int {
	n = new(big.Int).Set(n)
	for n.SetBit(n, 0, 1); !n.ProbablyPrime(20); n.Add(n, big.NewInt(2)) {
	}
	return n
}

// roca is a key that an Infineon chip made (CVE-2017-15361), of those with which
// the checks of crocs-muni/roca are tested.
const roca = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAlze9c7qGdjDLVR/ntk+4
ZkfMcYsAnmfTFHfe3Xv7jRQqPCXCULtr0y0jG3aRJmEenoXO9uDveqr43gFB9yvA
dLEhu0aJqpB7lNZ+yXsvfVp/96dkSN8oWYL/dd9Z7GQOvVniHUY3Xsd7zdw2eYOy
HSXhhA2Ttwnj3c1jEYfC0y9q1cU99aL0ogGDqolcOvlkJu+mGb+6+WyboFa1gwRu
kYxBHZWKiHCt/eihvXsPTzTlXmTXWdGJtA1xZDnCBWuZ90b5R0agXVIESTl0cCyH
aQM/tLZmktJIU+Eu7ALBXemPg9kh3SCnYd3/YvDGCtYSXOWthHwlP5CImRBcQaNn
cQIDAQAB
-----END PUBLIC KEY-----`

// TestCheckStrength makes keys as broken generators and attackers do.
func TestCheckStrength(t *testing.T) {
	t.Parallel()
	near := func(distance uint) func() (p, q *big.Int) {
		return func() (*big.Int, *big.Int) {
			p := prime(t, 512)
			return p, after(new(big.Int).Add(p, new(big.Int).Lsh(big.NewInt(1), distance)))
		}
	}
	honest := func() *big.Int {
		return modulus(t, 1024, func() (p, q *big.Int) { return prime(t, 512), prime(t, 512) })
	}
	by := func(small int64) func() (p, q *big.Int) {
		factor := big.NewInt(small)
		return func() (*big.Int, *big.Int) { return factor, prime(t, 1024-factor.BitLen()) }
	}
	for name, test := range map[string]struct {
		n       *big.Int
		e       int
		warning string
		want    string
	}{
		"honest":            {honest(), 65537, "", ""},
		"small exponent":    {honest(), 3, "its exponent is 3, where 65537 is usual", ""},
		"divisible by 3":    {modulus(t, 1024, by(3)), 65537, "", "divisible by 3"},
		"divisible by 9973": {modulus(t, 1024, by(9973)), 65537, "", "divisible by 9973"},
		"a square":          {modulus(t, 1024, func() (*big.Int, *big.Int) { p := prime(t, 512); return p, p }), 3, "its exponent is 3, where 65537 is usual", "a square"},
		"the next prime":    {modulus(t, 1024, near(0)), 65537, "", "close together"},
		"close primes":      {modulus(t, 1024, near(250)), 65537, "", "close together"},
		"primes far enough": {modulus(t, 1024, near(400)), 65537, "", ""},
		"close, of an old one": {modulus(t, 512, func() (*big.Int, *big.Int) {
			p := prime(t, 256)
			return p, after(new(big.Int).Add(p, big.NewInt(1000)))
		}), 65537, "", "close together"},
	} {
		key := &rsa.PublicKey{N: test.n, E: test.e}
		warning, err := crypto.UnusualKey(key), crypto.CheckStrength(key)
		if warning != test.warning || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %q, %v", name, warning, err)
		}
	}
	block, _ := pem.Decode([]byte(roca))
	pub, _, err := crypto.ParsePublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if err := crypto.CheckStrength(pub); err == nil || !strings.Contains(err.Error(), "ROCA") {
		t.Errorf("ROCA: %v", err)
	}
	for _, kind := range []crypto.KeyKind{crypto.RSA512, crypto.RSA1024, crypto.RSA2048, crypto.EC384} {
		pub := generate(t, kind).Public()
		if err := crypto.CheckStrength(pub); err != nil || crypto.UnusualKey(pub) != "" {
			t.Errorf("%s: %v", kind, err)
		}
	}
}

// TestPointsThatAreNone has keys on P-256 whose points are not on it, in raw DER,
// as no library makes them.
func TestPointsThatAreNone(t *testing.T) {
	t.Parallel()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	spki := func(point []byte) []byte {
		type algorithm struct{ Algorithm, Curve asn1.ObjectIdentifier }
		der, err := asn1.Marshal(struct {
			Algorithm algorithm
			Key       asn1.BitString
		}{algorithm{asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}, asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}}, asn1.BitString{Bytes: point, BitLength: 8 * len(point)}})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	if _, _, err := crypto.ParsePublicKey(spki(point)); err != nil {
		t.Fatal(err)
	}
	beside, zero, above := append([]byte(nil), point...), make([]byte, len(point)), append([]byte(nil), point...)
	beside[len(beside)-1] ^= 1
	zero[0] = 4
	for i := 1; i <= 32; i++ {
		above[i] = 0xff // not below the prime of the field
	}
	for name, bad := range map[string][]byte{
		"beside the curve": beside, "zero": zero, "above the field": above, "at infinity": {0}, "nothing": {},
		"compressed": elliptic.MarshalCompressed(key.Curve, new(big.Int).SetBytes(point[1:33]), new(big.Int).SetBytes(point[33:])),
	} {
		if _, _, err := crypto.ParsePublicKey(spki(bad)); err == nil {
			t.Errorf("a point %s is taken", name)
		}
	}
	if _, err := x509.ParsePKIXPublicKey(spki(point)); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkCheckStrength(b *testing.B) {
	for _, kind := range []crypto.KeyKind{crypto.RSA2048, crypto.RSA4096} {
		key := generate(b, kind)
		b.Run(string(kind), func(b *testing.B) {
			for b.Loop() {
				if err := crypto.CheckStrength(key.Public()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
