package provision

import (
	"strings"
	"testing"
)

// TestNames: what phones ask for has one of the names that they ask for, and nothing else
// has.
func TestNames(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"CTLSEP001122334455.tlv", "ITLSEP001122334455.tlv", "ITLFile.tlv", "SEP001122334455.cnf.xml", "SEP001122334455.cnf.xml.enc.sgn", "SEP001122334455.cnf.xml.sgn",
		"XMLDefault.cnf.xml", "sip88xx.14-2-1-0001-5.loads", "kern2.78xx.12-8-1ES-0101-82.sbn", "P0S3-8-12-00.sb2", "German_Germany/mk-sip.jar", "United_Kingdom/g3-tones.xml",
		"Desktops/320x212x12/List.xml.sgn", "Ringlist.xml", "Analog 1.raw", "OS79XX.TXT", "SIPDefault.cnf", "softkeys (2).xml", "Desktops/320x212x16/a&b.PNG", "ata00112233.cfg",
	} {
		if wrong := asked(name); wrong != "" {
			t.Errorf("%q: %s", name, wrong)
		}
	}
	for _, name := range []string{
		"", "/", "/ITLFile.tlv", "ITLFile.tlv/", "a//b.xml", "..", "../a.xml", "a/../b.xml", "./a.xml", ".xml", ".hidden.xml", "a/.git/b.xml", `..\a.xml`, `a\b.xml`, "C:a.xml",
		"a.xml\x00", "a\x00.xml", "a.xml\n", "%2e%2e/a.xml", "a%2exml", "a.key", "a.pem", "a.p12", "a.PFX", "a.der", "capf.db", "capf.db-wal", "capf.master-key", "a.csv", "a.txt", "a.sql",
		"backup.tar.gz", "a.zip", "id_rsa", "a", "a/b/c/d/e/f.xml", "résumé.xml", "a*.xml", "a?.xml", "a;b.xml", "a|b.xml", "~/a.xml", "a.xml~", "a.xml.bak", "tools/OS79XX.TXT",
		"a.key.sgn", "capf.db.sgn", "a.pem.enc.sgn", "capf.master-key.sgn", "a.sgn", ".sgn", "a.key.sgn.sgn",
	} {
		if asked(name) == "" {
			t.Errorf("%q is given", name)
		}
	}
	if wrong := asked(strings.Repeat("a/", 200) + "a.xml"); wrong != "too many folders" {
		t.Errorf("a deep name: %q", wrong)
	}
}

// TestForms: a name says of which file it is, and in which form.
func TestForms(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		base   string
		form   form
		device string
	}{
		"SEP001122334455.cnf.xml":         {"SEP001122334455.cnf.xml", asIs, "SEP001122334455"},
		"SEP001122334455.cnf.xml.sgn":     {"SEP001122334455.cnf.xml", signed, "SEP001122334455"},
		"SEP001122334455.cnf.xml.enc.sgn": {"SEP001122334455.cnf.xml", encrypted, "SEP001122334455"},
		"XMLDefault.cnf.xml":              {"XMLDefault.cnf.xml", asIs, ""},
		"Ringlist.xml.sgn":                {"Ringlist.xml", signed, ""},
		"a/SEP001122334455.cnf.xml":       {"a/SEP001122334455.cnf.xml", asIs, ""},
		".cnf.xml":                        {".cnf.xml", asIs, ""},
	} {
		base, form := unwrap(name)
		device, ok := configOf(base)
		if base != want.base || form != want.form || ok != (want.device != "") || ok && device != want.device {
			t.Errorf("%q is %q, form %d, of %q", name, base, form, device)
		}
	}
}
