package commands

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/liveness"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

func serviceCommand(env *Env, name, short, about string, run func(context.Context, *Env, string) error) cmdline.Command {
	return cmdline.Command{
		Name: name, Args: "SERVICE", Short: short, About: about,
		Role:    cmdline.Operator,
		Example: "capf service " + name + " capf",
		Output:  cmdline.Object,
		Run:     func(c *cli.Context) error { return run(c.Context, env, c.Args().First()) },
	}
}

func openService(ctx context.Context, env *Env, name string) (*store.Store, store.Service, error) {
	s, err := env.openStore(ctx)
	if err != nil {
		return nil, store.Service{}, err
	}
	service, err := findService(ctx, s.Reader, name)
	return s, service, err
}

func findService(ctx context.Context, s *store.Reader, name string) (store.Service, error) {
	all, err := s.Services(ctx)
	if err != nil {
		return store.Service{}, err
	}
	var names []string
	for _, v := range all {
		names = append(names, v.Name)
	}
	if i := slices.Index(names, strings.ToLower(name)); i >= 0 {
		return all[i], nil
	}
	return store.Service{}, apperr.WithHint(fmt.Errorf("service %q: %w", name, store.ErrNotFound),
		"%s", cmdline.DidYouMean(name, names, "services are "+strings.Join(names, ", ")))
}

func serviceResult(ctx context.Context, env *Env, s *store.Reader, name string) error {
	if env.Format != term.JSON {
		return nil
	}
	service, err := findService(ctx, s, name)
	if err != nil {
		return err
	}
	return showObject(env, fieldsOf(serviceColumns, service))
}

// serverDelay is how long a running serve may take to do what it is told
// (behaviour.md allows two seconds), with room for a busy machine.
const serverDelay = 5 * time.Second

// awaitServers waits until the running servers have done what was set, so
// that the next line of a script finds it done.
func awaitServers(ctx context.Context, env *Env, s *store.Reader, service store.Service) error {
	if service.Name == settings.ServiceEnrollment {
		return nil
	}
	for deadline := time.Now().Add(serverDelay); ; {
		rows, err := s.Servers(ctx)
		if err != nil {
			return err
		}
		living, waiting := 0, 0
		var troubles []string
		for _, v := range rows {
			if !liveness.Alive(v, env.Now()) {
				continue
			}
			living++
			done, told := complies(v, service)
			if !done {
				waiting++
			}
			troubles = append(troubles, told...)
		}
		switch {
		case living == 0:
			env.say("note: no serve is running")
			return nil
		case waiting == 0:
			for _, text := range troubles {
				env.say("%s", text)
			}
			if len(troubles) == 0 {
				env.say("%s complied", counted(living, "running serve"))
			}
			return nil
		case time.Now().After(deadline):
			env.say("warning: %d of %d running serves have not complied within %s; capf status shows their state", waiting, living, serverDelay)
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// complies reports whether a running serve has done what was set, and in lines what
// keeps it from listening all the same.
func complies(v store.Server, service store.Service) (done bool, troubles []string) {
	if service.Name == settings.ServiceCAPF {
		return service.Active == (len(v.Addresses) > 0) && v.Restarts >= service.Restarts, nil
	}
	r, reported := v.Service(service.Name)
	if !reported || r.Active != service.Active || r.Restarts < service.Restarts {
		return false, nil
	}
	if r.Trouble != "" {
		troubles = append(troubles, fmt.Sprintf("warning: serve (pid %d on %s): %s; it tries again", v.PID, v.Host, r.Trouble))
		if r.Hint != "" {
			troubles = append(troubles, "hint: "+r.Hint)
		}
	}
	return true, troubles
}
