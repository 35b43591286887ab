package trustlist

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/bits"
)

// Signer signs files: a certificate with its key, and what the signature says of itself.
type Signer struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	Digest      Digest
}

// modulusCode is the SIGNATUREMODULUS of a key with that many bits. There is none for
// 3072.
func modulusCode(keyBits int) (byte, bool) {
	for code := range byte(4) {
		if keyBits == 512<<code {
			return code, true
		}
	}
	return 0, false
}

// CheckSigner refuses a key whose signature phones do not take: they know RSA only, of
// the sizes that a header can name, and no more than 2048 bits.
func CheckSigner(public crypto.PublicKey) error {
	key, ok := public.(*rsa.PublicKey)
	if !ok {
		return fmt.Errorf("phones take signatures by RSA keys only, and this is an %s key", keyKind(public))
	}
	size := key.N.BitLen()
	switch _, coded := modulusCode(size); {
	case size > maxRSA:
		return fmt.Errorf("phones handle RSA keys up to %d bits, and this one has %d", maxRSA, size)
	case !coded:
		return fmt.Errorf("a signature has no code for an RSA key of %d bits: 1024 or 2048 are possible", size)
	case size < minRSA:
		return fmt.Errorf("an RSA key of %d bits is too short to sign with", size)
	}
	return nil
}

// sign writes the header before the body, and signs both.
func (h *Header) sign(s Signer, body []byte) ([]byte, error) {
	public := s.Certificate.PublicKey.(interface{ Equal(crypto.PublicKey) bool })
	switch {
	case !public.Equal(s.Key.Public()):
		return nil, fmt.Errorf("the key is not that of the certificate %q", Name(s.Certificate.RawSubject))
	case s.Digest != SHA1 && s.Digest != SHA512:
		return nil, fmt.Errorf("%s is no digest that phones know: sha1 or sha512", s.Digest)
	}
	if err := CheckSigner(s.Key.Public()); err != nil {
		return nil, err
	}
	if err := checkSerial(s.Certificate); err != nil {
		return nil, err
	}
	key := s.Key.Public().(*rsa.PublicKey)
	h.SignerName, h.SignerIssuer = Name(s.Certificate.RawSubject), Name(s.Certificate.RawIssuer)
	h.SignerSerial = s.Certificate.SerialNumber.Bytes()
	h.Digest, h.Algorithm = s.Digest, 0
	h.Modulus, _ = modulusCode(key.N.BitLen())
	head, cut, err := h.marshal(key.Size())
	if err != nil {
		return nil, err
	}
	file := append(head, body...)
	if len(file) > MaxFile {
		return nil, fmt.Errorf("the file would have %d bytes, more than the %d that a phone takes", len(file), MaxFile)
	}
	after := cut + 3 + key.Size()
	h.signedBytes = append(append(make([]byte, 0, len(file)), file[:cut]...), file[after:]...)
	signature, err := s.Key.Sign(rand.Reader, h.Digest.sum(h.signedBytes), h.Digest.hash())
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	h.Signature = signature
	copy(file[cut+3:], signature)
	return file, nil
}

// verify holds the signature against a public key.
func (h *Header) verify(public crypto.PublicKey) error {
	key, ok := public.(*rsa.PublicKey)
	code, coded := byte(0), false
	if ok {
		code, coded = modulusCode(key.N.BitLen())
	}
	switch {
	case h.signedBytes == nil:
		return fmt.Errorf("it is not signed")
	case h.Algorithm != 0:
		return fmt.Errorf("its signature algorithm %d is unknown", h.Algorithm)
	case h.Digest.hash() == 0:
		return fmt.Errorf("its digest algorithm %d is unknown", h.Digest)
	case !ok:
		return fmt.Errorf("its signer has an %s key, and phones take signatures by RSA keys only", keyKind(public))
	case !coded:
		return fmt.Errorf("its signer has an RSA key of %d bits, for which a signature has no code", key.N.BitLen())
	case h.Modulus != code:
		return fmt.Errorf("its header says that the signer has %s, but that has %d", modulusText(h.Modulus), key.N.BitLen())
	case key.N.BitLen() < minRSA:
		return fmt.Errorf("its signer has an RSA key of %d bits, too short to be worth verifying", key.N.BitLen())
	}
	if err := rsa.VerifyPKCS1v15(key, h.Digest.hash(), h.Digest.sum(h.signedBytes), h.Signature); err != nil {
		return fmt.Errorf("its signature is not by the key of %q, or the file was changed", h.SignerName)
	}
	return nil
}

func modulusText(code byte) string {
	if code > 3 {
		return fmt.Sprintf("a key of unknown size (code %d)", code)
	}
	return fmt.Sprintf("a key of %d bits", 512<<code)
}

// signedBy reports whether the header names the record with that issuer and serial
// number as the signer.
func (h *Header) signedBy(r *Record) bool {
	return bytes.Equal(trimZeros(h.SignerSerial), trimZeros(r.Serial)) && sameName(h.SignerIssuer, r.Issuer)
}

// trimZeros removes leading zero bytes, in case somebody writes a sign byte.
func trimZeros(serial []byte) []byte {
	for len(serial) > 1 && bits.Len8(serial[0]) == 0 {
		serial = serial[1:]
	}
	return serial
}
