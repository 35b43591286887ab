package commands

import (
	"context"
	"crypto/rand"
	"log/slog"

	"capf/crypto"
	"capf/enroll/authority"
	"capf/enroll/caworker"
	"capf/enroll/lscs"
	"capf/enroll/secrets"
	"capf/store"
)

// What commands make of the open database to call the rules.

// openCAPF is the CAPF certificate, with the master key that opens its key. A database
// that capf init has not seen gives secrets.ErrNotReady.
func openCAPF(ctx context.Context, env *Env, s *store.Store) (authority.CAPF, error) {
	sealer, err := secrets.OpenSealer(ctx, s.Reader, secrets.MasterKeyFile(s.Path(), env.Getenv))
	return capfWith(env, s, sealer), err
}

func capfWith(env *Env, s *store.Store, sealer *crypto.Sealer) authority.CAPF {
	return authority.CAPF{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader}
}

// openOnlineCA is the online CA as it is configured, with the master key that opens
// its password.
func openOnlineCA(ctx context.Context, env *Env, s *store.Store) (caworker.CA, error) {
	sealer, err := secrets.OpenSealer(ctx, s.Reader, secrets.MasterKeyFile(s.Path(), env.Getenv))
	return caworker.CA{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}, err
}

func trustStores(env *Env, s *store.Store) authority.TrustStores {
	return authority.TrustStores{Store: s, Now: env.Now}
}

func revoker(env *Env, s *store.Store) lscs.Revoker { return lscs.Revoker{Store: s, Now: env.Now} }
