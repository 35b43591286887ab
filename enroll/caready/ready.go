// Package caready says whether the online CA is set up here so that phones can
// have its certificates, and what is missing. It asks only the database: it must
// not know the protocols of CAs.
package caready

import (
	"context"
	"slices"

	"capf/enroll/settings"
	"capf/store"
)

// Service is the name of the service that asks the online CA.
const Service = "enrollment"

// Active reports whether the service is activated.
func Active(ctx context.Context, s *store.Reader) (bool, error) {
	services, err := s.Services(ctx)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(services, func(v store.Service) bool { return v.Name == Service && v.Active }), nil
}

// Unready returns the reason why the online CA cannot be asked at all, ""
// when it can.
func Unready(ctx context.Context, s *store.Reader, inForce settings.Settings) (string, error) {
	switch {
	case inForce.FIPS:
		return settings.NoOnlineCAInFIPS, nil
	case inForce.Online.Host == "":
		return noHost, nil
	}
	active, err := Active(ctx, s)
	if err != nil {
		return "", err
	}
	if !active {
		return Inactive().Text, nil
	}
	password, err := settings.HasSecret(ctx, s, settings.OnlinePassword)
	if err == nil && inForce.Online.Username != "" && !password {
		return noPassword, nil
	}
	return "", err
}

const (
	noHost     = settings.OnlineHost + " is not set: there is no online CA to ask"
	noPassword = settings.OnlineUsername + " is set, but no password"
)

// Inactive returns what is missing while the service is deactivated.
func Inactive() Lack {
	return Lack{Service, "error", "the service enrollment is deactivated: the online CA is not asked", "capf service activate enrollment"}
}
