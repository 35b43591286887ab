package commands

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/report"
	"capf/commands/internal/term"
	"capf/store"
)

func reportOperationsCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "operations", Short: "the certificate operation of each device, and its status",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `The number of devices for each status, and the list. CSV has only the list.`,
		Example: "capf report operations --html operations.html",
		Output:  cmdline.List, Columns: headings(operationColumns), Flags: reportFlags(),
		Run: func(c *cli.Context) error {
			file, err := reportFile(env, c)
			if err != nil {
				return err
			}
			return reportOperations(c.Context, env, file)
		},
	}
}

func reportOperations(ctx context.Context, env *Env, file pageFile) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	var rows []store.Selected
	for v, err := range s.Selected(ctx, store.Selection{}) {
		if err != nil {
			return err
		}
		rows = append(rows, v)
	}
	outcomes := outcomeChart(rows)
	if file.name != "" {
		return writePage(env, file, report.Page{Title: "Certificate operations", Summary: operationsSummary(env, rows), Chart: outcomes,
			Empty: "There is no device yet."}, rows, operationColumns)
	}
	if env.Format == term.JSON {
		return showDocument(env, []field{{"", "at", env.Now()}, {"", "statuses", outcomes.Counts()}}, "devices", values(rows), operationColumns)
	}
	if env.Format == term.Table && len(rows) > 0 {
		outcomes.Print(env.out)
	}
	return showList(env, values(rows), operationColumns, "there is no device")
}

// outcomeChart counts the statuses, the most frequent first.
func outcomeChart(rows []store.Selected) *report.Chart {
	counts := map[store.Status]int{}
	for _, r := range rows {
		counts[r.Status]++
	}
	c := &report.Chart{Title: "Devices by the status of their operation"}
	for status, n := range counts {
		tone := "ok"
		switch {
		case status.IsFailure():
			tone = "bad"
		case status == store.StatusPending:
			tone = "wait"
		case status == store.StatusNone:
			tone = ""
		}
		c.Bars = append(c.Bars, report.Bar{Label: status.Long(), Count: n, Tone: tone})
	}
	slices.SortFunc(c.Bars, func(a, b report.Bar) int { return cmp.Or(b.Count-a.Count, cmp.Compare(a.Label, b.Label)) })
	return c
}

func operationsSummary(env *Env, rows []store.Selected) string {
	scheduled, late, failed := 0, 0, 0
	for _, r := range rows {
		if r.Operation != store.NoOperation {
			scheduled++
			if !r.CompletesBy.IsZero() && r.CompletesBy.Before(env.Now()) {
				late++
			}
		}
		if r.Status.IsFailure() {
			failed++
		}
	}
	return fmt.Sprintf("%s, %d with an operation scheduled (%d late), %d whose last one failed.", counted(len(rows), "device"), scheduled, late, failed)
}

var operationColumns = []column[store.Selected]{
	{"Device", "name", always, func(v store.Selected) any { return v.Name }},
	{"Description", "description", seldom, func(v store.Selected) any { return v.Description }},
	{"Model", "model", usual, func(v store.Selected) any { return v.Model }},
	{"Pool", "pool", usual, func(v store.Selected) any { return v.Pool }},
	{"Operation", "operation", usual, func(v store.Selected) any { return v.Operation }},
	{"Status", "status", always, func(v store.Selected) any { return v.Status }},
	{"Completes by", "completes_by", usual, func(v store.Selected) any { return term.WithZone(v.CompletesBy) }},
	{"LSC ends", "lsc_not_after", usual, func(v store.Selected) any { return term.WithZone(v.Installed.NotAfter) }},
}
