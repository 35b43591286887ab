package enroll

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/store"
)

// Submit makes an LSC for the key that an authenticated phone has sent. The
// subject is built from our record of the device and from a MIC that has
// proved to be the phone's, never from the wire. When it returns, the LSC is
// durable and may be sent. A key that is not of the kind that was asked for
// gives an *Ending of kind ErrKey, which the caller may answer by asking
// again; nothing is recorded for it yet.
func (r *Rules) Submit(ctx context.Context, a *crypto.Authority, g Grant, want crypto.KeyKind, spki []byte) (store.LSC, error) {
	_, kind, err := crypto.ParsePublicKey(spki)
	if err != nil {
		return store.LSC{}, ending(ErrKey, store.KeyGenerationFailed, "the phone sent %v", err)
	}
	if kind != want {
		return store.LSC{}, ending(ErrKey, store.KeyGenerationFailed, "the phone made an %s key where %s was asked for", kind, want)
	}
	names, err := r.names(ctx, g)
	if err != nil {
		return store.LSC{}, err
	}
	names.SPKI, names.ValidityDays = spki, g.Settings.ValidityDays
	der, err := a.Issue(r.Rand, names, r.Now())
	if err != nil {
		return store.LSC{}, fmt.Errorf("signing the LSC of %q: %w", g.Device.Name, err)
	}
	lsc, err := lscRow(der)
	if err != nil {
		return store.LSC{}, err
	}
	lsc.KeyKind = string(kind)
	hash := crypto.KeyHash(spki)
	request := store.Request{
		DeviceID: g.Device.ID, Device: g.Device.Name, Schedule: g.Device.Schedule, Issuer: IssuerCAPF,
		KeyKind: string(kind), KeyHash: hash[:], PublicKey: spki, Address: g.actor.Address,
	}
	lsc, err = r.Store.IssueLSC(ctx, g.actor, store.NewLSC{Request: request, LSC: lsc})
	if errors.Is(err, store.ErrConflict) {
		return lsc, ending(ErrDeclined, store.NoCause, "an operator has changed the operation meanwhile")
	}
	return lsc, err
}

// names are those of the MIC, when the phone has proved one or an earlier one
// of the phone still verifies; else the device's name.
func (r *Rules) names(ctx context.Context, g Grant) (crypto.LSC, error) {
	names := crypto.LSC{Device: g.Device.Name, CommonName: g.Device.Name}
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
// claimed, so it counts only when it chains to capf-trust and bears the
// device's name. Nil when there is none.
func (r *Rules) knownMIC(ctx context.Context, d store.Device) (*x509.Certificate, error) {
	certs, err := r.Store.DeviceCertificates(ctx, d.ID)
	if err != nil || len(certs) == 0 {
		return nil, err
	}
	anchors, err := r.anchors(ctx)
	if err != nil {
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
		mine, err := r.belongs(ctx, cert, d.Name)
		if err != nil {
			return nil, err
		}
		if mine && usableMIC(cert, anchors, d.Name, r.Now()) {
			return cert, nil
		}
	}
	return nil, nil
}

// lscRow describes a certificate for the database.
func lscRow(der []byte) (store.LSC, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return store.LSC{}, fmt.Errorf("reading the LSC just made: %w", err)
	}
	return store.LSC{
		Serial: c.SerialNumber.Text(16), Subject: c.Subject.String(), Issuer: c.Issuer.String(),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: der, Fingerprint: fingerprint(der),
	}, nil
}

// ConfirmInstalled records that the phone has stored its LSC. It is durable
// when it returns.
func (r *Rules) ConfirmInstalled(ctx context.Context, g Grant, lsc store.LSC) error {
	return r.Store.MarkInstalled(ctx, g.actor, lsc.ID, g.Device.Schedule)
}

// Refused records that the phone did not store its LSC, which is stale now.
func (r *Rules) Refused(ctx context.Context, g Grant, lsc store.LSC, detail string) error {
	end := ending(ErrDeclined, store.NoCause, "%s", detail)
	if err := r.Store.MarkRefused(ctx, g.actor, lsc.ID, failure(g.Device, "store", end)); err != nil {
		return err
	}
	return end
}

// ConfirmDeleted records that the phone has deleted its LSC.
func (r *Rules) ConfirmDeleted(ctx context.Context, g Grant) error {
	return r.Store.MarkDeleted(ctx, g.actor, g.Device.ID, g.Device.Schedule)
}

// ConfirmFetched keeps the certificates that the phone gave for viewing.
func (r *Rules) ConfirmFetched(ctx context.Context, g Grant, certs map[CertificateKind][]byte) error {
	var rows []store.DeviceCertificate
	for _, kind := range []CertificateKind{LSC, MIC} {
		if der := certs[kind]; der != nil {
			rows = append(rows, store.DeviceCertificate{Kind: string(kind), Certificate: der, SeenAt: r.Now()})
		}
	}
	return r.Store.MarkFetched(ctx, g.actor, g.Device.ID, g.Device.Schedule, rows)
}

// Fail records that a session ended at a step without success. It returns the
// ending, or the error that kept it from being recorded.
func (r *Rules) Fail(ctx context.Context, g Grant, step string, end *Ending) error {
	return r.fail(ctx, g.actor, g.Device, step, end)
}

func (r *Rules) fail(ctx context.Context, actor store.Actor, d store.Device, step string, end *Ending) error {
	if err := r.Store.NoteFailure(ctx, actor, failure(d, step, end)); err != nil {
		return fmt.Errorf("recording that %v: %w", end, err)
	}
	return end
}

func failure(d store.Device, step string, end *Ending) store.Failure {
	f := store.Failure{DeviceID: d.ID, Schedule: d.Schedule, Step: step, Outcome: end.Kind.Error(), Detail: end.Detail}
	// A malformed frame changes nothing (protocol page, "Elements"): it may not
	// even be the phone's. It stands in the record of events only.
	if d.Operation != store.NoOperation && d.ID != 0 && end.Kind != ErrMalformed {
		f.Status = store.Failed(d.Operation, end.Cause)
	}
	return f
}

// Lost is the ending of a session whose phone is gone.
func Lost(format string, args ...any) *Ending {
	return ending(ErrLost, store.CommunicationFailure, format, args...)
}

// Malformed is the ending of a session whose phone broke the protocol.
func Malformed(format string, args ...any) *Ending {
	return ending(ErrMalformed, store.NoCause, format, args...)
}

// NoKey is the ending of a session whose phone made no key.
func NoKey(format string, args ...any) *Ending {
	return ending(ErrKey, store.KeyGenerationFailed, format, args...)
}

// Aborted is the ending of a session that the user ended at the phone.
func Aborted() *Ending {
	return ending(ErrAborted, store.NoCause, "the operation was aborted at the phone")
}

// Unable is the ending of a session whose phone reports a failure.
func Unable(format string, args ...any) *Ending {
	return ending(ErrDeclined, store.NoCause, format, args...)
}
