// Package acceptance holds the one rule by which a certificate of another CA
// becomes a phone's LSC, whether the online CA has returned it or an operator
// imports it. It reads trust stores and certificates. It does not know how a
// certificate arrived or what becomes of its request.
package acceptance

import (
	"crypto/x509"
	"time"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/settings"
	"capf/internal/serialnumber"
	"capf/store"
)

// Rule checks a certificate of another CA against what an LSC must be
// (behaviour.md, The LSC).
type Rule struct {
	Trusted []*x509.Certificate // those of capf-trust that vouch for LSCs
	Now     time.Time
	settings.Leniency
}

// ShortWait is how long a phone waits for its LSC to become valid. A phone
// accepts an LSC that becomes valid later, too: it checks the time when it uses
// it.
const ShortWait = 30 * time.Second

// ahead returns how far in the future the validity may begin.
func (r Rule) ahead() time.Duration { return max(r.Ahead, ShortWait) }

// Expect returns what a certificate must be for a key and a device of ours.
func (r Rule) Expect(keyHash [32]byte, commonName, device string) crypto.Expect {
	return crypto.Expect{KeyHash: keyHash, CommonName: commonName, Device: device, Ahead: r.ahead(), AnyPurpose: r.AnyPurpose}
}

// Verdict says whether a certificate is fit to be a phone's LSC.
type Verdict struct {
	LSC     store.LSC
	Issuers map[string][]byte // between it and capf-trust, by SHA-256
	Doubts  []string          // what is unwise about it
	Unfit   string            // why it cannot be the phone's LSC; "" when it can
	Advice  string            // what to do about that
}

// Judge checks a certificate that a CA has returned for a device's request,
// and looks for its path to capf-trust. All arguments but the device are DER;
// the chain is what else the CA sent, in any order.
func (r Rule) Judge(request []byte, device string, certificate []byte, chain [][]byte) Verdict {
	csr, err := x509.ParseCertificateRequest(request)
	if err != nil {
		return Verdict{Unfit: "the request cannot be read any more"}
	}
	want := r.Expect(crypto.KeyHash(csr.RawSubjectPublicKeyInfo), csr.Subject.CommonName, device)
	if err := crypto.CheckLSC(certificate, want, r.Now); err != nil {
		return Verdict{Unfit: err.Error(), Advice: adviceAbout(err)}
	}
	leaf, err := x509.ParseCertificate(certificate)
	if err != nil {
		return Verdict{Unfit: err.Error(), Advice: adviceProfile}
	}
	path, err := r.Path(leaf, readable(chain))
	if err != nil {
		return Verdict{Unfit: "it does not lead to capf-trust: " + err.Error(), Advice: adviceTrust}
	}
	between := path[1:max(len(path)-1, 1)] // these have not passed an upload
	if err := authority.CheckPurposes(between...); err != nil && !r.AnyPurpose {
		return Verdict{Unfit: err.Error(), Advice: adviceIssuer}
	}
	good := Verdict{LSC: LSC(leaf), Issuers: map[string][]byte{}, Doubts: crypto.DoubtsAboutLSC(path, want)}
	for _, c := range between {
		good.Issuers[string(crypto.RawFingerprint(c.Raw))] = c.Raw
	}
	return good
}

// readable parses certificates and skips anything else: a CA may send what
// it likes.
func readable(ders [][]byte) []*x509.Certificate {
	var all []*x509.Certificate
	for _, der := range ders {
		if c, err := x509.ParseCertificate(der); err == nil {
			all = append(all, c)
		}
	}
	return all
}

// LSC returns the database row of a certificate, without its device, its
// request and its state.
func LSC(c *x509.Certificate) store.LSC {
	return store.LSC{
		Serial: serialnumber.Text(c.SerialNumber), Subject: c.Subject.String(), Issuer: c.Issuer.String(),
		NotBefore: c.NotBefore, NotAfter: c.NotAfter, Certificate: c.Raw, Fingerprint: crypto.RawFingerprint(c.Raw),
	}
}
