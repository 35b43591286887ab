package main

import (
	"context"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// bound is the limit of this machine, which no implementation of capf could
// exceed.
type bound struct {
	Signatures float64       // RSA-2048 signatures a second, by Go's crypto on the server's cores
	Signature  time.Duration // processor time of one
	Sync       time.Duration // to append 4 KiB to a file and sync it
}

// enrolments returns the largest possible number in a second: each needs
// one signature for TLS and one for the certificate.
func (b bound) enrolments() float64 { return b.Signatures / 2 }

// alone returns the shortest possible time for one phone: it waits for two
// signatures on one core and two commits, for the certificate and for its
// confirmation.
func (b bound) alone() time.Duration { return 2*b.Signature + 2*b.Sync }

// middle returns the mean of several probes, and the largest deviation of
// their signatures from it.
func middle(looks []bound) (mean bound, doubt float64) {
	n := len(looks)
	for _, b := range looks {
		mean.Signatures += b.Signatures / float64(n)
		mean.Signature += b.Signature / time.Duration(n)
		mean.Sync += b.Sync / time.Duration(n)
	}
	for _, b := range looks {
		doubt = max(doubt, math.Abs(b.Signatures/mean.Signatures-1))
	}
	return mean, doubt
}

// prober measures the bound.
type prober struct {
	key   []byte // a DER private key
	dir   string
	cores []int // of the server
	span  time.Duration
}

func newProber(o options) (*prober, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making a key for the bound: %w", err)
	}
	return &prober{x509.MarshalPKCS1PrivateKey(key), o.dir, o.cores.Server, o.baseline}, nil
}

func (p *prober) look(ctx context.Context) (b bound, err error) {
	var s signed
	if err := itself(ctx, p.cores, os.Environ(), signOrder{p.key, p.span * 3 / 4}, &s, "sign"); err != nil {
		return b, err
	}
	b.Signatures = float64(s.Made) / s.Took.Seconds()
	b.Signature = s.Used / time.Duration(s.Made)
	b.Sync, err = p.sync(p.span / 4)
	return b, err
}

// signOrder tells a signing process how long to sign.
type signOrder struct {
	Key  []byte
	Span time.Duration
}

// signed is the result of signing.
type signed struct {
	Made       int64
	Took, Used time.Duration // wall-clock time, and processor time
}

// sign counts the signatures that all cores of this process make.
func sign([]string) error {
	var order signOrder
	if err := json.NewDecoder(os.Stdin).Decode(&order); err != nil {
		return err
	}
	key, err := x509.ParsePKCS1PrivateKey(order.Key)
	if err != nil {
		return err
	}
	before, err := processorTime()
	if err != nil {
		return err
	}
	var s signed
	if s.Made, s.Took, err = signFor(order.Span, key); err != nil {
		return fmt.Errorf("signing for the bound: %w", err)
	}
	after, err := processorTime()
	if err != nil {
		return err
	}
	s.Used = after - before
	return json.NewEncoder(os.Stdout).Encode(s)
}

func signFor(span time.Duration, key *rsa.PrivateKey) (made int64, took time.Duration, err error) {
	digest := sha256.Sum256([]byte("capf"))
	var count atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, cores())
	began := time.Now()
	for range cores() {
		all.Go(func() {
			for more := true; more; more = time.Since(began) < span {
				if _, err := key.Sign(rand.Reader, digest[:], stdcrypto.SHA256); err != nil {
					errs <- err
					return
				}
				count.Add(1)
			}
		})
	}
	all.Wait()
	took = time.Since(began)
	select {
	case err := <-errs:
		return 0, 0, err
	default:
		return count.Load(), took, nil
	}
}

// processorTime is what this process has used so far.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// sync returns the median time of a write with its sync.
func (p *prober) sync(span time.Duration) (time.Duration, error) {
	f, err := os.Create(filepath.Join(p.dir, "sync"))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	page := make([]byte, 4096)
	var took []time.Duration
	for began := time.Now(); time.Since(began) < span || len(took) == 0; {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	return percentile(took, 50), nil
}

// percentile is a percentile of sorted times by the nearest rank: always a time that
// was measured, never one in between.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
