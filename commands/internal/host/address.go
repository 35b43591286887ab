package host

import (
	"net"
	"os"
)

// Address is where other machines probably reach this one: its first IPv4 address that is
// not only for itself, else an IPv6 address, else its name.
func Address() string {
	addresses, _ := net.InterfaceAddrs() // without them, its name has to do
	best := ""
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		switch {
		case !ok || !n.IP.IsGlobalUnicast():
		case n.IP.To4() != nil:
			return n.IP.String()
		case best == "":
			best = n.IP.String()
		}
	}
	if best == "" {
		best, _ = os.Hostname()
	}
	return best
}
