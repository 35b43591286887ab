package commands

import (
	"encoding/csv"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/bulk"
)

func bulkTemplateCSVCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "template-csv", Short: "print an empty CSV file for bulk insert",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About:   `The headings are the vendor's, where known.`,
		Example: "capf bulk template-csv",
		Output:  cmdline.Plain, NoStore: true,
		Run: func(*cli.Context) error {
			w := csv.NewWriter(env.out)
			if err := w.Write(bulk.CSVHeader()); err != nil {
				return fmt.Errorf("printing the file: %w", err)
			}
			w.Flush()
			return w.Error()
		},
	}
}
