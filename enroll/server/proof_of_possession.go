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

// Only this file knows how a phone proves possession of its new private key. The
// vendor documents that it "signs the received message using its private key", but
// not the bytes. The form here is our reading of the protocol page; if a capture
// turns up, only this file changes.

// errNoProof says that the phone did not prove possession but is still
// connected.
var errNoProof = errors.New("the phone does not prove possession of its key")

// remoteKey is the private key of the phone at the other end of the session.
type remoteKey struct {
	session *session
	public  stdcrypto.PublicKey
}

func (k remoteKey) Public() stdcrypto.PublicKey { return k.public }

// Sign makes the phone sign the digest, in the form that a PKCS#10 request
// needs.
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

// signature reads the phone's answer. A phone that answers in another form is
// still connected and speaks CAPF, so it counts as one that does not sign.
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

// prove returns a PKCS#10 request signed by the phone, or nil if the phone does
// not sign. A phone that drops the session instead is remembered and not asked
// again.
func (s *session) prove(kind crypto.KeyKind, spki []byte) ([]byte, error) {
	online := s.grant.Settings.Issuer == settings.IssuerOnline
	if s.grant.Device.NoPossession && !online { // an online CA refuses a request without it
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
		return nil, nil // a second time is no accident: Enqueue says what that means
	case errors.Is(err, enroll.ErrLost) && (s.conn.wasCut(cutByStop) || s.env.sessions.overtaken(s.conn)):
		return nil, err // the phone is back already: it lost power and did not drop the step
	case errors.Is(err, enroll.ErrLost):
		ctx, cancel := background() // the first context may have expired while the phone was silent
		defer cancel()
		return nil, errors.Join(err, s.env.registrar.ForgetPossession(ctx, *s.grant))
	case errors.As(err, &failure):
		return nil, failure
	}
	// A signature that does not verify proves nothing, but it may be right in a
	// form that we do not know: an operator can still have the key certified.
	s.log.Warn("no proof of possession", "device", s.device, "key", kind, "reason", err)
	return nil, nil
}
