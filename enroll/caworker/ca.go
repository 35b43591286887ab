package caworker

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/onlineca"
	"capf/enroll/settings"
	"capf/store"
)

// CA is the online CA that the parameters describe.
type CA struct {
	Store  *store.Store
	Sealer *crypto.Sealer // for the password and the client certificate
	Now    func() time.Time
	Rand   io.Reader // for the key of Check
	Log    *slog.Logger
}

// config returns the configuration of a client for the CA. onlineca.New checks it.
func (ca CA) config(ctx context.Context, o settings.Online) (onlineca.Config, error) {
	c := onlineca.Config{Type: o.Type, Host: o.Host, Port: o.Port, Template: o.Template, Username: o.Username,
		RequireNTLM: o.RequireNTLM, Log: ca.Log, Now: ca.Now}
	password, err := settings.OpenSecret(ctx, ca.Store.Reader, ca.Sealer, settings.OnlinePassword)
	if err != nil {
		return c, err
	}
	if o.Username != "" { // a password without a user name is of no use
		c.Password = string(password)
	}
	pem, err := settings.OpenSecret(ctx, ca.Store.Reader, ca.Sealer, settings.OnlineCertificate)
	if err != nil {
		return c, err
	}
	if pem != nil {
		defer clear(pem)
		pair, err := tls.X509KeyPair(pem, pem)
		if err != nil {
			return c, fmt.Errorf("reading %s: %w", settings.OnlineCertificate, err)
		}
		c.ClientCertificate = &pair
	}
	if c.Roots, err = authority.Trusted(ctx, ca.Store.Reader, store.ForHTTPS); err != nil {
		return c, err
	}
	if c.Issuers, err = authority.Trusted(ctx, ca.Store.Reader, store.ForLSC); err != nil {
		return c, err
	}
	c.Impostor, err = ca.impostors(ctx)
	return c, err
}
