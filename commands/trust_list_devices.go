package commands

import (
	"context"
	"iter"
	"strings"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/lists"
	"capf/enroll/settings"
	"capf/store"
)

func trustListDevicesCommand(env *Env) cmdline.Command {
	return cmdline.Command{
		Name: "devices", Args: "[PATTERN]", Short: "which trust lists devices get, and why",
		Privilege: cmdline.Look, Role: cmdline.Reader,
		About: `A device gets the lists for all, ITLFile.tlv and CTLFile.tlv, which are as the
parameters trust_list_digest and trust_list_signer_version say. It has a list of its
own, as ITLSEP001122334455.tlv, where these do not suit it:

  its model is of the series 79xx or 69xx, which take sha1 and version 1.0
  its key order is EC, which needs signer version 1.1
  its model is 6901 or 6911, which take no ITL and ask for a CTL of their own

PATTERN is a name or a pattern: * stands for any characters and ? for one.`,
		Example: "capf trust-list devices --own",
		Output:  cmdline.List, Columns: headings(deviceListColumns),
		Flags: []cli.Flag{&cli.BoolFlag{Name: "own", Usage: "only devices with lists of their own"}},
		Run: func(c *cli.Context) error {
			return trustListDevices(c.Context, env, c.Args().First(), c.Bool("own"))
		},
	}
}

func trustListDevices(ctx context.Context, env *Env, pattern string, own bool) error {
	s, err := env.question(ctx)
	if err != nil {
		return err
	}
	set, err := settings.Read(ctx, s)
	if err != nil {
		return err
	}
	shared, err := lists.Shared(set)
	if err != nil {
		return err
	}
	pattern = devices.FullPattern(ctx, s, pattern)
	if pattern != "" && !strings.ContainsAny(pattern, "*?") {
		if _, err := s.Device(ctx, pattern); err != nil {
			return err
		}
	}
	none := "no device matches"
	if own {
		none = "no device has a trust list of its own"
	}
	return showList(env, deviceLists(s.Devices(ctx, store.DeviceFilter{Name: pattern}), shared, own), deviceListColumns, none)
}

// listedDevice is a device, and the lists that it gets.
type listedDevice struct {
	store.Device
	lists.DeviceFiles
}

func deviceLists(all iter.Seq2[store.Device, error], shared lists.Variant, own bool) iter.Seq2[listedDevice, error] {
	return func(yield func(listedDevice, error) bool) {
		for d, err := range all {
			row := listedDevice{d, shared.Files(d)}
			if err == nil && own && row.Kinds == nil {
				continue
			}
			if !yield(row, err) || err != nil {
				return
			}
		}
	}
}

// deviceListColumns are the properties of the lists of a device.
var deviceListColumns = []column[listedDevice]{
	{"Device", "device", always, func(d listedDevice) any { return d.Name }},
	{"Model", "model", usual, func(d listedDevice) any { return d.Model }},
	{"Key order", "key_order", wide, func(d listedDevice) any { return d.KeyOrder }},
	{"Files", "files", always, func(d listedDevice) any { return d.Names() }},
	{"Digest", "digest", usual, func(d listedDevice) any { return d.Variant.Digest.String() }},
	{"Signer version", "signer_version", usual, func(d listedDevice) any { return d.Variant.SignerVersion.String() }},
	{"Why", "why", always, func(d listedDevice) any { return term.Message(d.Reason()) }},
	{"Warning", "warning", usual, func(d listedDevice) any { return d.Lacking }},
}
