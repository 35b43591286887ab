package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"capf/crypto"
	"capf/store"
)

// offline is the result of measuring the offline CA.
type offline struct {
	Rounds  []round  `json:"rounds"`
	Waiting *waiting `json:"waiting,omitempty"`
}

// round is one export and what follows, on a database of some size.
type round struct {
	Requests int     `json:"requests"`
	File     int64   `json:"file_bytes"`
	Archive  int64   `json:"archive_bytes"`
	Steps    []steps `json:"commands"`
}

// steps is one command of a round.
type steps struct {
	Name      string        `json:"command"`
	Took      time.Duration `json:"took_ns"`
	PerSecond float64       `json:"per_second"` // requests or certificates
	Peak      int64         `json:"peak_bytes"`
}

func measureOffline(ctx context.Context, o options, say func(string, ...any)) (*offline, error) {
	var r offline
	for _, n := range []int{o.requests / 10, o.requests} {
		say("a round with %d requests", n)
		one, err := measureRound(ctx, o, n)
		if err != nil {
			return nil, fmt.Errorf("a round with %d requests: %w", n, err)
		}
		r.Rounds = append(r.Rounds, one)
	}
	if o.waiting == 0 {
		return &r, nil
	}
	say("%d phones that wait", o.waiting)
	w, err := measureWaiting(ctx, o)
	r.Waiting = w
	return &r, err
}

// company is the CA of a company.
type company struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newCompany creates a CA and makes a database trust it.
func newCompany(ctx context.Context, o options, d database) (*company, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	t := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Company CA", Organization: []string{"Company"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(10, 0, 0), KeyUsage: x509.KeyUsageCertSign,
		BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		return nil, err
	}
	c := &company{key: key}
	if c.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	upload := d.command(ctx, o, "cert", "upload", "-", "--purpose", "capf-trust", "--purpose", "callmanager-trust")
	upload.Stdin = bytes.NewReader(crypto.CertificatePEM(der))
	issuer := d.command(ctx, o, "set", "certificate_issuer", "offline-ca")
	for _, cmd := range []*exec.Cmd{upload, issuer} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, out)
		}
	}
	return c, nil
}

// sign makes the certificate for a request.
func (c *company) sign(device string, spki []byte) ([]byte, error) {
	key, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: device}, DNSNames: []string{device},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyAgreement,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}, c.cert, key, c.key)
}

// signAll writes the certificates for the waiting requests, or the first of them, in
// the vendor's form: DER in a compressed tar.
func (c *company) signAll(ctx context.Context, d database, file string, most int) (err error) {
	var requests []store.Request
	err = d.with(ctx, func(s *store.Store) error {
		for r, err := range s.Requests(ctx, store.RequestFilter{State: store.RequestPending}) {
			if err != nil {
				return err
			}
			if len(requests) < most {
				requests = append(requests, store.Request{Device: r.Device, PublicKey: r.PublicKey})
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	certs := make([][]byte, len(requests))
	err = eachOf(len(requests), func(i int) (err error) {
		certs[i], err = c.sign(requests[i].Device, requests[i].PublicKey)
		return err
	})
	if err != nil {
		return err
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	for i, der := range certs {
		if err := t.WriteHeader(&tar.Header{Name: requests[i].Device + ".der", Mode: 0o644, Size: int64(len(der))}); err != nil {
			return err
		}
		if _, err := t.Write(der); err != nil {
			return err
		}
	}
	return errors.Join(t.Close(), z.Close())
}

// fillRequests adds phones that wait with a PKCS#10 each, signed with its own key.
func fillRequests(ctx context.Context, s *store.Store, n int) error {
	capf, err := crypto.NewCAPF(rand.Reader, crypto.Name{Organization: "Example", Country: "DE"}, 2048, time.Now())
	if err != nil {
		return err
	}
	return eachOf(n, func(i int) error {
		d, err := s.AddDevice(ctx, operator, scheduled(device(i), store.ECOnly))
		if err != nil {
			return err
		}
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return err
		}
		spki, err := crypto.MarshalPublicKey(key.Public())
		if err != nil {
			return err
		}
		csr, err := crypto.NewRequest(capf.Leaf(), crypto.LSCTemplate{Device: d.Name, SPKI: spki}, key)
		if err != nil {
			return err
		}
		hash := crypto.KeyHash(spki)
		_, err = s.SubmitRequest(ctx, store.Actor{Kind: store.Phone, Name: d.Name, Address: "192.0.2.1"}, store.Request{
			DeviceID: d.ID, Schedule: d.Schedule, Issuer: "offline-ca", KeyKind: string(crypto.EC256),
			KeyHash: hash[:], PublicKey: spki, CSR: csr, Possessed: true, Address: "192.0.2.1",
		})
		return err
	})
}

// measureRound exports requests and imports certificates with an operator's commands.
func measureRound(ctx context.Context, o options, n int) (r round, err error) {
	r.Requests = n
	d, err := newDatabase(ctx, o, fmt.Sprint("offline-", n))
	if err != nil {
		return r, err
	}
	ca, err := newCompany(ctx, o, d)
	if err != nil {
		return r, err
	}
	if err := d.with(ctx, func(s *store.Store) error { return fillRequests(ctx, s, n) }); err != nil {
		return r, err
	}
	requests, signed := string(d)+".requests.tgz", string(d)+".signed.tgz"
	if err := ca.signAll(ctx, d, signed, n); err != nil {
		return r, err
	}
	if r.File, err = d.size(); err != nil {
		return r, err
	}
	for _, args := range [][]string{
		{"offline", "export", "--out", requests}, {"offline", "import", signed, "--dry-run"},
		{"offline", "import", signed}, {"offline", "import", signed},
	} {
		result, err := o.launch(ctx, d, launchOrder{Runs: 1, Commands: [][]string{append([]string{o.capf}, args...)}})
		if err != nil {
			return r, err
		}
		one := result.Runs[0][0]
		for i := range args {
			args[i] = filepath.Base(args[i])
		}
		r.Steps = append(r.Steps, steps{"capf " + strings.Join(args, " "), one.Took, float64(n) / one.Took.Seconds(), one.Peak})
	}
	info, err := os.Stat(requests)
	if err != nil {
		return r, err
	}
	r.Archive = info.Size()
	return r, d.with(ctx, func(s *store.Store) error {
		issued, err := s.CountLSCs(ctx, store.LSCFilter{State: store.LSCIssued})
		if err == nil && issued != int64(n) {
			err = fmt.Errorf("%d LSCs are issued", issued)
		}
		return err
	})
}

func (r *offline) print(b *strings.Builder) {
	fmt.Fprintf(b, "\nAn offline CA: requests out, certificates back, each verified; a second import changes nothing\n")
	t := table(b, "command", "requests", "took ms", "per s", "peak MiB")
	for _, one := range r.Rounds {
		for _, s := range one.Steps {
			t.row(s.Name, one.Requests, millis(s.Took), whole(s.PerSecond), mebibytes(s.Peak))
		}
	}
	t.end()
	if w := r.Waiting; w != nil {
		fmt.Fprintf(b, "%d phones wait: %.1f KiB each, %.2f %% of a core while nothing happens; %.0f a second came\n",
			w.Phones, float64(w.Memory)/1024, 100*w.Idle, w.Arrived)
		fmt.Fprintf(b, "%d of them got certificates by one import: p50 %s ms, p99 %s ms, the last %s ms after it began to write\n",
			w.Delivered, millis(w.P50), millis(w.P99), millis(w.Most))
	}
}
