package lists

import (
	"slices"
	"strings"

	"capf/enroll/trustlist"
	"capf/store"
)

// DeviceFiles are the lists that a device has of its own, beside those for all.
type DeviceFiles struct {
	Device  string
	Variant Variant
	Kinds   []trustlist.Kind // nil: it gets the lists for all
	Why     []string         // it has them; nil when it has none
	Lacking string           // what it cannot have with its list, "" for nothing
}

// Files says which list a device has of its own, where v is the shared variant: an ITL if
// its variant is another one, and a CTL if it is a model that takes no ITL, because those
// ask for CTLSEP….tlv only.
//
// Others get no CTL. An ITL of its own gives way to ITLFile.tlv when the device needs it no
// longer, but a phone keeps a CTL until it is given another one by the same name: it would
// trust for ever what stood in the last one, and ask for signed files after the role TFTP
// has left the lists.
func (v Variant) Files(d store.Device) DeviceFiles {
	own, why := v.For(d)
	f := DeviceFiles{Device: d.Name, Variant: own, Why: why, Lacking: own.Lacking(d)}
	if own != v {
		f.Kinds = []trustlist.Kind{trustlist.ITL}
	}
	if !trustlist.TakesITL(d.Model) {
		f.Kinds, f.Why = []trustlist.Kind{trustlist.CTL}, append(f.Why, "phones of its model take no ITL, and ask for a CTL by their own name")
	}
	return f
}

func (f DeviceFiles) has(k trustlist.Kind) bool { return slices.Contains(f.Kinds, k) }

// Names are the files that the device is given: its own, and those for all where it has
// none.
func (f DeviceFiles) Names() (names []string) {
	for _, k := range []trustlist.Kind{trustlist.ITL, trustlist.CTL} {
		if f.has(k) {
			names = append(names, k.OwnName(f.Device))
		}
	}
	if len(names) == 0 {
		names = []string{trustlist.ITL.FileName()}
	}
	return names
}

// Reason is why in one line.
func (f DeviceFiles) Reason() string { return strings.Join(f.Why, "; ") }
