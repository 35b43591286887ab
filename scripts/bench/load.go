package main

import (
	"context"
	stdcrypto "crypto"
	"crypto/tls"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"capf/crypto"
	"capf/enroll/phone"
)

// load is a number of phones that have not enrolled yet, each with its own key. A
// phone enrols once, over a new connection.
type load struct {
	server string
	kind   crypto.KeyKind
	phones []string // device names
	keys   *keyPool

	next         atomic.Int64 // the phone whose turn it is
	certificates atomic.Int64 // bytes that phones received
}

// phoneTLS is how today's phones connect. They have no post-quantum key exchange,
// which Go would offer and which costs both sides more than P-256.
func phoneTLS() *tls.Config {
	return &tls.Config{
		InsecureSkipVerify: true, // verifying the server is not what is measured
		MinVersion:         tls.VersionTLS12,
		MaxVersion:         tls.VersionTLS12,
		CurvePreferences:   []tls.CurveID{tls.CurveP256},
	}
}

// phoneAddress is the address of phone i: each has its own, as in practice.
func phoneAddress(i int) netip.Addr { return netip.AddrFrom4([4]byte{127, 1, byte(i >> 8), byte(i)}) }

// storm lets phones enroll, so many at the same time, until the deadline, if
// there is one, has passed or phone number last has had its turn. However busy
// the machine, each of those at the same time enrols once. It returns what each
// took, in order of size. The first failure ends it.
func (l *load) storm(ctx context.Context, clients, last int, deadline time.Time) ([]time.Duration, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	took := make([][]time.Duration, clients)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for ctx.Err() == nil && (deadline.IsZero() || len(took[c]) == 0 || time.Now().Before(deadline)) {
				i := int(l.next.Add(1)) - 1
				if i >= last {
					l.next.Add(-1) // it did not get its turn
					return
				}
				began := time.Now()
				if err := l.enrol(ctx, i); err != nil {
					cancel(err)
					return
				}
				took[c] = append(took[c], time.Since(began))
			}
		})
	}
	all.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	sorted := slices.Concat(took...)
	slices.Sort(sorted)
	return sorted, nil
}

// enroll is a phone from its first packet to the end of its session.
func (l *load) enrol(ctx context.Context, i int) error {
	r, err := phone.Run(ctx, phone.Config{
		Device: l.phones[i], Servers: []string{l.server}, From: phoneAddress(i), TLS: phoneTLS(), Attempts: 1, Progress: true,
		NewKey: func(kind crypto.KeyKind) (stdcrypto.Signer, error) {
			if kind != l.kind {
				return nil, fmt.Errorf("a key of kind %s is asked for, not %s", kind, l.kind)
			}
			return l.keys.key(kind, i)
		},
	})
	if err == nil && r.Outcome != phone.Installed {
		err = fmt.Errorf("the session came to %v", r.Outcome)
	}
	if err != nil {
		return fmt.Errorf("phone %s: %w", l.phones[i], err)
	}
	l.certificates.Add(int64(len(r.Certificate)))
	return nil
}
