// Package metrics counts what a running serve does and shows it to Prometheus.
// It knows the client library and HTTP, but not phones, the database or the
// rest of capf, which pass it words and numbers. A word becomes a label, so it
// must come from a small fixed set: never the name of a device, an address or
// a text that an outsider chose.
package metrics

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build identifies the program.
type Build struct{ Version, Revision, Go string }

// Meter keeps the counters. Its methods may be called from any goroutine and
// take less than a microsecond. Make one with New.
type Meter struct {
	log      *slog.Logger
	registry *prometheus.Registry
	open     *prometheus.GaugeVec
	sessions *prometheus.CounterVec
	duration *prometheus.HistogramVec
	lockouts prometheus.Counter
	declines prometheus.Counter
	away     *prometheus.CounterVec
	issuing  *prometheus.HistogramVec
	enrolled *prometheus.CounterVec
	findings *prometheus.GaugeVec
	notices  *prometheus.CounterVec
	lists    *prometheus.CounterVec
	unlisted prometheus.Counter
	tvs      *prometheus.CounterVec
	files    *prometheus.CounterVec
	sent     *prometheus.CounterVec
}

// The bounds of the histograms, in seconds. An issuer may be a person who comes
// once a day.
var (
	sessionBounds = []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 21600, 86400}
	issuerBounds  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 21600, 86400}
)

