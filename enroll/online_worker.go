package enroll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"sync"
	"time"

	"capf/enroll/onlineca"
	"capf/internal/backoff"
	"capf/store"
)

// OnlineOptions are what an OnlineWorker runs with; zero means the default.
type OnlineOptions struct {
	Limits    onlineca.Limits
	Poll      time.Duration // between two looks for work that nobody has told of: 500 ms
	FirstLook time.Duration // before a CA that has a request is asked for the certificate again: 5 s, then growing
	LastLook  time.Duration // the longest such pause: 5 minutes
	Retry     time.Duration // before a request that did not reach the CA is sent again: 1 s, then growing
	Tries     int           // of sending, as long as it does not reach the CA: 3
	Grace     time.Duration // for what is on its way at a stop: 5 s

	// After is time.After, for the wait until a certificate is valid.
	After func(time.Duration) <-chan time.Time
}

func (o OnlineOptions) withDefaults() OnlineOptions {
	o.Poll = cmp.Or(o.Poll, 500*time.Millisecond)
	o.FirstLook = cmp.Or(o.FirstLook, 5*time.Second)
	o.LastLook = cmp.Or(o.LastLook, 5*time.Minute)
	o.Retry = cmp.Or(o.Retry, time.Second)
	o.Tries = cmp.Or(o.Tries, 3)
	o.Grace = cmp.Or(o.Grace, 5*time.Second)
	if o.After == nil {
		o.After = time.After
	}
	o.Limits.Concurrent = cmp.Or(o.Limits.Concurrent, 16)
	o.Limits.Post = cmp.Or(o.Limits.Post, time.Minute)
	return o
}

// manyEvents is how many events are looked at one by one for a change of the
// configuration; after more, it is read again.
const manyEvents = 1000

// databaseWait bounds one question to the database. It is longer than store
// waits for the lock, which an import of many certificates may hold.
const databaseWait = 90 * time.Second

// certifier is what the worker needs of a CA.
type certifier interface {
	Submit(ctx context.Context, csrDER []byte) (onlineca.Answer, error)
	Fetch(ctx context.Context, requestID string) (onlineca.Answer, error)
	Bind(ctx context.Context) (*onlineca.Bound, error)
	Close()
}

// OnlineWorker brings the requests that wait for the online CA to it, and its
// certificates back. All that matters stands in the database; what is kept here
// only makes it faster.
type OnlineWorker struct {
	*Rules
	options OnlineOptions
	wake    chan struct{}
	reading chan chan struct{} // closed when the configuration is read as it is now

	mu      sync.Mutex // guards the rest
	decided map[int64]func()
	busy    map[int64]bool
	bound   map[string]*onlineca.Bound // by their challenges, until their requests are sent
	link    onlineLink                 // changed by the goroutine of Run only, which needs no mutex to read it

	looking     *backoff.Backoff // for what is due
	configuring *backoff.Backoff // reading the configuration
	writing     *backoff.Backoff // what came of requests

	running sync.WaitGroup
	seen    int64 // the last event that was looked at; belongs to the goroutine of Run, as unread does
	unread  bool  // the configuration could not be read then
}

// NewOnlineWorker returns a worker that does nothing until Run.
func (r *Rules) NewOnlineWorker(o OnlineOptions) *OnlineWorker {
	o = o.withDefaults()
	return &OnlineWorker{Rules: r, options: o, wake: make(chan struct{}, 1), reading: make(chan chan struct{}), decided: map[int64]func(){}, busy: map[int64]bool{}, bound: map[string]*onlineca.Bound{},
		looking:     &backoff.Backoff{Log: r.Log, Doing: "looking for requests to the online CA", First: o.Retry},
		configuring: &backoff.Backoff{Log: r.Log, Doing: "reading the configuration of the online CA", First: o.Retry},
		writing:     &backoff.Backoff{Log: r.Log, Doing: "keeping what comes of requests to the online CA", First: o.Retry}}
}

// Await makes the worker look at once for a request whose phone waits, and has
// decided called when there is an outcome, at most once and from another
// goroutine.
func (w *OnlineWorker) Await(requestID int64, decided func()) {
	w.mu.Lock()
	w.decided[requestID] = decided
	w.mu.Unlock()
	w.look()
}

// Leave says that the phone does not wait any more: a request that has not been
// sent will not be, since the phone makes a new key when it comes back.
func (w *OnlineWorker) Leave(ctx context.Context, requestID int64) error {
	w.mu.Lock()
	_, waits := w.decided[requestID]
	delete(w.decided, requestID)
	w.mu.Unlock()
	if !waits {
		return nil
	}
	_, err := w.Store.WithdrawOnline(ctx, onlineActor(), requestID, "the phone left before the request was sent to the CA")
	return errors.Join(err, w.unbindOf(ctx, requestID))
}

