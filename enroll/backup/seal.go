package backup

import (
	"capf/crypto"
	"capf/internal/apperr"
	"capf/store"
)

// backupLabel binds an authenticator to its use.
const backupLabel = "backup"

// Sign makes the authenticator that a backup carries, so that a change by somebody
// without the master key is noticed.
func Sign(s *crypto.Sealer) store.Sign {
	return func(digest []byte) []byte { return s.MAC(backupLabel, digest) }
}

// Verify says whether a backup is as capf wrote it. apperr.ErrRefused: it is not,
// or cannot be known, since it carries no authenticator.
func Verify(s *crypto.Sealer, seal store.Seal) error {
	switch {
	case seal.MAC == nil:
		return apperr.Refused("the backup carries no authenticator: an older capf made it, or one without the master key, or somebody has removed it")
	case !s.VerifyMAC(backupLabel, seal.Digest, seal.MAC):
		return apperr.Refused("the backup has been changed since capf wrote it, by somebody who has not the master key")
	}
	return nil
}
