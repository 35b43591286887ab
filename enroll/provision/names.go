package provision

import (
	"path"
	"slices"
	"strings"

	"capf/enroll/trustlist"
)

// endings are those of the files that phones ask for, as they are or in a signed form:
// configuration, lists, firmware, locales, ring tones and pictures. Keys, databases, backups and lists of devices have
// other ones, and are never given, wherever they lie.
var endings = []string{
	".xml", ".tlv", ".cnf", ".cfg", ".loads", ".sbn", ".sb2", ".bin", ".zup", ".jar",
	".raw", ".rwb", ".rtpcm", ".wav", ".png", ".jpg", ".jpeg", ".gif", ".bmp", ".cip",
}

// oldFirmware is asked for by phones of the 7940 and 7960, which look for its name
// alone.
const oldFirmware = "OS79XX.TXT"

// deepest is how many folders a name may have: pictures lie in Desktops/320x212x12.
const deepest = 4

// asked says whether a name is one that phones ask for. It says what is wrong with
// another one.
func asked(name string) (wrong string) {
	parts := strings.Split(name, "/")
	if len(parts) > deepest+1 {
		return "too many folders"
	}
	for _, part := range parts {
		switch {
		case part == "":
			return "no path within the folder"
		case part[0] == '.':
			return "a hidden file, or the way out of the folder"
		case strings.ContainsFunc(part, func(r rune) bool { return !plain(r) }):
			return "it has letters that no name of a file for phones has"
		}
	}
	// A signed form has in it what is signed, so a key is none for phones there either.
	base, _ := unwrap(name)
	if ending := strings.ToLower(path.Ext(base)); !slices.Contains(endings, ending) && !strings.EqualFold(base, oldFirmware) {
		return "phones ask for no files with its ending"
	}
	return ""
}

// plain are the letters of names.
func plain(r rune) bool {
	return r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("-_.,+@&()# ", r)
}

// form is in which form a file is asked for.
type form int

const (
	asIs form = iota
	signed
	encrypted
)

// unwrap is the plain file of a name, and the form in which it is asked for.
func unwrap(name string) (base string, f form) {
	if base, ok := strings.CutSuffix(name, trustlist.EncryptedEnd); ok {
		return base, encrypted
	}
	if base, ok := strings.CutSuffix(name, trustlist.SignedEnd); ok {
		return base, signed
	}
	return name, asIs
}

// configOf is the device whose configuration file has the name.
func configOf(base string) (device string, ok bool) {
	device, ok = strings.CutSuffix(base, trustlist.ConfigEnd)
	return device, ok && device != "" && device+trustlist.ConfigEnd != defaultName && !strings.Contains(device, "/")
}

// defaultName is the configuration of devices that have no file of their own.
const defaultName = "XMLDefault" + trustlist.ConfigEnd

// isList says whether a name is that of a trust list.
func isList(name string) bool { return strings.HasSuffix(name, ".tlv") }
