package commands

import (
	"context"
	"log/slog"

	"capf/crypto"
	"capf/enroll/metrics"
	"capf/enroll/services"
	"capf/enroll/settings"
	"capf/enroll/tvs"
	"capf/store"
)

// tvsService answers phones that ask about certificates.
func tvsService(env *Env, s *store.Store, sealer *crypto.Sealer, listen serviceListen, meter *metrics.Meter, log *slog.Logger) services.Service {
	t := tvs.Service{Store: s.Reader, Sealer: sealer, Now: env.Now, Log: log, Meter: meter}
	return services.Service{Name: settings.ServiceTVS, Parts: []services.Part{{
		Name: "tvs", Listen: listen.tvs, Port: func(s settings.Settings) int { return s.TVSPort }, State: t.State,
		Open: func(ctx context.Context, address string) (services.Listener, error) {
			return t.Open(ctx, address)
		},
	}}}
}
