package term

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progressEvery is the time between two signs of life on a terminal.
const progressEvery = 200 * time.Millisecond

// Progress is the line on a terminal's stderr that says how far long work has
// come. Off a terminal it is nil and says nothing.
type Progress struct {
	out   io.Writer
	shown time.Time
	width int // of the line that stands there
}

// NewProgress returns nil, which says nothing, where stderr is no terminal.
func NewProgress(stderr io.Writer) *Progress {
	if !IsTerminal(stderr) {
		return nil
	}
	return &Progress{out: stderr}
}

// Show replaces the line, unless it was replaced just now.
func (p *Progress) Show(format string, args ...any) {
	if p != nil && time.Since(p.shown) >= progressEvery {
		p.put(OneLine(fmt.Sprintf(format, args...)))
		p.shown = time.Now()
	}
}

// End leaves nothing behind.
func (p *Progress) End() {
	if p != nil {
		p.put("")
	}
}

// put overwrites with blanks what is longer than the text. It needs nothing of
// the terminal but a carriage return.
func (p *Progress) put(text string) {
	width := Width(text)
	if width == 0 && p.width == 0 {
		return
	}
	fmt.Fprintf(p.out, "\r%s%s\r%s", text, strings.Repeat(" ", max(0, p.width-width)), text)
	p.width = width
}
