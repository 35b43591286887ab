package caworker

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"slices"

	"capf/enroll/onlineca"
	"capf/enroll/settings"
	"capf/internal/apperr"
)

// Certificates fetches the certificates of the online CA, its root first, and those
// that its web server presents, its own first. The credentials go only to a web
// server that is already trusted. An EST server shows the certificates of its CA
// even without them; Web Enrollment does not. The error is apperr.ErrRefused when
// no CA is configured; https may be set even when there is an error.
func (ca CA) Certificates(ctx context.Context) (own, https []*x509.Certificate, err error) {
	inForce, err := settings.Read(ctx, ca.Store.Reader)
	if err != nil {
		return nil, nil, err
	}
	if inForce.Online.Host == "" {
		return nil, nil, apperr.WithHint(apperr.Refused("%s is not set: there is no online CA to ask", settings.OnlineHost), "capf set online_ca_hostname NAME")
	}
	c, err := ca.config(ctx, inForce.Online)
	if err != nil {
		return nil, nil, err
	}
	client, err := onlineca.New(c)
	if err != nil {
		return nil, nil, err
	}
	defer client.Close()
	if https, err = client.Presented(ctx); err != nil {
		return nil, nil, advised(err)
	}
	ders, err := client.CACertificates(ctx)
	if err != nil {
		if public, perr := publicCertificates(ctx, c, https); perr == nil {
			ders, err = public, nil
		}
	}
	if err != nil {
		return nil, https, advised(err)
	}
	own = parsed(ders)
	slices.SortStableFunc(own, func(a, b *x509.Certificate) int { return selfSigned(b) - selfSigned(a) })
	return own, https, nil
}

// publicCertificates asks without credentials. The web server is trusted for
// this: it only shows what is public.
func publicCertificates(ctx context.Context, c onlineca.Config, https []*x509.Certificate) ([][]byte, error) {
	c.Username, c.Password, c.ClientCertificate = "", "", nil
	c.Roots = https[:1]
	client, err := onlineca.New(c)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	return client.CACertificates(ctx)
}

func selfSigned(c *x509.Certificate) int {
	if bytes.Equal(c.RawIssuer, c.RawSubject) {
		return 1
	}
	return 0
}

// advised turns the advice of an onlineca.Error into the hint of the error.
func advised(err error) error {
	var failure *onlineca.Error
	if errors.As(err, &failure) && failure.Advice != "" {
		return apperr.WithHint(err, "%s", failure.Advice)
	}
	return err
}

// parsed parses certificates, leaving out those that cannot be read.
func parsed(ders [][]byte) []*x509.Certificate {
	var all []*x509.Certificate
	for _, der := range ders {
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return all
}
