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
	"capf/enroll/settings"
	"capf/store"
)

// CheckKey says whether the key that a phone has sent is the one that it was
// asked for, and not known to be broken. It returns nil or a *SessionError of kind
// ErrKey, which the caller may answer by asking for another; nothing is recorded for it yet.
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

// External says whether another CA signs, so that the phone has to wait.
func (g Grant) External() bool { return g.Settings.Issuer != settings.IssuerCAPF }

// Issue makes an LSC for a key that CheckKey has passed, signed by CAPF. The
// subject is built from our record of the device and from a MIC that has
// proved to be the phone's, never from the wire. When it returns, the LSC is
// durable and may be sent.
func (r *Rules) Issue(ctx context.Context, a *crypto.Authority, g Grant, kind crypto.KeyKind, spki []byte) (store.LSC, error) {
	if err := r.checkOwner(ctx, spki); err != nil {
		return store.LSC{}, err
	}
	names, err := r.names(ctx, g, spki)
	if err != nil {
		return store.LSC{}, err
	}
	der, err := a.Issue(r.Rand, names, r.Now())
	if err != nil {
		return store.LSC{}, err
	}
	lsc, err := lscRow(der)
	if err != nil {
		return store.LSC{}, err
	}
	lsc.KeyKind = string(kind)
	lsc, err = r.Store.IssueLSC(ctx, g.actor, store.NewLSC{Request: g.request(kind, spki), LSC: lsc, SignedBy: a.Leaf().Raw})
	return lsc, changedMeanwhile(err)
}

// PKCS10 builds the request that another CA is to sign; the signer is the phone.
func (r *Rules) PKCS10(ctx context.Context, a *crypto.Authority, g Grant, spki []byte, challenge string, signer stdcrypto.Signer) ([]byte, error) {
	names, err := r.names(ctx, g, spki)
	if err != nil {
		return nil, err
	}
	names.Challenge = challenge
	return crypto.NewRequest(a.Leaf(), names, signer)
}

// Enqueue keeps a key that CheckKey has passed, for another CA to sign. The
// PKCS#10 is nil when the phone has not proved possession of its private key,
// which ends the session when the CA is an online one.
// When it returns, the request is durable and the phone may wait for Outcome.
func (r *Rules) Enqueue(ctx context.Context, g Grant, kind crypto.KeyKind, spki, pkcs10 []byte) (store.Request, error) {
	if err := r.checkOwner(ctx, spki); err != nil {
		return store.Request{}, err
	}
	request := g.request(kind, spki)
	request.CSR, request.Possessed = pkcs10, pkcs10 != nil
	if request.Issuer == settings.IssuerOnline && pkcs10 == nil {
		return r.unproven(ctx, g, request)
	}
	request, err := r.Store.SubmitRequest(ctx, g.actor, request)
	return request, changedMeanwhile(err)
}

