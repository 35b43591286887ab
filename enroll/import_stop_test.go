package enroll

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"
)

// TestImportStops: when the plan cannot go on, the rest of the sources is not
// read for nothing.
func TestImportStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.trusts(d.root, d.ca)
	text := string(pemOf(d.sign(d.request("a"))))
	var opened atomic.Int64
	sources := make([]Source, 20*ahead)
	for i := range sources {
		sources[i] = Stream("x.pem", io.MultiReader(readerFunc(func([]byte) (int, error) {
			opened.Add(1)
			return 0, io.EOF
		}), strings.NewReader(text)))
	}
	stop := errors.New("stop")
	_, err := d.ImportAll(t.Context(), olga, sources, ImportOptions{Row: func(ImportRow) error { return stop }})
	if err != stop {
		t.Errorf("the error is %v", err)
	}
	if n := opened.Load(); n > 10*ahead {
		t.Errorf("%d of %d sources were read", n, len(sources))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
