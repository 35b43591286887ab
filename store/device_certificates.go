package store

import (
	"context"
	"iter"
	"time"
)

// DeviceCertificate is a certificate that a phone sent in a Troubleshoot or
// when it authenticated. It is kept for viewing, and for the names of the
// next LSC.
type DeviceCertificate struct {
	Kind        string // lsc or mic
	Certificate []byte // DER
	SeenAt      time.Time
}

// DeviceCertificates returns the certificates that the phone has sent, one
// of each kind, with the time when it first sent this one.
func (s *Reader) DeviceCertificates(ctx context.Context, deviceID int64) ([]DeviceCertificate, error) {
	certs, err := few(ctx, s, "SELECT kind, seen_at, certificate FROM device_certificates WHERE device_id = ? ORDER BY kind",
		[]any{deviceID}, (*DeviceCertificate).fields)
	return certs, failed(err, "reading the certificates of a device")
}

// HeldCertificate is the certificate that a phone has for itself according to the record:
// its installed LSC, or else the MIC that it has sent. The kind is "" when there is none.
func (s *Reader) HeldCertificate(ctx context.Context, deviceID int64) (kind string, certificate []byte, err error) {
	err = s.point(ctx, `SELECT 'lsc', certificate FROM lscs WHERE device_id = ?1 AND state = 'installed'
		UNION ALL SELECT kind, certificate FROM device_certificates WHERE device_id = ?1 AND kind = 'mic'
		ORDER BY 1 LIMIT 1`,
		[]any{deviceID}, &kind, &certificate)
	if err == ErrNotFound {
		return "", nil, nil
	}
	return kind, certificate, failed(err, "reading the certificate of a device")
}

func (c *DeviceCertificate) fields() []any {
	return []any{&c.Kind, (*instant)(&c.SeenAt), &c.Certificate}
}

// DeviceMIC is the MIC that a phone has sent, and how the device authenticates.
type DeviceMIC struct {
	AuthMode    AuthMode
	Certificate []byte // DER
}

// DeviceMICs yields the MICs of all devices that have sent theirs.
func (s *Reader) DeviceMICs(ctx context.Context) iter.Seq2[DeviceMIC, error] {
	q := query{selection: `SELECT d.auth_mode, c.certificate FROM device_certificates AS c JOIN devices AS d ON d.id = c.device_id`, order: "d.id"}
	q.where("c.kind = 'mic'")
	return stream(ctx, s, "reading the MICs of devices", q, func(m *DeviceMIC) []any {
		return []any{(*string)(&m.AuthMode), &m.Certificate}
	})
}
