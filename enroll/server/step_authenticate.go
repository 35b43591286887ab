package server

import (
	stdcrypto "crypto"

	"capf/enroll"
	"capf/enroll/wire"
	"capf/store"
)

// authResponse authenticates the phone, and begins what is scheduled for it.
func (s *session) authResponse(f wire.Frame) error {
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
	grant, err := s.env.registrar.Authenticate(ctx, s.settings, claim(m, s.id, s.conn))
	if err != nil {
		return err
	}
	s.grant = &grant
	s.env.sessions.identify(s.conn, grant.Device.ID)
	switch grant.Operation() {
	case store.Install:
		return s.askForKey()
	case store.Delete:
		s.state = awaitDeleted
		return s.send(wire.DeleteRequest{}.Frame(s.id), s.env.timeouts.Store)
	default:
		s.state = awaitLSC
		return s.send(wire.FetchRequest{}.Frame(s.id), s.env.timeouts.Answer)
	}
}

// claim translates the phone's answer into the terms of enroll.
func claim(m wire.AuthResponse, session uint32, conn *connection) enroll.Claim {
	c := enroll.Claim{
		Device: m.Device, Address: conn.address.String(), Network: enroll.NetworkName(conn.network), Version: int(m.Version),
		Accepted: m.Reason == wire.ReasonSuccess, Password: m.Password,
	}
	if m.Certificate != nil {
		c.Existing = &enroll.Proof{
			Kind: enroll.KindLSC, Certificate: m.Certificate.DER, Text: wire.SignedText(m.Device, m.Certificate.DER),
		}
		if m.Certificate.Type == wire.TypeMIC {
			c.Existing.Kind = enroll.KindMIC
		}
		c.Existing.Signatures = signatures(m.SignedData, nil)
		if m.SHA2 != nil {
			c.Existing.Signatures = append(c.Existing.Signatures, enroll.Signature{Hash: m.SHA2.Digest.Hash(), Value: m.SHA2.Signature})
		}
	}
	if m.SUDI != nil {
		c.SUDI = &enroll.Proof{
			Kind: enroll.KindMIC, Certificate: m.SUDI.Certificate, Text: wire.SUDIText(session, m.SUDI.Certificate),
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
