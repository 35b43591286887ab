package server

import (
	"context"
	stdcrypto "crypto"
	"fmt"
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/wire"
	"capf/store"
)

// databaseWait bounds a question to the database, so that one that hangs on a
// broken disk does not keep a phone's connection for ever. It is longer than
// package store waits for an import by another process.
const databaseWait = 90 * time.Second

func background() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), databaseWait)
}

func (s *session) authenticate(f wire.Frame) error {
	m, err := wire.ParseAuthResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	s.device = m.Device
	if m.Version == 2 {
		s.version = 2
	}
	ctx, cancel := background()
	defer cancel()
	grant, err := s.Rules.Authenticate(ctx, s.settings, s.claim(m))
	if err != nil {
		return err
	}
	s.grant = &grant
	s.listener.sessions.authenticated(s, grant.Device.ID)
	switch grant.Operation() {
	case store.Install:
		return s.askForKey()
	case store.Delete:
		s.state = awaitDeleted
		return s.send(wire.DeleteRequest{}.Frame(s.id), s.Timeouts.Store)
	default:
		s.state = awaitLSC
		return s.send(wire.FetchRequest{}.Frame(s.id), s.Timeouts.Answer)
	}
}

// claim says in the words of enroll what the phone has sent.
func (s *session) claim(m wire.AuthResponse) enroll.Claim {
	c := enroll.Claim{
		Device: m.Device, Address: s.address.String(), Network: networkName(s.near), Version: int(m.Version),
		Accepted: m.Reason == wire.ReasonSuccess, Password: m.Password,
	}
	if m.Certificate != nil {
		c.Existing = &enroll.Proof{
			Kind: enroll.LSC, Certificate: m.Certificate.DER, Text: wire.SignedText(m.Device, m.Certificate.DER),
		}
		if m.Certificate.Type == wire.MIC {
			c.Existing.Kind = enroll.MIC
		}
		c.Existing.Signatures = signatures(m.SignedData, nil)
		if m.SHA2 != nil {
			c.Existing.Signatures = append(c.Existing.Signatures, enroll.Signature{Hash: m.SHA2.Digest.Hash(), Value: m.SHA2.Signature})
		}
	}
	if m.SUDI != nil {
		c.SUDI = &enroll.Proof{
			Kind: enroll.MIC, Certificate: m.SUDI.Certificate, Text: wire.SUDIText(s.id, m.SUDI.Certificate),
			Signatures: signatures(m.SUDI.SHA1, m.SUDI.SHA512),
		}
	}
	return c
}

func signatures(sha1, sha512 []byte) []enroll.Signature {
	var list []enroll.Signature
	if sha1 != nil {
		list = append(list, enroll.Signature{Hash: stdcrypto.SHA1, Value: sha1})
	}
	if sha512 != nil {
		list = append(list, enroll.Signature{Hash: stdcrypto.SHA512, Value: sha512})
	}
	return list
}

func (s *session) askForKey() error {
	s.asked++
	s.state = awaitKey
	return s.send(keyRequest(s.grant.Keys[s.kind], s.version).Frame(s.id), s.settings.KeygenTimeout)
}

// keyRequest is the form of the request that the version knows.
func keyRequest(kind crypto.KeyKind, version byte) wire.KeyGenerateRequest {
	if kind.IsRSA() {
		return wire.KeyGenerateRequest{Type: wire.RSA, Size: uint16(kind.Bits()), SizeOnly: version == 2}
	}
	curves := map[crypto.KeyKind]wire.Curve{crypto.EC256: wire.P256, crypto.EC384: wire.P384, crypto.EC521: wire.P521}
	return wire.KeyGenerateRequest{Type: wire.EC, Curve: curves[kind]}
}

// inProgress is what hardware phones send at once, and may send again. It does
// not move a deadline: the time is for the whole.
func (s *session) inProgress(f wire.Frame) error {
	if _, err := wire.ParseRequestInProgress(f); err != nil {
		return enroll.Malformed("%v", err)
	}
	return nil
}

