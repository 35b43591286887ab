package transfer

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"capf/internal/apperr"
	"capf/internal/input"
)

// Source is a server that has files for phones.
type Source struct {
	Host string // a name or an address, without brackets
	// Protocol is the only one that is used; "" for HTTP first, then TFTP, as phones do.
	Protocol Protocol
	Port     int // of the Protocol; 0 for the one that phones use
}

// ParseSource reads HOST, HOST:PORT (of HTTP), http://HOST[:PORT] or tftp://HOST[:PORT].
func ParseSource(text string) (Source, error) {
	bad := func() (Source, error) {
		return Source{}, apperr.Usage("%q is not a host, http://HOST[:PORT] or tftp://HOST[:PORT]", text)
	}
	var s Source
	host := text
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		s.Protocol = Protocol(strings.ToLower(scheme))
		if s.Protocol != HTTP && s.Protocol != TFTP {
			return bad()
		}
		host = strings.TrimSuffix(rest, "/")
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil {
		s.Host = strings.Trim(host, "[]")
		return s, nil
	}
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		name, port = host, ""
	}
	if port != "" {
		if s.Port, err = input.Number(port, 1, 65535); err != nil {
			return bad()
		}
		if s.Protocol == "" {
			s.Protocol = HTTP
		}
	}
	if u, err := url.Parse("//" + net.JoinHostPort(name, "1")); err != nil || name == "" || u.Hostname() != name || strings.ContainsAny(name, "/ @?#") {
		return bad()
	}
	s.Host = name
	return s, nil
}

// protocols are those that are tried, in their order.
func (s Source) protocols() []Protocol {
	if s.Protocol != "" {
		return []Protocol{s.Protocol}
	}
	return []Protocol{HTTP, TFTP}
}

// address is where the protocol is spoken.
func (s Source) address(p Protocol) string {
	port := s.Port
	switch {
	case port != 0:
	case p == TFTP:
		port = TFTPPort
	default:
		port = HTTPPort
	}
	return net.JoinHostPort(s.Host, strconv.Itoa(port))
}

// String is the source as ParseSource reads it.
func (s Source) String() string {
	if s.Protocol == "" {
		return s.Host
	}
	return string(s.Protocol) + "://" + s.address(s.Protocol)
}
