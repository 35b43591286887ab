package enroll

import (
	"context"
	"crypto/x509"
	"fmt"
	"strings"

	"capf/crypto"
	"capf/store"
)

// byCertificate checks the certificate that the phone shows and, when it
// sends one, its SUDI.
func (r *Rules) byCertificate(ctx context.Context, g *Grant, c Claim) ([]store.DeviceCertificate, *SessionError, error) {
	if c.Existing == nil {
		return nil, sessionError(ErrDeclined, store.InvalidCredentials, "the phone has no certificate to authenticate with"), nil
	}
	cert, end := c.Existing.check()
	if end != nil {
		return nil, end, nil
	}
	kind := c.Existing.Kind
	shown := []store.DeviceCertificate{{Kind: string(kind), Certificate: cert.Raw, SeenAt: r.Now()}}
	var err error
	if kind == MIC {
		end, err = r.checkMIC(ctx, g, cert)
	} else {
		end, err = r.checkLSC(ctx, g, cert)
	}
	if end != nil || err != nil {
		return nil, end, err
	}
	if c.SUDI == nil {
		return shown, nil, nil
	}
	// The SUDI's signature covers the session id, so a wrong one tells of a
	// replay. Whether it counts as a MIC matters only for its names: many
	// sites remove the MIC roots, and their phones still send it.
	sudi, end := c.SUDI.check()
	if end != nil {
		return nil, end, nil
	}
	if !crypto.BelongsTo(sudi, g.Device.Name) {
		return nil, MIC.decline("the SUDI of %q does not belong to the device", sudi.Subject.CommonName), nil
	}
	if g.mic != nil {
		return shown, nil, nil
	}
	unfit, err := r.unfitMIC(ctx, sudi, g.Device.Name, true)
	if err == nil && unfit == nil {
		g.mic = sudi
		shown = append(shown, store.DeviceCertificate{Kind: string(MIC), Certificate: sudi.Raw, SeenAt: r.Now()})
	}
	return shown, nil, err
}

// decline refuses a certificate of the kind.
func (k CertificateKind) decline(format string, args ...any) *SessionError {
	cause := store.InvalidLSC
	if k == MIC {
		cause = store.InvalidMIC
	}
	return sessionError(ErrDeclined, cause, "%s: %s", strings.ToUpper(string(k)), fmt.Sprintf(format, args...))
}

// check checks that the phone has the key of the certificate that it shows.
// Whose certificate that is, is asked afterwards.
func (p Proof) check() (*x509.Certificate, *SessionError) {
	cert, err := x509.ParseCertificate(p.Certificate)
	if err != nil {
		return nil, p.Kind.decline("not a certificate")
	}
	if len(p.Signatures) == 0 {
		return nil, p.Kind.decline("the phone did not sign")
	}
	for _, s := range p.Signatures {
		if err := crypto.VerifyBare(cert, s.Hash, p.Text, s.Value); err != nil {
			return nil, p.Kind.decline("the %v signature does not verify", s.Hash)
		}
	}
	return cert, nil
}

func lscFingerprint(shown []store.DeviceCertificate) []byte {
	for _, c := range shown {
		if c.Kind == string(LSC) {
			return crypto.RawFingerprint(c.Certificate)
		}
	}
	return nil
}
