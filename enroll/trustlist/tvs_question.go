package trustlist

import (
	"bytes"
	"crypto/x509"
	"unicode/utf8"
)

// TVSQuestion is what a phone asks TVS: what a certificate may be used for. A query also
// wants the certificate, of which it may know no more than the issuer and the serial
// number.
type TVSQuestion struct {
	Query       bool
	Session     uint32 // the answer repeats it
	Device      string // such as CP-8861-SEP001122334455 or CP-7961G-SEP…; nothing vouches for it
	Certificate []byte // DER; nil in a query by name
	Subject     string // of a query
	Issuer      string // of a query
	Serial      []byte // of a query, as it stands there
}

// maxTVSDevice is the longest name of a device in characters.
const maxTVSDevice = 128

// tvsDeviceForm stands before the name of a device. Its meaning is not known; no other
// byte has been seen, and none is refused.
const tvsDeviceForm = 1

// ParseTVSQuestion reads the frame of a question. An error wraps ErrMalformed.
func ParseTVSQuestion(frame []byte) (q TVSQuestion, err error) {
	f, err := parseTVSFrame(frame)
	if err != nil {
		return q, err
	}
	switch f.command {
	case tvsVerifyRequest:
	case tvsQueryRequest:
		q.Query = true
	case tvsVerifyResponse, tvsQueryResponse:
		return q, malformed("an answer, and no question")
	default:
		return q, malformed("command %d is not known", f.command)
	}
	q.Session = f.session
	if q.Device, err = f.device(); err != nil {
		return q, err
	}
	q.Certificate = f.elements[tvsCertificate]
	if q.Subject, err = f.name(tvsSubject); err != nil {
		return q, err
	}
	if err = q.readName(f); err != nil {
		return q, err
	}
	return q, q.check()
}

// check refuses a question that is about nothing. One that verifies must have the
// certificate: whoever makes a certificate chooses its issuer and serial number.
func (q *TVSQuestion) check() error {
	switch {
	case len(q.Certificate) > 0:
		return nil
	case !q.Query:
		return malformed("it has no %s to verify", tvsTagName(tvsCertificate))
	case q.Issuer == "" || len(q.Serial) == 0:
		return malformed("it has neither %s nor %s with %s", tvsTagName(tvsCertificate), tvsTagName(tvsIssuer), tvsTagName(tvsSerial))
	}
	return nil
}

// device is the name of the device, "" where it is absent.
func (f tvsFrame) device() (string, error) {
	v, ok := f.elements[tvsDevice]
	switch {
	case !ok:
		return "", nil
	case len(v) == 0:
		return "", malformed("%s is empty", tvsTagName(tvsDevice))
	}
	name := bytes.TrimSuffix(v[1:], []byte{0}) // not seen, but as all other texts end
	if !utf8.Valid(name) || bytes.IndexByte(name, 0) >= 0 || utf8.RuneCount(name) > maxTVSDevice {
		return "", malformed("%s is no name of at most %d characters", tvsTagName(tvsDevice), maxTVSDevice)
	}
	return string(name), nil
}

// Marshal is the frame of the question.
func (q *TVSQuestion) Marshal() ([]byte, error) {
	if err := q.check(); err != nil {
		return nil, err
	}
	for _, field := range []struct{ what, text string }{{"name of the device", q.Device}, {"subject", q.Subject}, {"issuer", q.Issuer}} {
		if err := checkText(field.what, field.text); err != nil {
			return nil, err
		}
	}
	if len(q.Certificate) > MaxTVSBody || len(q.Serial) > MaxTVSBody {
		return nil, malformed("the certificate does not fit into a TVS frame")
	}
	var b []byte
	if q.Device != "" {
		b = appendElement(b, tvsDevice, append([]byte{tvsDeviceForm}, q.Device...)...)
	}
	if len(q.Certificate) > 0 {
		b = appendElement(b, tvsCertificate, q.Certificate...)
	}
	if q.Subject != "" {
		b = appendText(b, tvsSubject, q.Subject)
	}
	b = q.appendName(b)
	if q.Query {
		return marshalTVS(tvsQueryRequest, q.Session, b)
	}
	return marshalTVS(tvsVerifyRequest, q.Session, b)
}

// Means reports whether the question is about that certificate, to the byte where the
// question has it.
func (q *TVSQuestion) Means(cert *x509.Certificate) bool {
	if len(q.Certificate) > 0 {
		return bytes.Equal(q.Certificate, cert.Raw)
	}
	return q.Query && q.namesByIssuer(cert)
}
