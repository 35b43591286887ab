package caworker

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/secrets"
	"capf/internal/serialnumber"
	"capf/store"
)

// impostors tells the online CA's web server from a phone that has the name of the CA's
// host. The LSC of such a phone is valid for a server, too. It has a path to a root
// that vouches for https if the online CA issued it, or if that root signed a CAPF
// certificate, ours or another cluster's. The password for the CA would then go to the
// phone.
func (ca CA) impostors(ctx context.Context) (func(path []*x509.Certificate) string, error) {
	makers, err := authority.Anchors(ctx, ca.Store.Reader, store.ForLSC|store.ForForeignLSC)
	if errors.Is(err, secrets.ErrNotReady) {
		makers, err = authority.Trusted(ctx, ca.Store.Reader, store.ForLSC|store.ForForeignLSC)
	}
	if err != nil {
		return nil, err
	}
	servers, err := authority.Trusted(ctx, ca.Store.Reader, store.ForHTTPS)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{} // of CAs that issue LSCs and nothing for servers
	for _, c := range makers {
		keys[string(c.RawSubjectPublicKeyInfo)] = true
	}
	for _, c := range servers {
		delete(keys, string(c.RawSubjectPublicKeyInfo))
	}
	return func(path []*x509.Certificate) string {
		for _, c := range path[1:] {
			if keys[string(c.RawSubjectPublicKeyInfo)] || authority.IsCAPFName(c) {
				return fmt.Sprintf("it comes from %q, which makes LSCs and no certificates for servers", crypto.DisplayName(c))
			}
		}
		switch lsc, err := ca.Store.LSCBySerial(context.WithoutCancel(ctx), path[0].Issuer.String(), serialnumber.Text(path[0].SerialNumber)); {
		case err == nil:
			return fmt.Sprintf("it is the LSC of the device %q", lsc.Device)
		case !errors.Is(err, store.ErrNotFound):
			return "whether it is an LSC cannot be told: " + err.Error()
		}
		return ""
	}, nil
}
