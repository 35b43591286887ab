package commands

import (
	"context"
	"fmt"

	"github.com/urfave/cli/v2"

	"capf/commands/internal/files"
	"capf/enroll/bulk"
	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

// listedFlag names devices one by one, in a file.
func listedFlag() cli.Flag {
	return &cli.StringFlag{Name: "devices", Usage: "only the devices that are listed in `FILE`, one a line or in a CSV column; - is stdin"}
}

// listedRule is what the help says of the flag.
const listedRule = `--devices reads a file, or stdin as -, with a name or a MAC address a line; blank
lines and what follows # do not count. CSV and JSON work if they have a column
"Device Name" or "name". Names that no device has are listed, and the exit code is
5; if no device has any of them, it is 3.`

// listedNames reads the list of devices; nil without the flag.
func listedNames(env *Env, c *cli.Context) ([]string, error) {
	if !c.IsSet("devices") {
		return nil, nil
	}
	file := c.String("devices")
	data, err := env.readInput(file, bulk.CSVLimit)
	if err != nil {
		return nil, fmt.Errorf("--devices: %w", err)
	}
	names, err := bulk.ReadNames(data)
	if err != nil {
		return nil, apperr.WithHint(apperr.Usage("--devices: reading %s: %v", files.InputName(file), err), "%s", hint(err))
	}
	return names, nil
}

// missingShown is how many names that no device has are told one by one.
const missingShown = 1000

// forListed does something for listed devices, whose names it first makes those of the
// database. It tells which names no device has, and returns ErrPartly if there were
// any and nothing worse has happened; store.ErrNotFound if no device has any of them.
// Without a list it only does it. With past, deleted devices count.
func forListed(ctx context.Context, env *Env, s *store.Reader, names *[]string, past bool, do func() error) error {
	if *names == nil {
		return do()
	}
	found, missing, err := devices.Listed(ctx, s, *names, past)
	if err != nil {
		return err
	}
	*names = found
	for _, name := range missing[:min(len(missing), missingShown)] {
		env.say("no device: %s", name)
	}
	if more := len(missing) - missingShown; more > 0 {
		env.say("and %s more", counted(more, "name"))
	}
	switch {
	case len(missing) == 0:
		return do()
	case len(found) == 1:
		return apperr.WithHint(apperr.New(store.ErrNotFound, "no device has the name in the list"), "capf device list shows the devices")
	case len(missing) == len(found):
		return apperr.WithHint(apperr.New(store.ErrNotFound, "no device has any of the %s in the list", counted(len(found), "name")), "capf device list shows the devices")
	}
	env.goOn() // the exit code needs no reader
	if err := do(); err != nil {
		return err
	}
	return apperr.New(apperr.ErrPartly, "no device has %d of the %s in the list", len(missing), counted(len(found), "name"))
}
