package term

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// progressEvery is the shortest time between two changes of the line.
const progressEvery = 200 * time.Millisecond

// Progress is the line on stderr that says how far long work has come. A nil
// Progress, for a stderr that is no terminal, says nothing.
type Progress struct {
	out   io.Writer
	shown time.Time
	width int // of the line that is shown
}

// NewProgress returns nil if stderr is no terminal.
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

// End removes the line.
func (p *Progress) End() {
	if p != nil {
		p.put("")
	}
}

// Before returns a writer that removes the line before it writes, for whatever else goes
// to the same terminal.
func (p *Progress) Before(to io.Writer) io.Writer {
	if p == nil {
		return to
	}
	return clearing{p, to}
}

type clearing struct {
	line *Progress
	to   io.Writer
}

func (c clearing) Write(text []byte) (int, error) {
	c.line.End()
	return c.to.Write(text)
}

// put writes the text over the last one and blanks over the rest of that. It needs
// nothing from the terminal but a carriage return.
func (p *Progress) put(text string) {
	width := Width(text)
	if width == 0 && p.width == 0 {
		return
	}
	fmt.Fprintf(p.out, "\r%s%s\r%s", text, strings.Repeat(" ", max(0, p.width-width)), text)
	p.width = width
}
