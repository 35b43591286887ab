package commands

import (
	"context"

	"capf/commands/internal/cmdline"
	"capf/crypto"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/store"
)

func serviceActivateCommand(env *Env) cmdline.Command {
	return serviceCommand(env, "activate", "activate a service", `A running serve complies within two seconds, or says what keeps it from listening.
The first time, tvs gets a certificate of its own, which the trust lists of phones
carry from then on.`, activation(true))
}

// makeTVSCertificate makes the certificate of TVS, if there is none yet.
func makeTVSCertificate(ctx context.Context, env *Env, s *store.Store) (made bool, err error) {
	sealer, err := openSealer(ctx, env, s.Reader)
	if err != nil {
		return false, err
	}
	c, made, err := tvsMaker(env, s, sealer).Ensure(ctx, env.actor())
	if err == nil && made {
		env.say("made the certificate of TVS, %s, SHA-256 %s", crypto.DisplayName(c), crypto.Fingerprint(c))
	}
	return made, err
}

// tellLists says when phones learn of what has changed in their lists.
func tellLists(ctx context.Context, env *Env, s *store.Reader) error {
	there, err := lists.Exist(ctx, s)
	switch {
	case err != nil:
		return err
	case !there:
		env.say("hint: phones ask it once their trust lists carry it: capf trust-list init makes these")
	default:
		env.say("phones ask it once they have the list that carries it")
	}
	return nil
}

func activation(active bool) func(context.Context, *Env, string) error {
	return func(ctx context.Context, env *Env, name string) error {
		s, was, err := openService(ctx, env, name)
		if err != nil {
			return err
		}
		made := false
		if active && was.Name == settings.ServiceTVS {
			if made, err = makeTVSCertificate(ctx, env, s); err != nil {
				return err
			}
		}
		if was.Active == active {
			env.say("service %s is %s already", was.Name, serviceState(was))
			return serviceResult(ctx, env, s.Reader, was.Name)
		}
		if err := settings.SetService(ctx, s, env.actor(), was.Name, active); err != nil {
			return err
		}
		was.Active = active
		env.say("service %s is %s", was.Name, serviceState(was))
		if err := awaitServers(ctx, env, s.Reader, was); err != nil {
			return err
		}
		if made {
			if err := tellLists(ctx, env, s.Reader); err != nil {
				return err
			}
		}
		return serviceResult(ctx, env, s.Reader, was.Name)
	}
}
