package certfile

import (
	"encoding/asn1"
	"fmt"
)

// UnreadableError reports certificates that cannot be parsed. One that a CA has
// issued is valid all the same, so the caller may have to keep its bytes for a
// revocation.
type UnreadableError struct {
	Certificates [][]byte // DER as it came, at least one
	err          error
}

func (e *UnreadableError) Error() string {
	return fmt.Sprintf("a certificate that cannot be read: %v", e.err)
}
func (e *UnreadableError) Unwrap() error { return e.err }

// unreadable wraps err with those of the consecutive DER elements that look
// like certificates; it returns err itself when none does.
func unreadable(elements []byte, err error) error {
	var all [][]byte
	for rest := elements; len(rest) > 0 && len(all) < MaxCertificates; {
		var one asn1.RawValue
		var broken error
		if rest, broken = asn1.Unmarshal(rest, &one); broken != nil {
			break
		}
		if looksLikeCertificate(one.FullBytes) {
			all = append(all, one.FullBytes)
		}
	}
	if all == nil {
		return err
	}
	return &UnreadableError{all, err}
}

// looksLikeCertificate reports whether der has the outline of a certificate: any
// body, an algorithm and a signature.
func looksLikeCertificate(der []byte) bool {
	var form struct {
		Signed    asn1.RawValue
		Algorithm algorithmID
		Signature asn1.BitString
	}
	rest, err := asn1.Unmarshal(der, &form)
	return err == nil && len(rest) == 0 && form.Signed.Tag == asn1.TagSequence && form.Signed.IsCompound
}
