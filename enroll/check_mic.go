package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/internal/serialnumber"
	"capf/store"
)

// checkMIC checks a certificate that the phone calls its MIC.
func (p phoneCertificates) checkMIC(ctx context.Context, g *Grant, cert *x509.Certificate) (*SessionError, error) {
	refusal, err := p.micRefusal(ctx, cert, g.Device.Name, g.Settings.AllowExpiredMIC)
	if err != nil {
		return nil, err
	}
	if refusal != nil {
		return KindMIC.decline("%v", refusal), nil
	}
	g.mic = cert
	g.voucher = store.Voucher{Kind: store.VouchedByMIC, Fingerprint: crypto.RawFingerprint(cert.Raw)}
	return nil, nil
}

// micRefusal returns the reason why a certificate does not count as the MIC of a
// device. It is nil when a manufacturer issued the certificate for this device and
// for client authentication, and it is not an LSC, whatever the phone calls it.
func (p phoneCertificates) micRefusal(ctx context.Context, cert *x509.Certificate, device string, allowExpired bool) (refusal, err error) {
	if err := crypto.CheckMIC(cert, device); err != nil {
		return err, nil
	}
	if _, err := p.store.LSCBySerial(ctx, cert.Issuer.String(), serialnumber.Text(cert.SerialNumber)); !errors.Is(err, store.ErrNotFound) {
		if err != nil {
			return nil, err
		}
		return errors.New("it is an LSC that was issued here"), nil
	}
	anchors, err := authority.Anchors(ctx, p.store, store.ForMIC)
	if err != nil {
		return nil, err
	}
	between, err := authority.Trusted(ctx, p.store, ^store.ForMIC)
	if err != nil {
		return nil, err
	}
	path, refusal := crypto.VerifyPath(cert, anchors, between, p.now(), crypto.PathOptions{AllowExpired: allowExpired, AllowSHA1: true})
	if refusal != nil {
		return refusal, nil
	}
	// A company's root that vouches for MICs must not vouch for the LSCs of a CAPF
	// that it has signed.
	foreign, err := authority.Trusted(ctx, p.store, store.ForForeignLSC)
	if err != nil {
		return nil, err
	}
	for _, c := range path[1:] {
		if authority.IsCAPFName(c) || slices.ContainsFunc(foreign, c.Equal) {
			return fmt.Errorf("it is an LSC: %q makes nothing else", crypto.DisplayName(c)), nil
		}
	}
	return nil, nil
}

// knownMIC returns the MIC that the phone sent earlier, nil when there is none. A
// fetched one was only claimed, so it counts only if it verifies as the device's
// MIC.
func (p phoneCertificates) knownMIC(ctx context.Context, d store.Device) (*x509.Certificate, error) {
	certs, err := p.store.DeviceCertificates(ctx, d.ID)
	if err != nil || len(certs) == 0 {
		return nil, err
	}
	for _, c := range certs {
		if c.Kind != string(KindMIC) {
			continue
		}
		cert, err := x509.ParseCertificate(c.Certificate)
		if err != nil {
			continue
		}
		// An expired one will do: only its names are used.
		refusal, err := p.micRefusal(ctx, cert, d.Name, true)
		if err != nil {
			return nil, err
		}
		if refusal == nil {
			return cert, nil
		}
	}
	return nil, nil
}
