package enroll

import (
	"net/netip"
	"testing"
)

func TestPhoneNetwork(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"192.0.2.7":          "192.0.2.7/32",
		"2001:db8:1:2:3::4":  "2001:db8:1:2::/64",
		"fe80::1%eth0":       "fe80::/64",
		"2001:db8:1:2:9::99": "2001:db8:1:2::/64",
	} {
		if got := PhoneNetwork(netip.MustParseAddr(address)); got.String() != want {
			t.Errorf("%s is in %v, not %s", address, got, want)
		}
	}
}
