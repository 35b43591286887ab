package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/acceptance"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
	"capf/store"
)

// backdating is how long before its issue the validity of an LSC may begin: ours
// begin an hour early, for phones whose clock is slow, and the clocks of clusters
// differ.
const backdating = 2 * time.Hour

// phoneCertificates checks the certificates that phones present against our
// record and the trust stores.
type phoneCertificates struct {
	store *store.Reader
	now   func() time.Time
}

// checkLSC checks a certificate that the phone calls its LSC against our record: a
// signature says who issued it, not that it is still valid. An LSC in the record
// also needs a path to an issuer of LSCs.
func (p phoneCertificates) checkLSC(ctx context.Context, g *Grant, cert *x509.Certificate) (*SessionError, error) {
	l, err := p.store.LSCBySerial(ctx, cert.Issuer.String(), serialnumber.Text(cert.SerialNumber))
	if errors.Is(err, store.ErrNotFound) {
		return p.checkUnrecorded(ctx, g, cert)
	}
	if err != nil {
		return nil, err
	}
	if why := recordRefusal(l, cert, g.Device); why != "" {
		return KindLSC.decline("%s", why), nil
	}
	if l.State != store.LSCInstalled {
		outlived, err := p.store.Outlived(ctx, l)
		if err != nil {
			return nil, err
		}
		if outlived {
			return KindLSC.decline("the phone has confirmed a later one than the LSC with serial %s", l.Serial), nil
		}
	}
	g.voucher = store.Voucher{Kind: store.VouchedByLSC, Fingerprint: l.Fingerprint}
	untrusted, err := p.pathRefusal(ctx, cert, store.ForLSC)
	if err != nil || untrusted == nil {
		return nil, err
	}
	return KindLSC.decline("%v", untrusted), nil
}

// recordRefusal says why a certificate that is in the record does not count for the
// device, "" when it does.
func recordRefusal(l store.LSC, cert *x509.Certificate, d store.Device) string {
	switch {
	case !bytes.Equal(l.Fingerprint, crypto.RawFingerprint(cert.Raw)):
		return fmt.Sprintf("it is another certificate than the one that the record has of this issuer with the serial %s", l.Serial)
	case l.DeviceID == 0 && strings.EqualFold(l.Device, d.Name):
		return fmt.Sprintf("the LSC with serial %s is of a device of this name that has been deleted", l.Serial)
	case l.DeviceID != d.ID:
		return fmt.Sprintf("the LSC with serial %s is of the device %q", l.Serial, l.Device)
	case l.State == store.LSCRevoked:
		return fmt.Sprintf("the LSC with serial %s was revoked on %s: %s", l.Serial, l.RevokedAt.Format(time.RFC3339), l.Reason)
	case l.State == store.LSCDiscarded:
		return fmt.Sprintf("the LSC with serial %s was stale, and an operator has deleted it", l.Serial)
	case !l.State.Authenticates():
		return fmt.Sprintf("the LSC with serial %s was %s on %s", l.Serial, l.State, l.EndedAt.Format(time.RFC3339))
	}
	return ""
}

// checkUnrecorded checks an LSC that is not in the record: another cluster's
// or, if the parameter allows it, one of an issuer of ours.
func (p phoneCertificates) checkUnrecorded(ctx context.Context, g *Grant, cert *x509.Certificate) (*SessionError, error) {
	mine, err := p.namesLSC(ctx, cert, g)
	if err != nil {
		return nil, err
	}
	if !mine {
		return p.otherName(ctx, g, cert)
	}
	if crypto.NamesLSC(cert, g.Device.Name) { // the parameter for names is not for another cluster's
		foreign, err := p.pathRefusal(ctx, cert, store.ForForeignLSC)
		if err != nil {
			return nil, err
		}
		if foreign == nil {
			return p.vouchUnrecorded(ctx, g, cert, store.VouchedByForeignLSC)
		}
	}
	ours, err := p.pathRefusal(ctx, cert, store.ForLSC)
	switch {
	case err != nil:
		return nil, err
	case ours != nil:
		return KindLSC.decline("%v", ours), nil
	case !g.Settings.AcceptUnrecorded:
		return KindLSC.decline("the LSC with serial %s is not in the record; it would count if %s were true", serialnumber.Text(cert.SerialNumber), settings.AcceptUnrecorded), nil
	}
	return p.vouchUnrecorded(ctx, g, cert, store.VouchedByUnrecordedLSC)
}

