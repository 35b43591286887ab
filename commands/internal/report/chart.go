package report

import (
	"fmt"
	"io"
	"strings"

	"capf/commands/internal/term"
)

// Chart shows counts as bars.
type Chart struct {
	Title string
	Bars  []Bar
	Tall  bool // vertical bars along a time axis, otherwise horizontal ones
}

// Bar is one bar of a chart.
type Bar struct {
	Label string
	Count int
	Tone  string // ok, wait, bad or nothing: the colour
}

// Most is the count of the longest bar, at least 1.
func (c *Chart) Most() int {
	most := 1
	for _, b := range c.Bars {
		most = max(most, b.Count)
	}
	return most
}

// Words is the chart as text, for those who cannot see it.
func (c *Chart) Words() string {
	var parts []string
	for _, b := range c.Bars {
		if b.Count > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", b.Label, b.Count))
		}
	}
	return c.Title + ": " + strings.Join(parts, ", ")
}

// Count is a bar in JSON.
type Count struct {
	Label string `json:"label"`
	Count int    `json:"count"`
}

// Counts are the bars as they stand in JSON.
func (c *Chart) Counts() []Count {
	all := make([]Count, len(c.Bars))
	for i, b := range c.Bars {
		all[i] = Count{b.Label, b.Count}
	}
	return all
}

// placed is a bar with its place in an SVG of the width 1000.
type placed struct {
	Bar
	X, Y, Width, Height int
	Named, Counted      bool // whether there is room for its label, and for its count
}

// The measures of a chart.
const (
	axis      = 190 // from the top to the baseline of the bars
	tallest   = 160
	nameWidth = 56 // width of a label such as 2027-03
	digit     = 7
	lineWidth = 26 // from one horizontal bar to the next
)

// Middle, Above, Base and Behind are the positions of a bar's texts.
func (p placed) Middle() int { return p.X + p.Width/2 }
func (p placed) Above() int  { return p.Y - 5 }
func (p placed) Base() int   { return p.Y + 14 }
func (p placed) Behind() int { return 347 + p.Width }

// Upright places vertical bars along an axis.
func (c *Chart) Upright() []placed {
	step := min(48, 980/max(1, len(c.Bars)))
	every := nameWidth/step + 1
	all := make([]placed, len(c.Bars))
	for i, b := range c.Bars {
		p := placed{Bar: b, X: 10 + i*step, Width: max(1, step-2), Named: i%every == 0}
		p.Height = shareOf(b.Count, c.Most(), tallest)
		p.Y = axis - p.Height
		p.Counted = b.Count > 0 && (b.Count == c.Most() || digit*len(fmt.Sprint(b.Count)) <= step)
		all[i] = p
	}
	return all
}

// Lying places horizontal bars one below the other.
func (c *Chart) Lying() []placed {
	all := make([]placed, len(c.Bars))
	for i, b := range c.Bars {
		all[i] = placed{Bar: b, Y: 5 + i*lineWidth, Width: shareOf(b.Count, c.Most(), 580), Height: 19}
	}
	return all
}

// LyingHeight is the height of a chart of horizontal bars.
func (c *Chart) LyingHeight() int { return 6 + lineWidth*len(c.Bars) }

// shareOf is the length of a bar. One that counts anything is long enough to be seen.
func shareOf(n, most, length int) int {
	if n == 0 {
		return 0
	}
	return max(2, n*length/most)
}

// Print prints the chart for a terminal: the bars that are not empty, in columns as
// narrow as their words allow. It does not report errors of out.
func (c *Chart) Print(out io.Writer) {
	const longest = 50
	label, digits := 0, 0
	for _, b := range c.Bars {
		label, digits = max(label, term.Width(b.Label)), max(digits, len(fmt.Sprint(b.Count)))
	}
	for _, b := range c.Bars {
		if b.Count == 0 {
			continue
		}
		stars := max(1, b.Count*longest/c.Most())
		fmt.Fprintf(out, "%s%s  %*d  %s\n", b.Label, strings.Repeat(" ", label-term.Width(b.Label)), digits, b.Count, strings.Repeat("#", stars))
	}
	fmt.Fprintln(out)
}
