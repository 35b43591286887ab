package crypto

import (
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
)

var (
	extensionRequestOID  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}
	challengePasswordOID = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 7}
)

// requestInfo is the signed part of a PKCS#10 request (RFC 2986, 4.1).
type requestInfo struct {
	Version    int
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Attributes []asn1.RawValue `asn1:"tag:0,set"`
}

type requestAttribute struct {
	Type   asn1.ObjectIdentifier
	Values []any `asn1:"set"`
}

// challengedRequest does what x509.CreateCertificateRequest does and adds the
// challengePassword of l (RFC 2985, 5.4.1), which that function cannot express.
func challengedRequest(t *x509.CertificateRequest, l LSCTemplate, signer stdcrypto.Signer) ([]byte, error) {
	extensions := t.ExtraExtensions
	if len(t.DNSNames) > 0 {
		names, err := dnsNamesExtension(t.DNSNames)
		if err != nil {
			return nil, err
		}
		extensions = append([]pkix.Extension{names}, extensions...)
	}
	info := requestInfo{Subject: asn1.RawValue{FullBytes: t.RawSubject}, PublicKey: asn1.RawValue{FullBytes: l.SPKI}}
	for _, a := range []requestAttribute{{extensionRequestOID, []any{extensions}}, {challengePasswordOID, []any{l.Challenge}}} {
		der, err := asn1.Marshal(a)
		if err != nil {
			return nil, err
		}
		info.Attributes = append(info.Attributes, asn1.RawValue{FullBytes: der})
	}
	signed, err := asn1.Marshal(info)
	if err != nil {
		return nil, err
	}
	digest := sha256.Sum256(signed)
	signature, err := signer.Sign(rand.Reader, digest[:], stdcrypto.SHA256)
	if err != nil {
		return nil, err
	}
	algorithm := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue}
	if t.SignatureAlgorithm == x509.ECDSAWithSHA256 {
		algorithm = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}}
	}
	der, err := asn1.Marshal(struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: signed}, algorithm, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	if err != nil {
		return nil, err
	}
	made, err := x509.ParseCertificateRequest(der)
	if err == nil {
		err = made.CheckSignature()
	}
	return der, err
}

// dnsNamesExtension is a subjectAltName of DNS names (RFC 5280, 4.2.1.6).
func dnsNamesExtension(names []string) (pkix.Extension, error) {
	var all []asn1.RawValue
	for _, name := range names {
		all = append(all, asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte(name)})
	}
	value, err := asn1.Marshal(all)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: value}, err
}

// Challenge is the challengePassword of a PKCS#10 request, empty when it has none.
func Challenge(csrDER []byte) string {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return ""
	}
	var info struct {
		Version            int
		Subject, PublicKey asn1.RawValue
		Attributes         []struct {
			Type  asn1.ObjectIdentifier
			Value asn1.RawValue
		} `asn1:"tag:0,set"`
	}
	if _, err := asn1.Unmarshal(csr.RawTBSCertificateRequest, &info); err != nil {
		return ""
	}
	for _, a := range info.Attributes {
		var text string
		if a.Type.Equal(challengePasswordOID) {
			if _, err := asn1.Unmarshal(a.Value.Bytes, &text); err == nil {
				return text
			}
		}
	}
	return ""
}
