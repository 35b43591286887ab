package settings

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"unicode"

	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// SetSecret sets a parameter that is secret, or removes it when the value is nil;
// an empty one is refused. Errors never have the value. An unknown name gives
// store.ErrNotFound, one that is not secret ErrRefused, a value that it cannot
// have ErrValue.
func SetSecret(ctx context.Context, s *store.Store, sealer *crypto.Sealer, actor store.Actor, name string, value []byte) (Change, error) {
	p, err := known(name)
	switch {
	case err != nil:
		return Change{}, err
	case !p.Secret:
		return Change{}, apperr.Refused("%s is no secret; its value is an argument", p.Name)
	}
	c := Change{Name: p.Name, Old: notSet, New: shownSecret, Effect: p.Effect}
	is, err := HasSecret(ctx, s.Reader, p.Name)
	if err != nil {
		return Change{}, err
	}
	if is {
		c.Old = shownSecret
	}
	if value == nil {
		c.New, c.Changed = notSet, is
		return c, s.SetSecret(ctx, actor, p.Name, nil)
	}
	if err := checkSecret(p.Name, value); err != nil {
		return Change{}, err
	}
	sealed, err := sealer.Seal(p.Name, value)
	if err != nil {
		return Change{}, fmt.Errorf("sealing %s: %w", p.Name, err)
	}
	c.Changed = true
	return c, s.SetSecret(ctx, actor, p.Name, sealed)
}

func checkSecret(name string, value []byte) error {
	if len(value) == 0 {
		return apperr.BadValue("%s is empty", name)
	}
	if name == OnlineCertificate {
		if _, err := tls.X509KeyPair(value, value); err != nil {
			return apperr.BadValue("%s needs a PEM file with a certificate and its private key: %v", name, strings.TrimPrefix(err.Error(), "tls: "))
		}
		return nil
	}
	if len(value) > 255 || strings.ContainsFunc(string(value), unicode.IsControl) {
		return apperr.BadValue("%s is longer than 255 bytes or has control characters", name)
	}
	return nil
}

// SecretHint tells how a parameter that is secret is set.
func SecretHint(name string) string {
	if name == OnlineCertificate {
		return "capf set " + name + " --file FILE"
	}
	return "capf set " + name + " --password-file FILE, or without it on a terminal"
}

// HasSecret says whether a parameter that is secret is set. It needs no master key.
func HasSecret(ctx context.Context, s *store.Reader, name string) (bool, error) {
	_, err := s.Secret(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// OpenSecret opens a parameter that is secret; nil when it is not set. Another
// master key than the one that has sealed it gives crypto.ErrWrongKey.
func OpenSecret(ctx context.Context, s *store.Reader, sealer *crypto.Sealer, name string) ([]byte, error) {
	sealed, err := s.Secret(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	value, err := sealer.Open(name, sealed)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", name, err)
	}
	return value, nil
}

// stranded are the secrets that were given for another server than the one to which
// they would be sent after the change.
func stranded(c Change, set map[string]string) []string {
	moves := c.Name == OnlineHost && !strings.EqualFold(c.Old, c.New) || c.Name == OnlinePort && c.Changed
	if host, ok := set[OnlineHost]; !ok || host == notSet || !moves {
		return nil // without a server yet, a password is for the one to come
	}
	return []string{OnlinePassword}
}
