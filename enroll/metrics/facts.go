package metrics

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Facts are what the database says at one moment.
type Facts struct {
	Devices     map[string]int64 // by the operation that is scheduled
	Failed      int64            // devices whose last operation failed
	Late        int64            // devices whose operation has run out of time
	Locked      int64            // devices that wrong strings have locked
	Pending     int64            // requests that wait for an issuer
	Stale       int64            // LSCs that never reached their phone
	Installed   int64            // LSCs that phones have
	Certificate time.Time        // the end of the CAPF certificate; zero when there is none
	Trust       time.Time        // the first end among the trust stores; zero when they are empty
	Bytes       map[string]int64 // of the files of the database
}

// Source asks for the facts.
type Source func(context.Context) (Facts, error)

const (
	// factsAge keeps one who asks often from making work for the database.
	factsAge = 5 * time.Second
	// factsWait bounds the questions; Prometheus itself waits 10 seconds.
	factsWait = 8 * time.Second
)

// factsCollector shows the facts.
type factsCollector struct {
	ask  Source
	now  func() time.Time
	desc factsDescriptions

	mu    sync.Mutex
	facts Facts     // guarded by mu
	err   error     // guarded by mu
	asked time.Time // guarded by mu
}

type factsDescriptions struct {
	readable, devices, failed, late, locked, pending, stale, installed, certificate, trust, bytes *prometheus.Desc
}

func newFactsCollector(ask Source) *factsCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &factsCollector{ask: ask, now: time.Now, desc: factsDescriptions{
		readable:    desc("capf_database_readable", "1 when the database answered the questions of this page, else 0; the others of it are missing then."),
		devices:     desc("capf_devices", "Devices, by the operation that is scheduled for them.", "operation"),
		failed:      desc("capf_devices_failed", "Devices whose last operation failed."),
		late:        desc("capf_devices_late", "Devices whose operation was not completed in its time."),
		locked:      desc("capf_devices_locked", "Devices that are locked after wrong authentication strings."),
		pending:     desc("capf_requests_pending", "Requests that wait for an issuer."),
		stale:       desc("capf_certificates_stale", "Certificates that were overtaken before their phone confirmed them."),
		installed:   desc("capf_certificates_installed", "Certificates that phones have confirmed and not replaced since."),
		certificate: desc("capf_certificate_expiry_timestamp_seconds", "When the CAPF certificate ends, as seconds since 1970."),
		trust:       desc("capf_trust_expiry_timestamp_seconds", "When the first certificate of the trust stores ends, as seconds since 1970."),
		bytes:       desc("capf_database_size_bytes", "Size of the files of the database.", "file"),
	}}
}

// Describe is called by the registry.
func (c *factsCollector) Describe(ch chan<- *prometheus.Desc) {
	d := c.desc
	for _, one := range []*prometheus.Desc{d.readable, d.devices, d.failed, d.late, d.locked, d.pending, d.stale, d.installed, d.certificate, d.trust, d.bytes} {
		ch <- one
	}
}

// Collect is called for each look at the page.
func (c *factsCollector) Collect(ch chan<- prometheus.Metric) {
	f, err := c.current()
	show := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	if err != nil {
		show(c.desc.readable, 0)
		return
	}
	show(c.desc.readable, 1)
	for operation, n := range f.Devices {
		show(c.desc.devices, float64(n), operation)
	}
	show(c.desc.failed, float64(f.Failed))
	show(c.desc.late, float64(f.Late))
	show(c.desc.locked, float64(f.Locked))
	show(c.desc.pending, float64(f.Pending))
	show(c.desc.stale, float64(f.Stale))
	show(c.desc.installed, float64(f.Installed))
	if !f.Certificate.IsZero() {
		show(c.desc.certificate, float64(f.Certificate.Unix()))
	}
	if !f.Trust.IsZero() {
		show(c.desc.trust, float64(f.Trust.Unix()))
	}
	for file, n := range f.Bytes {
		show(c.desc.bytes, float64(n), file)
	}
}

// current are the facts, asked for anew when they are old.
func (c *factsCollector) current() (Facts, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.asked.IsZero() || now.Sub(c.asked) >= factsAge {
		ctx, cancel := context.WithTimeout(context.Background(), factsWait)
		defer cancel()
		c.facts, c.err = c.ask(ctx)
		c.asked = now
	}
	return c.facts, c.err
}
