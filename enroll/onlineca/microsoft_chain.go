package onlineca

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
)

// chainFor returns the certificates above a leaf. They are the same for every
// request until the CA is renewed, so the last chain is reused as long as it has
// issued the leaf. The chain is empty if the server has none. A server that does not
// answer is an error, so that the caller fetches again, unless the issuer is in
// capf-trust.
func (m *microsoft) chainFor(ctx context.Context, leaf *x509.Certificate, requestID string) ([][]byte, error) {
	m.mu.Lock()
	known := m.chain
	m.mu.Unlock()
	if len(known) > 0 && issued(known[0], leaf) {
		return rawOf(known), nil
	}
	r, err := m.transport.get(ctx, call{subject: requestID, doing: "fetching the chain of request " + requestID, path: certsrv + "certnew.p7b?ReqID=" + requestID + "&Enc=bin"})
	var failure *Error
	if errors.As(err, &failure) && (failure.again || failure.dead) && !m.trusts(leaf) {
		return nil, err
	}
	if err != nil {
		return nil, nil
	}
	all, err := readCertificates(r.body)
	if err != nil {
		m.config.Log.Warn("online CA sends no chain", "host", m.config.Host, "request", requestID, "error", err)
		return nil, nil
	}
	chain := chainOf(leaf, all)
	known = nil
	for _, der := range chain {
		if c, err := x509.ParseCertificate(der); err == nil {
			known = append(known, c)
		}
	}
	m.mu.Lock()
	m.chain = known
	m.mu.Unlock()
	return chain, nil
}

// chainAbove returns the chain of a certificate that came without a number: what came
// with it, otherwise the certificates of the CA. Without them the certificate is kept
// all the same.
func (m *microsoft) chainAbove(ctx context.Context, leaf *x509.Certificate, came []*x509.Certificate) [][]byte {
	if chain := chainOf(leaf, came); len(chain) > 0 || m.trusts(leaf) {
		return chain
	}
	all, err := m.certificates(ctx)
	if err != nil {
		m.config.Log.Warn("online CA sends no chain", "host", m.config.Host, "error", err)
		return nil
	}
	return chainOf(leaf, all)
}

// trusts reports whether the issuer of the leaf is in capf-trust.
func (m *microsoft) trusts(leaf *x509.Certificate) bool {
	return slices.ContainsFunc(m.config.Issuers, func(c *x509.Certificate) bool { return issued(c, leaf) })
}

// renewals finds, in a script of the page that offers the CA's certificates,
// how often the CA was renewed: the number of its newest certificate.
var renewals = pattern(`\bnRenewals\s*=\s*([0-9]{1,3})\s*;`)

// certificates fetches those of the CA, including its newest.
func (m *microsoft) certificates(ctx context.Context) ([]*x509.Certificate, error) {
	c := call{doing: "fetching the CA's certificates", path: certsrv + "certcarc.asp"}
	r, err := m.transport.get(ctx, c)
	if err != nil {
		return nil, err
	}
	newest := renewals().FindSubmatch(r.body)
	if newest == nil {
		return nil, m.unreadable(c, r, "what answers is not a page of Web Enrollment")
	}
	c.path = certsrv + "certnew.p7b?ReqID=CACert&Renewal=" + string(newest[1]) + "&Enc=bin"
	if r, err = m.transport.get(ctx, c); err != nil {
		return nil, err
	}
	all, err := readCertificates(r.body)
	if errors.Is(err, errPage) {
		_, err = m.outcome(c, r, "")
		if err == nil {
			err = m.unreadable(c, r, "the CA sends a page instead of its certificates")
		}
		return nil, err
	}
	if err != nil {
		return nil, &Error{Kind: ErrUnreachable, Doing: c.doing, Reason: "the answer holds no certificates", Err: err}
	}
	return all, nil
}
