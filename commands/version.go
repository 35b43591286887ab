package commands

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
)

func versionCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "version", Short: "show the version of capf",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf version",
		Output:  cmdline.Object, NoStore: true,
		Run: func(*cli.Context) error { return showVersion(env) },
	}
}

// build is the build information that the Go toolchain wrote into the program.
type build struct{ version, commit string }

func thisBuild() build {
	b := build{version: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	if info.Main.Version != "" {
		b.version = info.Main.Version
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			b.commit = s.Value
		}
	}
	return b
}

func showVersion(env *Env) error {
	b := thisBuild()
	if env.Format == term.JSON {
		return showObject(env, []field{
			{"", "version", b.version}, {"", "commit", b.commit},
			{"", "go", runtime.Version()}, {"", "platform", runtime.GOOS + "/" + runtime.GOARCH},
		})
	}
	fmt.Fprintf(env.out, "capf %s, %s, %s/%s\n", b.version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
