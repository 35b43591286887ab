package settings

import (
	"fmt"
	"net"
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

// parseLine reads a one-line text.
func parseLine(value string) (string, error) {
	if len(value) > 255 || strings.ContainsFunc(value, unicode.IsControl) {
		return "", fmt.Errorf("%q is longer than 255 bytes or has control characters", value)
	}
	return value, nil
}
