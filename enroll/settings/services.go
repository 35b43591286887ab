package settings

import (
	"context"

	"capf/store"
)

// The services, which an operator activates, deactivates and restarts.
const (
	ServiceCAPF       = "capf"       // the listener on which phones connect
	ServiceEnrollment = "enrollment" // the client of an online CA
	ServiceProvision  = "provision"  // trust lists and configuration files for phones
	ServiceTVS        = "tvs"        // the Trust Verification Service
)

// AboutService says in a few words what a service is.
func AboutService(name string) string {
	switch name {
	case ServiceCAPF:
		return "the listener on which phones connect"
	case ServiceEnrollment:
		return "the client of an online CA"
	case ServiceProvision:
		return "trust lists and configuration files for phones"
	case ServiceTVS:
		return "the Trust Verification Service"
	}
	return ""
}

// SetService activates or deactivates a service; a running serve follows within two
// seconds. The error is store.ErrNotFound for an unknown service.
func SetService(ctx context.Context, s *store.Store, actor store.Actor, name string, active bool) error {
	return s.SetService(ctx, actor, name, active)
}

// RestartService asks a running serve to let its sessions end and to read certificate,
// port and TLS settings again. The error is store.ErrNotFound for an unknown service.
func RestartService(ctx context.Context, s *store.Store, actor store.Actor, name string) error {
	return s.RestartService(ctx, actor, name)
}
