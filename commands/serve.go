package commands

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/crypto"
	"capf/enroll/approval"
	"capf/enroll/audit"
	"capf/enroll/devices"
	"capf/enroll/jobs"
	"capf/enroll/lists"
	"capf/enroll/secrets"
	"capf/enroll/server"
	"capf/enroll/services"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

type serveOptions struct {
	init        initOptions
	listen      []string
	beside      serviceListen
	jsonLog     bool
	level       slog.Level
	grace       time.Duration
	addressFile string
	metrics     string
}

func serveCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "serve", Short: "run the listener on which phones connect",
		Privilege: cmdline.OutsideShell,
		About: `The first start creates the database and the CAPF certificate. SIGINT and SIGTERM
stop it: it accepts no new sessions, gives the running ones the grace period, and
exits with 0; a second signal ends it at once. The log goes to stderr.

Under systemd with Type=notify, it reports when it is ready and, if a watchdog is
set, that it is alive. Metrics have no access control: give them a loopback
address. It refuses to run if everybody may change the database or the files in its
folder, and warns if others may read it.`,
		Example: "capf serve --listen 127.0.0.1:0 --address-file capf.address",
		Flags: append([]cli.Flag{
			&cli.StringSliceFlag{Name: "listen", Usage: "listen on `ADDRESS`, such as :3804 or 10.0.0.1:3804; may be repeated (default: the parameter capf_phone_port)"},
			&cli.StringFlag{Name: "provision-listen", Usage: "give files to phones by HTTP on `ADDRESS` (default: the parameter provision_port)"},
			&cli.StringFlag{Name: "tftp-listen", Usage: "give files to phones by TFTP on `ADDRESS` (default: the parameter provision_tftp_port)"},
			&cli.StringFlag{Name: "tvs-listen", Usage: "answer the Trust Verification Service on `ADDRESS` (default: the parameter tvs_port)"},
			&cli.StringFlag{Name: "log-format", Value: "text", Usage: "`FORMAT` of the log: text or json"},
			&cli.StringFlag{Name: "log-level", Value: "info", Usage: "`LEVEL`: debug, info, warn, error"},
			&cli.DurationFlag{Name: "grace", Value: 10 * time.Second, Usage: "`TIME` that running sessions get to finish when it stops"},
			&cli.StringFlag{Name: "metrics", Usage: "serve metrics for Prometheus on `ADDRESS`, such as 127.0.0.1:9804"},
			&cli.StringFlag{Name: "address-file", Usage: "write the addresses to `FILE` once it listens, one a line; after those of capf, the ones of other services, each after its name"},
		}, nameFlags()...),
		Run: func(c *cli.Context) error {
			o, err := serveChoice(c)
			if err != nil {
				return err
			}
			return serve(c.Context, env, o)
		},
	}
}

func serveChoice(c *cli.Context) (o serveOptions, err error) {
	if o.init, err = initChoice(c); err != nil {
		return o, err
	}
	o.listen, o.grace, o.addressFile = c.StringSlice("listen"), c.Duration("grace"), c.String("address-file")
	o.metrics = c.String("metrics")
	o.beside = serviceListen{c.String("provision-listen"), c.String("tftp-listen"), c.String("tvs-listen")}
	addresses := slices.Clone(o.listen)
	for _, name := range []string{"metrics", "provision-listen", "tftp-listen", "tvs-listen"} {
		if c.IsSet(name) {
			addresses = append(addresses, c.String(name))
		}
	}
	for _, a := range addresses {
		if _, _, err := net.SplitHostPort(a); err != nil {
			return o, apperr.Usage("%q is not HOST:PORT, :PORT or [IPV6]:PORT", a)
		}
	}
	if o.grace <= 0 {
		return o, apperr.Usage("--grace: it must be longer than 0")
	}
	switch c.String("log-format") {
	case "json":
		o.jsonLog = true
	case "text":
	default:
		return o, apperr.Usage("--log-format: %q is not text or json", c.String("log-format"))
	}
	if err := o.level.UnmarshalText([]byte(c.String("log-level"))); err != nil {
		return o, apperr.Usage("--log-level: %q is not debug, info, warn or error", c.String("log-level"))
	}
	return o, nil
}

// untouched is memory that the system never has to give, since nobody writes to
// it, and that makes the heap count as larger. The collector works when the heap
// has doubled: the small one of a server does that several times a second while
// many phones enroll, and each time the sessions stop and their stacks shrink.
// A higher GOGC would do so too, but multiply the memory of ten thousand phones that wait.
func untouched() []byte { return make([]byte, 16<<20) }

