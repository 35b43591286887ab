package server

import (
	"time"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/wire"
	"capf/store"
)

func (s *session) askForKey() error {
	s.keyTries++
	s.state = awaitKey
	return s.send(keyRequest(s.grant.Keys[s.keyKind], s.version).Frame(s.id), s.settings.KeygenTimeout)
}

// keyRequest returns the request in the form of the protocol version.
func keyRequest(kind crypto.KeyKind, version byte) wire.KeyGenerateRequest {
	if kind.IsRSA() {
		return wire.KeyGenerateRequest{Type: wire.RSA, Size: uint16(kind.Bits()), SizeOnly: version == 2}
	}
	curves := map[crypto.KeyKind]wire.Curve{crypto.EC256: wire.P256, crypto.EC384: wire.P384, crypto.EC521: wire.P521}
	return wire.KeyGenerateRequest{Type: wire.EC, Curve: curves[kind]}
}

// keyResponse takes the phone's public key and gets an LSC for it.
func (s *session) keyResponse(f wire.Frame) error {
	m, err := wire.ParseKeyGenerateResponse(f)
	if err != nil {
		return enroll.Malformed("%v", err)
	}
	if m.PublicKey == nil {
		return s.askAgain(enroll.NoKey("the phone reports that it made no key (reason %d)", m.Reason))
	}
	s.keyAt = time.Now()
	kind := s.grant.Keys[s.keyKind]
	if err := enroll.CheckKey(kind, m.PublicKey); err != nil {
		return s.askForBackup(err)
	}
	if s.grant.External() {
		return s.enqueue(kind, m.PublicKey)
	}
	ctx, cancel := background()
	defer cancel()
	lsc, err := s.env.registrar.Issue(ctx, s.env.authority, *s.grant, kind, m.PublicKey)
	if err != nil {
		return err
	}
	return s.deliver(lsc)
}

// deliver sends an LSC that is durable to the phone.
func (s *session) deliver(lsc store.LSC) error {
	s.lsc, s.state = lsc, awaitStored
	s.env.meter.Issued(s.grant.Settings.Issuer, time.Since(s.keyAt))
	certificate := wire.Certificate{Type: wire.TypeLSC, DER: lsc.Certificate}
	return s.send(wire.StoreRequest{Type: wire.TypeLSC, Certificate: certificate}.Frame(s.id), s.env.timeouts.Store)
}

// askAgain answers a phone that could not make a key. It asks for the backup kind
// if there is one, and otherwise up to keygen_retry times for the same kind.
func (s *session) askAgain(failed error) error {
	if s.keyKind+1 < len(s.grant.Keys) {
		return s.askForBackup(failed)
	}
	if s.keyTries > s.settings.KeygenRetry {
		return failed
	}
	return s.askForKey()
}

// askForBackup asks for the next kind of key. A phone that sent a key of the
// wrong kind would send it again, so the same kind is not asked for twice.
func (s *session) askForBackup(failed error) error {
	if s.keyKind+1 >= len(s.grant.Keys) {
		return failed
	}
	s.keyKind++
	s.keyTries = 0
	return s.askForKey()
}
