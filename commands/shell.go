package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/host"
	"capf/commands/internal/shell"
	"capf/commands/internal/term"
	"capf/enroll/audit"
	"capf/enroll/secrets"
	"capf/internal/apperr"
	"capf/store"
)

// sshLine is what an SSH client asked for when sshd runs a forced command
// instead (sshd(8), ForceCommand).
const sshLine = "SSH_ORIGINAL_COMMAND"

func shellCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "shell", Short: "run commands interactively, as the vendor's command line does",
		Privilege: cmdline.OutsideShell,
		About: `The prompt is admin:. A line is a command with or without "capf" or "utils capf" in
front; hints are without. TAB completes it, ? shows what may come next, help explains more, and quit ends the
session. Quotes keep words together. Nothing else is possible: no other program is
run, and only files in and below the folder in which the shell was started can be
used. That folder has to belong to the shell's user.

It is suitable as a forced command of sshd: the command line of the SSH client
(SSH_ORIGINAL_COMMAND) is carried out and its exit code is returned. Without a
terminal, lines are read from stdin to its end, and the exit code is that of the
last one that failed.

--privilege limits the commands, by the vendor's levels: 0 to view, to set keep_alive
and to delete stale LSCs; 1 also to export requests and import certificates; 4 for
everything.

--role limits them by what an operator is there for. reader changes nothing at all.
helpdesk also gives a device a new authentication string, unlocks it and schedules an
operation for it, one device at a time. operator does all daily work, but leaves
alone trust stores, the issuer, keys, and parameters that protect. admin does
everything. With both limits, a command must be within both.

Below privilege 4 or the role operator, an existing file is replaced only with
--force, and only if the shell has made it. Attempts to do more become events.`,
		Example: "capf shell --role helpdesk",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "privilege", Value: "4", Usage: "`LEVEL`: 0, 1, 4"},
			&cli.StringFlag{Name: "role", Value: cmdline.Admin.String(), Usage: "`ROLE`: " + strings.Join(cmdline.Roles(), ", ")},
		},
		Run: func(c *cli.Context) error {
			has, err := sessionHas(c.String("privilege"), c.String("role"))
			if err != nil {
				return err
			}
			return runShell(c.Context, env, has)
		},
	}
}

// sessionHas reads what a session may do.
func sessionHas(level, role string) (has cmdline.Needs, err error) {
	levels := map[string]cmdline.Privilege{"0": cmdline.Look, "1": cmdline.Offline, "4": cmdline.Full}
	privilege, known := levels[level]
	if !known {
		return has, apperr.Usage("--privilege: %q is not 0, 1 or 4", level)
	}
	has.Privilege = privilege
	if has.Role, err = cmdline.ParseRole(role); err != nil {
		return has, apperr.Usage("--role: %v", err)
	}
	return has, nil
}

func runShell(ctx context.Context, env *Env, has cmdline.Needs) error {
	folder, err := os.Getwd()
	if err == nil {
		folder, err = filepath.EvalSymlinks(folder)
	}
	if err != nil {
		return fmt.Errorf("finding the folder of the shell: %w", apperr.WithoutPath(err))
	}
	root, err := files.OpenWorkingFolder()
	if err != nil {
		noteForbidden(ctx, env, err)
		return err
	}
	defer root.Close()
	reserved, err := reservedFiles(env)
	if err != nil {
		return err
	}
	commands := shellCommands{env, shell.Confine(has, root, folder, reserved)}
	session := &shell.Session{Commands: commands, Files: commands.confinement.Files, Stderr: env.Stderr, Signals: env.told}
	// These would end or stop the shell, or make it print its goroutines.
	signal.Ignore(syscall.SIGQUIT, syscall.SIGTSTP)
	code, err := runSession(ctx, env, session)
	if err == nil && code != 0 {
		return exitCode(code)
	}
	return err
}

// runSession takes the lines from where they come.
func runSession(ctx context.Context, env *Env, s *shell.Session) (code int, err error) {
	line := env.Getenv(sshLine)
	switch {
	case strings.TrimSpace(line) != "":
		return whileHeard(ctx, env, s, strings.NewReader(line))
	case env.Prompt != nil:
		return s.Converse(ctx, env.Stdin.(term.File), env.display)
	}
	return whileHeard(ctx, env, s, env.Stdin)
}

// whileHeard carries out a script. Over SSH without a terminal, nothing says that the
// client has died but the other end of our output, which is closed then: without a
// look at it, the line that runs would run on for nobody.
func whileHeard(ctx context.Context, env *Env, s *shell.Session, lines io.Reader) (code int, err error) {
	if env.Getenv("SSH_CONNECTION") == "" || env.heard == nil {
		return s.Script(ctx, lines)
	}
	ctx, stop, err := host.WhileHeard(ctx, env.heard)
	if err != nil {
		return 0, fmt.Errorf("watching the client: %w", err)
	}
	defer stop()
	return s.Script(ctx, lines)
}

// reservedFiles are the paths of the database and its master key, and of the files
// beside them.
func reservedFiles(env *Env) (paths []string, err error) {
	database, err := env.databasePath()
	if err != nil {
		return nil, err
	}
	for _, path := range []string{database, secrets.MasterKeyFile(database, env.Getenv)} {
		if path, err = filepath.Abs(path); err != nil {
			return nil, fmt.Errorf("finding the database: %w", err)
		}
		paths = append(paths, store.Files(path)...)
		if real, err := filepath.EvalSymlinks(path); err == nil && real != path {
			paths = append(paths, store.Files(real)...)
		}
	}
	return paths, nil
}

// shellCommands carries out the lines of a session.
type shellCommands struct {
	env         *Env
	confinement *shell.Confinement
}

// line is the environment of one line: the shell's, but with its own database
// connection and output format.
func (c shellCommands) line() *Env {
	line := *c.env
	line.store, line.command, line.confined = nil, "", c.confinement
	line.Getenv = func(name string) string {
		if name == "CAPF_DB" && c.env.Database != "" {
			return c.env.Database
		}
		return c.env.Getenv(name)
	}
	return &line
}

// Run carries out one line.
func (c shellCommands) Run(ctx context.Context, words []string) int {
	c.confinement.Files.Refused = nil
	return c.line().run(ctx, append([]string{"capf"}, words...))
}

// Propose proposes what the session may do.
func (c shellCommands) Propose(ctx context.Context, words []string) cmdline.Proposal {
	env := c.line()
	defer env.close()
	env.Database = env.Getenv("CAPF_DB")
	return cmdline.Completer{
		Root: c.confinement.Restrict(tree(env)), Known: databaseWords{env},
		Also: []cmdline.Candidate{{Word: "help", About: "explain a command"}, {Word: "quit", About: "end the session"}},
	}.Complete(ctx, words)
}

// Print prints a text to stdout at once.
func (c shellCommands) Print(text string) int {
	env := c.line()
	fmt.Fprint(env.out, text)
	return env.report(env.close())
}

// Report reports an error.
func (c shellCommands) Report(err error) int { return c.env.report(err) }

// noteForbidden records an attempt to do what the session may not.
func noteForbidden(ctx context.Context, env *Env, err error) {
	if !errors.Is(err, files.ErrForbidden) {
		return
	}
	text := err.Error()
	s, err := env.openStore(ctx)
	if err == nil {
		err = audit.RecordRefusal(context.WithoutCancel(ctx), s, env.actor(), term.OneLine(text))
	}
	if err != nil {
		env.say("warning: the refusal is not recorded: %s", err)
	}
}
