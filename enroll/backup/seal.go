package backup

import (
	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// backupLabel binds an authenticator to its use.
const backupLabel = "backup"

// Sign returns the function that makes the authenticator of a backup, which
// reveals changes by anyone without the master key.
func Sign(s *crypto.Sealer) store.Sign {
	return func(digest []byte) []byte { return s.MAC(backupLabel, digest) }
}

// Verify checks that a backup is unchanged since capf wrote it. The error is
// apperr.ErrRefused when it was changed, or when that cannot be known because it
// has no authenticator.
func Verify(s *crypto.Sealer, seal store.Seal) error {
	switch {
	case seal.MAC == nil:
		return apperr.Refused("the backup carries no authenticator: an older capf made it, or one without the master key, or someone has removed it")
	case !s.VerifyMAC(backupLabel, seal.Digest, seal.MAC):
		return apperr.Refused("the backup has been changed since capf wrote it, by someone without the master key")
	}
	return nil
}
