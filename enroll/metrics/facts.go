package metrics

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Facts are what the database says at one moment.
type Facts struct {
	Devices     map[string]int64 // by the operation that is scheduled
	Failed      int64            // devices whose last operation failed
	Late        int64            // devices whose operation has run out of time
	Locked      int64            // devices locked after wrong strings or unconfirmed LSCs
	Declined    int64            // addresses declined after wrong strings
	Pending     int64            // requests that wait for an issuer
	Stale       int64            // LSCs that never reached their phone
	Installed   int64            // LSCs that phones have
	Lives       map[string]int64 // of those, by what is left of their life
	Trusted     map[string]int64 // certificates in the trust stores, by what is left of their life
	Certificate time.Time        // the end of the CAPF certificate; zero when there is none
	Prepared    time.Time        // when a CAPF certificate was prepared to take its place; zero when none is
	ShownAfter  time.Time        // when serve shows that one; zero when an operator says when
	Trust       time.Time        // the first end among the trust stores; zero when they are empty
	Bytes       map[string]int64 // of the files of the database
	Free        int64            // bytes on the disk of the database
	Waiting     int64            // changes that this serve obeys only after a restart
	Written     time.Time        // when serve last wrote its report, which it does every few seconds; zero when never
}

// Source queries the facts.
type Source func(context.Context) (Facts, error)

const (
	// factsAge is how long facts are reused, so that frequent scrapes do not
	// load the database.
	factsAge = 5 * time.Second
	// factsWait bounds the queries.
	factsWait = 8 * time.Second
	// lookWait is how long a scrape waits for the answers. Prometheus itself
	// waits 10 seconds, and then gets nothing of the page.
	lookWait = 2 * time.Second
	// factsOld is the age at which facts are no longer worth showing.
	factsOld = 30 * time.Second
)

var errNoAnswer = errors.New("the database does not answer")

// factsCollector shows the facts.
type factsCollector struct {
	ask  Source
	now  func() time.Time
	wait time.Duration
	log  *slog.Logger
	desc factsDescriptions

	mu       sync.Mutex
	facts    Facts         // guarded by mu
	err      error         // guarded by mu
	answered time.Time     // guarded by mu
	asking   chan struct{} // guarded by mu: closed when the answer arrives; nil while no query runs
	unread   bool          // guarded by mu: it was logged that the database cannot be read
}

type factsDescriptions struct {
	readable, devices, failed, late, locked, declined, pending, stale, installed, lives, trusted, certificate, prepared, shownAfter, trust, bytes, free, waiting, written *prometheus.Desc
}

func newFactsCollector(ask Source, log *slog.Logger) *factsCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(name, help, labels, nil)
	}
	return &factsCollector{ask: ask, now: time.Now, wait: lookWait, log: log, desc: factsDescriptions{
		readable:    desc("capf_database_readable", "1 when the database answered the questions of this page, else 0; the others of it are missing then."),
		devices:     desc("capf_devices", "Devices, by the operation that is scheduled for them.", "operation"),
		failed:      desc("capf_devices_failed", "Devices whose last operation failed."),
		late:        desc("capf_devices_late", "Devices whose operation was not completed in its time."),
		locked:      desc("capf_devices_locked", "Devices that are locked, after wrong authentication strings or certificates that they did not confirm."),
		declined:    desc("capf_addresses_declined", "Addresses that are declined after wrong authentication strings."),
		pending:     desc("capf_requests_pending", "Requests that wait for an issuer."),
		stale:       desc("capf_certificates_stale", "Certificates that were overtaken before their phone confirmed them."),
		installed:   desc("capf_certificates_installed", "Certificates that phones have confirmed and not replaced since."),
		lives:       desc("capf_certificates_left", "Certificates that phones have confirmed and not replaced since, by what is left of their life: expired, at most 1d, else at most 7d, and so on.", "left"),
		trusted:     desc("capf_trust_certificates", "Certificates in the trust stores, by what is left of their life, as capf_certificates_left.", "left"),
		certificate: desc("capf_certificate_expiry_timestamp_seconds", "When the CAPF certificate ends, as seconds since 1970."),
		prepared:    desc("capf_certificate_prepared_timestamp_seconds", "When the CAPF certificate was prepared that is to take the place of the present one, as seconds since 1970; missing when none is."),
		shownAfter:  desc("capf_certificate_shown_after_timestamp_seconds", "When serve is to show the prepared CAPF certificate, as seconds since 1970; missing when nothing is planned."),
		trust:       desc("capf_trust_expiry_timestamp_seconds", "When the first certificate of the trust stores ends, as seconds since 1970."),
		bytes:       desc("capf_database_size_bytes", "Size of the files of the database.", "file"),
		free:        desc("capf_database_free_bytes", "Room that is left on the disk of the database."),
		waiting:     desc("capf_restart_waiting", "Changes, such as a new CAPF certificate or port, that this serve obeys only after a restart."),
		written:     desc("capf_database_written_timestamp_seconds", "When serve last could write its report, as seconds since 1970; it does so every five seconds."),
	}}
}

