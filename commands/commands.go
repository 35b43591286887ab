// Package commands is the operator's door: it turns a command line into
// options, makes one call, and prints the outcome. It knows streams, flags and
// the operator's words; rules live in enroll, facts in store.
package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/host"
	"capf/commands/internal/term"
	"capf/crypto"
	"capf/enroll/phone"
	"capf/enroll/wire"
	"capf/internal/apperr"
	"capf/store"
)

// tree is every command there is.
func tree(env *Env) *command {
	return &command{name: "capf", short: "issue Locally Significant Certificates to phones", commands: []command{
		initCommand(env),
		serveCommand(env),
		statusCommand(env),
		setCommand(env),
		showCommand(env),
		{name: "csr", short: "requests: public keys that phones sent", commands: []command{
			csrListCommand(env), csrCountCommand(env), csrShowCommand(env), offlineExportCommand(env, "dump", "csr dump"), csrDeleteCommand(env),
		}},
		{name: "offline", short: "requests out to a CA without a network, certificates in", commands: []command{
			offlineExportCommand(env, "export", "offline export"), offlineImportCommand(env, "import", "offline import"),
		}},
		{name: "stale-lsc", short: "certificates that were overtaken before their phone confirmed them", commands: []command{
			staleListCommand(env), staleDeleteCommand(env),
		}},
		{name: "lsc", short: "certificates that phones got", commands: []command{
			lscListCommand(env), lscShowCommand(env), lscExportCommand(env), lscRevokeCommand(env), lscReleaseCommand(env),
		}},
		{name: "cert", short: "the CAPF certificate and the trust stores", commands: []command{
			certUploadCommand(env), certListCommand(env), certShowCommand(env), certExportCommand(env), certSetCommand(env), certDeleteCommand(env),
			certCheckCommand(env), certRegenerateCommand(env), certCSRCommand(env),
			offlineImportCommand(env, "import", "cert import"),
		}},
		{name: "device", short: "phones and their CAPF settings", commands: []command{
			deviceAddCommand(env), deviceSetCommand(env), deviceListCommand(env), deviceShowCommand(env),
			deviceDeleteCommand(env), deviceGenerateStringCommand(env), deviceHistoryCommand(env), deviceMigrateCommand(env),
		}},
		{name: "bulk", short: "many devices at once", commands: []command{
			bulkSelectCommand(env), bulkUpdateCommand(env), bulkInsertCommand(env), bulkTemplateCSVCommand(env),
		}},
		{name: "template", short: "universal device templates: the settings with which devices begin", commands: []command{
			templateAddCommand(env), templateSetCommand(env), templateListCommand(env), templateShowCommand(env), templateDeleteCommand(env),
		}},
		{name: "feature-group", short: "feature group templates, which name a template", commands: []command{
			featureGroupAddCommand(env), featureGroupListCommand(env), featureGroupDeleteCommand(env),
		}},
		{name: "ldap", short: "LDAP directories whose people have devices", commands: []command{
			ldapAddCommand(env), ldapSetCommand(env), ldapListCommand(env), ldapShowCommand(env), ldapSyncCommand(env), ldapDeleteCommand(env),
		}},
		{name: "report", short: "reports, to the terminal or as a page for a browser", commands: []command{
			reportStaleCommand(env), reportExpiryCommand(env), reportOperationsCommand(env),
		}},
		{name: "job", short: "bulk operations that ran, run or will run", commands: []command{
			jobListCommand(env), jobShowCommand(env), jobCancelCommand(env), jobDeleteCommand(env), jobRunDueCommand(env),
		}},
		{name: "service", short: "services of capf", commands: []command{
			serviceListCommand(env), serviceActivateCommand(env), serviceDeactivateCommand(env), serviceRestartCommand(env),
		}},
		{name: "online-ca", short: "the CA that is asked at once", commands: []command{
			onlineCATestCommand(env),
		}},
		{name: "audit", short: "the record of who did what", commands: []command{
			auditListCommand(env), auditPruneCommand(env),
		}},
		{name: "phone", short: "act as a phone against any CAPF server", commands: []command{
			phoneEnrollCommand(env), phoneFetchCommand(env), phoneDeleteCommand(env),
		}},
		{name: "master-key", short: "the key under which secrets are sealed", commands: []command{
			masterKeyRotateCommand(env),
		}},
		backupCommand(env),
		restoreCommand(env),
		checkCommand(env),
		shellCommand(env),
		completionCommand(env),
		versionCommand(env),
	}}
}

// Main runs one command line and returns the exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	return runProcess(newEnv(stdin, stdout, stderr), args)
}

