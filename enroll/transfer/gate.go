package transfer

import (
	"net/netip"
	"sync"
	"time"
)

// gate keeps clients within the limits. Its memory is bounded by the number of
// addresses that have a transfer, or have asked within the last seconds.
type gate struct {
	limits Limits

	mu        sync.Mutex // guards the rest
	all       int
	addresses map[netip.Prefix]*visitor
	swept     time.Time
}

// hostsOfNetwork is how many addresses' worth a /64 of IPv6 gets: a host has all of
// it to itself, or it is a whole LAN of phones.
const hostsOfNetwork = 16

// visitor is an address that has a transfer, or whose tokens are not all back yet.
type visitor struct {
	hosts  int // that it may stand for
	open   int
	tokens float64
	at     time.Time // when tokens were counted
}

func newGate(l Limits) *gate {
	return &gate{limits: l, addresses: map[netip.Prefix]*visitor{}}
}

// enter takes a place for a transfer from the address; the caller calls leave. It is
// false when there is none.
func (g *gate) enter(from netip.Addr) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.all >= g.limits.All {
		return false
	}
	if !from.IsLoopback() {
		v := g.visitor(from, time.Now())
		if v.open >= g.limits.PerAddress*v.hosts {
			return false
		}
		v.open++
	}
	g.all++
	return true
}

// leave gives the place back.
func (g *gate) leave(from netip.Addr) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.all--
	if v := g.addresses[network(from)]; v != nil {
		v.open--
	}
}

// ask counts a request of the address. It is false when there are too many.
func (g *gate) ask(from netip.Addr) bool {
	if from.IsLoopback() {
		return true
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	v := g.visitor(from, now)
	v.refill(g.limits, now)
	if v.tokens < 1 {
		return false
	}
	v.tokens--
	return true
}

// visitor finds or makes the entry of an address, and forgets those of others that
// have nothing open and all tokens back.
func (g *gate) visitor(from netip.Addr, now time.Time) *visitor {
	if now.Sub(g.swept) >= time.Second {
		g.swept = now
		for network, v := range g.addresses {
			v.refill(g.limits, now)
			if v.open == 0 && v.tokens >= float64(g.limits.Burst*v.hosts) {
				delete(g.addresses, network)
			}
		}
	}
	v := g.addresses[network(from)]
	if v == nil {
		v = &visitor{hosts: 1, at: now}
		if from.Is6() {
			v.hosts = hostsOfNetwork
		}
		v.tokens = float64(g.limits.Burst * v.hosts)
		g.addresses[network(from)] = v
	}
	return v
}

func (v *visitor) refill(l Limits, now time.Time) {
	hosts := float64(v.hosts)
	v.tokens = min(float64(l.Burst)*hosts, v.tokens+now.Sub(v.at).Seconds()*float64(l.Rate)*hosts)
	v.at = now
}

// network is what counts as one address: of IPv6, the /64.
func network(a netip.Addr) netip.Prefix {
	bits := a.BitLen()
	if a.Is6() {
		bits = 64
	}
	p, _ := a.WithZone("").Prefix(bits) // of that many bits there is always one
	return p
}