// New makes a meter. The facts are asked for when somebody looks, not more
// often than every factsAge. The log hears what goes wrong with showing.
func New(b Build, facts Source, log *slog.Logger) *Meter {
	m := &Meter{
		log:      log,
		registry: prometheus.NewPedanticRegistry(),
		open: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "capf_sessions_open", Help: "Sessions of phones that are open, by what they wait for.",
		}, []string{"state"}),
		sessions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_sessions_total", Help: "Sessions of phones that have ended, by the operation and how it came out.",
		}, []string{"operation", "outcome"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "capf_session_duration_seconds", Help: "Time from the connection of a phone to the end of its session.", Buckets: sessionBounds,
		}, []string{"operation"}),
		lockouts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "capf_lockouts_total", Help: "Times that wrong authentication strings have locked a device.",
		}),
		declines: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "capf_address_lockouts_total", Help: "Times that wrong authentication strings have made an address one that is declined.",
		}),
		away: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_connections_refused_total", Help: "Connections that were closed before a session began, by the reason.",
		}, []string{"reason"}),
		issuing: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "capf_issuer_duration_seconds", Help: "Time from the key of a phone to its certificate, while the phone was connected.", Buckets: issuerBounds,
		}, []string{"issuer"}),
		enrolled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_enrollments_total", Help: "Certificates that phones have confirmed, by issuer and kind of key.",
		}, []string{"issuer", "key"}),
		findings: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "capf_findings", Help: "What needs attention, as capf status reports it, by kind and severity; serve looks every few seconds.",
		}, []string{"kind", "severity"}),
		notices: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_notifications_total", Help: "Runs of the program that tells of findings, notify_command, by outcome.",
		}, []string{"outcome"}),
		lists: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_trust_list_files_total", Help: "Files of trust lists in trust_list_folder that were written or removed.",
		}, []string{"outcome"}),
		unlisted: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "capf_trust_list_failures_total", Help: "Times that trust_list_folder could not be brought up to date.",
		}),
		tvs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_tvs_answers_total", Help: "Questions of phones to TVS, by what they were told, or why they were told nothing.",
		}, []string{"outcome"}),
		files: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_provision_requests_total", Help: "Requests of phones for files that have ended, by protocol and how they came out.",
		}, []string{"protocol", "outcome"}),
		sent: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "capf_provision_sent_bytes_total", Help: "Bytes of files that were given to phones, by protocol.",
		}, []string{"protocol"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "capf_build_info", Help: "Always 1; the labels say which program this is.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Revision, "goversion": b.Go},
	})
	build.Set(1)
	m.registry.MustRegister(m.open, m.sessions, m.duration, m.lockouts, m.declines, m.away, m.issuing, m.enrolled, m.findings, m.notices, m.lists, m.unlisted, m.tvs, m.files, m.sent, build,
		newFactsCollector(facts, log), collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Words are the values of labels that are known beforehand.
type Words struct{ Operations, Outcomes, Reasons, Issuers, Keys, TVS, Protocols, FileOutcomes []string }

// Begin shows 0 for what has not happened yet: to Prometheus, a counter that
// appears with a 1 has not risen, and the first failure would alarm nobody.
func (m *Meter) Begin(w Words) {
	for _, operation := range w.Operations {
		for _, outcome := range w.Outcomes {
			m.sessions.WithLabelValues(operation, outcome)
		}
	}
	for _, reason := range w.Reasons {
		m.away.WithLabelValues(reason)
	}
	for _, outcome := range w.TVS {
		m.tvs.WithLabelValues(outcome)
	}
	m.ListsWritten(0, 0)
	for _, succeeded := range []bool{true, false} {
		m.notices.WithLabelValues(outcomeOf(succeeded))
	}
	for _, protocol := range w.Protocols {
		m.sent.WithLabelValues(protocol)
		for _, outcome := range w.FileOutcomes {
			m.files.WithLabelValues(protocol, outcome)
		}
	}
	for _, issuer := range w.Issuers {
		for _, key := range w.Keys {
			m.enrolled.WithLabelValues(issuer, key)
		}
	}
}

// ListsWritten says how many files of trust lists were written, and how many removed.
func (m *Meter) ListsWritten(written, removed int) {
	m.lists.WithLabelValues("written").Add(float64(written))
	m.lists.WithLabelValues("removed").Add(float64(removed))
}

// ListsFailed says that the folder of trust lists could not be brought up to date.
func (m *Meter) ListsFailed() { m.unlisted.Inc() }

// Moved says that a session waits for something else now; "" is before its
// beginning and after its end.
func (m *Meter) Moved(from, to string) {
	if from != "" {
		m.open.WithLabelValues(from).Dec()
	}
	if to != "" {
		m.open.WithLabelValues(to).Inc()
	}
}

// Ended says how a session came out.
func (m *Meter) Ended(operation, outcome string, took time.Duration) {
	m.sessions.WithLabelValues(operation, outcome).Inc()
	m.duration.WithLabelValues(operation).Observe(took.Seconds())
}

// LockedOut says that wrong strings have locked a device.
func (m *Meter) LockedOut() { m.lockouts.Inc() }

// AddressDeclined says that wrong strings have made an address one that is
// declined.
func (m *Meter) AddressDeclined() { m.declines.Inc() }

// Provisioned says how a request for a file came out, and how much of the file was sent.
func (m *Meter) Provisioned(protocol, outcome string, bytes int64) {
	m.files.WithLabelValues(protocol, outcome).Inc()
	m.sent.WithLabelValues(protocol).Add(float64(bytes))
}

// TurnedAway says that a connection got no session.
func (m *Meter) TurnedAway(reason string) { m.away.WithLabelValues(reason).Inc() }

// Issued says how long a phone waited for its certificate.
func (m *Meter) Issued(issuer string, took time.Duration) {
	m.issuing.WithLabelValues(issuer).Observe(took.Seconds())
}

// Enrolled says that a phone has confirmed its certificate.
func (m *Meter) Enrolled(issuer, key string) { m.enrolled.WithLabelValues(issuer, key).Inc() }

// Finding is what findings are counted by.
type Finding struct{ Kind, Severity string }

// Found says how many findings there are now.
func (m *Meter) Found(counts map[Finding]int) {
	m.findings.Reset()
	for f, n := range counts {
		m.findings.WithLabelValues(f.Kind, f.Severity).Set(float64(n))
	}
}

// Notified says that the program that tells of findings was run.
func (m *Meter) Notified(succeeded bool) { m.notices.WithLabelValues(outcomeOf(succeeded)).Inc() }

// TVSAnswered counts a question to TVS, by what the phone was told.
func (m *Meter) TVSAnswered(outcome string) { m.tvs.WithLabelValues(outcome).Inc() }

func outcomeOf(succeeded bool) string {
	if succeeded {
		return "ok"
	}
	return "failed"
}