func serve(ctx context.Context, env *Env, o serveOptions) error {
	defer runtime.KeepAlive(untouched())
	log := host.NewLogger(env.Stderr, env.Getenv, o.jsonLog, o.level)
	s, sealer, err := openToServe(ctx, env, o, log)
	if err != nil {
		return err
	}
	if err := forget(o.addressFile); err != nil {
		return err
	}
	ctx, stop := env.untilSignal(ctx)
	defer stop()
	meter, shown, err := showMetrics(ctx, o.metrics, s, env.Now, log)
	if err != nil {
		return err
	}
	systemd := host.NewSystemd(env.Getenv, os.Getpid(), log)
	context.AfterFunc(ctx, systemd.Stopping)
	jobsDone, err := runJobs(ctx, &devices.Rules{Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader}, log)
	if err != nil {
		return err
	}
	timesDone := watchTimes(ctx, s, log)
	stopWatching := watchFindings(env, s, meter, log)
	stopJournal := keepJournal(&audit.Journal{Store: s, Sealer: sealer, Now: env.Now, Log: log})
	addresses := &addressFile{name: o.addressFile, log: log}
	beside, servicesDone := runServices(ctx, services.Config{Store: s.Reader, Log: log, Grace: o.grace, Services: besideCAPF(env, s, sealer, o.beside, meter, log)}, addresses)
	keeper, listsDone := keepLists(ctx, s, sealer, meter, log)
	err = server.Run(ctx, server.Config{
		Store: s, Sealer: sealer, Now: env.Now, Rand: rand.Reader, Listen: o.listen, Log: log, Grace: o.grace, Version: thisBuild().version, Meter: meter, Beat: systemd.Beat,
		Ready: addresses.announce, Beside: beside, Lists: keeper.Report,
	})
	stop()
	<-listsDone
	<-servicesDone
	<-jobsDone
	<-timesDone
	<-shown
	stopWatching()
	stopJournal()
	return errors.Join(err, addresses.forget())
}

// openToServe opens the database and the master key. When they are missing, it makes
// them and the CAPF certificate.
func openToServe(ctx context.Context, env *Env, o serveOptions, log *slog.Logger) (*store.Store, *crypto.Sealer, error) {
	// SQLite applies the files that it finds beside the database when it opens it.
	if err := checkModes(env, log); err != nil {
		return nil, nil, err
	}
	s, err := createStore(ctx, env)
	if err != nil {
		return nil, nil, err
	}
	sealer, err := createSealer(ctx, env, s)
	if err != nil {
		return nil, nil, err
	}
	if err := settings.KnowClientCertificate(ctx, s, sealer); err != nil {
		log.Warn("the end of the client certificate for the online CA is not known", "reason", err)
	}
	made, err := capfWith(env, s, sealer).Init(ctx, env.actor(), o.init.name, o.init.keyBits)
	if err != nil {
		return nil, nil, err
	}
	if made.Created {
		log.Info("made the CAPF certificate", "subject", made.Certificate.Subject.String(), "sha256", made.Fingerprint)
	}
	return s, sealer, nil
}

// checkModes refuses to serve from files that everybody may change.
func checkModes(env *Env, log *slog.Logger) error {
	path, err := env.databasePath()
	if err != nil {
		return err
	}
	found, err := host.SafeModes(path, secrets.MasterKeyFile(path, env.Getenv))
	for _, e := range found {
		log.Warn(e.Text, "hint", e.Hint)
	}
	return err
}

// runJobs runs jobs beside the listener until ctx ends; the channel is closed when
// it has finished.
func runJobs(ctx context.Context, r *devices.Rules, log *slog.Logger) (<-chan struct{}, error) {
	owner, err := jobs.NewOwner(r)
	if err != nil {
		return nil, err
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := (jobs.Runner{Rules: r, Owner: owner, Log: log}).Run(ctx); err != nil {
			log.Error("jobs are no longer run", "reason", err.Error())
		}
	}()
	return done, nil
}

// watchTimes does what was to be done at a time, until ctx ends: it ends proposals that
// have waited too long, and rotates the keys of trust lists. The channel is closed then.
func watchTimes(ctx context.Context, s *store.Store, log *slog.Logger) <-chan struct{} {
	done := make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() { approval.Watch(ctx, s, log) })
	all.Go(func() { lists.Watch(ctx, s, log) })
	go func() { all.Wait(); close(done) }()
	return done
}

// keepJournal logs events and seals the record until the function that it returns is
// called.
func keepJournal(j *audit.Journal) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		j.Run(ctx)
	}()
	return func() { cancel(); <-done }
}

// forget removes the file with the addresses when the server no longer listens. A
// device or a pipe stays.
func forget(file string) error {
	if info, err := os.Lstat(file); file == "" || err == nil && !info.Mode().IsRegular() {
		return nil
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing %q: %w", file, apperr.WithoutPath(err))
	}
	return nil
}
