package similar

import "testing"

func TestDistance(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"list", "list", 0}, {"lsit", "list", 1}, {"lst", "list", 1}, {"lists", "list", 1}, {"", "list", 4}, {"SEP001122334455", "SEP001122334545", 1},
		{"SEP001122334455", "SEP0011223344", 2}, {"show", "list", 4},
	} {
		if got := Distance(test.a, test.b); got != test.want {
			t.Errorf("from %q to %q: %d, want %d", test.a, test.b, got, test.want)
		}
	}
}
