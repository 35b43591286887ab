package phone

import (
	"bytes"
	stdcrypto "crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"

	"capf/crypto"
	"capf/enroll/wire"
)

// answerAuthRequest answers AUTH_REQUEST with all proofs that the phone has. The
// version that the server offers is ignored: the phone decides which one is
// spoken.
func (s *session) answerAuthRequest(f wire.Frame) error {
	if s.authenticated {
		return s.unexpected(f)
	}
	if _, err := wire.ParseAuthRequest(f); err != nil {
		return err
	}
	c := s.config
	m := wire.AuthResponse{
		Version:  c.Version,
		Device:   c.Device,
		Reason:   wire.ReasonSuccess,
		Password: c.Password,
	}
	if m.Password == nil && c.Version >= 3 {
		m.Password = []byte{} // the null string; a version 2 softphone leaves the element out
	}
	if c.Existing != nil {
		m.Certificate = &wire.Certificate{Type: c.Existing.Type, DER: c.Existing.Certificate}
		sha1, sha512, err := c.Existing.sign(wire.SignedText(c.Device, c.Existing.Certificate))
		if err != nil {
			return fmt.Errorf("%w: proving its identity: %w", ErrRefused, err)
		}
		m.SignedData = sha1
		if sha512 != nil {
			m.SHA2 = &wire.SHA2Signature{Digest: wire.SHA512, Signature: sha512}
		}
	}
	if c.SUDI != nil {
		sha1, sha512, err := c.SUDI.sign(wire.SUDIText(s.id, c.SUDI.Certificate))
		if err != nil {
			return fmt.Errorf("%w: proving its identity by SUDI: %w", ErrRefused, err)
		}
		m.SUDI = &wire.SUDI{Certificate: c.SUDI.Certificate, SHA1: sha1, SHA512: sha512}
	}
	s.authenticated = true
	return s.send(m)
}

// sign makes the two signatures over a text. sha512 is nil when the key is
// too small for it: PKCS#1 v1.5 adds 11 bytes to the hash.
func (id *Identity) sign(text []byte) (sha1, sha512 []byte, err error) {
	sha1, err = crypto.SignBare(id.Key, stdcrypto.SHA1, text)
	if err != nil {
		return nil, nil, err
	}
	if pub, ok := id.Key.Public().(*rsa.PublicKey); ok && pub.Size() < stdcrypto.SHA512.Size()+11 {
		return sha1, nil, nil
	}
	sha512, err = crypto.SignBare(id.Key, stdcrypto.SHA512, text)
	return sha1, sha512, err
}

// generateKey answers KEY_GENERATE_REQUEST. The server may ask more than once,
// for another kind when the first failed.
func (s *session) generateKey(f wire.Frame) error {
	if !s.authenticated {
		return s.unexpected(f)
	}
	m, err := wire.ParseKeyGenerateRequest(f)
	if err != nil {
		return err
	}
	if s.config.Abort {
		s.aborted = true
		return s.send(wire.AbortRequest{})
	}
	if s.config.Progress {
		if err := s.send(wire.RequestInProgress{}); err != nil {
			return err
		}
	}
	key, public, err := s.newKey(m)
	if err != nil {
		s.key, s.failure = nil, fmt.Errorf("%w: making a key: %w", ErrRefused, err)
		return s.send(wire.KeyGenerateResponse{Reason: wire.ReasonDeclined, HasReason: true})
	}
	s.key, s.failure = key, nil
	return s.send(wire.KeyGenerateResponse{PublicKey: public})
}

// newKey makes the key and returns it with the DER of its public half.
func (s *session) newKey(m wire.KeyGenerateRequest) (stdcrypto.Signer, []byte, error) {
	kind := crypto.RSA(int(m.Size))
	if m.Type == wire.EC {
		if s.config.Version < 3 {
			return nil, nil, errors.New("no EC keys in version 2")
		}
		known := map[wire.Curve]crypto.KeyKind{wire.P256: crypto.EC256, wire.P384: crypto.EC384, wire.P521: crypto.EC521}
		var ok bool
		if kind, ok = known[m.Curve]; !ok {
			return nil, nil, fmt.Errorf("%v is not known", m.Curve)
		}
	}
	var key stdcrypto.Signer
	var err error
	if s.config.NewKey != nil {
		key, err = s.config.NewKey(kind)
	} else {
		key, err = crypto.GenerateKey(rand.Reader, kind)
	}
	if err != nil {
		return nil, nil, err
	}
	public, err := crypto.MarshalPublicKey(key.Public())
	return key, public, err
}

