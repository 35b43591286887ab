package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/enroll/settings"
	"capf/internal/apperr"
)

// secretFileFlags are the flags that name the file with a secret, with the
// parameter that each is for.
var secretFileFlags = map[string]string{"password-file": "online_ca_password", "file": "online_ca_client_certificate"}

// takeFile takes the flag that belongs to the parameter and refuses any other.
func (o *setOptions) takeFile(c *cli.Context) error {
	for flag, parameter := range secretFileFlags {
		if !c.IsSet(flag) {
			continue
		}
		if p, ok := settings.FindParameter(o.name); !ok || p.Name != parameter {
			return apperr.Usage("--%s is for %s only", flag, parameter)
		}
		if o.value != nil {
			return apperr.Usage("--%s and a VALUE exclude each other", flag)
		}
		o.file = c.String(flag)
	}
	return nil
}

// setSecret sets a parameter that is never shown.
func setSecret(ctx context.Context, env *Env, p settings.Parameter, o setOptions) error {
	value, err := secretValue(env, p, o)
	if err != nil {
		return err
	}
	s, err := env.openStore(ctx)
	if err != nil {
		return err
	}
	c, err := approvals(env, s).Parameters().SetSecret(ctx, p.Name, value)
	if err != nil {
		return err
	}
	return sayChange(ctx, env, s, c)
}

// secretValue is nil to remove the secret.
func secretValue(env *Env, p settings.Parameter, o setOptions) ([]byte, error) {
	pem := p.Name == secretFileFlags["file"]
	switch {
	case o.value != nil && *o.value == "none":
		return nil, nil
	case o.value != nil:
		return nil, apperr.WithHint(apperr.Usage("%s is a secret, which never comes as an argument", p.Name), "%s", settings.SecretHint(p.Name))
	case o.file != "" && pem:
		return env.readInput(o.file, certificateLimit)
	case o.file != "":
		line, err := env.readSecret(o.file)
		return []byte(line), err
	case env.Prompt == nil || pem:
		return nil, apperr.WithHint(apperr.Usage("the value of %s is missing", p.Name), "%s", settings.SecretHint(p.Name))
	}
	line, err := env.askSecret(p.Name)
	return []byte(line), err
}
