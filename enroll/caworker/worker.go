// Package caworker takes the waiting requests to the online CA and brings its
// certificates back. A Worker does that independently of the sessions of phones: all
// state is in the database, so that a restart loses nothing. CA is the company's CA as
// the parameters describe it; it can also be checked, and asked for its own
// certificates, without a Worker.
//
// It must not know frames and sessions: a session hands over a function that wakes it.
// Nor may it know a CA's protocol, which is for onlineca, or what makes a certificate
// fit for a phone, which is for acceptance.
package caworker

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"capf/enroll/liveness"
	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/store"
)

// databaseWait bounds one database query. It is longer than store waits for the lock,
// which an import of many certificates may hold.
const databaseWait = 90 * time.Second

// Worker takes the waiting requests to the online CA and brings its
// certificates back. All state that matters is in the database; what is kept
// here only makes it faster.
type Worker struct {
	ca       CA
	options  Options
	config   *configuration
	waiting  *sessions
	reserved *reservations
	busy     *busy
	wake     chan struct{}
	reading  chan chan struct{} // closed when the configuration has been read for the first time
	running  sync.WaitGroup

	looking *backoff.Backoff // for requests that are due
	writing *backoff.Backoff // what has become of requests
}

// New returns a worker that does nothing until Run.
func New(ca CA, o Options) *Worker {
	o = o.withDefaults()
	failing := func(doing string) *backoff.Backoff {
		return &backoff.Backoff{Log: ca.Log, Doing: doing, First: o.Retry}
	}
	w := &Worker{ca: ca, options: o, waiting: newSessions(), reserved: newReservations(), busy: newBusy(),
		wake: make(chan struct{}, 1), reading: make(chan chan struct{}),
		looking: failing("looking for requests to the online CA"),
		writing: failing("keeping what comes of requests to the online CA")}
	w.config = &configuration{ca: ca, limits: o.Limits, reserved: w.reserved, backoff: failing("reading the configuration of the online CA")}
	return w
}

// Await makes the worker look at once for a request whose phone waits. When the
// request has an outcome, the worker calls decided, at most once and from another
// goroutine.
func (w *Worker) Await(requestID int64, decided func()) {
	w.waiting.wait(requestID, decided)
	w.look()
}

// Leave says that the phone no longer waits. A request that has not been sent is
// withdrawn, since the phone makes a new key when it comes back.
func (w *Worker) Leave(ctx context.Context, requestID int64) error {
	if !w.waiting.leave(requestID) {
		return nil
	}
	_, err := w.ca.Store.WithdrawOnline(ctx, actor(), requestID, "the phone left before the request was sent to the CA")
	return errors.Join(err, w.unbindOf(ctx, requestID))
}

// look wakes the worker.
func (w *Worker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

func actor() store.Actor { return store.Actor{Kind: store.System, Name: settings.IssuerOnline} }

// Run works until ctx ends. Then it gives the attempts in flight the grace time.
func (w *Worker) Run(ctx context.Context) {
	working, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	tick := time.NewTicker(w.options.Poll)
	defer tick.Stop()
	for ctx.Err() == nil {
		if w.looking.Remaining()+w.writing.Remaining() == 0 {
			if err := w.round(working); err != nil {
				w.looking.Failed(err)
			} else {
				w.looking.Succeeded()
			}
		}
		select {
		case <-ctx.Done():
		case <-tick.C:
		case <-w.wake:
		case read := <-w.reading:
			if err := w.config.reread(working); err != nil {
				w.looking.Failed(err)
			}
			close(read)
		}
	}
	grace := time.AfterFunc(w.options.Grace, func() { cut(errStopping) })
	defer grace.Stop()
	w.running.Wait()
	w.config.use(nil)
}

var errStopping = errors.New("the service is stopping")

// Begin is called before the first phone is served. What an earlier serve queued is
// no longer sent: its phone lost the connection to that serve, and makes a new key.
// What that serve was working on when it was killed is taken up at once. While
// another serve is alive, either may be its work, and is left to it until its claim
// has expired.
func (w *Worker) Begin(ctx context.Context) {
	alone, err := liveness.Alone(ctx, w.ca.Store.Reader, w.ca.Now())
	if err != nil {
		w.looking.Failed(err)
	}
	if !alone {
		return
	}
	withdrawn, err := w.ca.Store.WithdrawOnline(ctx, actor(), 0, "serve ended before the request was sent to the CA; the phone makes a new key")
	if err != nil {
		w.writing.Failed(err)
	}
	abandoned, err := w.ca.Store.AbandonOnline(ctx)
	if err != nil {
		w.writing.Failed(err)
	}
	if withdrawn+abandoned > 0 {
		w.ca.Log.Info("requests of an earlier serve to the online CA", "not sent any more", withdrawn, "taken up", abandoned)
	}
}

// round starts attempts on the requests that are due, as far as there is
// room.
func (w *Worker) round(working context.Context) error {
	// Twice as many as are sent to the CA at once: while the outcome of one is written
	// to the database, the CA has the next.
	room := 2*w.options.Limits.Concurrent - w.busy.count()
	if room <= 0 {
		return nil // the next attempt that ends wakes the worker
	}
	ctx, cancel := context.WithTimeout(working, databaseWait)
	defer cancel()
	due, err := w.due(ctx, room+w.busy.count())
	if err != nil {
		return err
	}
	for _, o := range due {
		if room == 0 {
			break
		}
		if w.busy.add(o.RequestID) {
			room--
			w.begin(working, o)
		}
	}
	return nil
}

// due returns the requests to work on, at most limit. They are read before the
// configuration: a request that came after an operator had made the CA ready must
// not be refused because of the configuration before.
func (w *Worker) due(ctx context.Context, limit int) ([]store.OnlineRequest, error) {
	if err := w.config.reread(ctx); err != nil {
		return nil, err
	}
	for {
		unready := w.config.unready() != ""
		due, err := w.ca.Store.DueOnline(ctx, limit, unready)
		if err != nil || len(due) == 0 {
			return nil, err
		}
		if err := w.config.reread(ctx); err != nil {
			return nil, err
		}
		if (w.config.unready() != "") == unready {
			return due, nil
		}
	}
}

// begin works on one request in its own goroutine. After a panic the request is
// abandoned, and taken up again when the claim has expired.
func (w *Worker) begin(working context.Context, o store.OnlineRequest) {
	a := w.attempt(o, working.Done())
	w.running.Go(func() {
		defer w.release(o.RequestID)
		defer a.ca.users.Done()
		defer func() {
			if p := recover(); p != nil {
				w.ca.Log.Error("panic with a request to the online CA", "request", o.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		// Twice the time for a POST is more than all steps of an attempt take,
		// including the wait for a connection to the CA.
		ctx, cancel := context.WithTimeout(working, 2*w.options.Limits.Post)
		defer cancel()
		if err := a.run(ctx); err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			w.writing.Failed(err, "request", o.RequestID)
		}
	})
}

// attempt is one at a request, with the CA as it is configured now.
func (w *Worker) attempt(o store.OnlineRequest, cut <-chan struct{}) *attempt {
	return &attempt{store: w.ca.Store, log: w.ca.Log, now: w.ca.Now, options: w.options, reserved: w.reserved, waiting: w.waiting, writing: w.writing,
		ca: w.config.borrow(), online: o, cut: cut}
}

func (w *Worker) release(requestID int64) {
	w.busy.remove(requestID)
	w.look()
}
