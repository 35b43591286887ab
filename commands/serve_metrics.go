package commands

import (
	"context"
	"crypto/x509"
	"errors"
	"log/slog"
	"net"
	"os"
	"runtime"
	"time"

	"capf/crypto"
	"capf/enroll/expiry"
	"capf/enroll/metrics"
	"capf/enroll/restart"
	"capf/enroll/server"
	"capf/enroll/settings"
	"capf/enroll/transfer"
	"capf/enroll/tvs"
	"capf/store"
)

// showMetrics serves metrics on the address until ctx ends; the channel is closed
// after that. Without an address it does nothing.
func showMetrics(ctx context.Context, address string, s *store.Store, now func() time.Time, log *slog.Logger) (*metrics.Meter, <-chan struct{}, error) {
	done := make(chan struct{})
	b := thisBuild()
	m := metrics.New(metrics.Build{Version: b.version, Revision: b.commit, Go: runtime.Version()}, func(ctx context.Context) (metrics.Facts, error) { return databaseFacts(ctx, s, now()) }, log)
	m.Begin(metrics.Words{
		Operations: store.Operations(), Outcomes: server.Outcomes(), Reasons: server.Refusals(),
		Issuers: []string{settings.IssuerCAPF, settings.IssuerOnline, settings.IssuerOffline}, Keys: keyKinds(), TVS: tvs.Outcomes(),
		Protocols: []string{string(transfer.HTTP), string(transfer.TFTP)}, FileOutcomes: fileOutcomes(),
	})
	if address == "" {
		close(done)
		return m, done, nil
	}
	outcome := make(chan error, 1)
	go func() {
		defer close(done)
		outcome <- m.Serve(ctx, address, func(a net.Addr) {
			log.Info("showing metrics", "address", a.String(), "path", metrics.Page)
			if tcp, ok := a.(*net.TCPAddr); ok && !tcp.IP.IsLoopback() {
				log.Warn("metrics have no access control, and their address is not a loopback one", "address", a.String())
			}
			outcome <- nil
		})
	}()
	if err := <-outcome; err != nil {
		return nil, done, err
	}
	go func() {
		if err := <-outcome; err != nil {
			log.Error("metrics are no longer served", "reason", err.Error())
		}
	}()
	return m, done, nil
}

// fileOutcomes are how requests for files come out.
func fileOutcomes() (words []string) {
	for _, o := range transfer.Outcomes() {
		words = append(words, string(o))
	}
	return words
}

// keyKinds are the kinds of key that a device can be set to.
func keyKinds() []string {
	var kinds []string
	for _, k := range []crypto.KeyKind{crypto.RSA512, crypto.RSA1024, crypto.RSA2048, crypto.RSA3072, crypto.RSA4096, crypto.EC256, crypto.EC384, crypto.EC521} {
		kinds = append(kinds, string(k))
	}
	return kinds
}

// databaseFacts queries the database for the metrics. An index answers each query.
func databaseFacts(ctx context.Context, s *store.Store, now time.Time) (f metrics.Facts, err error) {
	devices, err := s.DeviceCounts(ctx)
	if err != nil {
		return f, err
	}
	f = metrics.Facts{Devices: map[string]int64{}, Failed: devices.Failed, Late: devices.Late}
	for operation, n := range devices.ByOperation {
		f.Devices[operation.String()] = n
	}
	for _, n := range []struct {
		to  *int64
		ask func() (int64, error)
	}{
		{&f.Locked, func() (int64, error) { return s.CountLocked(ctx) }},
		{&f.Declined, func() (int64, error) { _, now, _, err := s.DeclinedNetworks(ctx, 0); return now, err }},
		{&f.Pending, func() (int64, error) { return s.CountRequests(ctx, store.RequestFilter{State: store.RequestPending}) }},
		{&f.Stale, func() (int64, error) { return s.CountLSCs(ctx, store.LSCFilter{State: store.LSCStale}) }},
		{&f.Installed, func() (int64, error) { return s.CountInstalled(ctx) }},
	} {
		if *n.to, err = n.ask(); err != nil {
			return f, err
		}
	}
	if f.Lives, err = expiry.CountLSCs(ctx, s.Reader, now); err != nil {
		return f, err
	}
	if f.Trusted, err = expiry.CountTrusted(ctx, s.Reader, now); err != nil {
		return f, err
	}
	space, err := s.Space()
	if err != nil {
		return f, err
	}
	f.Bytes, f.Free = space.Used, space.Free
	if f.Written, err = lastReport(ctx, s.Reader); err != nil {
		return f, err
	}
	if f.Waiting, err = restartWaiting(ctx, s.Reader); err != nil {
		return f, err
	}
	return f, ends(ctx, s.Reader, &f)
}

// restartWaiting counts the changes that this process obeys only after a restart.
func restartWaiting(ctx context.Context, s *store.Reader) (n int64, err error) {
	host, err := os.Hostname()
	if err != nil {
		return 0, nil // as in its report
	}
	changes, err := restart.Changes(ctx, s, time.Now())
	for _, c := range changes {
		if c.Server.PID == os.Getpid() && c.Server.Host == host {
			n++
		}
	}
	return n, err
}

// lastReport is when this process could last write to the database.
func lastReport(ctx context.Context, s *store.Reader) (at time.Time, err error) {
	servers, err := s.Servers(ctx)
	for _, v := range servers {
		if v.PID == os.Getpid() && v.SeenAt.After(at) {
			at = v.SeenAt
		}
	}
	return at, err
}

// ends adds when certificates expire.
func ends(ctx context.Context, s *store.Reader, f *metrics.Facts) error {
	id, err := s.Identity(ctx)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if len(id.Chain) > 0 {
		c, err := x509.ParseCertificate(id.Chain[0])
		if err != nil {
			return err
		}
		f.Certificate = c.NotAfter
	}
	switch p, err := s.Prepared(ctx); {
	case err == nil:
		f.Prepared, f.ShownAfter = p.Since, p.ShownAfter
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	rows, err := s.Trust(ctx, "")
	for _, row := range rows {
		if f.Trust.IsZero() || row.NotAfter.Before(f.Trust) {
			f.Trust = row.NotAfter
		}
	}
	return err
}
