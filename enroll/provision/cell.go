package provision

import "strings"

// formulas begin with one of these; a spreadsheet with a Japanese or Chinese
// face takes the wide ones too.
const formulas = "=+-@\t\r\n＝＋－＠"

// GuardCell is a text as a cell of CSV: an apostrophe keeps a spreadsheet from
// running it as a formula, since a phone or a directory may have sent it. One
// that begins like a guarded text gets an apostrophe more, so that plainCell
// gives back what was there.
func GuardCell(text string) string {
	if runs(text) {
		return "'" + text
	}
	return text
}

// plainCell is the text of a cell.
func plainCell(cell string) string {
	if text, guarded := strings.CutPrefix(cell, "'"); guarded && runs(text) {
		return text
	}
	return cell
}

// runs says whether the text would be a formula but for apostrophes before it.
func runs(text string) bool {
	return strings.IndexAny(strings.TrimLeft(text, "'"), formulas) == 0
}
