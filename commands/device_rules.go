package commands

import (
	"context"
	"crypto/rand"

	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/store"
)

// deviceRules are the rules for devices on the open database, without its
// secrets.
func deviceRules(env *Env, s *store.Store) *devices.Rules {
	return &devices.Rules{Store: s, Now: env.Now, Rand: rand.Reader}
}

// sealedDeviceRules are deviceRules with the master key, for what touches a
// secret.
func sealedDeviceRules(ctx context.Context, env *Env, s *store.Store) (*devices.Rules, error) {
	r := deviceRules(env, s)
	sealer, err := secrets.OpenSealer(ctx, s.Reader, secrets.MasterKeyFile(s.Path(), env.Getenv))
	r.Sealer = sealer
	return r, err
}
