package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/store"
)

func ldapShowCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "show", Args: "NAME", Short: "show a directory and how many devices come from it",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		Example: "capf ldap show staff",
		Output:  cmdline.Object,
		Run: func(c *cli.Context) error {
			s, err := env.openToAsk(c.Context)
			if err != nil {
				return err
			}
			return showDirectory(c.Context, env, s, c.Args().First())
		},
	}
}

func showDirectory(ctx context.Context, env *Env, s *store.Store, name string) error {
	d, err := s.Directory(ctx, name)
	if err != nil {
		return err
	}
	n, err := s.CountDirectory(ctx, d.ID)
	if err != nil {
		return err
	}
	v := readDirectory(d)
	return showObject(env, []field{
		{"Name", "name", d.Name}, {"Address", "url", v.URL}, {"StartTLS", "start_tls", v.StartTLS},
		{"Own CA", "own_ca", v.CA != ""}, {"Binds as", "bind_dn", v.BindDN}, {"Password set", "password_set", d.SealedPassword != nil},
		{"Base", "base", v.Base}, {"Filter", "filter", v.Filter},
		{"Device name", "device_name", v.DeviceName}, {"Description", "description", v.About},
		{"Feature group", "feature_group", d.FeatureGroup}, {"Page size", "page_size", v.PageSize},
		{"Seconds for an answer", "timeout_seconds", v.Seconds},
		{"First sync", "first_sync_at", term.WithZone(d.FirstSyncAt)}, {"Last sync", "last_sync_at", term.WithZone(d.LastSyncAt)},
		{"Devices", "devices", n.Devices}, {"Missing in the directory", "missing", n.Missing},
	})
}
