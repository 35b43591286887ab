package backoff

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errFull = errors.New("disk full")

// TestBackoff: the rests grow, a cause is logged once however it is wrapped, and
// one that comes and goes does not fill the log.
func TestBackoff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var book bytes.Buffer
		pause := Backoff{Log: slog.New(slog.NewTextHandler(&book, nil)), Doing: "writing"}
		full := func(n int) error { return fmt.Errorf("taking request %d: %w", n, errFull) }
		lines := func(want int) {
			t.Helper()
			if n := strings.Count(book.String(), "\n"); n != want {
				t.Errorf("%d lines in the log, not %d:\n%s", n, want, &book)
			}
		}
		for n, want := range []time.Duration{1, 2, 4, 8, 16, 30, 30} {
			if rest := pause.Failed(full(n)); rest != want*time.Second {
				t.Errorf("failure %d: a rest of %v", n, rest)
			}
			time.Sleep(time.Second / 4)
			if rest := pause.Failed(full(100)); rest != want*time.Second-time.Second/4 {
				t.Errorf("another one within the rest makes it %v", rest)
			}
			time.Sleep(pause.Remaining())
		}
		lines(1)
		pause.Failed(errors.New("something else"))
		lines(2)
		pause.Succeeded()
		if rest := pause.Remaining(); rest != 0 {
			t.Errorf("after a success it rests for %v", rest)
		}
		for n := range 100 { // it comes and goes
			pause.Failed(full(n))
			pause.Succeeded()
		}
		lines(3)
		time.Sleep(time.Minute)
		pause.Succeeded()
		lines(4)
		if !strings.Contains(book.String(), "works again") {
			t.Error(book.String())
		}
		time.Sleep(time.Minute)
		pause.Succeeded() // it is said once
		lines(4)
		if rest := pause.Failed(full(1)); rest != time.Second {
			t.Errorf("later, a rest of %v", rest)
		}
		lines(5)
	})
}