func (w *OnlineWorker) look() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// announce tells the session that waits of the outcome.
func (w *OnlineWorker) announce(requestID int64) {
	w.mu.Lock()
	decided := w.decided[requestID]
	delete(w.decided, requestID)
	w.mu.Unlock()
	if decided != nil {
		decided()
	}
}

func onlineActor() store.Actor { return store.Actor{Kind: store.System, Name: IssuerOnline} }

// Run works until ctx ends, then lets what is on its way to the CA come to an
// end within the grace.
func (w *OnlineWorker) Run(ctx context.Context) {
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
			if err := w.reread(working); err != nil {
				w.looking.Failed(err)
			}
			close(read)
		}
	}
	grace := time.AfterFunc(w.options.Grace, func() { cut(errStopping) })
	defer grace.Stop()
	w.running.Wait()
	w.use(onlineLink{})
}

var errStopping = errors.New("the service is stopping")

// Begin is called before the first phone is served. What an earlier serve has
// queued is not sent any more: its phone lost the connection with it and makes
// a new key. What it was working on when it was killed is taken up at once. While
// another serve lives, either may be that one's, and is left to it until the
// time for it has passed.
func (w *OnlineWorker) Begin(ctx context.Context) {
	alone, err := w.alone(ctx)
	if err != nil {
		w.looking.Failed(err)
	}
	if !alone {
		return
	}
	withdrawn, err := w.Store.WithdrawOnline(ctx, onlineActor(), 0, "serve ended before the request was sent to the CA; the phone makes a new key")
	if err != nil {
		w.writing.Failed(err)
	}
	abandoned, err := w.Store.AbandonOnline(ctx)
	if err != nil {
		w.writing.Failed(err)
	}
	if withdrawn+abandoned > 0 {
		w.Log.Info("requests of an earlier serve to the online CA", "not sent any more", withdrawn, "taken up", abandoned)
	}
}

// round begins to work on what is due, as far as there is room.
func (w *OnlineWorker) round(working context.Context) error {
	// Twice as many as the CA is given at once: while the database keeps what
	// came of one, the CA has the next.
	room := 2*w.options.Limits.Concurrent - w.occupied()
	if room <= 0 {
		return nil // whoever ends next looks again
	}
	ctx, cancel := context.WithTimeout(working, databaseWait)
	defer cancel()
	due, err := w.due(ctx, room+w.occupied())
	if err != nil {
		return err
	}
	for _, o := range due {
		if room == 0 {
			break
		}
		if w.occupy(o.RequestID) {
			room--
			w.begin(working, o)
		}
	}
	return nil
}

// due are the requests to work on, of which at most limit, read before the
// configuration by which they are judged: one that came after the operator had
// made the CA ready must not be turned away by what was in force before.
func (w *OnlineWorker) due(ctx context.Context, limit int) ([]store.OnlineRequest, error) {
	if err := w.reread(ctx); err != nil {
		return nil, err
	}
	for {
		unready := w.link.unready != ""
		due, err := w.Store.DueOnline(ctx, limit, unready)
		if err != nil || len(due) == 0 {
			return nil, err
		}
		if err := w.reread(ctx); err != nil {
			return nil, err
		}
		if (w.link.unready != "") == unready {
			return due, nil
		}
	}
}

func (w *OnlineWorker) occupied() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.busy)
}

func (w *OnlineWorker) occupy(id int64) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.busy[id] {
		return false
	}
	w.busy[id] = true
	return true
}

func (w *OnlineWorker) release(id int64) {
	w.mu.Lock()
	delete(w.busy, id)
	w.mu.Unlock()
	w.look()
}

// begin works on one request in a goroutine of its own. A panic leaves the
// request to be taken for abandoned.
func (w *OnlineWorker) begin(working context.Context, o store.OnlineRequest) {
	link := w.link
	link.users.Add(1)
	w.running.Go(func() {
		defer w.release(o.RequestID)
		defer link.users.Done()
		defer func() {
			if p := recover(); p != nil {
				w.Log.Error("panic with a request to the online CA", "request", o.RequestID, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			}
		}()
		// The CA may have a queue of its own before a request is sent; twice
		// the time of a post is more than that of all steps of one attempt.
		ctx, cancel := context.WithTimeout(working, 2*w.options.Limits.Post)
		defer cancel()
		err := (&errand{OnlineWorker: w, ca: link.onlineAccess, online: o, cut: working.Done()}).run(ctx)
		if err != nil && !errors.Is(err, store.ErrConflict) && !errors.Is(err, store.ErrNotFound) {
			w.writing.Failed(err, "request", o.RequestID)
		}
	})
}
