package offline

import (
	"errors"
	"io"
	"strings"
	"sync/atomic"
	"testing"

	"capf/enroll/archive"
	"capf/enroll/companytest"
)

// TestImportStops: when the plan cannot go on, the rest of the sources is not
// read for nothing.
func TestImportStops(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Trust(d.Root, d.CA)
	text := string(companytest.PEM(d.Sign(d.Request("a"))))
	var opened atomic.Int64
	sources := make([]archive.Source, 20*ahead)
	for i := range sources {
		sources[i] = archive.Stream("x.pem", io.MultiReader(readerFunc(func([]byte) (int, error) {
			opened.Add(1)
			return 0, io.EOF
		}), strings.NewReader(text)))
	}
	stop := errors.New("stop")
	_, err := d.offline().Import(t.Context(), olga, sources, ImportOptions{Row: func(Row) error { return stop }})
	if err != stop {
		t.Errorf("the error is %v", err)
	}
	if n := opened.Load(); n > 10*ahead {
		t.Errorf("%d of %d sources were read", n, len(sources))
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
