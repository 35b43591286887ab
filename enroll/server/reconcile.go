package server

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"time"

	"capf/enroll"
	"capf/enroll/caworker"
	"capf/enroll/restart"
	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/store"
)

// reportWait is how long writing a report may delay the polling, and so the
// beat, while another process holds the database: an import does so for
// seconds, an operator's shell for as long as it stays open.
const reportWait = time.Second

// reconciler brings the listener into the state that operators want, and
// keeps it there.
type reconciler struct {
	config    Config
	registrar *enroll.Registrar // one for all listeners, as online is
	online    *caworker.Worker
	listener  *listener // nil while the service is deactivated or cannot start
	draining  []*listener
	bound     []string // the addresses of the first start, for later ones
	report    report
	sessions  sessionsReport
	failures  backoff.Backoff
	prepared  *preparedWatch
	stop      *stop
	// unannounced says that the listener is up but Ready has not been called
	// yet.
	unannounced bool
}

// begin starts the listener, or says why it cannot.
func (r *reconciler) begin(ctx context.Context) error {
	wanted, err := r.wanted(ctx)
	if err != nil {
		return err
	}
	process, err := restart.Process(ctx, r.config.Store.Reader)
	if err != nil {
		return err
	}
	r.report = newReport(r.config.Version, r.config.Now(), wanted.Restarts, process)
	err = r.reconcile(ctx, ctx) // no beat is expected before the first report
	switch {
	case err == nil || ctx.Err() != nil:
		return nil
	case r.listener == nil:
		r.end()
		return err
	}
	r.failures.Failed(err) // it listens, and only the report could not be written: on a full disk, for example
	return nil
}

// wanted returns the state that operators want the listener in.
func (r *reconciler) wanted(ctx context.Context) (store.Service, error) {
	services, err := r.config.Store.Services(ctx)
	if err != nil {
		return store.Service{}, err
	}
	if i := slices.IndexFunc(services, func(v store.Service) bool { return v.Name == "capf" }); i >= 0 {
		return services[i], nil
	}
	return store.Service{}, errors.New("the database has no service capf")
}

// look reconciles, without waiting long for its report to be written.
// However often that fails, the polling and with it the beat go on.
func (r *reconciler) look(ctx context.Context) {
	reporting, cancel := context.WithTimeout(ctx, reportWait)
	defer cancel()
	switch err := r.reconcile(ctx, reporting); {
	case err == nil:
		r.failures.Succeeded()
	case ctx.Err() == nil:
		r.failures.Failed(err)
	}
}

// reconcile brings the listener into the state that operators want, and reports
// it; the second context limits the reporting.
func (r *reconciler) reconcile(ctx, reporting context.Context) error {
	r.prepared.look(ctx, r.config)
	want, err := r.wanted(ctx)
	if err != nil {
		return err
	}
	inForce, err := settings.Read(ctx, r.config.Store.Reader)
	if err != nil {
		return err
	}
	if r.listener != nil && (!want.Active || want.Restarts != r.report.last.Restarts) {
		r.retire(want.Active, r.patience(ctx, want.Active))
	}
	r.report.last.Restarts = want.Restarts
	var failed error
	if r.listener == nil && want.Active {
		failed = r.start(ctx, inForce)
	}
	if r.listener != nil {
		r.listener.env.sessions.setKeepAlive(inForce.KeepAlive)
	}
	r.forgetDrained()
	err = errors.Join(failed, r.writeReport(reporting), r.endSessions(ctx))
	err = errors.Join(err, r.writeSessions(reporting))
	// Whoever waits for Ready may ask another process about the listener at once,
	// so the report comes first.
	if r.unannounced && err == nil && r.config.Ready != nil {
		r.config.Ready(r.listener.addresses())
		r.unannounced = false
	}
	return err
}

func (r *reconciler) start(ctx context.Context, inForce settings.Settings) error {
	l, err := listen(ctx, r.config, r.registrar, r.online, r.addresses(inForce), inForce)
	if err != nil {
		return err
	}
	r.listener, r.unannounced = l, true
	if len(r.config.Listen) > 0 {
		r.bound = l.addressTexts()
	}
	r.config.Log.Info("listening", "addresses", l.addressTexts(), "certificate", l.env.authority.Leaf().Subject.CommonName, "tls_min", tls.VersionName(inForce.TLSMinVersion))
	return nil
}

// addresses returns those that the operator gave, or the port of the parameter. A
// port of 0 is replaced by the one that the first start got.
func (r *reconciler) addresses(inForce settings.Settings) []string {
	switch {
	case len(r.bound) > 0:
		return r.bound
	case len(r.config.Listen) > 0:
		return r.config.Listen
	}
	return []string{portAddress(inForce.Port)}
}

// retire closes the listening sockets at once and lets the sessions drain within the
// time.
func (r *reconciler) retire(again bool, patience time.Duration) {
	r.config.Log.Info("draining", "sessions", r.listener.env.sessions.count(), "restart", again)
	r.listener.shut()
	go r.listener.drain(patience, r.stop)
	r.draining = append(r.draining, r.listener)
	r.listener, r.unannounced = nil, false
}

// forgetDrained drops listeners whose last session has ended.
func (r *reconciler) forgetDrained() {
	r.draining = slices.DeleteFunc(r.draining, func(l *listener) bool {
		select {
		case <-l.drained:
			return true
		default:
			return false
		}
	})
}

// end stops everything and withdraws the report.
func (r *reconciler) end() {
	if r.listener != nil {
		r.retire(false, r.config.Grace)
	}
	r.stop.grace = r.config.Grace
	close(r.stop.begun)
	for _, l := range r.draining {
		<-l.drained
	}
	r.withdrawReport()
	r.config.Log.Info("stopped")
}
