package enroll

import (
	"context"
	"errors"
	"time"

	"capf/crypto"
	"capf/enroll/onlineca"
	"capf/store"
)

// boundFor is how long a connection is kept for a request that is bound to it:
// the phone has to sign, and the worker to take the request up.
const boundFor = 3 * time.Minute

const boundGone = "the request names its TLS connection with the CA, as the CA wants it, and that connection has gone; the phone makes a new key"

// Binding is called before a phone signs its request. Where the online CA wants
// requests to name the TLS connection over which they come, it makes one and
// returns the name, which is to be the challengePassword; otherwise nothing. A
// phone that cannot be served gets a *SessionError.
func (w *OnlineWorker) Binding(ctx context.Context) (challenge string, err error) {
	read := make(chan struct{})
	select {
	case w.reading <- read:
		<-read
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
	w.mu.Lock()
	link := w.link
	if link.users != nil {
		link.users.Add(1)
	}
	w.mu.Unlock()
	if link.users == nil {
		return "", nil
	}
	defer link.users.Done()
	if link.client == nil {
		return "", nil
	}
	b, err := link.client.Bind(ctx)
	if b == nil || err != nil {
		return "", unbindable(err)
	}
	w.mu.Lock()
	w.bound[b.Challenge] = b
	w.mu.Unlock()
	time.AfterFunc(boundFor, func() { w.Unbind(b.Challenge) })
	return b.Challenge, nil
}

// Unbind gives up the connection of a request that will not come.
func (w *OnlineWorker) Unbind(challenge string) {
	if b := w.takeBound(challenge); b != nil {
		b.Close()
	}
}

func (w *OnlineWorker) takeBound(challenge string) *onlineca.Bound {
	w.mu.Lock()
	defer w.mu.Unlock()
	b := w.bound[challenge]
	delete(w.bound, challenge)
	return b
}

// unbindOf gives up the connection of a request whose phone has left.
func (w *OnlineWorker) unbindOf(ctx context.Context, requestID int64) error {
	w.mu.Lock()
	none := len(w.bound) == 0
	w.mu.Unlock()
	if none {
		return nil
	}
	r, err := w.Store.Request(ctx, requestID)
	if err == nil {
		w.Unbind(crypto.Challenge(r.CSR))
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// unbindable is how a session ends whose phone the CA would not serve.
func unbindable(err error) error {
	var failure *onlineca.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &failure) && errors.Is(err, onlineca.ErrRejected):
		return sessionError(ErrDeclined, store.CARejected, "%s; %s", failure.Error(), failure.Advice)
	}
	end := sessionError(ErrUnreachable, store.CACommunicationFailed, "%v", err)
	end.RetryAfter = spread(leastReturn).Round(time.Second)
	return end
}
