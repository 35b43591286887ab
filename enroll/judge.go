package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/crypto"
	"capf/store"
)

// judge holds a certificate of another CA against what an LSC must be, whether
// an online CA has returned it or somebody brings it (behaviour.md, The LSC).
type judge struct {
	trusted []*x509.Certificate // those of capf-trust that vouch for LSCs
	now     time.Time
	Leniency
}

// Leniency is what parameters let pass in an LSC of another CA.
type Leniency struct {
	Ahead      time.Duration // by how much the clock of the CA may be ahead of ours
	AnyPurpose bool          // it need not be fit for a client
}

// ahead is by how much the validity may begin after now.
func (l Leniency) ahead() time.Duration { return max(l.Ahead, shortWait) }

// expect is what a certificate must be for a key and a device of ours.
func (j judge) expect(keyHash [32]byte, commonName, device string) crypto.Expect {
	return crypto.Expect{KeyHash: keyHash, CommonName: commonName, Device: device, Ahead: j.ahead(), AnyPurpose: j.AnyPurpose}
}

// path leads from a certificate to capf-trust.
func (j judge) path(leaf *x509.Certificate, between []*x509.Certificate) ([]*x509.Certificate, error) {
	now := j.now
	if ahead := leaf.NotBefore.Sub(now); ahead > 0 && ahead <= j.ahead() {
		now = leaf.NotBefore
	}
	return lastingPath(leaf, j.trusted, between, now)
}

// returned is a certificate that an online CA has returned, with what makes it
// fit or unfit.
type returned struct {
	lsc     store.LSC
	issuers map[string][]byte // between it and capf-trust, by SHA-256
	doubts  []string          // what is unwise about it
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
	advicePurpose   = "give the template or profile the extended key usage clientAuth, which 802.1X and SIP over TLS ask for; capf set require_client_auth false does without"
	adviceIssuer    = "have the CA's certificate issued with clientAuth and serverAuth or without extended key usage; capf cert upload --accept-eku takes it all the same, so does capf set require_client_auth false"
	adviceTrust     = "upload the CA certificates that are missing to capf-trust"
	adviceSerial    = "a CA must not use a serial number twice: look whether it was restored from an older backup"
	adviceProfile   = "mend the template or profile at the CA: it has to be one for clients and servers, signed with SHA-256 or better"
)

// look checks a certificate that came for a request of a device, and looks for
// its path to capf-trust.
func (j judge) look(csrDER []byte, device string, leafDER []byte, chain [][]byte) returned {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return returned{unfit: "the request cannot be read any more"}
	}
	want := j.expect(crypto.KeyHash(csr.RawSubjectPublicKeyInfo), csr.Subject.CommonName, device)
	if err := crypto.CheckLSC(leafDER, want, j.now); err != nil {
		return returned{unfit: err.Error(), advice: adviceAbout(err)}
	}
	leaf, err := x509.ParseCertificate(leafDER)
	if err != nil {
		return returned{unfit: err.Error(), advice: adviceProfile}
	}
	path, err := j.path(leaf, parsed(chain))
	if err != nil {
		return returned{unfit: "it does not lead to capf-trust: " + err.Error(), advice: adviceTrust}
	}
	between := path[1:max(len(path)-1, 1)] // no upload has judged these
	if err := checkPurposes(between...); err != nil && !j.AnyPurpose {
		return returned{unfit: err.Error(), advice: adviceIssuer}
	}
	good := returned{lsc: describe(leaf), issuers: map[string][]byte{}, doubts: crypto.DoubtsAboutLSC(path, want)}
	for _, c := range between {
		good.issuers[string(crypto.RawFingerprint(c.Raw))] = c.Raw
	}
	return good
}

// Doubts are what is unwise about the LSC that another CA has made for a request;
// none when there is no LSC yet.
func (r *Rules) Doubts(ctx context.Context, request store.Request) ([]string, error) {
	l, err := r.Store.LSCOfRequest(ctx, request.ID)
	if errors.Is(err, store.ErrNotFound) || err == nil && l.Certificate == nil {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(l.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the LSC of request %d: %w", request.ID, err)
	}
	trusted, err := r.trusted(ctx, store.ForLSC)
	if err != nil {
		return nil, err
	}
	between, err := r.onlineIssuers(ctx)
	if err != nil {
		return nil, err
	}
	path, err := judge{trusted: trusted, now: latest(leaf.NotBefore, l.IssuedAt)}.path(leaf, between)
	if err != nil {
		path = []*x509.Certificate{leaf} // the CA has left capf-trust since
	}
	return crypto.DoubtsAboutLSC(path, crypto.Expect{CommonName: nameAsked(request)}), nil
}

// nameAsked is the common name that a request asks for: with a MIC at hand, the
// MIC's.
func nameAsked(request store.Request) string {
	if csr, err := x509.ParseCertificateRequest(request.CSR); err == nil {
		return csr.Subject.CommonName
	}
	return request.Device
}

func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

func adviceAbout(err error) string {
	for _, known := range []struct {
		kind   error
		advice string
	}{
		{crypto.ErrOtherName, adviceSubject}, {crypto.ErrNotYetValid, adviceClock}, {crypto.ErrExpired, adviceExpired},
		{crypto.ErrKeyUsage, adviceUsage}, {crypto.ErrPurpose, advicePurpose}, {crypto.ErrExtension, adviceExtension},
	} {
		if errors.Is(err, known.kind) {
			return known.advice
		}
	}
	return adviceProfile
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
