package commands

import (
	"context"
	"crypto/x509"
	"fmt"

	"capf/internal/apperr"
	"capf/internal/serialnumber"
	"capf/store"
)

// Words for our own certificates, which are in no trust store.
const (
	capfPurpose          = "capf"
	preparedPurpose      = "capf-prepared" // to take the place of the CAPF certificate
	tvsCertificate       = "tvs"
	sastCertificate      = "sast"       // of the key that signs trust lists
	sastSpareCertificate = "sast-spare" // of the key that can sign later ones
)

// ownIDs says how our own certificates are named, for the help of commands.
const ownIDs = `ID is its number in the list, or the beginning of its SHA-256 fingerprint, or one of
these words for a certificate of our own:

    capf           the CAPF certificate; cert export adds the chain above it
    capf-prepared  the one that is prepared to take its place
    tvs            that of the service tvs
    sast           that of the key that signs trust lists
    sast-spare     that of the spare`

// ownChain is a certificate of our own and those above it, in the form of trust
// certificates without ids; none, if id is no word for one.
func ownChain(ctx context.Context, s *store.Reader, id string) ([]store.TrustCertificate, error) {
	switch id {
	case capfPurpose:
		return capfChain(ctx, s)
	case preparedPurpose:
		return preparedChain(ctx, s)
	case tvsCertificate:
		return tvsRow(ctx, s)
	case sastCertificate, sastSpareCertificate:
		return sastRow(ctx, s, id)
	}
	return nil, nil
}

// capfChain is the CAPF certificate and those above it, in the form of trust
// certificates without ids.
func capfChain(ctx context.Context, s *store.Reader) ([]store.TrustCertificate, error) {
	id, err := s.Identity(ctx)
	if err != nil {
		return nil, apperr.WithHint(err, "capf init makes it")
	}
	return chainRowsOf(id.Chain, store.TrustCertificate{Purpose: capfPurpose, AddedAt: id.CreatedAt})
}

// prepareOne is the hint where none is prepared.
const prepareOne = "capf cert regenerate capf prepares one, once there are trust lists"

// preparedChain is capfChain of the certificate that is prepared. store.ErrNotFound: none
// is.
func preparedChain(ctx context.Context, s *store.Reader) ([]store.TrustCertificate, error) {
	p, err := s.Prepared(ctx)
	if err != nil {
		return nil, apperr.WithHint(err, prepareOne)
	}
	return chainRowsOf(p.Chain, store.TrustCertificate{Purpose: preparedPurpose, AddedAt: p.Since, Description: "to be shown " + p.When()})
}

// tvsRow is the certificate of TVS, in the form of a trust certificate without an id.
func tvsRow(ctx context.Context, s *store.Reader) ([]store.TrustCertificate, error) {
	c, err := s.TVSCertificate(ctx)
	if err != nil {
		return nil, apperr.WithHint(err, "capf service activate tvs makes it")
	}
	return chainRowsOf([][]byte{c.Certificate}, store.TrustCertificate{Purpose: tvsCertificate, AddedAt: c.CreatedAt})
}

// chainRowsOf are certificates with what is the same for all of them.
func chainRowsOf(ders [][]byte, row store.TrustCertificate) (chain []store.TrustCertificate, err error) {
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("reading the CAPF certificate: %w", err)
		}
		row.Subject, row.Issuer, row.Serial = c.Subject.String(), c.Issuer.String(), serialnumber.Text(c.SerialNumber)
		row.NotBefore, row.NotAfter, row.Certificate, row.Fingerprint = c.NotBefore, c.NotAfter, der, sha256Of(der)
		chain = append(chain, row)
	}
	return chain, nil
}

// sastRow is the certificate of a key that signs trust lists, or of the spare, in the form
// of a trust certificate without an id. It needs no master key, as the key itself would.
func sastRow(ctx context.Context, s *store.Reader, id string) ([]store.TrustCertificate, error) {
	l, err := s.ListSigning(ctx)
	if err != nil {
		return nil, apperr.WithHint(err, "capf trust-list init makes them")
	}
	k := l.Signer
	if id == sastSpareCertificate {
		if !l.HasSpare() {
			return nil, apperr.WithHint(fmt.Errorf("the spare of the key that signs trust lists: %w", store.ErrNotFound), "capf trust-list init makes it")
		}
		k = l.Spare
	}
	return chainRowsOf([][]byte{k.Certificate}, store.TrustCertificate{Purpose: store.Purpose(id), AddedAt: k.ListedAt})
}
