package enroll

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/store"
)

// CheckKey checks that a key that a phone sent is of the kind that it was asked for,
// and not known to be broken. It returns nil or a *SessionError of kind ErrKey; the
// caller may then ask for another key, since nothing is recorded yet.
func CheckKey(want crypto.KeyKind, spki []byte) error {
	pub, kind, err := crypto.ParsePublicKey(spki)
	if err == nil {
		err = crypto.CheckStrength(pub)
	}
	if err != nil {
		return sessionError(ErrKey, store.KeyGenerationFailed, "the phone sent %v", err)
	}
	if kind != want {
		return sessionError(ErrKey, store.KeyGenerationFailed, "the phone made an %s key where %s was asked for", kind, want)
	}
	return nil
}

// Issue makes an LSC, signed by CAPF, for a key that has passed CheckKey.
// The subject is built from our record of the device and from a MIC that was
// verified as the phone's, never from the wire. When it returns, the LSC is
// durable and may be sent.
func (r *Registrar) Issue(ctx context.Context, a *crypto.Authority, g Grant, kind crypto.KeyKind, spki []byte) (store.LSC, error) {
	if err := r.checkOwner(ctx, spki); err != nil {
		return store.LSC{}, err
	}
	names, err := r.names(ctx, g, spki)
	if err != nil {
		return store.LSC{}, err
	}
	der, err := a.Issue(r.rand, names, r.now())
	if err != nil {
		return store.LSC{}, err
	}
	lsc, err := lscRow(der)
	if err != nil {
		return store.LSC{}, err
	}
	lsc.KeyKind = string(kind)
	lsc, err = r.store.IssueLSC(ctx, g.actor, store.NewLSC{Request: g.request(kind, spki), LSC: lsc, SignedBy: a.Leaf().Raw})
	return lsc, changedMeanwhile(err)
}

// PKCS10 builds the request that another CA is to sign; the signer is the phone.
func (r *Registrar) PKCS10(ctx context.Context, a *crypto.Authority, g Grant, spki []byte, challenge string, signer stdcrypto.Signer) ([]byte, error) {
	names, err := r.names(ctx, g, spki)
	if err != nil {
		return nil, err
	}
	names.Challenge = challenge
	return crypto.NewRequest(a.Leaf(), names, signer)
}

// Enqueue stores a key that has passed CheckKey, for another CA to sign. The PKCS#10
// is nil when the phone has not proved possession of its private key; with an online
// CA, that ends the session. When Enqueue returns, the request is durable and the
// phone may wait for Outcome.
func (r *Registrar) Enqueue(ctx context.Context, g Grant, kind crypto.KeyKind, spki, pkcs10 []byte) (store.Request, error) {
	if err := r.checkOwner(ctx, spki); err != nil {
		return store.Request{}, err
	}
	request := g.request(kind, spki)
	request.CSR, request.Possessed = pkcs10, pkcs10 != nil
	if request.Issuer == settings.IssuerOnline && pkcs10 == nil {
		return r.rejectUnproven(ctx, g, request)
	}
	request, err := r.store.SubmitRequest(ctx, g.actor, request)
	return request, changedMeanwhile(err)
}

// checkOwner refuses a key that cannot be the phone's: our own, or that of a
// certificate in a trust store. The store itself refuses the keys of other phones.
func (r *Registrar) checkOwner(ctx context.Context, spki []byte) error {
	capf, err := authority.Certificate(ctx, r.store.Reader)
	if err != nil {
		return err
	}
	certs := []*x509.Certificate{capf}
	rows, err := r.store.Trust(ctx, "")
	if err != nil {
		return err
	}
	for _, row := range rows {
		c, err := x509.ParseCertificate(row.Certificate)
		if err != nil {
			return fmt.Errorf("reading trust certificate %d: %w", row.ID, err)
		}
		certs = append(certs, c)
	}
	for _, c := range certs {
		if bytes.Equal(c.RawSubjectPublicKeyInfo, spki) {
			return sessionError(ErrKey, store.KeyGenerationFailed, "the phone sent a public key that is not its own, but that of %q", crypto.DisplayName(c))
		}
	}
	return nil
}

// ForgetPossession records that the phone dropped the session when it was
// asked to prove possession of its key, so that its next attempt is served
// without proof.
func (r *Registrar) ForgetPossession(ctx context.Context, g Grant) error {
	return r.store.ForgetPossession(ctx, g.actor, g.Device.ID)
}

// changedMeanwhile ends the session when the store refuses a write because something
// has changed since the phone authenticated.
func changedMeanwhile(err error) error {
	var taken *store.KeyTaken
	if errors.As(err, &taken) {
		return sessionError(ErrKey, store.KeyGenerationFailed, "the phone sent a public key that is not its own: %v", taken)
	}
	if errors.Is(err, store.ErrOvertaken) {
		return Superseded("%v", store.ErrOvertaken)
	}
	var meanwhile *store.Conflict
	if errors.As(err, &meanwhile) {
		return sessionError(ErrDeclined, store.NoCause, "meanwhile, %s", meanwhile.Reason)
	}
	return err
}

// names returns the names of the MIC if the phone has proved one, or if one that it
// sent earlier still verifies, and otherwise those that the parameters make of the
// device's.
func (r *Registrar) names(ctx context.Context, g Grant, spki []byte) (crypto.LSCTemplate, error) {
	names := crypto.LSCTemplate{Device: g.Device.Name, CommonName: g.Settings.LSCCommonName(g.Device), OrganizationalUnit: g.Settings.LSCUnit,
		SPKI: spki, ValidityDays: g.Settings.ValidityDays}
	mic := g.mic
	if mic == nil {
		known, err := r.certificates.knownMIC(ctx, g.Device)
		if err != nil {
			return names, err
		}
		mic = known
	}
	if mic != nil {
		var cn string
		if cn, names.SerialNumber = crypto.MICNames(mic); cn != "" {
			names.CommonName = cn
		}
	}
	return names, nil
}

// lscRow returns the database row of a certificate.
func lscRow(der []byte) (store.LSC, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return store.LSC{}, fmt.Errorf("reading an LSC: %w", err)
	}
	return acceptance.LSC(c), nil
}
