package enroll

import "net/netip"

// PhoneNetwork returns the network that the limits count as one source: an
// IPv4 address, or the IPv6 network from which a single host may choose its
// addresses.
func PhoneNetwork(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	// Prefix cannot fail: the address has no zone, and the length is not over
	// its own.
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// NetworkName returns the network as people write it.
func NetworkName(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
