package settings

import (
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"unicode"

	"capf/internal/input"
)

// parseHost reads the name or the address of a host. It strips the dot at
// the end of a fully qualified name, which no certificate has.
func parseHost(value string) (string, error) {
	if net.ParseIP(value) != nil {
		return value, nil
	}
	if !input.IsHostName(value) {
		return "", fmt.Errorf("%q is not a host name; it has no scheme, path or port", value)
	}
	return strings.TrimSuffix(value, "."), nil
}

// mostAddresses is how many servers of a kind phones take.
const mostAddresses = 5

// parseAddresses reads a list of names and addresses of hosts, in the order in which phones
// are to try them.
func parseAddresses(value string) (string, error) {
	var hosts []string
	for _, word := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' }) {
		host, err := parseHost(word)
		switch {
		case err != nil:
			return "", err
		case slices.Contains(hosts, host):
			return "", fmt.Errorf("%q stands there twice", host)
		}
		hosts = append(hosts, host)
	}
	if len(hosts) == 0 || len(hosts) > mostAddresses {
		return "", fmt.Errorf("%q has %d names or addresses; phones take 1 to %d", value, len(hosts), mostAddresses)
	}
	return strings.Join(hosts, ","), nil
}

// parseLine reads a one-line text.
func parseLine(value string) (string, error) {
	if len(value) > 255 || strings.ContainsFunc(value, unicode.IsControl) {
		return "", fmt.Errorf("%q is longer than 255 bytes or has control characters", value)
	}
	return value, nil
}

// longestPath is that of Linux, in bytes.
const longestPath = 4095

// parseFolder reads the path of a folder, which need not exist yet: another user may be
// the one who can see it.
func parseFolder(value string) (string, error) {
	switch {
	case !filepath.IsAbs(value):
		return "", fmt.Errorf("%q is not the whole path of a folder, as /srv/tftp", value)
	case len(value) > longestPath || strings.ContainsFunc(value, unicode.IsControl):
		return "", fmt.Errorf("%q is longer than %d bytes or has control characters", value, longestPath)
	}
	return filepath.Clean(value), nil
}
