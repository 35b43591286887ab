package enroll

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"capf/crypto"
	"capf/store"
)

// unproven rejects a request without asking the online CA, which refuses a
// PKCS#10 that is not signed with its own key.
func (r *Rules) unproven(ctx context.Context, g Grant, request store.Request) (store.Request, error) {
	request.Reason = "the phone did not prove that it has the private key, without which an online CA signs nothing; the CA was not asked"
	if _, err := r.Store.RejectUnproven(ctx, g.actor, request); err != nil {
		return store.Request{}, changedMeanwhile(err)
	}
	return store.Request{}, ending(ErrDeclined, store.CARejected, "%s", request.Reason)
}

// rejected is how the session ends whose request an issuer, or the way to it,
// has rejected.
func (r *Rules) rejected(ctx context.Context, request store.Request) error {
	end := ending(ErrDeclined, store.CARejected, "%s", request.Reason)
	if request.Issuer != IssuerOnline {
		return end
	}
	o, err := r.Store.Online(ctx, request.ID)
	if errors.Is(err, store.ErrNotFound) {
		return end
	}
	if err != nil {
		return err
	}
	if o.State == store.OnlineLate {
		return ending(ErrLate, store.Late, "%s", request.Reason)
	}
	end.Cause = causeOf(o.State)
	if end.Cause == store.CACommunicationFailed {
		end.Kind, end.ComeBack = ErrUnreachable, max(o.DueAt.Sub(r.Now()), leastReturn).Round(time.Second)
	}
	return end
}

// causeOf is the X of "Upgrade Failed: X".
func causeOf(s store.OnlineState) store.Cause {
	switch s {
	case store.OnlineUnreachable, store.OnlineUnknown, store.OnlineWithdrawn:
		return store.CACommunicationFailed
	case store.OnlineLate:
		return store.Late
	}
	return store.CARejected
}

// onlineIssuers are the certificates that the online CA has sent along with
// LSCs. They are not trusted: they only help to find a path to capf-trust.
func (r *Rules) onlineIssuers(ctx context.Context) ([]*x509.Certificate, error) {
	ders, err := r.Store.OnlineIssuers(ctx)
	if err != nil {
		return nil, err
	}
	var all []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading an issuer: %w", err)
		}
		all = append(all, c)
	}
	return all, nil
}

// returned is a certificate that an online CA has returned, with what makes it
// fit or unfit.
type returned struct {
	lsc     store.LSC
	issuers map[string][]byte // between it and capf-trust, by SHA-256
	unfit   string            // why it cannot be the phone's LSC
}

// judgeReturned checks what came from an online CA (behaviour.md, The LSC): the
// phone's key, the name asked for, no CA, the key usages, the validity, a path
// to capf-trust, and an end that is not behind its issuer's.
func judgeReturned(csrDER, leafDER []byte, chain [][]byte, trusted []*x509.Certificate, now time.Time) returned {
	csr, err := x509.ParseCertificateRequest(csrDER)
	if err != nil {
		return returned{unfit: "the request cannot be read any more"}
	}
	want := crypto.Expect{KeyHash: crypto.KeyHash(csr.RawSubjectPublicKeyInfo), CommonName: csr.Subject.CommonName}
	if err := crypto.CheckLSC(leafDER, want, now); err != nil {
		return returned{unfit: err.Error()}
	}
	leaf, err := x509.ParseCertificate(leafDER)
	if err != nil {
		return returned{unfit: err.Error()}
	}
	var between []*x509.Certificate
	for _, der := range chain {
		if c, err := x509.ParseCertificate(der); err == nil {
			between = append(between, c)
		}
	}
	path, err := lastingPath(leaf, trusted, between, now)
	if err != nil {
		return returned{unfit: "it does not lead to capf-trust: " + err.Error()}
	}
	if len(path) > 1 && leaf.NotAfter.After(path[1].NotAfter) {
		return returned{unfit: fmt.Sprintf("it is valid until %s, longer than its issuer (%s)",
			leaf.NotAfter.UTC().Format(time.RFC3339), path[1].NotAfter.UTC().Format(time.RFC3339))}
	}
	good := returned{lsc: describe(leaf), issuers: map[string][]byte{}}
	for _, c := range path[1:max(len(path)-1, 1)] {
		good.issuers[string(fingerprint(c.Raw))] = c.Raw
	}
	return good
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

// standing says in one line how a request stands at the online CA, for people.
func standing(o store.OnlineRequest) string {
	number := ""
	if o.CARequest != "" {
		number = " as its request " + o.CARequest
	}
	switch o.State {
	case store.OnlineQueued:
		return strings.TrimSpace("waits to be sent to the CA; " + o.Note)
	case store.OnlineSent:
		return "is on its way to the CA, which has not answered yet"
	case store.OnlineTaken:
		return "the CA has it" + number + "; the certificate is asked for again"
	case store.OnlineIssued:
		return "the CA issued the certificate" + number
	case store.OnlineDenied:
		return "the CA denied it" + number
	case store.OnlineUnfit:
		return "the CA issued a certificate" + number + " that failed a check; it is kept and was not sent to the phone"
	case store.OnlineUnreachable:
		return "it did not reach the CA"
	case store.OnlineUnknown:
		return "whether the CA has taken it is not known; it is not sent again"
	case store.OnlineWithdrawn:
		return "it was not sent, since the phone had gone"
	case store.OnlineLate:
		return "the CA did not decide in time; it still has it" + number
	}
	return string(o.State)
}
