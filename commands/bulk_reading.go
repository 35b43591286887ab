package commands

import (
	"strings"

	"github.com/urfave/cli/v2"

	"capf/enroll/bulk"
	"capf/internal/apperr"
	"capf/internal/charset"
)

// readingFlags say how a file of devices is read that is not as capf writes it.
func readingFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "encoding", Usage: "the file is in `ENCODING`, such as windows-1252 (default: UTF-8, or UTF-16 if it begins like that)"},
		&cli.StringSliceFlag{Name: "map", Usage: "`HEADING=ATTRIBUTE`: what a column with another heading holds; may be repeated"},
		&cli.BoolFlag{Name: "ignore-unknown-columns", Usage: "leave out columns that are not known"},
	}
}

// readingRule is what the help says of those flags.
func readingRule() string {
	return `Headings may be those of bulk template-csv, of device list, or of the vendor's Bulk
Administration, in any case; bulk template-csv --from-vendor shows what becomes of
the latter. A column that is not known is refused. --ignore-unknown-columns leaves
such columns out; --map "Their Name=description" says what one holds. It can hold
` + strings.Join(bulk.MappingTargets(), ", ") + `.`
}

// readingOf reads those flags.
func readingOf(c *cli.Context) (r bulk.Reading, err error) {
	r.IgnoreUnknown = c.Bool("ignore-unknown-columns")
	if r.Encoding, err = parsed(c, "encoding", charset.Parse); err != nil {
		return r, err
	}
	for _, text := range whole(c.StringSlice("map")) {
		m, err := bulk.ParseMapping(text)
		if err != nil {
			return r, apperr.Usage("--map: %v", err)
		}
		r.Columns = append(r.Columns, m)
	}
	return r, nil
}

// whole joins what a comma in a heading has divided: the flag takes several values at once.
func whole(pieces []string) []string {
	var list []string
	open := ""
	for _, p := range pieces {
		if open += p; !strings.Contains(open, "=") {
			open += ","
			continue
		}
		list, open = append(list, open), ""
	}
	if open != "" {
		list = append(list, strings.TrimSuffix(open, ","))
	}
	return list
}

// sayIgnored tells which columns of a file were left out.
func sayIgnored(env *Env, titles []string) {
	if len(titles) > 0 {
		env.say("left out: %s of which capf has no use: %s", counted(len(titles), "column"), strings.Join(titles, ", "))
	}
}
