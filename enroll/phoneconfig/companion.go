package phoneconfig

import (
	"strings"

	"capf/store"
)

// Companion is the short file that phones read beside an encrypted one: how to get the
// certificate with which they can decrypt it. Of the whole file it repeats how the phone
// speaks IP and which firmware it is to run.
func Companion(whole *Config, d store.Device, e Elements) []byte {
	all := []wanted{{name: "fullConfig", text: "false"}, {name: "ipAddressMode", text: ipAddressMode(whole, d)}}
	if whole.LoadInformation != "" {
		all = append(all, wanted{name: "loadInformation", text: whole.LoadInformation})
	}
	e.Encrypted = true
	for _, w := range e.wanted(false) {
		switch w.name {
		case "capfAuthMode", "capfList", "certHash", "encrConfig":
			all = append(all, w)
		}
	}
	l := layout{newline: "\n", unit: "  "}
	var file strings.Builder
	file.WriteString("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n")
	file.WriteString(l.render(wanted{name: "device", parts: all}, "") + "\n")
	return []byte(file.String())
}

func ipAddressMode(whole *Config, d store.Device) string {
	switch {
	case whole.IPAddressMode != "":
		return whole.IPAddressMode
	case d.IPMode == store.IPv4Only:
		return "0"
	case d.IPMode == store.IPv6Only:
		return "1"
	}
	return "2"
}
