package crypto

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"time"

	"capf/internal/apperr"
)

const (
	// maxPathDepth is the longest path in certificates, leaf and anchor included.
	maxPathDepth = 8
	// maxPathChecks bounds the signatures verified for one leaf, however many
	// certificates of one name a phone sends.
	maxPathChecks = 64
)

// PathOptions loosens VerifyPath, for MICs.
type PathOptions struct {
	// AllowExpired accepts expired certificates in the path (parameter
	// allow_expired_mic: the MICs of many phones, and their issuers, have expired).
	AllowExpired bool
	// AllowSHA1 accepts signatures over SHA-1, which the issuers of older MICs made.
	AllowSHA1 bool
}

// VerifyPath looks for a path from leaf through certificates of extra to one of anchors
// and returns it, leaf first, anchor last. Any certificate in anchors is an anchor,
// even an intermediate, and a leaf that is itself an anchor is its own path.
//
// It goes step by step because x509.Verify refuses the SHA-1 signatures of MIC issuers, which
// AllowSHA1 accepts; MD5 is always refused. Each step requires that the issuer's name matches, that
// its signature verifies, that it is valid now, and that it has CA:TRUE and, where keyUsage is
// present, keyCertSign; path length and name constraints must be kept, the anchor's included. A
// self-signed version 1 certificate, as old MIC roots are, may issue only as an anchor. A
// certificate with an unknown critical extension is refused.
//
// The error is ErrUntrusted, and also ErrExpired when expiry was the only obstacle; it
// gives the reason of the path that came furthest.
func VerifyPath(leaf *x509.Certificate, anchors, extra []*x509.Certificate, now time.Time, opt PathOptions) ([]*x509.Certificate, error) {
	s := &pathSearch{anchors: anchors, extra: extra, now: now, opt: opt}
	chain, err := s.find(leaf)
	if errors.Is(err, ErrExpired) {
		// ErrExpired only if nothing worse is wrong.
		again := &pathSearch{anchors: anchors, extra: extra, now: now, opt: PathOptions{AllowExpired: true, AllowSHA1: opt.AllowSHA1}}
		if _, worse := again.find(leaf); worse != nil {
			err = worse
		}
	}
	if err != nil {
		return nil, apperr.New(errors.Join(append(kindsOf(err), ErrUntrusted)...), "%v", err)
	}
	return chain, nil
}

// pathSearch is the state of one VerifyPath.
type pathSearch struct {
	anchors, extra []*x509.Certificate
	now            time.Time
	opt            PathOptions
	checks         int
	best           error // the failure to report, from the step that came furthest
	bestRank       int
}

// How far a step came before it failed. A later failure says more, and so does a step
// further up the path.
const (
	rankNoIssuer = iota + 1
	rankBadSignature
	rankSigned
	rankStep
)

func (s *pathSearch) find(leaf *x509.Certificate) ([]*x509.Certificate, error) {
	if err := s.usable(leaf); err != nil {
		return nil, err
	}
	for _, anchor := range s.anchors {
		if anchor.Equal(leaf) {
			return []*x509.Certificate{leaf}, nil
		}
	}
	if chain := s.climb([]*x509.Certificate{leaf}); chain != nil {
		return chain, nil
	}
	return nil, s.best
}

// climb extends a path upwards, anchors before others, and returns the finished one.
func (s *pathSearch) climb(path []*x509.Certificate) []*x509.Certificate {
	child := path[len(path)-1]
	found := false
	for _, issuer := range s.anchors {
		if bytes.Equal(issuer.RawSubject, child.RawIssuer) {
			found = true
			if s.step(path, issuer, true) {
				whole := append(slices.Clone(path), issuer)
				err := checkNames(whole)
				if err == nil {
					return whole
				}
				s.fail(path, rankSigned, err)
			}
		}
	}
	for _, issuer := range s.extra {
		if bytes.Equal(issuer.RawSubject, child.RawIssuer) && !slices.ContainsFunc(path, issuer.Equal) {
			found = true
			if len(path)+1 >= maxPathDepth {
				s.fail(path, rankSigned, fmt.Errorf("the path from %q is longer than %d certificates", nameOf(path[0]), maxPathDepth))
				continue
			}
			if s.step(path, issuer, false) {
				if chain := s.climb(append(slices.Clone(path), issuer)); chain != nil {
					return chain
				}
			}
		}
	}
	if !found {
		s.fail(path, rankNoIssuer, fmt.Errorf("%q was issued by the unknown issuer %q", nameOf(child), child.Issuer))
	}
	return nil
}

