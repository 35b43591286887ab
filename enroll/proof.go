package enroll

import (
	"context"

	"capf/crypto"
	"capf/store"
)

// byCertificate checks the certificate that the phone sent and, if there is one,
// its SUDI. It returns the certificates to be stored.
func (r *Registrar) byCertificate(ctx context.Context, g *Grant, c Claim) ([]store.DeviceCertificate, *SessionError, error) {
	if c.Existing == nil {
		return nil, sessionError(ErrDeclined, store.InvalidCredentials, "the phone has no certificate to authenticate with"), nil
	}
	cert, refused := c.Existing.check()
	if refused != nil {
		return nil, refused, nil
	}
	kind := c.Existing.Kind
	shown := []store.DeviceCertificate{{Kind: string(kind), Certificate: cert.Raw, SeenAt: r.now()}}
	var err error
	if kind == KindMIC {
		refused, err = r.certificates.checkMIC(ctx, g, cert)
	} else {
		refused, err = r.certificates.checkLSC(ctx, g, cert)
	}
	if refused != nil || err != nil {
		return nil, refused, err
	}
	if c.SUDI == nil {
		return shown, nil, nil
	}
	// The SUDI's signature covers the session id, so a wrong one points to a
	// replay. Whether the SUDI counts as a MIC matters only for its names: many
	// sites remove the MIC roots, and their phones still send it.
	sudi, refused := c.SUDI.check()
	if refused != nil {
		return nil, refused, nil
	}
	if !crypto.BelongsTo(sudi, g.Device.Name) {
		return nil, KindMIC.decline("the SUDI of %q does not belong to the device", sudi.Subject.CommonName), nil
	}
	if g.mic != nil {
		return shown, nil, nil
	}
	refusal, err := r.certificates.micRefusal(ctx, sudi, g.Device.Name, true)
	if err == nil && refusal == nil {
		g.mic = sudi
		shown = append(shown, store.DeviceCertificate{Kind: string(KindMIC), Certificate: sudi.Raw, SeenAt: r.now()})
	}
	return shown, nil, err
}

func lscFingerprint(shown []store.DeviceCertificate) []byte {
	for _, c := range shown {
		if c.Kind == string(KindLSC) {
			return crypto.RawFingerprint(c.Certificate)
		}
	}
	return nil
}
