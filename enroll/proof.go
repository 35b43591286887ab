package enroll

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"

	"capf/crypto"
	"capf/store"
)

// byCertificate checks the certificate that the phone shows and, when it
// sends one, its SUDI.
func (r *Rules) byCertificate(ctx context.Context, g *Grant, c Claim) ([]store.DeviceCertificate, *Ending, error) {
	if c.Existing == nil {
		return nil, ending(ErrDeclined, store.InvalidCredentials, "the phone has no certificate to authenticate with"), nil
	}
	cert, end, err := r.checkProof(ctx, *c.Existing, g.Device.Name)
	if end != nil || err != nil {
		return nil, end, err
	}
	kind := c.Existing.Kind
	shown := []store.DeviceCertificate{{Kind: string(kind), Certificate: cert.Raw, SeenAt: r.Now()}}
	if kind == MIC {
		end, err = r.checkMIC(ctx, g, cert)
	} else {
		end, err = r.checkLSC(ctx, cert)
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
	sudi, end, err := r.checkProof(ctx, *c.SUDI, g.Device.Name)
	if end != nil || err != nil {
		return nil, end, err
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

// checkLSC checks that an LSC chains to a certificate that vouches for LSCs, and
// is valid now.
func (r *Rules) checkLSC(ctx context.Context, cert *x509.Certificate) (*Ending, error) {
	anchors, err := r.anchors(ctx, store.ForLSC|store.ForForeignLSC)
	if err != nil {
		return nil, err
	}
	_, err = crypto.VerifyPath(cert, anchors, nil, r.Now(), crypto.PathOptions{})
	if err == nil {
		return nil, nil
	}
	// An LSC of an online CA may need the issuers that came with it.
	between, berr := r.onlineIssuers(ctx)
	if berr != nil {
		return nil, berr
	}
	if _, err = crypto.VerifyPath(cert, anchors, between, r.Now(), crypto.PathOptions{}); err != nil {
		return LSC.decline("%v", err), nil
	}
	return nil, nil
}

// decline refuses a certificate of the kind.
func (k CertificateKind) decline(format string, args ...any) *Ending {
	cause := store.InvalidLSC
	if k == MIC {
		cause = store.InvalidMIC
	}
	return ending(ErrDeclined, cause, "%s: %s", strings.ToUpper(string(k)), fmt.Sprintf(format, args...))
}

// checkProof checks that the certificate is this device's own and that the
// phone has its key.
func (r *Rules) checkProof(ctx context.Context, p Proof, device string) (*x509.Certificate, *Ending, error) {
	cert, err := x509.ParseCertificate(p.Certificate)
	if err != nil {
		return nil, p.Kind.decline("not a certificate"), nil
	}
	mine, err := r.belongs(ctx, cert, device)
	if err != nil {
		return nil, nil, err
	}
	if !mine {
		return nil, p.Kind.decline("the certificate of %q does not belong to the device", cert.Subject.CommonName), nil
	}
	if len(p.Signatures) == 0 {
		return nil, p.Kind.decline("the phone did not sign"), nil
	}
	for _, s := range p.Signatures {
		if err := crypto.VerifyBare(cert, s.Hash, p.Text, s.Value); err != nil {
			return nil, p.Kind.decline("the %v signature does not verify", s.Hash), nil
		}
	}
	return cert, nil, nil
}

// belongs says whether a certificate is the device's own. A name that merely
// ends in the device's is believed of hardware phones only, as others have no
// MIC: "lab-phone" may have been another device than "phone". Of ours, it may
// still be that of another one: then the certificate is that one's.
func (r *Rules) belongs(ctx context.Context, cert *x509.Certificate, device string) (bool, error) {
	if !crypto.BelongsTo(cert, device) {
		return false, nil
	}
	if strings.EqualFold(cert.Subject.CommonName, device) {
		return true, nil
	}
	if !isHardware(device) {
		return false, nil
	}
	_, err := r.Store.Device(ctx, cert.Subject.CommonName)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}

func lscFingerprint(shown []store.DeviceCertificate) []byte {
	for _, c := range shown {
		if c.Kind == string(LSC) {
			return fingerprint(c.Certificate)
		}
	}
	return nil
}

// fingerprint is the SHA-256 of a DER certificate, by which store finds it.
func fingerprint(der []byte) []byte {
	hash := sha256.Sum256(der)
	return hash[:]
}
