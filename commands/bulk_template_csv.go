package commands

import (
	"encoding/csv"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/bulk"
	"capf/internal/apperr"
)

func bulkTemplateCSVCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "template-csv", Short: "print an empty CSV file for bulk insert",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `The headings are the vendor's, where known.

--from-vendor lists the headings that the vendor's Bulk Administration writes, what
bulk insert takes from such a column, and what it ignores.`,
		Example: "capf bulk template-csv",
		Output:  cmdline.List, NoStore: true, Columns: headings(vendorColumnColumns),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "from-vendor", Usage: "explain the columns of the vendor's files instead"}},
		Run: func(c *cli.Context) error {
			if c.Bool("from-vendor") {
				return showList(env, values(bulk.VendorColumns()), vendorColumnColumns, "")
			}
			if c.Bool("json") || c.IsSet("columns") || c.Bool("wide") {
				return apperr.Usage("--json, --wide and --columns are for --from-vendor: the empty file is CSV")
			}
			return emptyCSV(env)
		},
	}
}

func emptyCSV(env *Env) error {
	w := csv.NewWriter(env.out)
	if err := w.Write(bulk.CSVHeader()); err != nil {
		return fmt.Errorf("printing the file: %w", err)
	}
	w.Flush()
	return w.Error()
}

// vendorColumnColumns are what there is to say about a column of the vendor's files.
var vendorColumnColumns = []column[bulk.VendorColumn]{
	{"Vendor's heading", "heading", always, func(v bulk.VendorColumn) any { return v.Heading }},
	{"Here", "attribute", always, func(v bulk.VendorColumn) any { return v.Takes }},
	{"What becomes of it", "about", always, func(v bulk.VendorColumn) any { return v.About }},
}