// provePossession answers ENCRYPT_REQUEST with a signature that is valid in a
// PKCS#10 request.
func (s *session) provePossession(f wire.Frame) error {
	if s.key == nil {
		return s.unexpected(f)
	}
	m, err := wire.ParseEncryptRequest(f)
	if err != nil {
		return err
	}
	var signature []byte
	switch s.config.Possession {
	case Drop:
		return fmt.Errorf("%w: the phone drops the connection at %v", ErrCommunication, f.Command)
	case Refuse:
		err = errors.New("it is set to refuse")
	default:
		signature, err = signDigest(s.key, m)
	}
	if err != nil {
		s.failure = fmt.Errorf("%w: signing with the new key: %w", ErrRefused, err)
		return s.send(wire.EncryptResponse{Reason: wire.ReasonDeclined})
	}
	return s.send(wire.EncryptResponse{Reason: wire.ReasonSuccess, SignedData: signature})
}

func signDigest(key stdcrypto.Signer, m wire.EncryptRequest) ([]byte, error) {
	hash := m.Digest.Hash()
	if hash == 0 {
		return nil, fmt.Errorf("%v is not known", m.Digest)
	}
	if len(m.SignedData) != hash.Size() {
		return nil, fmt.Errorf("a digest of %d bytes is no %v", len(m.SignedData), m.Digest)
	}
	return key.Sign(rand.Reader, m.SignedData, hash)
}

// store answers STORE_CERTIFICATE_REQUEST once certificate and key are
// stored.
func (s *session) store(f wire.Frame) error {
	if s.key == nil {
		return s.unexpected(f)
	}
	m, err := wire.ParseStoreRequest(f)
	if err != nil {
		return err
	}
	if err := s.storeCertificate(m); err != nil {
		s.failure = fmt.Errorf("%w: storing the certificate: %w", ErrRefused, err)
		return s.send(wire.StoreResponse{Reason: wire.ReasonDeclined})
	}
	s.result.Outcome, s.result.Certificate, s.result.Key = Installed, m.Certificate.DER, s.key
	s.failure = nil
	return s.send(wire.StoreResponse{Reason: wire.ReasonSuccess})
}

// storeCertificate refuses a certificate that the phone could not use, and stores any
// other.
func (s *session) storeCertificate(m wire.StoreRequest) error {
	if m.Type != wire.TypeLSC || m.Certificate.Type != wire.TypeLSC {
		return fmt.Errorf("types %v and %v where %v belongs", m.Type, m.Certificate.Type, wire.TypeLSC)
	}
	cert, err := x509.ParseCertificate(m.Certificate.DER)
	if err != nil {
		return err
	}
	public, err := crypto.MarshalPublicKey(s.key.Public())
	if err != nil {
		return err
	}
	if !bytes.Equal(cert.RawSubjectPublicKeyInfo, public) {
		return errors.New("it is not for the key of this session")
	}
	if s.config.Store == nil {
		return nil
	}
	return s.config.Store(m.Certificate.DER, s.key)
}

// fetch answers FETCH_CERTIFICATE_REQUEST. A request without a type gets the
// LSC, or the MIC of a phone that has no LSC.
func (s *session) fetch(f wire.Frame) error {
	if !s.authenticated {
		return s.unexpected(f)
	}
	m, err := wire.ParseFetchRequest(f)
	if err != nil {
		return err
	}
	kind, der := wire.TypeLSC, s.config.LSC
	if m.Type == wire.TypeMIC || m.Type == 0 && der == nil {
		kind, der = wire.TypeMIC, s.config.MIC
	}
	if der == nil {
		return s.send(wire.FetchResponse{Reason: wire.ReasonDeclined})
	}
	s.result.Outcome = Fetched
	return s.send(wire.FetchResponse{
		Reason:      wire.ReasonSuccess,
		Certificate: &wire.Certificate{Type: kind, DER: der},
	})
}

// delete answers DELETE_CERTIFICATE_REQUEST.
func (s *session) delete(f wire.Frame) error {
	if !s.authenticated {
		return s.unexpected(f)
	}
	if _, err := wire.ParseDeleteRequest(f); err != nil {
		return err
	}
	if s.config.Delete != nil {
		if err := s.config.Delete(); err != nil {
			s.failure = fmt.Errorf("%w: deleting the certificate: %w", ErrRefused, err)
			return s.send(wire.DeleteResponse{Reason: wire.ReasonDeclined})
		}
	}
	s.result.Outcome = Deleted
	return s.send(wire.DeleteResponse{Reason: wire.ReasonSuccess})
}