// step reports whether issuer may be, and is, the issuer of the last certificate of
// path.
func (s *pathSearch) step(path []*x509.Certificate, issuer *x509.Certificate, anchor bool) bool {
	if s.checks++; s.checks > maxPathChecks {
		s.fail(path, rankSigned, fmt.Errorf("no path from %q within %d signatures", nameOf(path[0]), maxPathChecks))
		return false
	}
	if err := signedBy(path[len(path)-1], issuer); err != nil {
		s.fail(path, rankBadSignature, err)
		return false
	}
	if err := checkSignatureHash(path[len(path)-1]); err != nil && !s.opt.AllowSHA1 {
		s.fail(path, rankSigned, err)
		return false
	}
	below := 0 // intermediates below this issuer that count (RFC 5280 section 6.1.4 l)
	for _, c := range path[1:] {
		if !bytes.Equal(c.RawSubject, c.RawIssuer) {
			below++
		}
	}
	if err := mayIssue(issuer, below, anchor); err != nil {
		s.fail(path, rankSigned, err)
		return false
	}
	if err := s.usable(issuer); err != nil {
		s.fail(path, rankSigned, err)
		return false
	}
	return true
}

func (s *pathSearch) fail(path []*x509.Certificate, rank int, err error) {
	if rank += rankStep * len(path); rank > s.bestRank {
		s.best, s.bestRank = err, rank
	}
}

// usable refuses a certificate that is not valid now or has a critical extension
// that we do not understand.
func (s *pathSearch) usable(cert *x509.Certificate) error {
	for _, oid := range cert.UnhandledCriticalExtensions {
		if !oid.Equal(nameConstraintsOID) { // checkNames knows more forms than package x509
			return fmt.Errorf("%q has the unknown critical extension %s", nameOf(cert), oid)
		}
	}
	err := validAt(cert, s.now)
	if s.opt.AllowExpired && errors.Is(err, ErrExpired) {
		return nil
	}
	return err
}

// validAt refuses a certificate outside its validity, with ErrExpired when that has
// ended.
func validAt(cert *x509.Certificate, now time.Time) error {
	if now.Before(cert.NotBefore) {
		return unsuitableFor(ErrNotYetValid, "%q is not valid before %s", nameOf(cert), cert.NotBefore.UTC().Format(time.RFC3339))
	}
	if now.After(cert.NotAfter) {
		return unsuitableFor(ErrExpired, "%q has expired on %s", nameOf(cert), cert.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

// mayIssue refuses an issuer that is not a CA or whose path length allows fewer
// intermediates than below.
func mayIssue(issuer *x509.Certificate, below int, anchor bool) error {
	switch {
	case !isCA(issuer, anchor):
		return fmt.Errorf("the issuer %q is not a CA", nameOf(issuer))
	case issuer.KeyUsage != 0 && issuer.KeyUsage&x509.KeyUsageCertSign == 0:
		return fmt.Errorf("the issuer %q has a keyUsage without keyCertSign", nameOf(issuer))
	case issuer.BasicConstraintsValid && issuer.MaxPathLen >= 0 && below > issuer.MaxPathLen:
		return fmt.Errorf("the issuer %q allows a path length of %d, this one has %d", nameOf(issuer), issuer.MaxPathLen, below)
	}
	return nil
}

// isCA reports whether a certificate is a CA. A self-signed version 1
// certificate is one too when it is an anchor, since that version has no
// extension to say so.
func isCA(cert *x509.Certificate, anchor bool) bool {
	if cert.Version < 3 {
		return anchor && bytes.Equal(cert.RawSubject, cert.RawIssuer)
	}
	return cert.BasicConstraintsValid && cert.IsCA
}

// signedBy verifies one signature; SHA-1 passes, MD5 does not.
func signedBy(child, issuer *x509.Certificate) error {
	if err := issuer.CheckSignature(child.SignatureAlgorithm, child.RawTBSCertificate, child.Signature); err != nil {
		return apperr.New(ErrBadSignature, "the signature on %q is not by %q: %v", nameOf(child), nameOf(issuer), err)
	}
	return nil
}

// Issued reports whether issuer signed child, going by name and signature. Whether it
// was allowed to is for VerifyPath.
func Issued(issuer, child *x509.Certificate) bool {
	return bytes.Equal(issuer.RawSubject, child.RawIssuer) && signedBy(child, issuer) == nil
}

// kindsOf returns the sentinels of err that a path error keeps.
func kindsOf(err error) []error {
	var kinds []error
	for _, kind := range []error{ErrExpired, ErrBadSignature} {
		if errors.Is(err, kind) {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// nameOf returns what people call a certificate: its common name, or its subject if
// it has none.
func nameOf(cert *x509.Certificate) string {
	if cert.Subject.CommonName != "" {
		return cert.Subject.CommonName
	}
	return cert.Subject.String()
}
