package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/report"
	"capf/store"
)

func reportStaleCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "stale-lsc", Short: "certificates that were issued for a phone and never installed",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The phone requested a new certificate before it had confirmed this one, or refused
to store it. capf stale-lsc delete removes them.`,
		Example: "capf report stale-lsc --html stale.html",
		Output:  cmdline.List, Columns: headings(staleColumns), Flags: reportFlags(),
		Run: func(c *cli.Context) error {
			file, err := reportFile(env, c)
			if err != nil {
				return err
			}
			if file.name == "" {
				return staleList(c.Context, env)
			}
			return reportStale(c.Context, env, file)
		},
	}
}

func reportStale(ctx context.Context, env *Env, file pageFile) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	var rows []store.LSC
	devices := map[string]int{}
	for l, err := range s.LSCs(ctx, staleOnes()) {
		if err != nil {
			return err
		}
		l.Certificate = nil // not shown, and large
		rows = append(rows, l)
		devices[l.Device]++
	}
	return writePage(env, file, report.Page{Title: "Stale LSCs",
		Summary: fmt.Sprintf("%s of %s.", counted(len(rows), "stale certificate"), counted(len(devices), "device")),
		Empty:   "No certificate is stale."}, rows, staleColumns)
}
