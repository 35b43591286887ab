package commands

import (
	"context"
	"crypto/rand"
	"log/slog"

	"capf/crypto"
	"capf/enroll/approval"
	"capf/enroll/authority"
	"capf/enroll/caworker"
	"capf/enroll/devices"
	"capf/enroll/lscs"
	"capf/enroll/offline"
	"capf/enroll/secrets"
	"capf/enroll/tvs"
	"capf/store"
)

// Commands call the rules of enroll. Here is how each of them is made for the open
// database.

// openSealer opens the master key, for rules that touch a secret.
func openSealer(ctx context.Context, env *Env, s *store.Reader) (*crypto.Sealer, error) {
	return secrets.OpenSealer(ctx, s, secrets.MasterKeyFile(s.Path(), env.Getenv))
}

// createSealer is openSealer for a database that may be new: it makes the key then.
func createSealer(ctx context.Context, env *Env, s *store.Store) (*crypto.Sealer, error) {
	return secrets.CreateSealer(ctx, s, secrets.MasterKeyFile(s.Path(), env.Getenv))
}

// openCAPF is the CAPF certificate, with the master key that opens its key. Before
// capf init it returns secrets.ErrNotReady.
func openCAPF(ctx context.Context, env *Env, s *store.Store) (authority.CAPF, error) {
	sealer, err := openSealer(ctx, env, s.Reader)
	return capfWith(env, s, sealer), err
}

func capfWith(env *Env, s *store.Store, sealer *crypto.Sealer) authority.CAPF {
	return authority.CAPF{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader}
}

// tvsMaker makes the certificate of TVS.
func tvsMaker(env *Env, s *store.Store, sealer *crypto.Sealer) tvs.Maker {
	return tvs.Maker{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader}
}

// openOnlineCA is the online CA as it is configured, with the master key that opens
// its password.
func openOnlineCA(ctx context.Context, env *Env, s *store.Store) (caworker.CA, error) {
	sealer, err := openSealer(ctx, env, s.Reader)
	return caworker.CA{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader, Log: slog.New(slog.DiscardHandler)}, err
}

// offlineCA is the CA that is reached through files.
func offlineCA(env *Env, s *store.Store) offline.CA { return offline.CA{Store: s, Now: env.Now} }

// approvals is the door for changes that may need another operator's approval.
func approvals(env *Env, s *store.Store) approval.Desk {
	return approval.Desk{
		Store: s, Now: env.Now, Rand: rand.Reader, Actor: env.actor(), Person: operator(env), Bypass: env.bypass,
		Keys: func(ctx context.Context) (*crypto.Sealer, error) { return openSealer(ctx, env, s.Reader) },
		Warn: func(text string) { env.warn([]string{text}) },
	}
}

func trustStores(env *Env, s *store.Store) authority.TrustStores {
	return authority.TrustStores{Store: s, Now: env.Now}
}

func revoker(env *Env, s *store.Store) lscs.Revoker { return lscs.Revoker{Store: s, Now: env.Now} }

// deviceRules are the rules for devices, without the master key.
func deviceRules(env *Env, s *store.Store) *devices.Rules {
	return &devices.Rules{Store: s, Now: env.Now, Rand: rand.Reader}
}

// sealedDeviceRules are deviceRules with the master key.
func sealedDeviceRules(ctx context.Context, env *Env, s *store.Store) (*devices.Rules, error) {
	r := deviceRules(env, s)
	sealer, err := openSealer(ctx, env, s.Reader)
	r.Sealer = sealer
	return r, err
}
