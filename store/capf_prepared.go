package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"
)

// Prepared is a CAPF certificate with its sealed private key that trust lists carry
// already and serve does not show yet.
type Prepared struct {
	Chain      [][]byte  // DER, the CAPF certificate first
	SealedKey  []byte    // PKCS#8, sealed; its key may be that of the present one
	Since      time.Time // when lists began to carry it
	ShownAfter time.Time // zero: only when an operator says so
	// Span is that time as one that is stored anew has it: so long after Since. With 0,
	// ShownAfter counts.
	Span time.Duration
}

// Due says whether its time has come.
func (p Prepared) Due(now time.Time) bool { return !p.ShownAfter.IsZero() && !now.Before(p.ShownAfter) }

// Prepared returns the CAPF certificate that is prepared. ErrNotFound: there is none.
func (s *Reader) Prepared(ctx context.Context) (p Prepared, err error) {
	type row struct {
		Prepared
		certificate []byte
	}
	const doing = "reading the prepared CAPF certificate"
	// One statement, so that key and chain belong together.
	q := query{selection: `SELECT since, shown_after, sealed_key, certificate
		FROM prepared_identity JOIN prepared_identity_chain`, order: "position"}
	for r, err := range stream(ctx, s, doing, q, func(r *row) []any {
		return []any{(*instant)(&r.Since), (*instant)(&r.ShownAfter), &r.SealedKey, &r.certificate}
	}) {
		if err != nil {
			return Prepared{}, err
		}
		r.Chain = append(p.Chain, r.certificate)
		p = r.Prepared
	}
	if len(p.Chain) == 0 {
		return Prepared{}, failed(ErrNotFound, doing)
	}
	return p, nil
}

// Prepare keeps a CAPF certificate that lists carry from now on. Since is the store's
// time, unless the certificate is prepared already and only its chain or its time is
// another. instead is the certificate, DER, that has been prepared up to now, nil for
// none: the error is ErrConflict if that is not so any more.
func (s *Store) Prepare(ctx context.Context, a Actor, p Prepared, instead []byte) error {
	err := s.change(ctx, func(t *tx) error {
		was, since, err := preparedNow(t)
		if err != nil {
			return err
		}
		if !bytes.Equal(was, instead) {
			return conflict("another certificate has been prepared meanwhile")
		}
		if len(p.Chain) == 0 {
			return fmt.Errorf("there is no certificate in it")
		}
		if was == nil || !bytes.Equal(was, p.Chain[0]) {
			since = t.now
			if err := listsChanged(t); err != nil {
				return err
			}
		}
		if p.Span > 0 {
			p.ShownAfter = since.Add(p.Span)
		}
		if err := forgetPrepared(t); err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO prepared_identity (id, since, shown_after, sealed_key) VALUES (1, ?, ?, ?)", millis(since), millis(p.ShownAfter), p.SealedKey)
		if err != nil {
			return err
		}
		for i, c := range p.Chain {
			if _, err := t.exec("INSERT INTO prepared_identity_chain (position, certificate) VALUES (?, ?)", i, c); err != nil {
				return err
			}
		}
		return t.event(a, "", EventText{Action: "capf-certificate-prepared", Detail: fmt.Sprintf("SHA-256 %x; to be shown %s", fingerprint(p.Chain[0]), p.When())})
	})
	return failed(err, "keeping the prepared CAPF certificate")
}

// When says when it is to be shown, in UTC.
func (p Prepared) When() string {
	if p.ShownAfter.IsZero() {
		return "when an operator says so"
	}
	return "after " + p.ShownAfter.UTC().Format(time.RFC3339)
}

// CancelPrepared gives the prepared CAPF certificate up. ErrNotFound: there is none;
// ErrConflict: it is not the one with the certificate.
func (s *Store) CancelPrepared(ctx context.Context, a Actor, certificate []byte) error {
	err := s.change(ctx, func(t *tx) error {
		if err := mustBePrepared(t, certificate); err != nil {
			return err
		}
		return dropPrepared(t, a, nil)
	})
	return failed(err, "giving the prepared CAPF certificate up")
}

// ShowPrepared makes the prepared CAPF certificate the present one and tells every
// running serve to begin again with it. The one before goes to capf-trust. Of several
// that do this at once, one succeeds: for the others the error is ErrNotFound, or
// ErrConflict if another certificate is prepared by then.
func (s *Store) ShowPrepared(ctx context.Context, a Actor, certificate []byte) error {
	err := s.change(ctx, func(t *tx) error {
		if err := mustBePrepared(t, certificate); err != nil {
			return err
		}
		return showPrepared(t, a)
	})
	return failed(err, "showing the prepared CAPF certificate")
}

func showPrepared(t *tx, a Actor) error {
	var id Identity
	if err := t.row("SELECT sealed_key, since FROM prepared_identity").Scan(&id.SealedKey, (*instant)(&id.ListedAt)); err != nil {
		return err
	}
	chain, err := several(t, "SELECT certificate FROM prepared_identity_chain ORDER BY position", nil, func(der *[]byte) []any { return []any{der} })
	if err != nil {
		return err
	}
	id.Chain = chain
	if err := retireIdentity(t, a, false, id); err != nil {
		return err
	}
	if err := dropPrepared(t, a, chain); err != nil {
		return err
	}
	if err := saveIdentity(t, a, id); err != nil {
		return err
	}
	return restartService(t, a, "capf")
}

// mustBePrepared is ErrNotFound or ErrConflict unless it is the certificate that is
// prepared.
func mustBePrepared(t *tx, certificate []byte) error {
	was, _, err := preparedNow(t)
	switch {
	case err != nil:
		return err
	case was == nil:
		return ErrNotFound
	case !bytes.Equal(was, certificate):
		return conflict("another certificate has been prepared meanwhile")
	}
	return nil
}

// preparedNow returns the certificate that is prepared, nil when there is none.
func preparedNow(t *tx) (certificate []byte, since time.Time, err error) {
	err = t.row("SELECT certificate, since FROM prepared_identity JOIN prepared_identity_chain WHERE position = 0").Scan(&certificate, (*instant)(&since))
	if err == ErrNotFound {
		return nil, since, nil
	}
	return certificate, since, err
}

// dropPrepared ends the preparation: with another chain than the one that takes its place,
// the certificate that was prepared is given up.
func dropPrepared(t *tx, a Actor, instead [][]byte) error {
	was, _, err := preparedNow(t)
	if err != nil {
		return err
	}
	if err := errors.Join(forgetPrepared(t), listsChanged(t)); err != nil {
		return err
	}
	if len(instead) > 0 && bytes.Equal(was, instead[0]) {
		return nil
	}
	return t.event(a, "", EventText{Action: "capf-certificate-cancelled", Detail: fmt.Sprintf("SHA-256 %x is no longer prepared", fingerprint(was))})
}

func forgetPrepared(t *tx) error {
	if _, err := t.exec("DELETE FROM prepared_identity"); err != nil {
		return err
	}
	_, err := t.exec("DELETE FROM prepared_identity_chain")
	return err
}
