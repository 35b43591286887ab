package server

import "net/netip"

// phoneNetwork is what counts as one place from which phones come: an IPv4
// address, or the IPv6 network whose addresses a single host may choose among.
func phoneNetwork(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	// An address without a zone has a prefix of each length up to its own.
	p, _ := a.WithZone("").Prefix(bits)
	return p
}

// networkName is the network as people write it.
func networkName(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
