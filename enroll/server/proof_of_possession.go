package server

import (
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"io"

	"capf/crypto"
	"capf/enroll"
	"capf/enroll/settings"
	"capf/enroll/wire"
)

// This file alone knows how a phone proves possession of its new private key.
// The vendor documents that it "signs the received message using its private
// key", and publishes no bytes. The form here is our reading of the protocol page,
// and changes here if a capture turns up.

// errNoProof says that the phone did not prove possession, but is still there.
var errNoProof = errors.New("the phone does not prove possession of its key")

// remoteKey is the private key of the phone at the other end of the session.
type remoteKey struct {
	session *session
	public  stdcrypto.PublicKey
}

func (k remoteKey) Public() stdcrypto.PublicKey { return k.public }

// Sign has the phone sign the digest, in the form that a PKCS#10 needs.
func (k remoteKey) Sign(_ io.Reader, digest []byte, opts stdcrypto.SignerOpts) ([]byte, error) {
	if opts.HashFunc() != stdcrypto.SHA256 {
		return nil, fmt.Errorf("a phone signs SHA-256, not %v", opts.HashFunc())
	}
	s := k.session
	s.state = awaitPossession
	err := s.send(wire.EncryptRequest{Digest: wire.SHA256, SignedData: digest}.Frame(s.id), s.env.timeouts.Answer)
	for err == nil {
		var f wire.Frame
		if f, err = s.next(); err != nil {
			break
		}
		if f.Command == wire.CmdEncryptResponse {
			return signature(f)
		}
		err = s.take(f)
	}
	return nil, err
}

// signature is what the phone answers. A phone that answers in another form than
// ours is there and speaks CAPF, and counts as one that does not sign.
func signature(f wire.Frame) ([]byte, error) {
	m, err := wire.ParseEncryptResponse(f)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%w: %v", errNoProof, err)
	case m.Reason != wire.ReasonSuccess:
		return nil, fmt.Errorf("%w: reason %d", errNoProof, m.Reason)
	}
	return m.SignedData, nil
}

// prove gets a PKCS#10 signed by the phone, or nil from a phone that does not
// sign. A phone that drops the session instead is remembered, and not asked again.
func (s *session) prove(kind crypto.KeyKind, spki []byte) ([]byte, error) {
	online := s.grant.Settings.Issuer == settings.IssuerOnline
	if s.grant.Device.NoPossession && !online { // an online CA has no use for a request without
		return nil, nil
	}
	public, err := x509.ParsePKIXPublicKey(spki)
	if err != nil {
		return nil, err
	}
	ctx, cancel := background()
	defer cancel()
	challenge := ""
	if online {
		if challenge, err = s.env.online.Binding(ctx); err != nil {
			return nil, err
		}
	}
	pkcs10, err := s.env.registrar.PKCS10(ctx, s.env.authority, *s.grant, spki, challenge, remoteKey{s, public})
	if err != nil {
		s.env.online.Unbind(challenge)
	}
	var failure *enroll.SessionError
	switch {
	case err == nil:
		return pkcs10, nil
	case errors.Is(err, enroll.ErrLost) && online && s.grant.Device.NoPossession:
		return nil, nil // twice is no accident: Enqueue says what that means
	case errors.Is(err, enroll.ErrLost) && (s.conn.wasCut(cutByStop) || s.env.sessions.overtaken(s.conn)):
		return nil, err // its phone is back already: this one had lost its power, not dropped the step
	case errors.Is(err, enroll.ErrLost):
		ctx, cancel := background() // the first one may have run out while the phone was silent
		defer cancel()
		return nil, errors.Join(err, s.env.registrar.ForgetPossession(ctx, *s.grant))
	case errors.As(err, &failure):
		return nil, failure
	}
	// A signature that does not verify proves nothing, but may be right in a
	// form that we do not know: an operator can still have the key certified.
	s.log.Warn("no proof of possession", "device", s.device, "key", kind, "reason", err)
	return nil, nil
}
