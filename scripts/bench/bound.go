package main

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
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

// bound is what this machine can do, however capf is written.
type bound struct {
	Signatures float64       // RSA-2048 a second, by Go's crypto on all cores
	Signature  time.Duration // processor time of one
	Sync       time.Duration // to write and sync 4 KiB behind the end of a file
}

// enrolments is the most that can be made in a second: each needs one
// signature for TLS and one for the certificate.
func (b bound) enrolments() float64 { return b.Signatures / 2 }

// alone is the least time that one phone needs: it waits for two signatures on
// one core and for two commits, that of the certificate and that of its own
// confirmation.
func (b bound) alone() time.Duration { return 2*b.Signature + 2*b.Sync }

// middle is the mean of some looks, and how far the signatures of one of them
// are from it at most.
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

// prober looks at the bound.
type prober struct {
	key  *rsa.PrivateKey
	dir  string
	span time.Duration
}

func newProber(dir string, span time.Duration) (*prober, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, fmt.Errorf("making a key for the bound: %w", err)
	}
	return &prober{key, dir, span}, nil
}

func (p *prober) look() (b bound, err error) {
	before, err := processorTime()
	if err != nil {
		return b, err
	}
	made, took, err := p.sign(p.span * 3 / 4)
	if err != nil {
		return b, err
	}
	after, err := processorTime()
	if err != nil {
		return b, err
	}
	b.Signatures = float64(made) / took.Seconds()
	b.Signature = (after - before) / time.Duration(made)
	b.Sync, err = p.sync(p.span / 4)
	return b, err
}

// processorTime is what this process has used so far.
func processorTime() (time.Duration, error) {
	var u syscall.Rusage
	err := syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()), err
}

// sign counts the signatures that all cores make.
func (p *prober) sign(span time.Duration) (made int64, took time.Duration, err error) {
	digest := sha256.Sum256([]byte("capf"))
	var count atomic.Int64
	var all sync.WaitGroup
	errs := make(chan error, cores())
	began := time.Now()
	for range cores() {
		all.Go(func() {
			for more := true; more; more = time.Since(began) < span {
				if _, err := p.key.Sign(rand.Reader, digest[:], stdcrypto.SHA256); err != nil {
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
		return 0, 0, fmt.Errorf("signing for the bound: %w", err)
	default:
		return count.Load(), took, nil
	}
}

// sync is the median of what a write with its sync takes.
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

// percentile is that of sorted times by the nearest rank: a time that was
// measured, never one in between.
func percentile(sorted []time.Duration, p int) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[max(0, (len(sorted)*p+99)/100-1)]
}
