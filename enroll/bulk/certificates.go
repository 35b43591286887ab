package bulk

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"iter"
	"time"

	"capf/crypto"
	"capf/enroll/devices"
	"capf/store"
)

// DeviceCertificate is a certificate that a device of a selection has.
type DeviceCertificate struct {
	Device      string
	Kind        string // lsc or mic
	Serial      string
	Subject     string
	Issuer      string
	NotBefore   time.Time
	NotAfter    time.Time
	Fingerprint string // SHA-256
	PEM         []byte
}

// File is the name of the file that holds it, in a folder or an archive.
func (c DeviceCertificate) File() string { return c.Device + "." + c.Kind + ".pem" }

// Certificates yields the installed LSCs of the devices of a selection and, if they are
// wanted, the MICs that their phones have shown. A device that has none is yielded with an
// empty Kind. Errors: as for Select.
func Certificates(ctx context.Context, r *devices.Rules, s Selection, mics bool) (iter.Seq2[DeviceCertificate, error], error) {
	selected, err := Select(ctx, r, s)
	if err != nil {
		return nil, err
	}
	return func(yield func(DeviceCertificate, error) bool) {
		for v, err := range selected {
			var found []DeviceCertificate
			if err == nil {
				found, err = certificatesOf(ctx, r.Store.Reader, v.Device, mics)
			}
			if err == nil && len(found) == 0 {
				found = []DeviceCertificate{{Device: v.Name}}
			}
			if err != nil {
				yield(DeviceCertificate{}, err)
				return
			}
			for _, c := range found {
				if !yield(c, nil) {
					return
				}
			}
		}
	}, nil
}

func certificatesOf(ctx context.Context, r *store.Reader, d store.Device, mics bool) (found []DeviceCertificate, err error) {
	for l, err := range r.LSCs(ctx, store.LSCFilter{DeviceID: d.ID, State: store.LSCInstalled}) {
		if err != nil {
			return nil, err
		}
		found = append(found, DeviceCertificate{Device: d.Name, Kind: "lsc", Serial: l.Serial, Subject: l.Subject, Issuer: l.Issuer,
			NotBefore: l.NotBefore, NotAfter: l.NotAfter, Fingerprint: fingerprint(l.Certificate), PEM: crypto.CertificatePEM(l.Certificate)})
	}
	if !mics {
		return found, nil
	}
	shown, err := r.DeviceCertificates(ctx, d.ID)
	for _, c := range shown {
		if c.Kind != "mic" {
			continue
		}
		found = append(found, micOf(d.Name, c.Certificate))
	}
	return found, err
}

// micOf says of a MIC what can be read in it: it comes from the phone.
func micOf(device string, der []byte) DeviceCertificate {
	m := DeviceCertificate{Device: device, Kind: "mic", Fingerprint: fingerprint(der), PEM: crypto.CertificatePEM(der)}
	if c, err := x509.ParseCertificate(der); err == nil {
		m.Serial, m.Subject, m.Issuer = hex.EncodeToString(c.SerialNumber.Bytes()), c.Subject.String(), c.Issuer.String()
		m.NotBefore, m.NotAfter = c.NotBefore, c.NotAfter
	}
	return m
}

func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