func runProcess(env *Env, args []string) int {
	// With a handler for SIGPIPE a write to a closed pipe is an error that
	// can be told from others; without one it would kill the process. A
	// handler, unlike Ignore, is not inherited by programs that are started.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	// What is written is for nobody else, unless its writer says so.
	syscall.Umask(0o077)
	// Many commands read a key, a password or an authentication string, each in
	// its own way.
	if err := host.KeepMemory(); err != nil {
		return env.report(err)
	}
	return env.run(context.Background(), args)
}

// run runs one command line and reports its error.
func (env *Env) run(ctx context.Context, argv []string) int {
	err := dispatch(ctx, env, argv)
	if env.confined != nil {
		noteForbidden(ctx, env, err)
	}
	if cerr := env.close(); err == nil {
		err = cerr
	}
	return env.report(err)
}

// report says what went wrong and returns the exit code.
func (env *Env) report(err error) int {
	var explained exitError
	switch {
	case errors.As(err, &explained):
		return int(explained)
	case errors.Is(err, syscall.EPIPE):
		return 0 // whoever read the output has seen enough of it
	case errors.Is(err, context.Canceled):
		err = errors.New("interrupted")
	}
	if err != nil {
		priority := ""
		if host.InJournal(env.Stderr, env.Getenv) {
			priority = host.JournalPriority(slog.LevelError)
		}
		env.say("%scapf: %s", priority, err)
		if h := hint(err); h != "" {
			env.say("%shint: %s", priority, h)
		}
	}
	return exitCode(err)
}

// exitCode is the one place where errors become exit codes.
func exitCode(err error) int {
	var ended *phone.DeclinedError
	switch {
	case err == nil:
		return 0
	case errors.Is(err, apperr.ErrPartly):
		return 5
	case errors.Is(err, apperr.ErrUsage), errors.Is(err, apperr.ErrValue):
		return 2
	case errors.Is(err, store.ErrNotFound), errors.Is(err, fs.ErrNotExist):
		return 3
	case errors.Is(err, apperr.ErrRefused), errors.Is(err, store.ErrConflict):
		return 4
	case errors.Is(err, errNothing), errors.Is(err, crypto.ErrOpenKey), errors.Is(err, store.ErrReplaced):
		return 4
	case errors.As(err, &ended) && ended.Reason == wire.ReasonUnknownDevice:
		return 3
	case errors.As(err, &ended):
		return 4
	}
	return 1
}

// dispatch finds the command of the line and runs it.
func dispatch(ctx context.Context, env *Env, argv []string) error {
	if len(argv) > 1 && argv[1] == "--version" {
		argv = append([]string{argv[0], "version"}, argv[2:]...)
	}
	if len(argv) > 1 && argv[1] == completionWord && env.confined == nil {
		return completeLine(ctx, env, argv[2:])
	}
	root := tree(env)
	l, err := parseLine(root, argv)
	if err == nil {
		env.command = record(l)
	}
	if err == nil && env.confined != nil {
		l, err = env.confined.confine(root, l, argv)
	}
	if err != nil {
		return err
	}
	if l.help {
		help(env.out, l)
		return nil
	}
	return parse(ctx, env, l)
}

// parse hands the line to urfave/cli, flags first and fenced off from the
// arguments. Everything that urfave/cli would do by itself is switched off:
// its help goes to stdout on misuse, its required flags bypass the error
// handler, its exit handler ends the process.
func parse(ctx context.Context, env *Env, l line) error {
	c := l.command
	app := &cli.App{
		Name: l.name(), Flags: c.allFlags(),
		HideHelp: true, HideHelpCommand: true, HideVersion: true,
		Writer: env.Stderr, ErrWriter: env.Stderr,
		ExitErrHandler: func(*cli.Context, error) {},
		OnUsageError: func(_ *cli.Context, err error, _ bool) error {
			return apperr.WithHint(apperr.Usage("%s%v", l.doing(), err), "%s --help lists the flags", l.name())
		},
		Action: func(c *cli.Context) error {
			if err := takeCommon(env, c, l.command.output); err != nil {
				return err
			}
			return l.command.run(c)
		},
	}
	words := append([]string{"capf"}, l.flags...)
	words = append(append(words, "--"), l.args...)
	return app.RunContext(ctx, words)
}

// commandLength is how much of a command line the record keeps.
const commandLength = 500

// record is the command line as the record of changes keeps it. No command
// takes a secret as an argument or as the value of a flag, so none is in it.
func record(l line) string {
	text := l.name()
	for _, word := range append(l.flags, l.args...) {
		text += " " + word
	}
	if len(text) > commandLength {
		text = fmt.Sprintf("%s… (%d bytes)", text[:commandLength], len(text))
	}
	return term.OneLine(text)
}
