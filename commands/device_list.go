package commands

import (
	"context"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/enroll/devices"
	"capf/store"
)

// matchingRule is what the help says of filters.
const matchingRule = `In every filter that takes a text, * stands for any letters and ? for one, and
case does not matter: 'KÖL*' is Köln, too. A filter cannot be given twice.`

func deviceListCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "list", Args: "[PATTERN]", Short: "list devices",
		Privilege: cmdline.Look,
		About: `PATTERN is a name, or a pattern. The flags narrow the list further.

` + matchingRule + `

A STATUS is none, pending, or upgrade-, delete- or troubleshoot- with success or
failed behind it. After failed may stand the cause: -invalid-lsc, -invalid-mic,
-invalid-authentication-string, -invalid-credentials, -phone-communication-failure,
-key-generation-failed, -ca-communication-failure, -ca-rejected-connection, -late,
-no-ec-support. The vendor's words, "Upgrade Failed: Invalid MIC", do as well.`,
		Example: "capf device list 'SEP*' --operation install",
		Output:  cmdline.List,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "pool", Usage: "only the device `POOL`, or those that match"},
			&cli.StringFlag{Name: "model", Usage: "only the `MODEL`, or those that match"},
			&cli.StringFlag{Name: "operation", Usage: "only devices with the `OPERATION` scheduled"},
			&cli.StringFlag{Name: "auth-mode", Usage: "only the authentication `MODE`"},
			&cli.StringFlag{Name: "status", Usage: "only the certificate operation `STATUS`"},
			&cli.BoolFlag{Name: "failed", Usage: "only devices whose last operation failed"},
			&cli.BoolFlag{Name: "late", Usage: "only devices whose operation should have been completed by now"},
		},
		Run: func(c *cli.Context) error {
			f := store.DeviceFilter{
				Name: c.Args().First(), Pool: c.String("pool"), Model: c.String("model"),
				FailedOnly: c.Bool("failed"), LateOnly: c.Bool("late"),
			}
			var err error
			if f.Operation, err = parsed(c, "operation", store.ParseOperation); err != nil {
				return err
			}
			if f.AuthMode, err = parsed(c, "auth-mode", store.ParseAuthMode); err != nil {
				return err
			}
			if f.Status, err = parsed(c, "status", store.ParseStatus); err != nil {
				return err
			}
			return deviceList(c.Context, env, f)
		},
	}
}

func deviceList(ctx context.Context, env *Env, f store.DeviceFilter) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	return showList(env, s.Devices(ctx, f), deviceColumns, "no device matches")
}

// deviceColumns are the properties of a device in a list.
var deviceColumns = columnsOfDevices()

func columnsOfDevices() []column[store.Device] {
	columns := []column[store.Device]{{"Name", "name", func(d store.Device) any { return d.Name }}}
	for _, a := range devices.Attributes() {
		if !a.Secret {
			columns = append(columns, column[store.Device]{a.Column, a.Name, a.Of})
		}
	}
	return append(columns,
		column[store.Device]{"Status", "status", func(d store.Device) any { return d.Status }},
		column[store.Device]{"", "updated_at", func(d store.Device) any { return d.UpdatedAt }},
	)
}
