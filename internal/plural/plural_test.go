package plural

import "testing"

func TestOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		n     int
		thing string
		want  string
	}{
		{0, "device", "0 devices"}, {1, "device", "1 device"}, {2, "pending request", "2 pending requests"},
		{1, "entry", "1 entry"}, {0, "entry", "0 entries"}, {7, "day", "7 days"}, {1, "day", "1 day"},
		{2, "address", "2 addresses"}, {2, "stale LSC", "2 stale LSCs"},
	} {
		if got := Of(test.n, test.thing); got != test.want {
			t.Errorf("%d, %q: %q, want %q", test.n, test.thing, got, test.want)
		}
	}
}
