package trustlist

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"strings"
)

// The tags of a query by name, and the form of their values, are inferred: no bytes of
// such a query have been seen, only lengths that fit, 143 = 27 + 69 + 25 + 22 for device,
// subject, issuer and serial number. The issuer has 22 bytes and the serial number 19;
// CUCM's log shows the latter as hexadecimal digits, of which 18 and a NUL would be 19.
// What turns out to be different is changed here, and nowhere else.
const (
	tvsIssuer = 4
	tvsSerial = 5
)

// readName takes issuer and serial number from a query.
func (q *TVSQuestion) readName(f tvsFrame) (err error) {
	if q.Issuer, err = f.name(tvsIssuer); err != nil {
		return err
	}
	serial, ok := f.elements[tvsSerial]
	if ok && len(serial) == 0 {
		return malformed("%s is empty", tvsTagName(tvsSerial))
	}
	q.Serial = serial
	return nil
}

// appendName adds issuer and serial number to the elements of a query.
func (q *TVSQuestion) appendName(b []byte) []byte {
	if q.Issuer != "" {
		b = appendText(b, tvsIssuer, q.Issuer)
	}
	if len(q.Serial) > 0 {
		b = appendElement(b, tvsSerial, q.Serial...)
	}
	return b
}

// namesByIssuer reports whether issuer and serial number are those of a certificate. The
// serial number may be its bytes, as in lists, or their hexadecimal digits as text.
func (q *TVSQuestion) namesByIssuer(cert *x509.Certificate) bool {
	if q.Issuer == "" || len(q.Serial) == 0 || !sameName(q.Issuer, Name(cert.RawIssuer)) {
		return false
	}
	serial := cert.SerialNumber.Bytes()
	if bytes.Equal(trimZeros(q.Serial), serial) {
		return true
	}
	digits := strings.TrimSuffix(string(q.Serial), "\x00")
	if len(digits)%2 == 1 {
		digits = "0" + digits
	}
	decoded, err := hex.DecodeString(digits)
	return err == nil && bytes.Equal(trimZeros(decoded), serial)
}
