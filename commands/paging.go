package commands

import (
	"context"
	"os"
	"slices"
	"strings"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/host"
	"capf/commands/internal/term"
)

// page puts a pager before the terminal for what may be longer than the screen: help,
// and what a command shows that changes nothing. A secret goes only to the terminal, not
// through another program. The shell runs none at all. Stop ends the command.
func page(env *Env, l cmdline.Line, stop context.CancelFunc) {
	if env.display == nil || env.confined != nil || !l.Help && !l.Command.Pages() || !mayPage(l) {
		return
	}
	program := term.PagerProgram(os.Environ())
	if program == nil {
		return
	}
	p := term.NewPager(env.display, program, os.Environ(), stop)
	env.out.Reset(p)
	stderr := env.Stderr
	if term.IsTerminal(stderr) { // the program has the screen: what is said belongs there too
		env.Stderr = p
	}
	env.endPage = func() error {
		sig, err := p.Close()
		env.out.Reset(env.line.Before(env.display))
		env.Stderr, env.endPage = stderr, nil
		if p.Missing() != nil && program[0] != "less" {
			env.say("warning: the pager %q could not be run: %s", program[0], p.Missing())
		}
		if sig != nil {
			host.Obey(sig)
		}
		return err
	}
}

// mayPage says whether the flags of a line leave it to a pager.
func mayPage(l cmdline.Line) bool {
	return !slices.ContainsFunc(l.Flags, func(flag string) bool {
		name, value, _ := strings.Cut(strings.TrimPrefix(flag, "--"), "=")
		_, raises := l.Command.Raises[name] // it shows a secret, or does more than show
		return raises || name == "no-pager" && value != "false"
	})
}
