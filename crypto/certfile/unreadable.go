package certfile

import (
	"encoding/asn1"
	"fmt"
)

// UnreadableError is about certificates that nobody can read. One that a CA has
// made is live all the same, so that its bytes may have to be kept for somebody
// to revoke it by.
type UnreadableError struct {
	Certificates [][]byte // DER as it came, at least one
	err          error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("a certificate that cannot be read: %v", e.err)
}
func (e *UnreadableError) Unwrap() error { return e.err }

// unreadable is err with the certificates among elements of DER that follow one
// another, or err itself when none has the form of a certificate.
func unreadable(elements []byte, err error) error {
	var all [][]byte
	for rest := elements; len(rest) > 0 && len(all) < MaxCertificates; {
		var one asn1.RawValue
		var broken error
		if rest, broken = asn1.Unmarshal(rest, &one); broken != nil {
			break
		}
		if hasFormOfCertificate(one.FullBytes) {
			all = append(all, one.FullBytes)
		}
	}
	if all == nil {
		return err
	}
	return &UnreadableError{all, err}
}

// hasFormOfCertificate says whether der is something, an algorithm and a signature
// over it.
func hasFormOfCertificate(der []byte) bool {
	var form struct {
		Signed    asn1.RawValue
		Algorithm algorithmID
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &form)
	return err == nil && len(rest) == 0 && form.Signed.Tag == asn1.TagSequence && form.Signed.IsCompound
}