// otherName declines an LSC that is not in the record and does not bear the device's
// name. One of our own may be from a time when the parameter for names, or the model of
// the device, was another one, as after restoring an older backup.
func (p phoneCertificates) otherName(ctx context.Context, g *Grant, cert *x509.Certificate) (*SessionError, error) {
	why := ""
	if crypto.BelongsTo(cert, g.Device.Name) {
		ours, err := p.pathRefusal(ctx, cert, store.ForLSC)
		if err != nil {
			return nil, err
		}
		if ours == nil {
			why = fmt.Sprintf(": it is not in the record, and with %s as it is now the device's would be %q", settings.LSCName, g.Settings.LSCCommonName(g.Device))
		}
	}
	return KindLSC.decline("the certificate of %q does not belong to the device%s", cert.Subject.CommonName, why), nil
}

// vouchUnrecorded lets an LSC that is not in the record vouch for the phone,
// unless the phone has confirmed one of ours since it was issued. A phone has one
// LSC, so whoever presents the older one is not the phone.
func (p phoneCertificates) vouchUnrecorded(ctx context.Context, g *Grant, cert *x509.Certificate, kind store.VoucherKind) (*SessionError, error) {
	outlived, err := p.store.ConfirmedAfter(ctx, g.Device.ID, cert.NotBefore.Add(backdating))
	if err != nil {
		return nil, err
	}
	if outlived {
		return KindLSC.decline("the phone has confirmed a later one than the LSC with serial %s, which is not in the record", serialnumber.Text(cert.SerialNumber)), nil
	}
	g.voucher = store.Voucher{Kind: kind, Fingerprint: crypto.RawFingerprint(cert.Raw)}
	return nil, nil
}

// namesLSC reports whether an LSC that is not in the record bears the device's
// name, alone, in the vendor's form or in that of the parameter. Such a form may be
// the whole name of another device of ours; the LSC then belongs to that device.
func (p phoneCertificates) namesLSC(ctx context.Context, cert *x509.Certificate, g *Grant) (bool, error) {
	device := g.Device.Name
	ours := crypto.BelongsTo(cert, device) && strings.EqualFold(cert.Subject.CommonName, g.Settings.LSCCommonName(g.Device))
	if !ours && !crypto.NamesLSC(cert, device) {
		return false, nil
	}
	if strings.EqualFold(cert.Subject.CommonName, device) {
		return true, nil
	}
	_, err := p.store.Device(ctx, cert.Subject.CommonName)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	return false, err
}

// pathRefusal returns the reason why a certificate has no path to an anchor for
// the use, nil when it has one.
func (p phoneCertificates) pathRefusal(ctx context.Context, cert *x509.Certificate, use store.Uses) (untrusted, err error) {
	anchors, err := authority.Anchors(ctx, p.store, use)
	if err != nil {
		return nil, err
	}
	if _, untrusted = crypto.VerifyPath(cert, anchors, nil, p.now(), crypto.PathOptions{}); untrusted == nil || use != store.ForLSC {
		return untrusted, nil
	}
	// An LSC of an online CA may need the issuers that came with it.
	between, err := acceptance.OnlineIssuers(ctx, p.store)
	if err != nil {
		return nil, err
	}
	_, untrusted = crypto.VerifyPath(cert, anchors, between, p.now(), crypto.PathOptions{})
	return untrusted, nil
}
