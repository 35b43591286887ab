package commands

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progressEvery is the time between two signs of life on a terminal.
const progressEvery = 200 * time.Millisecond

// progress is the line on a terminal's stderr that says how far long work has
// come. Off a terminal it is nil and says nothing.
type progress struct {
	out   io.Writer
	shown time.Time
	width int // of the line that stands there
}

// newProgress returns nil, which says nothing, where stderr is no terminal.
func newProgress(stderr io.Writer) *progress {
	if !isTerminal(stderr) {
		return nil
	}
	return &progress{out: stderr}
}

// show replaces the line, unless it was replaced just now.
func (p *progress) show(format string, args ...any) {
	if p != nil && time.Since(p.shown) >= progressEvery {
		p.put(oneLine(fmt.Sprintf(format, args...)))
		p.shown = time.Now()
	}
}

// end leaves nothing behind.
func (p *progress) end() {
	if p != nil {
		p.put("")
	}
}

// put overwrites with blanks what is longer than the text. It needs nothing of
// the terminal but a carriage return.
func (p *progress) put(text string) {
	width := cellWidth(text)
	if width == 0 && p.width == 0 {
		return
	}
	fmt.Fprintf(p.out, "\r%s%s\r%s", text, strings.Repeat(" ", max(0, p.width-width)), text)
	p.width = width
}
