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

// completionWord is the hidden command by which the scripts for the shells ask
// for words: capf __complete SHELL WORD..., the last one being typed.
const completionWord = "__complete"

// The scripts ask the program for everything but the names of files.
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
		Name: "completion", Args: "bash|zsh|fish", Short: "write out the completion of command lines for a shell",
		Privilege: cmdline.OutsideShell,
		About: `The script goes where the shell looks for it: for bash into
/usr/share/bash-completion/completions/capf, or into ~/.bashrc by
"source <(capf completion bash)"; for zsh as _capf into a folder of $fpath; for
fish into ~/.config/fish/completions/capf.fish. Names of devices, serial numbers,
parameters and their values are completed too, when the database can be read.`,
		Example: "capf completion bash",
		NoStore: true,
		Run: func(c *cli.Context) error {
			scripts := map[string]string{"bash": bashCompletion, "zsh": zshCompletion, "fish": fishCompletion}
			shell := c.Args().First()
			script, ok := scripts[shell]
			if !ok {
				return apperr.WithHint(apperr.Usage("%s is not a shell that is known", strconv.Quote(shell)),
					"%s", cmdline.DidYouMean(shell, []string{"bash", "zsh", "fish"}, "they are bash, zsh and fish"))
			}
			return env.writeOutput("", false, []byte(script))
		},
	}
}

// completeLine answers a script: a word a line, with its meaning behind a tab
// for the shells that show it; a line ":files" asks for the names of files.
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
			// bash takes = for a separator, so only what is behind it is replaced.
			_, value, found := strings.Cut(word, "=")
			if found {
				word = value
			}
		}
		fmt.Fprintln(env.out, word)
	}
	return nil
}

// databaseOf is the database that a line names, for the words of the rest.
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

// joinAssignments makes one word of --name, = and a value, which bash takes
// apart.
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
