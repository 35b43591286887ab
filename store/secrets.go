package store

import "context"

// Secret returns the sealed value of a secret parameter. ErrNotFound: it is not
// set.
func (s *Reader) Secret(ctx context.Context, name string) ([]byte, error) {
	var sealed []byte
	if err := s.point(ctx, "SELECT sealed FROM secrets WHERE name = ?", []any{name}, &sealed); err != nil {
		return nil, failed(err, "reading parameter %q", name)
	}
	return sealed, nil
}

// CertificateOfSecret returns the certificate that is part of a secret parameter, DER;
// nil when the parameter is not set, or has none that is known. It needs no key.
func (s *Reader) CertificateOfSecret(ctx context.Context, name string) ([]byte, error) {
	var der []byte
	err := s.point(ctx, "SELECT certificate FROM secrets WHERE name = ?", []any{name}, &der)
	if err == ErrNotFound {
		return nil, nil
	}
	return der, failed(err, "reading the certificate of parameter %q", name)
}

// KnowCertificateOfSecret records the certificate of a secret that an earlier capf has
// stored without it. It writes no event: the parameter stays as it is.
func (s *Store) KnowCertificateOfSecret(ctx context.Context, name string, sealed, der []byte) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE secrets SET certificate = ? WHERE name = ? AND sealed = ? AND certificate = x''", orEmpty(der), name, sealed)
		return err
	})
	return failed(err, "recording the certificate of parameter %q", name)
}

// SetSecret sets a parameter that is secret, or removes it when sealed is nil;
// without an event when there was none to remove. The certificate is that which is part
// of it, nil if none is.
func (s *Store) SetSecret(ctx context.Context, a Actor, name string, sealed, certificate []byte) error {
	err := s.change(ctx, func(t *tx) error { return setSecret(t, a, name, sealed, certificate) })
	return failed(err, "setting parameter %q", name)
}

func setSecret(t *tx, a Actor, name string, sealed, certificate []byte) error {
	e := EventText{Action: "set", Detail: name}
	var n int64
	var err error
	if sealed == nil {
		e.Detail = name + " removed"
		n, err = t.exec("DELETE FROM secrets WHERE name = ?", name)
	} else {
		n, err = t.exec(`INSERT INTO secrets (name, set_at, sealed, certificate) VALUES (?, ?, ?, ?)
				ON CONFLICT (name) DO UPDATE SET set_at = excluded.set_at, sealed = excluded.sealed, certificate = excluded.certificate`,
			name, millis(t.now), sealed, orEmpty(certificate))
	}
	if err != nil || n == 0 {
		return err
	}
	return t.event(a, "", e)
}
