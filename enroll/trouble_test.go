package enroll

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"capf/store"
)

// TestTrouble: the rests grow, a cause is logged once however it is wrapped, and
// one that comes and goes does not fill the log.
func TestTrouble(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var book bytes.Buffer
		trouble := Trouble{Log: slog.New(slog.NewTextHandler(&book, nil)), Doing: "writing"}
		full := func(n int) error { return fmt.Errorf("taking request %d: %w", n, store.ErrFull) }
		lines := func(want int) {
			t.Helper()
			if n := strings.Count(book.String(), "\n"); n != want {
				t.Errorf("%d lines in the log, not %d:\n%s", n, want, &book)
			}
		}
		for n, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			if rest := trouble.Failed(full(n)); rest != want*time.Second {
				t.Errorf("failure %d: a rest of %v", n, rest)
			}
			time.Sleep(time.Second / 4)
			if rest := trouble.Failed(full(100)); rest != want*time.Second-time.Second/4 {
				t.Errorf("another one within the rest makes it %v", rest)
			}
			time.Sleep(trouble.Resting())
		}
		lines(1)
		trouble.Failed(errors.New("something else"))
		lines(2)
		trouble.Over()
		if rest := trouble.Resting(); rest != 0 {
			t.Errorf("after a success it rests for %v", rest)
		}
		for n := range 100 { // it comes and goes
			trouble.Failed(full(n))
			trouble.Over()
		}
		lines(3)
		time.Sleep(time.Minute)
		trouble.Over()
		lines(4)
		if !strings.Contains(book.String(), "works again") {
			t.Error(book.String())
		}
		if rest := trouble.Failed(full(1)); rest != time.Second {
			t.Errorf("later, a rest of %v", rest)
		}
		lines(5)
	})
}
