package caworker

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"capf/enroll/caready"
	"capf/enroll/onlineca"
	"capf/enroll/settings"
	"capf/internal/backoff"
	"capf/store"
)

// certifier is the part of onlineca.Client that the worker needs.
type certifier interface {
	Submit(ctx context.Context, csrDER []byte) (onlineca.Answer, error)
	Fetch(ctx context.Context, requestID string) (onlineca.Answer, error)
	Bind(ctx context.Context) (*onlineca.Bound, error)
	Close()
}

// access is the access to the CA, as configured when the configuration was
// last read.
type access struct {
	client   certifier // nil when there is none
	unready  string    // why there is no client
	name     string    // of the CA, for the record: which one has a request
	trusted  []*x509.Certificate
	leniency settings.Leniency

	key   [sha256.Size]byte // of the configuration
	users sync.WaitGroup    // of the client
}

// close closes the client after its last user is done.
func (a *access) close() {
	if a == nil || a.client == nil {
		return
	}
	go func() {
		a.users.Wait()
		a.client.Close()
	}()
}

// configuration follows what operators set. Everything but borrow belongs to
// the goroutine of Worker.Run.
type configuration struct {
	ca       CA
	limits   onlineca.Limits
	backoff  *backoff.Backoff // reading it
	reserved *reservations    // of the client in use

	seen   int64 // the last event that was processed
	unread bool  // the last attempt to read the configuration failed

	mu      sync.Mutex // guards current against borrow
	current *access    // nil until it was first read
}

// borrow returns the access in use, nil when there is none. The borrower must call
// users.Done.
func (c *configuration) borrow() *access {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil {
		c.current.users.Add(1)
	}
	return c.current
}

// unready returns the reason why the CA cannot be asked, "" when it can.
func (c *configuration) unready() string { return c.current.unready }

// use replaces the access in use; nil leaves none. It closes the connections
// that were reserved with the previous client.
func (c *configuration) use(a *access) {
	c.mu.Lock()
	before, reserved := c.current, c.reserved.takeAll()
	c.current = a
	c.mu.Unlock()
	for _, b := range reserved {
		b.Close()
	}
	before.close()
}

// reread reads the configuration if it has changed. If that fails, work goes on with
// the previous one; without one, phones are told to come back. An error means that
// the database cannot be read.
func (c *configuration) reread(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, databaseWait)
	defer cancel()
	until, changed, err := c.changed(ctx)
	if err != nil || !changed || c.unread && c.backoff.Remaining() > 0 {
		return err
	}
	err = c.renew(ctx)
	c.seen, c.unread = until, err != nil
	switch {
	case err == nil:
		c.backoff.Succeeded()
	case c.current == nil:
		c.use(&access{unready: "the configuration of the online CA cannot be read: " + err.Error()})
		fallthrough
	default:
		c.backoff.Failed(err)
	}
	return nil
}

// changed reports whether the configuration may have changed since the last look.
// It takes microseconds, so it is asked for each request and every change applies
// to the next one.
func (c *configuration) changed(ctx context.Context) (until int64, changed bool, err error) {
	since := c.seen
	if c.unread || c.current == nil {
		since = -1
	}
	changes, err := c.ca.Store.Changes(ctx, since)
	if err != nil || changes.Anything || changes.Settings {
		return changes.Until, true, err
	}
	c.seen = changes.Until
	return c.seen, false, nil
}

// renew makes a new client if an operator has changed the CA, its secrets or
// capf-trust, or restarted the service.
func (c *configuration) renew(ctx context.Context) error {
	inForce, err := settings.Read(ctx, c.ca.Store.Reader)
	if err != nil {
		return err
	}
	// The fingerprint is read first: what is read after it may be newer, and is then
	// simply read once more. In the other order, a change could be missed.
	key, err := c.ca.fingerprint(ctx, inForce)
	if err != nil {
		return err
	}
	unready, err := caready.Unready(ctx, c.ca.Store.Reader, inForce)
	if err != nil {
		return err
	}
	if c.current != nil && c.current.key == key {
		return nil
	}
	a := &access{unready: unready}
	if unready == "" {
		if a, err = c.ca.access(ctx, inForce.Online, c.limits); err != nil {
			return err
		}
	}
	a.key = key
	c.use(a)
	return nil
}

// access makes a client. A configuration that cannot work makes it unready; the error
// is a failure of our own.
func (ca CA) access(ctx context.Context, o settings.Online, limits onlineca.Limits) (*access, error) {
	c, err := ca.config(ctx, o)
	if err != nil {
		return nil, err
	}
	c.Limits = limits
	client, err := onlineca.New(c)
	if err != nil {
		return &access{unready: err.Error()}, nil
	}
	return &access{client: client, name: o.Name(), trusted: c.Issuers, leniency: o.Leniency}, nil
}

// fingerprint returns a hash of everything that a client depends on.
func (ca CA) fingerprint(ctx context.Context, inForce settings.Settings) (sum [sha256.Size]byte, err error) {
	h := sha256.New()
	add := func(b []byte) {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(b))))
		h.Write(b)
	}
	add(fmt.Appendf(nil, "%+v %v", inForce.Online, inForce.FIPS))
	services, err := ca.Store.Services(ctx)
	if err != nil {
		return sum, err
	}
	for _, s := range services {
		if s.Name == caready.Service {
			add(fmt.Appendf(nil, "%v %d", s.Active, s.Restarts))
		}
	}
	for _, name := range []string{settings.OnlinePassword, settings.OnlineCertificate} {
		sealed, err := ca.Store.Secret(ctx, name)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return sum, err
		}
		add(sealed)
	}
	rows, err := ca.Store.Trust(ctx, store.CAPFTrust)
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
