package server_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"capf/crypto"
	"capf/enroll/caworker"
	"capf/enroll/onlineca"
	"capf/enroll/onlineca/catest"
	"capf/enroll/phone"
	"capf/enroll/server"
)

// BenchmarkOnline lets 500 phones at once enroll with an online CA that takes a
// while for each answer, and compares that with what the CA can do when it is
// asked directly over as many connections:
//
//	go test ./enroll/server -run - -bench Online -benchtime 1000x
//
// ca/s is the CA's own limit, enroll/s what the phones get of it, and p99-ms the
// time of the slowest hundredth, queueing included.
func BenchmarkOnline(b *testing.B) {
	for _, delay := range []time.Duration{0, 50 * time.Millisecond, 500 * time.Millisecond} {
		b.Run(delay.String(), func(b *testing.B) { benchmarkOnline(b, delay) })
	}
}

func benchmarkOnline(b *testing.B, delay time.Duration) {
	const phones = 500
	ca := catest.MustCertsrv(b, catest.CertsrvOptions{Transport: catest.Transport{Login: catest.UserLogin("NTLM"), Delay: delay}})
	h := open(b, func(c *server.Config) {
		c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
		// A test machine with phones, CA and server on it is slow, not down.
		c.Online = caworker.Options{Limits: onlineca.Limits{Post: 5 * time.Minute}}
	})
	h.online(onlineca.Microsoft, ca.Server)
	addMany(h, b.N)
	haveKeys(b, b.N)
	limit := caLimit(b, ca, b.N)
	var mu sync.Mutex
	var took []time.Duration
	b.ResetTimer()
	began := time.Now()
	inParallel(h, phones, b.N, func(i int) error {
		start := time.Now()
		err := enrolOne(h, i)
		mu.Lock()
		took = append(took, time.Since(start))
		mu.Unlock()
		return err
	})
	rate := float64(b.N) / time.Since(began).Seconds()
	b.StopTimer()
	if made := len(ca.CA.Made()); made != 2*b.N {
		b.Errorf("the CA has made %d certificates for %d requests", made, 2*b.N)
	}
	slices.Sort(took)
	b.ReportMetric(limit, "ca/s")
	b.ReportMetric(rate, "enrol/s")
	b.ReportMetric(rate/limit, "of-limit")
	b.ReportMetric(float64(took[len(took)*99/100].Milliseconds()), "p99-ms")
}

// caLimit is how many certificates a second the CA makes for a client that does
// nothing else.
func caLimit(b *testing.B, ca *catest.Certsrv, n int) float64 {
	b.Helper()
	c, err := onlineca.New(onlineca.Config{Type: onlineca.Microsoft, Host: ca.Host, Port: ca.Port, Username: caUser, Password: caPassword,
		Roots: []*x509.Certificate{ca.CA.Root()}})
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	csr := benchRequest(b)
	began := time.Now()
	inParallel(b, 16, n, func(int) error {
		a, err := c.Submit(b.Context(), csr)
		if err == nil {
			_, err = c.Fetch(b.Context(), a.RequestID)
		}
		if err != nil {
			return fmt.Errorf("asking the CA directly: %w", err)
		}
		return nil
	})
	return float64(n) / time.Since(began).Seconds()
}

func benchRequest(b *testing.B) []byte {
	b.Helper()
	key, err := keyOf(sep)(crypto.RSA2048)
	if err != nil {
		b.Fatal(err)
	}
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		b.Fatal(err)
	}
	csr, err := crypto.NewRequest(newCA(b, "Company").Leaf(), crypto.LSCTemplate{Device: sep, SPKI: spki}, key)
	if err != nil {
		b.Fatal(err)
	}
	return csr
}

func enrolOne(h *house, i int) error {
	_, err := phone.Run(h.Context(), phone.Config{
		Device: nthDevice(i), Servers: []string{h.address}, Attempts: 1, Timeout: 5 * time.Minute,
		TLS:    &tls.Config{MaxVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.CurveP256}},
		NewKey: keyOf(nthDevice(i)),
	})
	return err
}
