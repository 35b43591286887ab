package trustlist

import (
	"bytes"
	"crypto"
	"errors"
	"fmt"
)

// maxSAST is how many SAST records phones take in a list.
const maxSAST = 2

// List is a trust list: CTL or ITL, which differ in their file name only.
type List struct {
	Header
	Records []Record
}

// Parse reads a trust list. The values alias b. An error wraps ErrMalformed.
func Parse(b []byte) (*List, error) {
	h, err := parseHeader(b)
	switch {
	case err != nil:
		return nil, err
	case h.Version == versionSigned || h.Version == versionEncrypted:
		return nil, malformed("a signed file for %q, and no trust list", h.FileName)
	case h.Version>>8 != versionList>>8:
		return nil, malformed("its layout has version %s, and %s is known", h.Version, versionList)
	}
	l := &List{Header: h}
	for at := h.Length; at < len(b); {
		r, end, err := parseRecord(b, at)
		if err != nil {
			return nil, fmt.Errorf("record %d at byte %d: %w", len(l.Records)+1, at, err)
		}
		l.Records, at = append(l.Records, r), end
	}
	return l, nil
}

// Sign writes the list, signed with the key of its SAST record with that key. FileName,
// Time, SignerVersion and Digest of the header are those that the caller has set; all
// else is set here. It refuses what phones would not take.
func (l *List) Sign(key crypto.Signer) ([]byte, error) {
	signer := Signer{Key: key, Digest: l.Digest}
	sasts := 0
	var body []byte
	for i := range l.Records {
		r := &l.Records[i]
		cert, err := r.Certificate()
		if err == nil {
			err = Fit(cert, r.Role)
		}
		if err != nil && !errors.Is(err, ErrNoCertificate) {
			return nil, fmt.Errorf("record of %q with the role %s: %w", r.Subject, r.Role, err)
		}
		if r.Role == RoleSAST {
			sasts++
			if cert != nil && bytes.Equal(publicKeyBytes(cert.PublicKey), publicKeyBytes(key.Public())) {
				signer.Certificate = cert
			}
		}
		if body, err = r.append(body); err != nil {
			return nil, fmt.Errorf("record of %q with the role %s: %w", r.Subject, r.Role, err)
		}
	}
	switch {
	case sasts > maxSAST:
		return nil, fmt.Errorf("the list has %d SAST records, and phones take %d", sasts, maxSAST)
	case CheckSigner(key.Public()) != nil:
		return nil, CheckSigner(key.Public())
	case signer.Certificate == nil:
		return nil, errors.New("no SAST record of the list has the certificate of the key that signs it")
	}
	l.Version = versionList
	return l.sign(signer, body)
}

// Signer is the SAST record that the header names. There is none if the certificate that
// it names has another role, or two different ones have the same name.
func (l *List) Signer() (*Record, error) {
	var signer, other *Record
	for i := range l.Records {
		switch r := &l.Records[i]; {
		case !l.signedBy(r):
		case r.Role != RoleSAST:
			other = r
		case signer != nil && !bytes.Equal(signer.DER, r.DER):
			return nil, fmt.Errorf("two SAST records of the list fit its signer %q", l.SignerName)
		default:
			signer = r
		}
	}
	switch {
	case signer != nil:
		return signer, nil
	case other != nil:
		return nil, fmt.Errorf("its signer %q has the role %s in it, and only a SAST may sign a list", l.SignerName, other.Role)
	}
	return nil, fmt.Errorf("its signer %q is no record of it", l.SignerName)
}

// Verify holds the signature against the list's own SAST record, and says what is wrong.
func (l *List) Verify() error {
	signer, err := l.Signer()
	if err != nil {
		return err
	}
	key, err := signer.key()
	if err != nil {
		return fmt.Errorf("the record of its signer %q: %w", l.SignerName, err)
	}
	return l.verify(key)
}

// TakesEC reports whether a phone with this list takes an LSC with an EC key, and HTTPS on
// port 6971.
func (l *List) TakesEC() bool { return l.SignerVersion >= SignerVersion11 }

// With are the records that give a role, or one that includes it.
func (l *List) With(role Role) []*Record {
	var found []*Record
	for i := range l.Records {
		if l.Records[i].Role.Includes(role) {
			found = append(found, &l.Records[i])
		}
	}
	return found
}