// Describe is called by the registry.
func (c *factsCollector) Describe(ch chan<- *prometheus.Desc) {
	d := c.desc
	for _, one := range []*prometheus.Desc{d.readable, d.devices, d.failed, d.late, d.locked, d.declined, d.pending, d.stale, d.installed, d.lives, d.trusted, d.certificate, d.prepared, d.shownAfter, d.trust, d.bytes, d.free, d.waiting, d.written} {
		ch <- one
	}
}

// Collect is called for each scrape.
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
	show(c.desc.declined, float64(f.Declined))
	show(c.desc.pending, float64(f.Pending))
	show(c.desc.stale, float64(f.Stale))
	show(c.desc.installed, float64(f.Installed))
	for left, n := range f.Lives {
		show(c.desc.lives, float64(n), left)
	}
	for left, n := range f.Trusted {
		show(c.desc.trusted, float64(n), left)
	}
	if !f.Certificate.IsZero() {
		show(c.desc.certificate, float64(f.Certificate.Unix()))
	}
	if !f.Prepared.IsZero() {
		show(c.desc.prepared, float64(f.Prepared.Unix()))
	}
	if !f.ShownAfter.IsZero() {
		show(c.desc.shownAfter, float64(f.ShownAfter.Unix()))
	}
	if !f.Trust.IsZero() {
		show(c.desc.trust, float64(f.Trust.Unix()))
	}
	for file, n := range f.Bytes {
		show(c.desc.bytes, float64(n), file)
	}
	show(c.desc.free, float64(f.Free))
	show(c.desc.waiting, float64(f.Waiting))
	if !f.Written.IsZero() {
		show(c.desc.written, float64(f.Written.Unix()))
	}
}

// current returns the facts, querying them again when they are old. However
// slow the database is, one query runs at a time, and a scrape waits for it
// only briefly.
func (c *factsCollector) current() (Facts, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fresh(factsAge) {
		return c.facts, c.err
	}
	if c.asking == nil {
		c.asking = make(chan struct{})
		go c.refresh(c.asking)
	}
	asking := c.asking
	c.mu.Unlock()
	select {
	case <-asking:
	case <-time.After(c.wait):
	}
	c.mu.Lock()
	if c.fresh(factsOld) {
		return c.facts, c.err
	}
	c.note(errNoAnswer)
	return Facts{}, errNoAnswer
}

// fresh reports whether the last answer is younger than age. The mutex is
// held.
func (c *factsCollector) fresh(age time.Duration) bool {
	return !c.answered.IsZero() && c.now().Sub(c.answered) < age
}

// refresh queries, and closes the channel when the answer has arrived.
func (c *factsCollector) refresh(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), factsWait)
	defer cancel()
	facts, err := c.ask(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.facts, c.err, c.answered, c.asking = facts, err, c.now(), nil
	c.note(err)
	close(done)
}

// note logs once that the database cannot be read, and once that it can be read
// again. The mutex is held.
func (c *factsCollector) note(err error) {
	switch {
	case err != nil && !c.unread:
		c.log.Error("metrics cannot read the database", "reason", err.Error())
	case err == nil && c.unread:
		c.log.Info("metrics can read the database again")
	}
	c.unread = err != nil
}