// key takes the phone's public key and gets an LSC for it.
func (s *session) key(f wire.Frame) error {
	m, err := wire.ParseKeyGenerateResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	if m.PublicKey == nil {
		return s.askAgain(enroll.NoKey("the phone reports that it made no key (reason %d)", m.Reason))
	}
	s.keyAt = time.Now()
	kind := s.grant.Keys[s.kind]
	if err := enroll.CheckKey(kind, m.PublicKey); err != nil {
		return s.backup(err)
	}
	if s.grant.External() {
		return s.enqueue(kind, m.PublicKey)
	}
	ctx, cancel := background()
	defer cancel()
	lsc, err := s.Rules.Issue(ctx, s.authority, *s.grant, kind, m.PublicKey)
	if err != nil {
		return err
	}
	return s.deliver(lsc)
}

// deliver sends an LSC that is durable to the phone.
func (s *session) deliver(lsc store.LSC) error {
	s.lsc, s.state = lsc, awaitStored
	s.Meter.Issued(s.grant.Settings.Issuer, time.Since(s.keyAt))
	certificate := wire.Certificate{Type: wire.LSC, DER: lsc.Certificate}
	return s.send(wire.StoreRequest{Type: wire.LSC, Certificate: certificate}.Frame(s.id), s.Timeouts.Store)
}

// askAgain answers a phone that could not make a key: with the backup of
// another kind, if there is one, else keygen_retry times with the same.
func (s *session) askAgain(failed error) error {
	if s.kind+1 < len(s.grant.Keys) {
		return s.backup(failed)
	}
	if s.asked > s.settings.KeygenRetry {
		return failed
	}
	return s.askForKey()
}

// backup asks for the next kind of key. A key that is not what was asked for
// would come again, so there is no other try.
func (s *session) backup(failed error) error {
	if s.kind+1 >= len(s.grant.Keys) {
		return failed
	}
	s.kind++
	s.asked = 0
	return s.askForKey()
}

func (s *session) stored(f wire.Frame) error {
	m, err := wire.ParseStoreResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	ctx, cancel := background()
	defer cancel()
	if m.Reason != wire.ReasonSuccess {
		return s.Rules.Refused(ctx, *s.grant, s.lsc, fmt.Sprintf("the phone did not store the LSC (reason %d)", m.Reason))
	}
	return s.done(s.Rules.ConfirmInstalled(ctx, *s.grant, s.lsc))
}

// done ends the conversation when the phone's confirmation is recorded.
func (s *session) done(err error) error {
	if err == nil {
		s.state = over
	}
	return err
}

func (s *session) deleted(f wire.Frame) error {
	m, err := wire.ParseDeleteResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	if m.Reason != wire.ReasonSuccess {
		return enroll.Unable("the phone did not delete its LSC (reason %d)", m.Reason)
	}
	ctx, cancel := background()
	defer cancel()
	return s.done(s.Rules.ConfirmDeleted(ctx, *s.grant))
}

// fetched takes the LSC, then the MIC. The first request is empty, as captured
// ones are; a phone that knows no request for a MIC loses nothing, since what
// it gave before is kept.
func (s *session) fetched(f wire.Frame) error {
	m, err := wire.ParseFetchResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	s.keep(m)
	if s.state == awaitLSC && s.gave[enroll.MIC] == nil {
		s.state = awaitMIC
		return s.send(wire.FetchRequest{Type: wire.MIC}.Frame(s.id), s.Timeouts.Answer)
	}
	return s.confirmFetched()
}

// keep takes a certificate that the phone gave, under the type that it says.
func (s *session) keep(m wire.FetchResponse) {
	if m.Reason != wire.ReasonSuccess || m.Certificate == nil {
		return
	}
	kind := enroll.LSC
	if m.Certificate.Type == wire.MIC {
		kind = enroll.MIC
	}
	if s.gave == nil {
		s.gave = map[enroll.CertificateKind][]byte{}
	}
	if s.gave[kind] == nil {
		s.gave[kind] = m.Certificate.DER
	}
}

func (s *session) confirmFetched() error {
	if len(s.gave) == 0 {
		return enroll.Unable("the phone has no certificate to give")
	}
	ctx, cancel := background()
	defer cancel()
	return s.done(s.Rules.ConfirmFetched(ctx, *s.grant, s.gave))
}

// abort ends the operation for the phone's user; it stays scheduled.
func (s *session) abort(f wire.Frame) error {
	if _, err := wire.ParseAbortRequest(f); err != nil {
		return enroll.Malformed("%v", err)
	}
	return enroll.Aborted()
}
