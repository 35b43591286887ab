package trustlist

import (
	"regexp"
	"strings"
)

// How the names of files end for which phones ask (trust-list.md, sections 5 and 6).
const (
	ConfigEnd    = ".cnf.xml" // behind the name of the device
	SignedEnd    = ".sgn"     // behind the name of the plain file
	EncryptedEnd = ".enc.sgn" // the same
)

// Kind is one of the two lists, which carry the same and differ in their name.
type Kind string

// The kinds.
const (
	ITL Kind = "ITL"
	CTL Kind = "CTL"
)

const listEnd = ".tlv"

// FileName is what is written in a list of the kind, and the name of the one for all.
func (k Kind) FileName() string { return string(k) + "File" + listEnd }

// OwnName is the name under which a device asks for its own list. Phones write their MAC
// address in capital letters.
func (k Kind) OwnName(device string) string {
	if upper := strings.ToUpper(device); hardware(upper) {
		device = upper
	}
	return string(k) + device + listEnd
}

// hardware says whether a name is that of a hardware phone: three letters and a MAC
// address.
func hardware(name string) bool {
	const letters = "SEP"
	return len(name) == len(letters)+12 && strings.HasPrefix(name, letters) && strings.Trim(name[len(letters):], "0123456789ABCDEF") == ""
}

// ParseFileName is the kind of a list of that name, and the device that has it for its
// own, "" for that of all; the kind is "" when the name is that of no list.
func ParseFileName(name string) (k Kind, device string) {
	for _, k := range []Kind{ITL, CTL} {
		rest, is := strings.CutPrefix(name, string(k))
		device, ends := strings.CutSuffix(rest, listEnd)
		switch {
		case name == k.FileName():
			return k, ""
		case is && ends && device != "":
			return k, device
		}
	}
	return "", ""
}

// ctlOnly finds the models that take no ITL, however they are written: 6901, CP-6901,
// Cisco 6911.
var ctlOnly = regexp.MustCompile(`(?:^|[^0-9])69(?:01|11)(?:[^0-9]|$)`)

// TakesITL says whether a model takes an ITL. The others trust by their CTL alone, which
// they ask for under their own name.
func TakesITL(model string) bool { return !ctlOnly.MatchString(model) }
