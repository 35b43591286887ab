package lists

import (
	"context"
	stdcrypto "crypto"
	"crypto/x509"
	"errors"

	"capf/crypto"
	"capf/enroll/secrets"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// ErrNoFileSigner says that no certificate with the role TFTP has its key here.
var ErrNoFileSigner = errors.New("there is no key with which files for phones are signed")

// FileSigner is the certificate with the role TFTP, or CCM+TFTP, whose key signs files
// for phones: of several, the one that was added last. The error is ErrNoFileSigner when
// there is none.
func FileSigner(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) (*x509.Certificate, stdcrypto.Signer, error) {
	signer, err := fileSigner(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	key, err := secrets.MemberKey(sealer, *signer.Member)
	return signer.Certificate, key, err
}

// fileSigner is the member whose key signs files; ErrNoFileSigner.
func fileSigner(ctx context.Context, s *store.Reader) (signer Entry, err error) {
	entries, err := memberEntries(ctx, s)
	if err != nil {
		return signer, err
	}
	for _, e := range entries {
		if e.Role.Includes(trustlist.RoleTFTP) && e.Member.SealedKey != nil {
			signer = e
		}
	}
	if signer.Member == nil {
		return signer, apperr.WithHint(ErrNoFileSigner, "capf trust-list add CERT --role tftp --key FILE keeps one")
	}
	return signer, nil
}

// WantSigned says whether phones with our lists ask for signed files: whether a record has
// the role TFTP.
func WantSigned(ctx context.Context, s *store.Reader) (bool, error) {
	entries, err := memberEntries(ctx, s)
	for _, e := range entries {
		if e.Role.Includes(trustlist.RoleTFTP) {
			return true, err
		}
	}
	return false, err
}
