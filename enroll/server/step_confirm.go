package server

import (
	"fmt"

	"capf/enroll"
	"capf/enroll/wire"
)

// storeResponse records that the phone has its LSC, or has refused it.
func (s *session) storeResponse(f wire.Frame) error {
	m, err := wire.ParseStoreResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	ctx, cancel := background()
	defer cancel()
	if m.Reason != wire.ReasonSuccess {
		return s.env.registrar.Refused(ctx, *s.grant, s.lsc, fmt.Sprintf("the phone did not store the LSC (reason %d)", m.Reason))
	}
	return s.done(s.env.registrar.ConfirmInstalled(ctx, *s.grant, s.lsc))
}

// done ends the conversation when the phone's confirmation is recorded.
func (s *session) done(err error) error {
	if err == nil {
		s.state = over
	}
	return err
}

func (s *session) deleteResponse(f wire.Frame) error {
	m, err := wire.ParseDeleteResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	if m.Reason != wire.ReasonSuccess {
		return enroll.Unable("the phone did not delete its LSC (reason %d)", m.Reason)
	}
	ctx, cancel := background()
	defer cancel()
	return s.done(s.env.registrar.ConfirmDeleted(ctx, *s.grant))
}

// fetchResponse takes the LSC, then the MIC. The first request is empty, as in
// captured sessions. A phone that does not know the request for a MIC loses
// nothing, since its LSC is kept.
func (s *session) fetchResponse(f wire.Frame) error {
	m, err := wire.ParseFetchResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	if m.Reason == wire.ReasonSuccess && m.Certificate != nil {
		s.fetched = s.fetched.with(*m.Certificate)
	}
	if s.state == awaitLSC && s.fetched[enroll.KindMIC] == nil {
		s.state = awaitMIC
		return s.send(wire.FetchRequest{Type: wire.TypeMIC}.Frame(s.id), s.env.timeouts.Answer)
	}
	return s.confirmFetched()
}

// fetchedCertificates are the certificates (DER) that the phone sent, by the kind
// that it named.
type fetchedCertificates map[enroll.CertificateKind][]byte

// with adds a certificate, unless there already is one of its kind.
func (f fetchedCertificates) with(c wire.Certificate) fetchedCertificates {
	kind := enroll.KindLSC
	if c.Type == wire.TypeMIC {
		kind = enroll.KindMIC
	}
	if f == nil {
		f = fetchedCertificates{}
	}
	if f[kind] == nil {
		f[kind] = c.DER
	}
	return f
}

func (s *session) confirmFetched() error {
	if len(s.fetched) == 0 {
		return enroll.Unable("the phone has no certificate to give")
	}
	ctx, cancel := background()
	defer cancel()
	return s.done(s.env.registrar.ConfirmFetched(ctx, *s.grant, s.fetched))
}
