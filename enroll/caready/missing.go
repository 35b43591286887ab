package caready

import (
	"context"

	"capf/enroll/onlineca"
	"capf/enroll/settings"
	"capf/store"
)

// Lack is one thing that an operator still has to do.
type Lack struct {
	Object   string // what lacks: a parameter, a use of capf-trust, or the service
	Severity string // error, or warning for what may be intended
	Text     string
	Hint     string
}

// vouch is the hint for making a company's CA in capf-trust vouch for what an
// online CA needs.
const vouch = "capf cert set ID --for lsc,https, or upload the CA's certificate to capf-trust"

// Missing lists what still keeps phones from getting certificates from the
// online CA, as far as that can be known without asking it. It does not check
// the service.
func Missing(ctx context.Context, s *store.Reader) ([]Lack, error) {
	inForce, err := settings.Read(ctx, s)
	if err != nil {
		return nil, err
	}
	var all []Lack
	if inForce.FIPS {
		all = append(all, Lack{settings.FIPSMode, "error", settings.NoOnlineCAInFIPS, "capf set fips_mode false"})
	}
	if inForce.Online.Host == "" {
		all = append(all, Lack{settings.OnlineHost, "error", noHost, "capf set online_ca_hostname NAME"})
	}
	login, err := missingLogin(ctx, s, inForce.Online)
	if err != nil {
		return nil, err
	}
	trust, err := missingTrust(ctx, s)
	return append(append(all, login...), trust...), err
}

// MissingForIssuer is Missing for an operator who has just chosen the issuer
// online-ca: the service counts too.
func MissingForIssuer(ctx context.Context, s *store.Reader) ([]Lack, error) {
	all, err := Missing(ctx, s)
	if err != nil {
		return nil, err
	}
	active, err := Active(ctx, s)
	if err == nil && !active {
		all = append(all, Inactive())
	}
	return all, err
}

func missingLogin(ctx context.Context, s *store.Reader, o settings.Online) (all []Lack, err error) {
	password, err := settings.HasSecret(ctx, s, settings.OnlinePassword)
	if err != nil {
		return nil, err
	}
	kind, _ := onlineca.KindOf(o.Type)
	switch {
	case o.Username != "" && !password:
		all = append(all, Lack{settings.OnlinePassword, "error", noPassword, "capf set online_ca_password --password-file FILE"})
	case o.Username == "" && password:
		all = append(all, Lack{settings.OnlineUsername, "error", settings.OnlinePassword + " is set, but no user name", "capf set online_ca_username NAME"})
	case o.Username == "" && kind.WithoutUser != "":
		all = append(all, Lack{settings.OnlineUsername, "warning", settings.OnlineUsername + " is not set, and " + kind.WithoutUser, `capf set online_ca_username 'DOMAIN\user'`})
	}
	if o.Template == "" && kind.WithoutTemplate != "" {
		all = append(all, Lack{settings.OnlineTemplate, "warning", settings.OnlineTemplate + " is not set; " + kind.WithoutTemplate, "capf set online_ca_template NAME"})
	}
	return all, nil
}

func missingTrust(ctx context.Context, s *store.Reader) (all []Lack, err error) {
	trusted, err := s.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	if len(trusted) == 0 {
		return []Lack{{"capf-trust", "error", "capf-trust is empty, so the online CA cannot be trusted", "capf cert upload FILE --purpose capf-trust"}}, nil
	}
	var uses store.Uses
	for _, row := range trusted {
		uses |= row.For
	}
	if !uses.Has(store.ForHTTPS) {
		all = append(all, Lack{"https", "error", "nothing in capf-trust vouches for https, so the online CA cannot be trusted", vouch})
	}
	if !uses.Has(store.ForLSC) {
		all = append(all, Lack{"lsc", "error", "nothing in capf-trust vouches for lsc, so no LSC of the online CA would be taken", vouch})
	}
	return all, nil
}
