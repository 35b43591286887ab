package caworker

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll"
	"capf/store"
)

// impostors tells the online CA's web server from a phone whose name is that of
// its host. The LSC of such a phone is good for a server, too, and has a path to
// a root that vouches for https: where the online CA has made it, or where that
// root has signed a CAPF certificate, ours or another cluster's. The password for
// the CA would go to the phone.
func (ca CA) impostors(ctx context.Context) (func(path []*x509.Certificate) string, error) {
	makers, err := ca.Rules.Anchors(ctx, store.ForLSC|store.ForForeignLSC)
	if errors.Is(err, enroll.ErrNotReady) {
		makers, err = ca.Rules.Trusted(ctx, store.ForLSC|store.ForForeignLSC)
	}
	if err != nil {
		return nil, err
	}
	servers, err := ca.Rules.Trusted(ctx, store.ForHTTPS)
	if err != nil {
		return nil, err
	}
	keys := map[string]bool{} // of CAs that make LSCs and nothing for servers
	for _, c := range makers {
		keys[string(c.RawSubjectPublicKeyInfo)] = true
	}
	for _, c := range servers {
		delete(keys, string(c.RawSubjectPublicKeyInfo))
	}
	return func(path []*x509.Certificate) string {
		for _, c := range path[1:] {
			if keys[string(c.RawSubjectPublicKeyInfo)] || enroll.IsCAPFName(c) {
				return fmt.Sprintf("it comes from %q, which makes LSCs and no certificates for servers", crypto.DisplayName(c))
			}
		}
		switch lsc, err := ca.Store.LSCBySerial(context.WithoutCancel(ctx), path[0].Issuer.String(), path[0].SerialNumber.Text(16)); {
		case err == nil:
			return fmt.Sprintf("it is the LSC of the device %q", lsc.Device)
		case !errors.Is(err, store.ErrNotFound):
			return "whether it is an LSC cannot be told: " + err.Error()
		}
		return ""
	}, nil
}
