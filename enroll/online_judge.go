package enroll

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/crypto"
	"capf/store"
)

// judge holds what came from an online CA against what an LSC must be.
type judge struct {
	trusted   []*x509.Certificate // capf-trust
	now       time.Time
	tolerance time.Duration // by which the clock of the CA may be ahead
}

// returned is a certificate that an online CA has returned, with what makes it
// fit or unfit.
type returned struct {
	lsc     store.LSC
	issuers map[string][]byte // between it and capf-trust, by SHA-256
	unfit   string            // why it cannot be the phone's LSC
	advice  string            // about that
}

// What to do about a certificate that is not fit, by the reason.
const (
	adviceSubject   = "let the CA take the subject of the request as it is: \"supply in the request\", and no policy module that rewrites names"
	adviceClock     = "compare the clocks of this machine and the CA; clock_tolerance says by how much the CA's may be ahead"
	adviceExpired   = "compare the clocks of this machine and the CA, and look at the validity in the template or profile"
	adviceUsage     = "give the template or profile the key usage digitalSignature, and for RSA keys keyEncipherment, without which phones do not register securely"
	adviceExtension = "take the critical extension off the template or profile, or make it not critical: who does not know it must refuse the certificate"
	adviceOutlives  = "shorten the validity in the template or profile, or renew the CA's certificate and upload the new one to capf-trust"
	adviceTrust     = "upload the CA certificates that are missing to capf-trust"
	adviceSerial    = "a CA must not use a serial number twice: look whether it was restored from an older backup"
	adviceProfile   = "mend the template or profile at the CA: it has to be one for clients and servers, signed with SHA-256 or better"
)

// look checks a certificate (behaviour.md, The LSC): the phone's key, the name
// asked for, no CA, the key usages, the validity, a path to capf-trust, and an
// end that is not behind its issuer's.
func (j judge) look(csrDER, leafDER []byte, chain [][]byte) returned {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return returned{unfit: "the request cannot be read any more"}
	}
	want := crypto.Expect{KeyHash: crypto.KeyHash(csr.RawSubjectPublicKeyInfo), CommonName: csr.Subject.CommonName, Ahead: max(j.tolerance, shortWait)}
	if err := crypto.CheckLSC(leafDER, want, j.now); err != nil {
		return returned{unfit: err.Error(), advice: adviceAbout(err)}
	}
	leaf, err := x509.ParseCertificate(leafDER)
	if err != nil {
		return returned{unfit: err.Error(), advice: adviceProfile}
	}
	var between []*x509.Certificate
	for _, der := range chain {
		if c, err := x509.ParseCertificate(der); err == nil {
			between = append(between, c)
		}
	}
	path, err := lastingPath(leaf, j.trusted, between, latest(j.now, leaf.NotBefore))
	if err != nil {
		return returned{unfit: "it does not lead to capf-trust: " + err.Error(), advice: adviceTrust}
	}
	if len(path) > 1 && leaf.NotAfter.After(path[1].NotAfter) {
		return returned{advice: adviceOutlives, unfit: fmt.Sprintf("it is valid until %s, longer than its issuer (%s)",
			leaf.NotAfter.UTC().Format(time.RFC3339), path[1].NotAfter.UTC().Format(time.RFC3339))}
	}
	good := returned{lsc: describe(leaf), issuers: map[string][]byte{}}
	for _, c := range path[1:max(len(path)-1, 1)] {
		good.issuers[string(fingerprint(c.Raw))] = c.Raw
	}
	return good
}

func adviceAbout(err error) string {
	for _, known := range []struct {
		kind   error
		advice string
	}{
		{crypto.ErrOtherName, adviceSubject}, {crypto.ErrNotYetValid, adviceClock}, {crypto.ErrExpired, adviceExpired},
		{crypto.ErrKeyUsage, adviceUsage}, {crypto.ErrExtension, adviceExtension},
	} {
		if errors.Is(err, known.kind) {
			return known.advice
		}
	}
	return adviceProfile
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// lastingPath is a path to capf-trust, if possible through an issuer that does
// not end before the leaf: a CA that was renewed with its key has a certificate
// that does, and one that does not.
func lastingPath(leaf *x509.Certificate, trusted, between []*x509.Certificate, now time.Time) ([]*x509.Certificate, error) {
	ends := func(c *x509.Certificate) bool {
		return bytes.Equal(c.RawSubject, leaf.RawIssuer) && leaf.NotAfter.After(c.NotAfter)
	}
	lasting := func(all []*x509.Certificate) []*x509.Certificate { return slices.DeleteFunc(slices.Clone(all), ends) }
	path, err := crypto.VerifyPath(leaf, lasting(trusted), lasting(between), now, crypto.PathOptions{})
	if err == nil {
		return path, nil
	}
	return crypto.VerifyPath(leaf, trusted, between, now, crypto.PathOptions{})
}
