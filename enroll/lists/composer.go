package lists

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// Composer makes the lists of phones. A list depends on its kind and variant alone, so
// each is signed once, until something changes that lists show. Its methods may be called
// from any number of goroutines.
type Composer struct {
	store  *store.Reader
	sealer *crypto.Sealer

	mu      sync.Mutex
	edition *edition // the last one that was composed
}

// edition is what all lists have in common until something changes.
type edition struct {
	changed time.Time
	signer  Key
	records []trustlist.Record

	mu       sync.Mutex
	finished map[finished][]byte // guarded by mu
}

// finished is a list that was signed.
type finished struct {
	trustlist.Kind
	Variant
}

// NewComposer makes lists from a database whose secrets the sealer opens.
func NewComposer(s *store.Reader, sealer *crypto.Sealer) *Composer {
	return &Composer{store: s, sealer: sealer}
}

// List is the list of a kind in a variant. The caller must not change it. The error is
// ErrNone when there are no keys to sign it.
func (c *Composer) List(ctx context.Context, k trustlist.Kind, v Variant) ([]byte, error) {
	e, err := c.current(ctx)
	if err != nil {
		return nil, err
	}
	return e.list(k, v)
}

// Shared is the list of a kind for all phones that need none of their own.
func (c *Composer) Shared(ctx context.Context, k trustlist.Kind) ([]byte, error) {
	v, err := c.shared(ctx)
	if err != nil {
		return nil, err
	}
	return c.List(ctx, k, v)
}

func (c *Composer) shared(ctx context.Context) (Variant, error) {
	set, err := settings.Read(ctx, c.store)
	if err != nil {
		return Variant{}, err
	}
	return Shared(set)
}

// ErrNoFile says that there is no list of a name. To a phone that is no error: it asks
// for the next one.
var ErrNoFile = errors.New("there is no such list")

// File is the list that a phone asks for by its name: ITLFile.tlv, CTLFile.tlv, or that
// of a device which has one of its own. The error is ErrNoFile for any other name, and for
// every name when there are no lists. The variant is that of the lists for all.
func (c *Composer) File(ctx context.Context, name string, shared Variant) ([]byte, error) {
	k, device := trustlist.ParseFileName(name)
	if k == "" {
		return nil, ErrNoFile
	}
	v := shared
	if device != "" {
		d, err := c.store.Device(ctx, device)
		if errors.Is(err, store.ErrNotFound) {
			return nil, ErrNoFile
		}
		if err != nil {
			return nil, err
		}
		plan := shared.Files(d)
		if !plan.has(k) {
			return nil, ErrNoFile
		}
		v = plan.Variant
	}
	data, err := c.List(ctx, k, v)
	if errors.Is(err, ErrNone) {
		return nil, ErrNoFile
	}
	return data, err
}

// composeAttempts is how often an edition is begun anew because something has changed
// meanwhile.
const composeAttempts = 20

// current is the edition of what lists show now.
func (c *Composer) current(ctx context.Context) (*edition, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	changed, err := c.store.ListsChanged(ctx)
	if err != nil {
		return nil, err
	}
	for range composeAttempts {
		if c.edition != nil && c.edition.changed.Equal(changed) {
			return c.edition, nil
		}
		fresh, err := c.compose(ctx, changed)
		if err != nil {
			return nil, err
		}
		c.edition = fresh
		// What was read is of several moments, unless nothing has changed since.
		if changed, err = c.store.ListsChanged(ctx); err != nil {
			return nil, err
		}
	}
	return nil, apperr.New(store.ErrConflict, "what trust lists show changes all the time")
}

func (c *Composer) compose(ctx context.Context, changed time.Time) (*edition, error) {
	keys, err := LoadKeys(ctx, c.store, c.sealer)
	if err != nil {
		return nil, err
	}
	entries, err := Contents(ctx, c.store)
	if err != nil {
		return nil, err
	}
	e := &edition{changed: changed, signer: keys.Signer, finished: map[finished][]byte{}}
	for _, one := range entries {
		if err := one.fit(); err != nil {
			return nil, err
		}
		e.records = append(e.records, one.record())
	}
	return e, nil
}

// fit refuses what phones could not use: of what capf adds itself, the CAPF certificate
// can be such a one.
func (e Entry) fit() error {
	err := trustlist.Fit(e.Certificate, e.Role)
	if err == nil {
		return nil
	}
	err = apperr.Refused("%s, in the role %s: %v", crypto.DisplayName(e.Certificate), e.Role, err)
	if e.Role == trustlist.RoleCAPF {
		return apperr.WithHint(err, "capf cert regenerate capf --key-bits 2048 --yes makes one that they handle; then capf cert regenerate capf --yes has serve show it")
	}
	return err
}

// list signs a list, unless that was done before.
func (e *edition) list(k trustlist.Kind, v Variant) ([]byte, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if data := e.finished[finished{k, v}]; data != nil {
		return data, nil
	}
	l := trustlist.List{Records: e.records}
	l.FileName, l.Time, l.SignerVersion, l.Digest = k.FileName(), e.changed, v.SignerVersion, v.Digest
	data, err := l.Sign(e.signer.Key)
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", k.FileName(), err)
	}
	e.finished[finished{k, v}] = data
	return data, nil
}
