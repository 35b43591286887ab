package sqlite

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFindOnce: a needle is found wherever it stands, and not when it stands
// there twice.
func TestFindOnce(t *testing.T) {
	t.Parallel()
	needle := []byte("0123456789abcdef0123456789ABCDEF")
	const piece = 1 << 20
	for _, test := range []struct {
		places []int
		want   int64
	}{
		{nil, -1}, {[]int{0}, 0}, {[]int{piece - 16}, piece - 16}, {[]int{piece - len(needle)}, piece - int64(len(needle))}, {[]int{piece}, piece},
		{[]int{3*piece - len(needle)}, 3*piece - int64(len(needle))}, {[]int{7, piece - 16}, -1}, {[]int{piece - 16, 2 * piece}, -1},
	} {
		data := make([]byte, 3*piece)
		for _, at := range test.places {
			copy(data[at:], needle)
		}
		path := filepath.Join(t.TempDir(), "file")
		must(t, os.WriteFile(path, data, 0o600))
		f, err := os.Open(path)
		must(t, err)
		if at, err := findOnce(f, needle); err != nil || at != test.want {
			t.Errorf("at %v: %d, %v", test.places, at, err)
		}
		must(t, f.Close())
	}
}
