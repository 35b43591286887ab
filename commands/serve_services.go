package commands

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"

	"capf/commands/internal/files"
	"capf/crypto"
	"capf/enroll/metrics"
	"capf/enroll/provision"
	"capf/enroll/services"
	"capf/enroll/settings"
	"capf/enroll/transfer"
	"capf/store"
)

// serviceListen are the addresses that flags give to the services beside capf, in
// place of their parameters.
type serviceListen struct{ provision, tftp, tvs string }

// besideCAPF are the services that serve runs beside the listener for phones.
func besideCAPF(env *Env, s *store.Store, sealer *crypto.Sealer, listen serviceListen, meter *metrics.Meter, log *slog.Logger) []services.Service {
	return []services.Service{provisionService(env, s, sealer, listen, meter, log), tvsService(env, s, sealer, listen, meter, log)}
}

// provisionService gives files to phones by HTTP and by TFTP.
func provisionService(env *Env, s *store.Store, sealer *crypto.Sealer, listen serviceListen, meter *metrics.Meter, log *slog.Logger) services.Service {
	files := provision.New(provision.Config{Store: s.Reader, Sealer: sealer, Now: env.Now, Log: log, Meter: meter})
	c := transfer.Config{Giver: files, Limits: transfer.DefaultLimits(), Log: log}
	return services.Service{Name: settings.ServiceProvision, Parts: []services.Part{
		{
			Name: "provision", Listen: listen.provision, Port: func(s settings.Settings) int { return s.ProvisionPort },
			Open: func(ctx context.Context, address string) (services.Listener, error) {
				return transfer.ListenHTTP(ctx, address, c)
			},
		},
		{
			Name: "tftp", Listen: listen.tftp, Port: func(s settings.Settings) int { return s.ProvisionTFTPPort },
			Open: func(ctx context.Context, address string) (services.Listener, error) {
				return transfer.ListenTFTP(ctx, address, c)
			},
		},
	}}
}

// runServices runs the services beside the listener until ctx ends; the channel is
// closed when they have finished. They have begun when it returns.
func runServices(ctx context.Context, c services.Config, f *addressFile) (report func() []store.RunningService, done <-chan struct{}) {
	var r *services.Runner
	c.Moved = func() { f.moved(r.Addresses()) }
	r = services.New(c)
	r.Begin(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		r.Run(ctx)
	}()
	return r.Report, ended
}

// addressFile keeps the addresses for scripts that let the system choose a port: first
// those of capf, one a line, then those of the services, each after its name. There is
// none before serve is ready.
type addressFile struct {
	name string
	log  *slog.Logger

	mu     sync.Mutex // guards the rest
	ready  bool
	capf   []net.Addr
	beside []services.Address
}

// announce writes the file with the addresses of capf.
func (f *addressFile) announce(addresses []net.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.capf, f.ready = addresses, true
	f.write()
}

// moved writes it anew with the addresses of the services.
func (f *addressFile) moved(addresses []services.Address) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.beside = addresses
	if f.ready {
		f.write()
	}
}

func (f *addressFile) write() {
	if f.name == "" {
		return
	}
	var b strings.Builder
	for _, a := range f.capf {
		fmt.Fprintln(&b, a)
	}
	for _, a := range f.beside {
		fmt.Fprintln(&b, a)
	}
	if err := files.Write(files.System{}, f.name, true, []byte(b.String())); err != nil {
		f.log.Error("the addresses could not be written", "reason", err)
	}
}

// forget removes the file when the server no longer listens.
func (f *addressFile) forget() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ready = false
	return forget(f.name)
}
