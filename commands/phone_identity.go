package commands

import (
	stdcrypto "crypto"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/files"
	"capf/crypto"
	"capf/crypto/certfile"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/internal/apperr"
)

// phoneProofs reads what the phone authenticates with, and how it verifies the
// server.
func phoneProofs(env *Env, c *cli.Context, cfg *phone.Config) (err error) {
	if c.IsSet("auth-string-file") {
		s, err := env.readSecret(c.String("auth-string-file"))
		if err != nil {
			return err
		}
		cfg.Password = []byte(s)
	}
	if cfg.Existing, err = phoneIdentity(env, c, "existing", wire.TypeLSC); err != nil {
		return err
	}
	switch c.String("existing-type") {
	case "lsc":
	case "mic":
		if cfg.Existing != nil {
			cfg.Existing.Type = wire.TypeMIC
		}
	default:
		return apperr.Usage("--existing-type: %q is not lsc or mic", c.String("existing-type"))
	}
	if cfg.SUDI, err = phoneIdentity(env, c, "sudi", wire.TypeMIC); err != nil {
		return err
	}
	cfg.ServerCertificate, err = phoneCertificate(env, c.String("capf-cert"))
	return err
}

// phoneIdentity reads the certificate and key that a pair of flags names.
func phoneIdentity(env *Env, c *cli.Context, prefix string, kind wire.CertificateType) (*phone.Identity, error) {
	certFile, keyFile := c.String(prefix+"-cert"), c.String(prefix+"-key")
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, apperr.Usage("--%s-cert and --%s-key belong together", prefix, prefix)
	}
	der, err := phoneCertificate(env, certFile)
	if err != nil {
		return nil, err
	}
	key, err := phoneKey(env, keyFile)
	if err != nil {
		return nil, err
	}
	return &phone.Identity{Certificate: der, Key: key, Type: kind}, nil
}

func phoneKey(env *Env, name string) (stdcrypto.Signer, error) {
	data, err := env.readInput(name, certificateLimit)
	if err != nil {
		return nil, err
	}
	key, err := crypto.ParsePrivateKeyPEM(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", files.InputName(name), err)
	}
	return key, nil
}

// phoneCertificate reads the first certificate of a file; nil without a name.
func phoneCertificate(env *Env, name string) ([]byte, error) {
	if name == "" {
		return nil, nil
	}
	data, err := env.readInput(name, certificateLimit)
	if err != nil {
		return nil, err
	}
	certs, err := certfile.Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", files.InputName(name), err)
	}
	return certs[0].Raw, nil
}
