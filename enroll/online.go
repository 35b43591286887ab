package enroll

import (
	"context"

	"capf/enroll/settings"
)

// serviceOnline is the service that asks the online CA.
const serviceOnline = "enrollment"

// vouchForCA makes a company's CA in capf-trust vouch for what an online CA
// needs.
const vouchForCA = "capf cert set ID --for lsc,https, or upload the CA's certificate to capf-trust"

// onlineUnready says why the online CA cannot be asked at all, "" when it can.
func (r *Rules) onlineUnready(ctx context.Context, s settings.Settings) (string, error) {
	switch {
	case s.FIPS:
		return settings.NoOnlineCAInFIPS, nil
	case s.Online.Host == "":
		return settings.OnlineHost + " is not set: there is no online CA to ask", nil
	}
	active, err := r.onlineActive(ctx)
	if err != nil {
		return "", err
	}
	if !active {
		return enrollmentInactive().Text, nil
	}
	password, err := settings.HasSecret(ctx, r.Store.Reader, settings.OnlinePassword)
	if err == nil && s.Online.Username != "" && !password {
		return noOnlinePassword, nil
	}
	return "", err
}

const noOnlinePassword = settings.OnlineUsername + " is set, but no password"
