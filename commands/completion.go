package commands

import (
	"context"
	_ "embed"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/internal/apperr"
)

// completionWord is the hidden command with which the completion scripts ask for
// words: capf __complete SHELL WORD..., where the last word is being typed.
const completionWord = "__complete"

// The scripts ask the program for everything except file names.
var (
	//go:embed completion/capf.bash
	bashCompletion string
	//go:embed completion/_capf
	zshCompletion string
	//go:embed completion/capf.fish
	fishCompletion string
)

func completionCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "completion", Args: "bash|zsh|fish", Short: "print the completion script for a shell",
		Privilege: cmdline.OutsideShell,
		About: `Put the script where the shell looks for it. For bash: write it to
/usr/share/bash-completion/completions/capf, or put "source <(capf completion
bash)" into ~/.bashrc. For zsh: write it as _capf to a folder of $fpath. For fish:
~/.config/fish/completions/capf.fish. Names of devices, serial numbers, parameters
and their values are completed too, if the database can be read.`,
		Example: "capf completion bash",
		NoStore: true,
		Run: func(c *cli.Context) error {
			scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
			shell := c.Args().First()
			script, ok := scripts[shell]
			if !ok {
				return apperr.WithHint(apperr.Usage("%s is not a known shell", strconv.Quote(shell)),
					"%s", cmdline.DidYouMean(shell, []string{"bash", "zsh", "fish"}, "they are bash, zsh and fish"))
			}
			return env.writeOutput("", false, []byte(script))
		},
	}
}

// completeLine answers a script: one word a line, followed by a tab and its
// meaning for shells that show it. A line ":files" asks for file names.
func completeLine(ctx context.Context, env *Env, args []string) error {
	if len(args) < 1 {
		return nil
	}
	shell, words := args[0], args[1:]
	if shell == "bash" {
		words = joinAssignments(words)
	}
	env.Database = databaseOf(env, words)
	p := cmdline.Completer{Root: tree(env), Known: databaseWords{env}}.Complete(ctx, words)
	if p.Files {
		fmt.Fprintln(env.out, ":files")
	}
	for _, c := range p.Words {
		word := c.Word
		if strings.ContainsAny(word, "\n\t") {
			continue
		}
		switch {
		case shell != "bash" && c.About != "":
			word += "\t" + term.OneLine(c.About)
		case shell == "bash" && strings.HasPrefix(word, "-"):
			// bash takes = as a separator, so it replaces only what follows it.
			_, value, found := strings.Cut(word, "=")
			if found {
				word = value
			}
		}
		fmt.Fprintln(env.out, word)
	}
	return nil
}

// databaseOf is the database that the line names, from which words are proposed.
func databaseOf(env *Env, words []string) string {
	for i, w := range words {
		if value, ok := strings.CutPrefix(w, "--db="); ok {
			return value
		}
		if w == "--db" && i+1 < len(words)-1 {
			return words[i+1]
		}
	}
	return env.Getenv("CAPF_DB")
}

// joinAssignments joins --name, = and a value into one word; bash splits them.
func joinAssignments(words []string) []string {
	var joined []string
	for _, w := range words {
		n := len(joined)
		switch {
		case n > 0 && w == "=" && strings.HasPrefix(joined[n-1], "--"):
			joined[n-1] += "="
		case n > 0 && strings.HasPrefix(joined[n-1], "--") && strings.HasSuffix(joined[n-1], "="):
			joined[n-1] += w
		default:
			joined = append(joined, w)
		}
	}
	return slices.Clip(joined)
}
