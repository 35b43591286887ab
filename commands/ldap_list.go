package commands

import (
	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/store"
)

func ldapListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Short: "list the LDAP directories",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf ldap list",
		Output:  cmdline.List, Columns: headings(directoryColumns),
		Run: func(c *cli.Context) error {
			s, err := env.question(c.Context)
			if err != nil {
				return err
			}
			all, err := s.Directories(c.Context)
			if err != nil {
				return err
			}
			return showList(env, values(all), directoryColumns, "there is no directory")
		},
	}
}

var directoryColumns = []column[store.Directory]{
	{"Name", "name", always, func(d store.Directory) any { return d.Name }},
	{"Address", "url", usual, func(d store.Directory) any { return readDirectory(d).URL }},
	{"Base", "base", usual, func(d store.Directory) any { return readDirectory(d).Base }},
	{"Device name", "device_name", usual, func(d store.Directory) any { return readDirectory(d).DeviceName }},
	{"Feature group", "feature_group", usual, func(d store.Directory) any { return d.FeatureGroup }},
	{"First sync", "first_sync_at", usual, func(d store.Directory) any { return term.WithZone(d.FirstSyncAt) }},
	{"Last sync", "last_sync_at", usual, func(d store.Directory) any { return term.WithZone(d.LastSyncAt) }},
}
