package main

import (
	stdcrypto "crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"io"
	"math/big"
	"sync"

	"capf/crypto"
)

// publicKey is the key of a phone that is never asked to sign. Generating keys is the
// phones' work, so they are ready before the clock starts.
type publicKey struct{ key stdcrypto.PublicKey }

func (k publicKey) Public() stdcrypto.PublicKey { return k.key }

func (publicKey) Sign(io.Reader, []byte, stdcrypto.SignerOpts) ([]byte, error) {
	return nil, fmt.Errorf("this key cannot sign")
}

// keyPool has distinct public keys of each kind.
type keyPool struct {
	primes []*big.Int
	points []*ecdsa.PublicKey
}

// newKeyPool makes at least n keys of each kind. Any two primes of the pool make an
// RSA key, so a hundred primes make five thousand keys.
func newKeyPool(n int) (*keyPool, error) {
	p := &keyPool{}
	for pairs := 0; pairs < n; pairs += len(p.primes) - 1 {
		p.primes = append(p.primes, nil)
	}
	if err := p.fillPrimes(); err != nil {
		return nil, err
	}
	for range n {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("making keys: %w", err)
		}
		p.points = append(p.points, &key.PublicKey)
	}
	return p, nil
}

// fillPrimes finds the primes on all cores.
func (p *keyPool) fillPrimes() error {
	todo := make(chan int)
	errs := make(chan error, len(p.primes))
	var all sync.WaitGroup
	for range cores() {
		all.Go(func() {
			for i := range todo {
				// The two highest bits are set, so a product has 2048 bits.
				prime, err := rand.Prime(rand.Reader, 1024)
				if err != nil {
					errs <- err
				}
				p.primes[i] = prime
			}
		})
	}
	for i := range p.primes {
		todo <- i
	}
	close(todo)
	all.Wait()
	select {
	case err := <-errs:
		return fmt.Errorf("making keys: %w", err)
	default:
		return nil
	}
}

// key is number i of the kind.
func (p *keyPool) key(kind crypto.KeyKind, i int) (stdcrypto.Signer, error) {
	switch kind {
	case crypto.RSA2048:
		// Row a of a triangle: the pairs of prime a with those before it.
		a := 1
		for i >= a {
			i -= a
			a++
		}
		if a < len(p.primes) {
			return publicKey{&rsa.PublicKey{N: new(big.Int).Mul(p.primes[a], p.primes[i]), E: 65537}}, nil
		}
	case crypto.EC256:
		if i < len(p.points) {
			return publicKey{p.points[i]}, nil
		}
	}
	return nil, fmt.Errorf("there is no key %d of kind %s", i, kind)
}
