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

// SetSecret sets a secret parameter, or removes it when the value is nil; an
// empty value is refused. Errors never hold the value. They are store.ErrNotFound
// for an unknown name, ErrRefused for a parameter that is not secret, and
// ErrValue for a value that it cannot have.
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
		return c, s.SetSecret(ctx, actor, p.Name, nil, nil)
	}
	if err := checkSecret(p.Name, value); err != nil {
		return Change{}, err
	}
	sealed, err := sealer.Seal(p.Name, value)
	if err != nil {
		return Change{}, fmt.Errorf("sealing %s: %w", p.Name, err)
	}
	c.Changed = true
	return c, s.SetSecret(ctx, actor, p.Name, sealed, certificateIn(p.Name, value))
}

// certificateIn returns the certificate that is part of a secret, nil if none is.
func certificateIn(name string, value []byte) []byte {
	if name != OnlineCertificate {
		return nil
	}
	pair, err := tls.X509KeyPair(value, value)
	if err != nil {
		return nil // checkSecret has refused it
	}
	return pair.Certificate[0]
}

// KnowClientCertificate records the certificate in online_ca_client_certificate, if an
// earlier capf has stored that without it, so that its end is known.
func KnowClientCertificate(ctx context.Context, s *store.Store, sealer *crypto.Sealer) error {
	known, err := s.CertificateOfSecret(ctx, OnlineCertificate)
	if err != nil || len(known) > 0 {
		return err
	}
	sealed, err := s.Secret(ctx, OnlineCertificate)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	value, err := sealer.Open(OnlineCertificate, sealed)
	if err != nil {
		return fmt.Errorf("opening %s: %w", OnlineCertificate, err)
	}
	return s.KnowCertificateOfSecret(ctx, OnlineCertificate, sealed, certificateIn(OnlineCertificate, value))
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

// SecretHint says how a secret parameter is set.
func SecretHint(name string) string {
	if name == OnlineCertificate {
		return "capf set " + name + " --file FILE"
	}
	return "capf set " + name + " --password-file FILE, or without it on a terminal"
}

// HasSecret reports whether a secret parameter is set. It needs no master key.
func HasSecret(ctx context.Context, s *store.Reader, name string) (bool, error) {
	_, err := s.Secret(ctx, name)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

// OpenSecret opens a secret parameter; nil when it is not set. The error is
// crypto.ErrWrongKey when another master key sealed it.
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

// stranded returns the secrets that were given for the server before the change and
// must not be sent to the one after it.
func stranded(c Change, set map[string]string) []string {
	moves := c.Name == OnlineHost && !strings.EqualFold(c.Old, c.New) || c.Name == OnlinePort && c.Changed
	if host, ok := set[OnlineHost]; !ok || host == notSet || !moves {
		return nil // set before any server, a password is for the first one
	}
	return []string{OnlinePassword}
}