// checkOwner refuses a key that is no phone's: ours, or that of a certificate in a
// trust store. Keys of other phones the store knows.
func (r *Rules) checkOwner(ctx context.Context, spki []byte) error {
	capf, err := r.capfCertificate(ctx)
	if err != nil {
		return err
	}
	certs := []*x509.Certificate{capf}
	rows, err := r.Store.Trust(ctx, "")
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

// ErrPending says that the issuer has not decided yet.
var ErrPending = errors.New("the request is pending")

// Outcome is what became of a request that a phone waits for: its LSC, which
// may be sent, a *SessionError when there will be none, or ErrPending. The operation
// is the one that is scheduled now, not the one of the phone's first frame.
func (r *Rules) Outcome(ctx context.Context, g Grant, requestID int64) (store.LSC, error) {
	request, err := r.Store.Request(ctx, requestID)
	if errors.Is(err, store.ErrNotFound) {
		return store.LSC{}, sessionError(ErrDeclined, store.NoCause, "an operator has deleted the request")
	}
	if err != nil {
		return store.LSC{}, err
	}
	d, err := r.Store.Device(ctx, request.Device)
	switch {
	case request.DeviceID == 0 || errors.Is(err, store.ErrNotFound):
		return store.LSC{}, sessionError(ErrDeclined, store.NoCause, "an operator has deleted the device")
	case err != nil:
		return store.LSC{}, err
	case d.Schedule != request.Schedule:
		return store.LSC{}, r.unwanted(ctx, g, request)
	case request.State == store.RequestPending && d.Late(r.Now()):
		return store.LSC{}, sessionError(ErrLate, store.Late, "the certificate did not come in the time for the operation")
	case request.State == store.RequestPending:
		return store.LSC{}, ErrPending
	case request.State == store.RequestRejected:
		return store.LSC{}, r.rejected(ctx, request)
	case request.State == store.RequestSuperseded && request.Reason != "":
		return store.LSC{}, sessionError(ErrDeclined, store.NoCause, "%s", request.Reason)
	case request.State == store.RequestSuperseded:
		return store.LSC{}, sessionError(ErrSuperseded, store.NoCause, "the phone has sent a newer request")
	}
	lsc, err := r.Store.LSCOfRequest(ctx, requestID)
	if err == nil && lsc.State != store.LSCIssued {
		return lsc, sessionError(ErrSuperseded, store.NoCause, "the LSC is %s", lsc.State)
	}
	return lsc, err
}

// unwanted ends the wait for an operation that an operator has changed. An LSC
// that has come for it meanwhile was never sent, and is stale.
func (r *Rules) unwanted(ctx context.Context, g Grant, request store.Request) error {
	lsc, err := r.Store.LSCOfRequest(ctx, request.ID)
	if err == nil && lsc.State == store.LSCIssued {
		err = r.Store.MarkRefused(ctx, g.actor, lsc.ID, store.Failure{Unrecorded: true})
	}
	if err != nil && !errors.Is(err, store.ErrNotFound) && !errors.Is(err, store.ErrConflict) {
		return err
	}
	return sessionError(ErrDeclined, store.NoCause, "meanwhile, the operation of the device has been changed")
}

// ForgetPossession remembers that the phone dropped the session when it was
// asked to prove possession of its key: its next attempt is served without.
func (r *Rules) ForgetPossession(ctx context.Context, g Grant) error {
	return r.Store.ForgetPossession(ctx, g.actor, g.Device.ID)
}

func (g Grant) request(kind crypto.KeyKind, spki []byte) store.Request {
	hash, warning := crypto.KeyHash(spki), ""
	if pub, _, err := crypto.ParsePublicKey(spki); err == nil {
		warning = crypto.UnusualKey(pub)
	}
	return store.Request{
		DeviceID: g.Device.ID, Device: g.Device.Name, Schedule: g.Device.Schedule, Issuer: g.Settings.Issuer,
		KeyKind: string(kind), KeyHash: hash[:], PublicKey: spki, Address: g.actor.Address, Voucher: g.voucher, Session: g.session,
		Limit:   store.UnconfirmedLimit{Keys: g.Settings.UnconfirmedLimit, Lock: store.LockTime},
		Warning: warning,
	}
}

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

// names are those of the MIC, when the phone has proved one or an earlier one
// of the phone still verifies; else the device's name.
func (r *Rules) names(ctx context.Context, g Grant, spki []byte) (crypto.LSC, error) {
	names := crypto.LSC{Device: g.Device.Name, SPKI: spki, ValidityDays: g.Settings.ValidityDays}
	mic := g.mic
	if mic == nil {
		known, err := r.knownMIC(ctx, g.Device)
		if err != nil {
			return names, err
		}
		mic = known
	}
	if mic != nil {
		names.CommonName, names.SerialNumber = crypto.MICNames(mic)
	}
	return names, nil
}

// knownMIC is the MIC that the phone gave before. A fetched one was only
// claimed, so it counts only when it passes for the device's MIC. Nil when there
// is none.
func (r *Rules) knownMIC(ctx context.Context, d store.Device) (*x509.Certificate, error) {
	certs, err := r.Store.DeviceCertificates(ctx, d.ID)
	if err != nil || len(certs) == 0 {
		return nil, err
	}
	for _, c := range certs {
		if c.Kind != string(MIC) {
			continue
		}
		cert, err := x509.ParseCertificate(c.Certificate)
		if err != nil {
			continue
		}
		// Names do not expire.
		unfit, err := r.unfitMIC(ctx, cert, d.Name, true)
		if err != nil {
			return nil, err
		}
		if unfit == nil {
			return cert, nil
		}
	}
	return nil, nil
}

// lscRow describes a certificate for the database.
func lscRow(der []byte) (store.LSC, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return store.LSC{}, fmt.Errorf("reading an LSC: %w", err)
	}
	return acceptance.LSC(c), nil
}
