package trustlist

import (
	"crypto/x509"
	"fmt"
	"time"
)

// File is a signed configuration file, .sgn, or an encrypted one, .enc.sgn.
type File struct {
	Header
	Body []byte // the plain file, or the encrypted one where Encryption is set
}

// ParseFile reads a signed file. The values alias b. An error wraps ErrMalformed.
func ParseFile(b []byte) (*File, error) {
	h, err := parseHeader(b)
	switch {
	case err != nil:
		return nil, err
	case h.Version == versionList:
		return nil, malformed("a trust list, and no signed file")
	case h.Version != versionSigned && h.Version != versionEncrypted:
		return nil, malformed("its layout has version %s, and %s and %s are known", h.Version, versionSigned, versionEncrypted)
	case h.Version == versionEncrypted && h.Encryption == nil:
		return nil, malformed("header: it has no ENCRYPTIONINFO")
	case h.Version == versionSigned && h.Encryption != nil:
		return nil, malformed("header: it has ENCRYPTIONINFO, but its version is %s", h.Version)
	}
	if h.Encryption != nil {
		if err := h.Encryption.check(); err != nil {
			return nil, fmt.Errorf("header: %w", err)
		}
	}
	return &File{h, b[h.Length:]}, nil
}

// ParseAny reads a trust list, or else a signed file; the other one is nil. An error wraps
// ErrMalformed.
func ParseAny(b []byte) (*List, *File, error) {
	h, err := parseHeader(b)
	if err != nil {
		return nil, nil, err
	}
	if h.Version == versionSigned || h.Version == versionEncrypted {
		f, err := ParseFile(b)
		return nil, f, err
	}
	l, err := Parse(b)
	return l, nil, err
}

// SignFile writes the signed form of a file. Its name is the one that phones ask for, with
// any path and its .sgn.
func SignFile(name string, body []byte, s Signer, at time.Time) ([]byte, error) {
	h := Header{Version: versionSigned, FileName: name, Time: at}
	return h.sign(s, body)
}

// Verify holds the signature against the certificate of the signer, which stands in the
// phone's list with the role TFTP or CCM+TFTP.
func (f *File) Verify(signer *x509.Certificate) error {
	r := NewRecord(signer, RoleTFTP)
	if !f.signedBy(&r) {
		return fmt.Errorf("its signer is %q, serial number %x, and not %q", f.SignerName, f.SignerSerial, r.Subject)
	}
	return f.verify(signer.PublicKey)
}
