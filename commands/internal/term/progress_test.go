package term

import (
	"strings"
	"testing"
	"time"
)

func TestProgress(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	p := &Progress{out: &b}
	p.End() // nothing has been shown, so nothing is taken away
	p.Show("checking: %d", 1000)
	p.Show("checking: %d", 1001) // too soon after the other
	p.shown = time.Now().Add(-time.Minute)
	p.Show("%s", "é\x1b[2J")
	p.End()
	p.End()
	want := "\rchecking: 1000\rchecking: 1000" +
		"\ré\\x1b[2J" + strings.Repeat(" ", len("checking: 1000")-len(`e\x1b[2J`)) + "\ré\\x1b[2J" +
		"\r" + strings.Repeat(" ", len(`e\x1b[2J`)) + "\r"
	if b.String() != want {
		t.Errorf("the terminal got %q, not %q", b.String(), want)
	}
	b.Reset()
	p.shown = time.Time{}
	p.Show("reading")
	p.Before(&b).Write([]byte("a row\n"))
	if want := "\rreading\rreading" + "\r       \ra row\n"; b.String() != want {
		t.Errorf("with a row the terminal got %q, not %q", b.String(), want)
	}
	var none *Progress
	none.Show("nothing")
	none.End()
	if NewProgress(&b) != nil {
		t.Error("a buffer was taken for a terminal")
	}
}
