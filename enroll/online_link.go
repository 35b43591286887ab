package enroll

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"capf/enroll/onlineca"
	"capf/store"
)

// onlineLink is the CA as it is configured now.
type onlineLink struct {
	onlineAccess
	key   [sha256.Size]byte
	users *sync.WaitGroup // of the client
}

// use makes the link the one that is in use. What was bound to the one before is
// of no use any more.
func (w *OnlineWorker) use(l onlineLink) {
	w.mu.Lock()
	before, bound := w.link, w.bound
	w.link, w.bound = l, map[string]*onlineca.Bound{}
	w.mu.Unlock()
	for _, b := range bound {
		b.Close()
	}
	before.close()
}

// reread reads the configuration when it has changed. When that fails, what
// phones wait for goes on with what was read before, and where that is nothing,
// phones are told to come back. The error is of a database that cannot be read.
func (w *OnlineWorker) reread(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	last, changed, err := w.configured(ctx)
	if err != nil || !changed || w.unread && w.configuring.Remaining() > 0 {
		return err
	}
	err = w.renew(ctx)
	w.seen, w.unread = last, err != nil
	switch {
	case err == nil:
		w.configuring.Succeeded()
	case w.link.users == nil:
		unready := "the configuration of the online CA cannot be read: " + err.Error()
		w.use(onlineLink{onlineAccess: onlineAccess{unready: unready}, users: &sync.WaitGroup{}})
		fallthrough
	default:
		w.configuring.Failed(err)
	}
	return nil
}

// renew makes a new client when an operator has changed the CA, its secrets,
// capf-trust, or has restarted the service.
func (w *OnlineWorker) renew(ctx context.Context) error {
	settings, err := w.Settings(ctx)
	if err != nil {
		return err
	}
	// What is read after the fingerprint may be newer than it says, never older:
	// else a change in between would be missed.
	key, err := w.fingerprintOfCA(ctx, settings)
	if err != nil {
		return err
	}
	unready, err := w.onlineUnready(ctx, settings)
	if err != nil {
		return err
	}
	if w.link.users == nil || w.link.key != key {
		access := onlineAccess{}
		if unready == "" {
			if access, err = w.onlineAccess(ctx, settings.Online); err != nil {
				return err
			}
		}
		if unready != "" {
			access.unready = unready
		}
		w.use(onlineLink{onlineAccess: access, key: key, users: &sync.WaitGroup{}})
	}
	return nil
}

// configured says whether there was a change since the last look that is not
// about a device, as that of a parameter is. It costs microseconds, so that a
// change is in force for the next request.
func (w *OnlineWorker) configured(ctx context.Context) (last int64, changed bool, err error) {
	last, err = w.Store.LastEvent(ctx)
	if err != nil || w.unread || w.link.users == nil || last-w.seen > manyEvents {
		return last, true, err
	}
	for e, err := range w.Store.EventsAfter(ctx, w.seen) {
		if err != nil {
			return last, false, err
		}
		if e.ID <= last && e.Device == "" {
			return last, true, nil
		}
	}
	w.seen = last
	return last, false, nil
}

// fingerprintOfCA changes with everything on which a client depends.
func (w *OnlineWorker) fingerprintOfCA(ctx context.Context, settings Settings) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	add := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	add(fmt.Appendf(nil, "%+v %v", settings.Online, settings.FIPS))
	services, err := w.Store.Services(ctx)
	if err != nil {
		return sum, err
	}
	for _, s := range services {
		if s.Name == serviceOnline {
			add(fmt.Appendf(nil, "%v %d", s.Active, s.Restarts))
		}
	}
	for _, name := range []string{pOnlinePassword, pOnlineCertificate} {
		sealed, err := w.Store.Secret(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return sum, err
		}
		add(sealed)
	}
	rows, err := w.Store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return sum, err
	}
	trusted := map[string]bool{}
	for _, row := range rows {
		trusted[string(row.Fingerprint)+row.For.String()] = true
	}
	for _, one := range slices.Sorted(maps.Keys(trusted)) {
		add([]byte(one))
	}
	return [sha256.Size]byte(h.Sum(nil)), nil
}

// close lets the client end when its last user has.
func (l onlineLink) close() {
	if l.users == nil || l.client == nil {
		return
	}
	go func() {
		l.users.Wait()
		l.client.Close()
	}()
}
