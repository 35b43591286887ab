package enroll

import (
	"context"
	"slices"

	"capf/enroll/onlineca"
	"capf/enroll/settings"
	"capf/store"
)

// OnlineMissing lists what still keeps phones from getting certificates of the
// online CA, as far as it can be told without asking it.
func (r *Rules) OnlineMissing(ctx context.Context) ([]Finding, error) {
	inForce, err := r.Settings(ctx)
	if err != nil {
		return nil, err
	}
	o := inForce.Online
	var found []Finding
	if inForce.FIPS {
		found = append(found, Finding{"error", settings.NoOnlineCAInFIPS, "capf set fips_mode false"})
	}
	if o.Host == "" {
		found = append(found, Finding{"error", settings.OnlineHost + " is not set: there is no online CA to ask", "capf set online_ca_hostname NAME"})
	}
	password, err := settings.HasSecret(ctx, r.Store.Reader, settings.OnlinePassword)
	if err != nil {
		return nil, err
	}
	switch {
	case o.Username != "" && !password:
		found = append(found, Finding{"error", noOnlinePassword, "capf set online_ca_password --password-file FILE"})
	case o.Username == "" && password:
		found = append(found, Finding{"error", settings.OnlinePassword + " is set, but no user name", "capf set online_ca_username NAME"})
	case o.Username == "" && o.Type == onlineca.Microsoft:
		found = append(found, Finding{"warning", settings.OnlineUsername + " is not set, and Web Enrollment knows nobody without one", `capf set online_ca_username 'DOMAIN\user'`})
	}
	if o.Template == "" && o.Type == onlineca.Microsoft {
		found = append(found, Finding{"warning", settings.OnlineTemplate + " is not set; only a stand-alone CA needs none", "capf set online_ca_template NAME"})
	}
	trusted, err := r.Store.Trust(ctx, store.CAPFTrust)
	if err != nil {
		return nil, err
	}
	if len(trusted) == 0 {
		return append(found, Finding{"error", "capf-trust is empty, so the online CA cannot be trusted", "capf cert upload FILE --purpose capf-trust"}), nil
	}
	var uses store.Uses
	for _, row := range trusted {
		uses |= row.For
	}
	if !uses.Has(store.ForHTTPS) {
		found = append(found, Finding{"error", "nothing in capf-trust vouches for https, so the online CA cannot be trusted", vouchForCA})
	}
	if !uses.Has(store.ForLSC) {
		found = append(found, Finding{"error", "nothing in capf-trust vouches for lsc, so no LSC of the online CA would be taken", vouchForCA})
	}
	return found, nil
}

// onlineFindings are the OnlineMissing of an issuer that is in use.
func (r *Rules) onlineFindings(ctx context.Context) ([]Finding, error) {
	inForce, err := r.Settings(ctx)
	if err != nil || inForce.Issuer != settings.IssuerOnline {
		return nil, err
	}
	return r.OnlineMissing(ctx)
}

// MissingForIssuer is what an operator hears who chooses the issuer: what is
// missing, the service too.
func (r *Rules) MissingForIssuer(ctx context.Context) ([]Finding, error) {
	missing, err := r.OnlineMissing(ctx)
	if err != nil {
		return nil, err
	}
	active, err := r.onlineActive(ctx)
	if err == nil && !active {
		missing = append(missing, enrollmentInactive())
	}
	return missing, err
}

func enrollmentInactive() Finding {
	return Finding{"error", "the service enrollment is deactivated: the online CA is not asked", "capf service activate enrollment"}
}

func (r *Rules) onlineActive(ctx context.Context) (bool, error) {
	services, err := r.Store.Services(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(services, func(s store.Service) bool { return s.Name == serviceOnline && s.Active }), nil
}
