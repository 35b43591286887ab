package commands

import (
	"context"
	"path/filepath"
	"strings"

	"capf/commands/internal/host"
	"capf/enroll/devices"
	"capf/enroll/phoneconfig"
	"capf/enroll/settings"
	"capf/enroll/trustlist"
	"capf/internal/apperr"
	"capf/store"
)

// deviceOfFile is the name of the device whose configuration file is called so, or "".
func deviceOfFile(name string) string {
	base := filepath.Base(name)
	at := len(base) - len(trustlist.ConfigEnd)
	if at <= 0 || !strings.EqualFold(base[at:], trustlist.ConfigEnd) {
		return ""
	}
	return base[:at]
}

// configs makes the elements of configuration files for devices.
type configs struct {
	*store.Reader
	site phoneconfig.Site
}

func readConfigs(ctx context.Context, env *Env, s *store.Reader) (configs, error) {
	inForce, err := settings.Read(ctx, s)
	if err != nil {
		return configs{}, err
	}
	here := host.Address()
	site, err := phoneconfig.ReadSite(ctx, s, &inForce, []string{here})
	if err == nil && len(inForce.Addresses) == 0 {
		env.say("phones are told %s, the address of this host; capf set %s NAME tells them another", here, settings.CAPFAddresses)
	}
	return configs{s, site}, err
}

// configOf is what the configuration file of a device has to say, and the certificate that
// the phone has.
func (c configs) configOf(ctx context.Context, d store.Device) (phoneconfig.Elements, phoneconfig.Held, error) {
	held, err := phoneconfig.HeldBy(ctx, c.Reader, d)
	return c.site.Of(d, held), held, err
}

// deviceFor finds the device of a file: the one that is named, else the one that the file is
// called after.
func (c configs) deviceFor(ctx context.Context, file, named string) (store.Device, error) {
	name := deviceOfFile(file)
	switch {
	case named != "":
		name = devices.FullName(ctx, c.Reader, named)
	case name == "":
		return store.Device{}, apperr.WithHint(apperr.Usage("%q is not called after a device, as SEP001122334455.cnf.xml is", file), "--device names it")
	}
	return c.Device(ctx, name)
}
