package phoneconfig

import (
	"bytes"
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"capf/crypto"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// Signer signs files for phones with the key of a certificate that their lists carry with
// the role TFTP.
type Signer struct {
	Certificate *x509.Certificate
	key         stdcrypto.Signer
	variant     lists.Variant    // that of phones whose model does not ask for another one
	common      trustlist.Digest // of files that are not those of one device
	now         func() time.Time
}

// OpenSigner opens the key. The error is lists.ErrNoFileSigner when there is none, of the kind
// apperr.ErrRefused.
func OpenSigner(ctx context.Context, s *store.Reader, sealer *crypto.Sealer, now func() time.Time) (*Signer, error) {
	cert, key, err := lists.FileSigner(ctx, s, sealer)
	if errors.Is(err, lists.ErrNoFileSigner) {
		return nil, apperr.WithHint(apperr.New(errors.Join(apperr.ErrRefused, lists.ErrNoFileSigner), "%v", err), "%s", apperr.Hint(err))
	}
	if err != nil {
		return nil, err
	}
	inForce, err := settings.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	v, err := lists.Shared(inForce)
	if err != nil {
		return nil, err
	}
	common, err := v.Common(ctx, s)
	return &Signer{cert, key, v, common, now}, err
}

// CheckName refuses what is no name of a file that phones ask for: relative, below the folder
// of the server, with slashes.
func CheckName(name string) error {
	odd := strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\\' })
	switch {
	case name == "" || strings.HasPrefix(name, "/") || path.Clean(name) != name || name == ".." || strings.HasPrefix(name, "../"):
		return apperr.Usage("%q is not a name below the folder that phones see", name)
	case odd:
		return apperr.Usage("%q has a backslash or control characters, which no phone asks for", name)
	}
	return nil
}

// Sign returns the signed form of a file, for phones that ask for name.sgn, with a digest
// that they take: all of them, or the one of the device d, if the file is its own and not
// for all. With the present one, which may be nil, it returns that if it says the same.
func (s *Signer) Sign(name string, plain, present []byte, d *store.Device) ([]byte, error) {
	digest := s.common
	if d != nil {
		own, _ := s.variant.For(*d)
		digest = own.Digest
	}
	return s.sign(name+trustlist.SignedEnd, plain, present, digest)
}

func (s *Signer) sign(name string, plain, present []byte, digest trustlist.Digest) ([]byte, error) {
	if f, err := trustlist.ParseFile(present); err == nil && f.FileName == name && f.Encryption == nil &&
		f.Digest == digest && bytes.Equal(f.Body, plain) && f.Verify(s.Certificate) == nil {
		return present, nil
	}
	return trustlist.SignFile(name, plain, s.signer(digest), s.now())
}

func (s *Signer) signer(digest trustlist.Digest) trustlist.Signer {
	return trustlist.Signer{Certificate: s.Certificate, Key: s.key, Digest: digest}
}

// Pair is an encrypted file, and its companion, which is signed.
type Pair struct{ Encrypted, Companion []byte }

// Encrypt returns the encrypted form of the configuration file of a device, for the
// certificate that its phone has. With the present pair it returns that if it says the same
// to the same phone. ErrRefused: nothing can be encrypted for the phone.
func (s *Signer) Encrypt(name string, plain []byte, d store.Device, e Elements, held Held, present Pair) (Pair, error) {
	whole, err := Parse(plain)
	if err != nil {
		return Pair{}, err
	}
	if !whole.FullConfig {
		return Pair{}, apperr.Refused("it has not the whole configuration: fullConfig is not true")
	}
	cert, err := Recipient(d, held)
	if err != nil {
		return Pair{}, err
	}
	variant, _ := s.variant.For(d)
	companion, err := s.sign(name+trustlist.SignedEnd, Companion(whole, d, e), present.Companion, variant.Digest)
	if err != nil {
		return Pair{}, err
	}
	if bytes.Equal(companion, present.Companion) && s.isOf(name+trustlist.EncryptedEnd, plain, present.Encrypted, variant.Digest) {
		return present, nil
	}
	encrypted, err := trustlist.Encrypt(name+trustlist.EncryptedEnd, plain, cert, s.signer(variant.Digest), s.now())
	return Pair{encrypted, companion}, err
}

// isOf says whether an encrypted file is that of a plain one. For whom it was encrypted, its
// companion says.
func (s *Signer) isOf(name string, plain, encrypted []byte, digest trustlist.Digest) bool {
	f, err := trustlist.ParseFile(encrypted)
	return err == nil && f.FileName == name && f.Encryption != nil && f.Digest == digest &&
		f.Verify(s.Certificate) == nil && f.Encryption.IsOf(plain)
}

// Recipient is the certificate for which the files of a device are encrypted. ErrRefused:
// nothing can be encrypted for its phone.
func Recipient(d store.Device, held Held) (*x509.Certificate, error) {
	if held.Certificate == nil {
		return nil, apperr.WithHint(apperr.Refused("no certificate of %s is known: it has no LSC, and has not shown its MIC", d.Name),
			"once it has enrolled, its file can be encrypted; capf device set %s --operation install", d.Name)
	}
	cert, err := x509.ParseCertificate(held.Certificate)
	if err != nil {
		return nil, fmt.Errorf("reading the %s of %s: %w", strings.ToUpper(held.Kind), d.Name, err)
	}
	if err := trustlist.CheckRecipient(cert); err != nil {
		return nil, apperr.Refused("the %s of %s: %v", strings.ToUpper(held.Kind), d.Name, err)
	}
	return cert, nil
}
