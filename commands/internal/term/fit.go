package term

import "slices"

// Rank says when a table has a column. JSON and CSV have them all.
type Rank int

const (
	Always Rank = iota // what the row is, or what one looks for in the list
	Usual              // if the terminal is wide enough; those on the right go first
	Seldom             // goes before the usual ones
	Wide               // only when everything is asked for
)

// extent is what a column would like to have of a terminal.
type extent struct {
	rank    Rank
	heading int  // width of the heading
	width   int  // of the widest cell, or of the heading
	text    bool // it has words, of which a beginning is of use; half a time or number misleads
	prose   bool // it has sentences
	empty   bool // it has nothing but its heading
}

// leastText is the width to which a text may be cut, in columns of the terminal.
const leastText = 16

// cut is the width of a column whose text may be cut.
func (e extent) cut() int {
	if e.text {
		return min(e.width, max(e.heading, leastText))
	}
	return e.width
}

// named is cut for a column that does not say what the row is.
func (e extent) named() int {
	if e.rank == Always && !e.prose {
		return e.width
	}
	return e.cut()
}

// scrap is the width of a column when nothing more can be left out.
func (e extent) scrap() int { return min(e.width, 4) }

// fit shares the width of a terminal among columns. What is left out gets no width.
// Long texts are cut first, but what a row is called by only when no column that is
// seldom looked at is left. Of several columns, the one on the right goes first.
func fit(columns []extent, room int) []int {
	shown := make([]int, len(columns))
	for i := range shown {
		shown[i] = i
	}
	var least func(extent) int
	for _, step := range []struct {
		least func(extent) int
		goes  func(extent) bool
	}{
		{extent.named, func(e extent) bool { return e.rank != Always && e.empty }},
		{extent.named, func(e extent) bool { return e.rank == Seldom }},
		{extent.cut, func(e extent) bool { return e.rank == Usual }},
		{extent.scrap, func(extent) bool { return true }},
	} {
		least = step.least
		for at := len(shown) - 1; at >= 0 && len(shown) > 1 && needed(columns, shown, least) > room; at-- {
			if step.goes(columns[shown[at]]) {
				shown = slices.Delete(shown, at, at+1)
			}
		}
		if needed(columns, shown, least) <= room {
			break
		}
	}
	widths := make([]int, len(columns))
	for _, i := range shown {
		widths[i] = least(columns[i])
	}
	if len(shown) == 1 {
		widths[shown[0]] = min(widths[shown[0]], room)
	}
	share(columns, shown, widths, room-needed(columns, shown, least))
	return widths
}

// needed is the width of a table with some of the columns.
func needed(columns []extent, shown []int, width func(extent) int) int {
	sum := len(gap) * (len(shown) - 1)
	for _, i := range shown {
		sum += width(columns[i])
	}
	return sum
}

// share gives what is left of the width to the columns that were cut, the narrowest
// first.
func share(columns []extent, shown, widths []int, spare int) {
	for ; spare > 0; spare-- {
		narrowest := -1
		for _, i := range shown {
			if widths[i] < columns[i].width && (narrowest < 0 || widths[i] < widths[narrowest]) {
				narrowest = i
			}
		}
		if narrowest < 0 {
			return
		}
		widths[narrowest]++
	}
}

// add widens a column for a cell, whose value says what it is.
func (e *extent) add(cell string, value any) {
	e.width = max(e.width, Width(cell))
	e.empty = e.empty && cell == ""
	switch value.(type) {
	case string, []string, Shortened:
		e.text = true
	case Message:
		e.text, e.prose = true, true
	}
}
