package caworker

import (
	"context"
	"errors"
	"sync"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/onlineca"
	"capf/store"
)

// boundFor is how long a connection is reserved for the request that is bound to
// it. Within that time the phone has to sign, and the worker has to take up the
// request.
const boundFor = 3 * time.Minute

const boundGone = "the request names its TLS connection with the CA, as the CA wants it, and that connection has gone; the phone makes a new key"

// Binding is called before a phone signs its request. If the online CA wants requests
// to name the TLS connection that carries them, it opens one and returns its name,
// which becomes the challengePassword; otherwise it returns "". The error is an
// *enroll.SessionError when the phone cannot be served.
func (w *Worker) Binding(ctx context.Context) (challenge string, err error) {
	read := make(chan struct{})
	select {
	case w.reading <- read:
		<-read
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	c := w.config.borrow()
	if c == nil {
		return "", nil
	}
	defer c.users.Done()
	if c.client == nil {
		return "", nil
	}
	b, err := c.client.Bind(ctx)
	if b == nil || err != nil {
		return "", enroll.OnlineFailure(err, spread(enroll.LeastReturn))
	}
	w.reserved.add(b)
	time.AfterFunc(boundFor, func() { w.Unbind(b.Challenge) })
	return b.Challenge, nil
}

// Unbind releases the connection of a request that will not come.
func (w *Worker) Unbind(challenge string) {
	if b := w.reserved.take(challenge); b != nil {
		b.Close()
	}
}

// unbindOf releases the connection of a request whose phone has left.
func (w *Worker) unbindOf(ctx context.Context, requestID int64) error {
	if w.reserved.none() {
		return nil
	}
	r, err := w.ca.Store.Request(ctx, requestID)
	if err == nil {
		w.Unbind(crypto.Challenge(r.CSR))
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// reservations are the connections that wait for the requests that name them.
type reservations struct {
	mu    sync.Mutex // guards bound
	bound map[string]*onlineca.Bound
}

func newReservations() *reservations { return &reservations{bound: map[string]*onlineca.Bound{}} }

func (r *reservations) add(b *onlineca.Bound) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.bound[b.Challenge] = b
}

// take returns the connection with that name, nil when it is gone.
func (r *reservations) take(challenge string) *onlineca.Bound {
	r.mu.Lock()
	defer r.mu.Unlock()
	b := r.bound[challenge]
	delete(r.bound, challenge)
	return b
}

func (r *reservations) none() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.bound) == 0
}

func (r *reservations) takeAll() map[string]*onlineca.Bound {
	r.mu.Lock()
	defer r.mu.Unlock()
	bound := r.bound
	r.bound = map[string]*onlineca.Bound{}
	return bound
}
