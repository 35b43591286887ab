package crypto

import (
	"crypto/rsa"
	"errors"
	"fmt"
	"math"
	"math/big"

	"github.com/titanous/rocacheck"
)

// The checks of this file, and their bounds, are those that public CAs make before they
// certify a key (CA/Browser Forum, Baseline Requirements, section 6.1.1.3). They find the
// keys that broken or dishonest generators are known to make. Boulder, the CA of Let's
// Encrypt, makes the same ones in its package goodkey, which cannot be imported without
// the whole server. Debian's known weak keys are not looked for: no library holds their
// list.

const (
	// smallestFactor is the bound below which a modulus may have no prime factor.
	// Boulder tries the primes up to 751: for small factors, division is the cheapest
	// way.
	smallestFactor = 10_000
	// fermatRounds finds factors that differ by less than about 20 times the fourth
	// root of the modulus (Böck, Fermat Factorization in the Wild, IACR 2023/026;
	// Boulder has 110).
	fermatRounds = 110
	// usualExponent is the smallest that NIST SP 800-56B allows, and the one that almost every
	// key has.
	usualExponent = 65537
)

// CheckStrength refuses a public key, of ParsePublicKey, that is known to be broken: an
// RSA modulus with a small factor, with two factors that are equal or close together, or
// with the structure of the ROCA keys (CVE-2017-15361). ParsePublicKey has already
// refused exponents that are even or 1, and points off their curve.
func CheckStrength(pub any) error {
	key, ok := pub.(*rsa.PublicKey)
	if !ok {
		return nil
	}
	switch factor := smallFactor(key.N); {
	case factor != 0:
		return fmt.Errorf("an RSA key whose modulus is divisible by %d", factor)
	case closeFactors(key.N):
		return errors.New("an RSA key whose modulus is a square or has two factors close together (Fermat)")
	case rocacheck.IsWeak(key):
		return errors.New("an RSA key as made by chips with the ROCA flaw (CVE-2017-15361)")
	}
	return nil
}

// UnusualKey returns a warning about a public key that is not known to be broken, or "".
// A small exponent is only a warning, because it is not known which keys every old phone
// makes.
func UnusualKey(pub any) string {
	if key, ok := pub.(*rsa.PublicKey); ok && key.E < usualExponent {
		return fmt.Sprintf("its exponent is %d, where %d is usual", key.E, usualExponent)
	}
	return ""
}

// smallFactor returns a prime factor below smallestFactor, 0 when there is none.
// It divides by several primes at once: as many as have a product that fits one
// word.
func smallFactor(n *big.Int) uint64 {
	composite := make([]bool, smallestFactor)
	product, some := uint64(1), make([]uint64, 0, 16)
	var rest, divisor big.Int
	for p := uint64(2); p < smallestFactor; p++ {
		if composite[p] {
			continue
		}
		for j := p * p; j < smallestFactor; j += p {
			composite[j] = true
		}
		if product > math.MaxUint64/smallestFactor {
			if f := divides(some, rest.Mod(n, divisor.SetUint64(product)).Uint64()); f != 0 {
				return f
			}
			product, some = 1, some[:0]
		}
		product, some = product*p, append(some, p)
	}
	return divides(some, rest.Mod(n, divisor.SetUint64(product)).Uint64())
}

// divides returns the first of the primes that divides n, 0 when none does.
func divides(primes []uint64, n uint64) uint64 {
	for _, p := range primes {
		if n%p == 0 {
			return p
		}
	}
	return 0
}

// closeFactors looks for a and b with n = a² - b² = (a+b)(a-b), from the smallest a
// upwards (Fermat's method). A square is found with b = 0.
func closeFactors(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	squared := new(big.Int).Mul(a, a)
	if squared.Cmp(n) < 0 {
		a.Add(a, big.NewInt(1))
		squared.Mul(a, a)
	}
	rest, step, root := squared.Sub(squared, n), new(big.Int), new(big.Int)
	for range fermatRounds {
		if mayBeSquare(rest, step) && root.Mul(root.Sqrt(rest), root).Cmp(rest) == 0 {
			return true
		}
		rest.Add(rest, step.Add(step.Lsh(a, 1), big.NewInt(1))) // (a+1)² = a² + 2a + 1
		a.Add(a, big.NewInt(1))
	}
	return false
}

// mayBeSquare avoids nearly all square roots: modulo these numbers, a square has
// few residues (Cohen, A Course in Computational Algebraic Number Theory, algorithm
// 1.7.3).
func mayBeSquare(n, rest *big.Int) bool {
	const a, b, c, d = 64, 63, 65, 11
	r := rest.Mod(n, rest.SetUint64(a*b*c*d)).Uint64()
	for _, m := range []uint64{a, b, c, d} {
		if !isSquareModulo(r%m, m) {
			return false
		}
	}
	return true
}

func isSquareModulo(n, m uint64) bool {
	for i := range m/2 + 1 {
		if i*i%m == n {
			return true
		}
	}
	return false
}
