package shell

import "testing"

// FuzzWords: whatever is typed, it is words or a quote that is not
// closed, and a word that is written for the shell is read as itself.
func FuzzWords(f *testing.F) {
	for _, seed := range []string{`device set "a b" 'c\' d\ e`, `'`, `\`, "a | b", "a '|' b", "\x00\xff", `x'y"z`, "a\nb"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		words, open := splitLine(line)
		for _, w := range words {
			if w.at < 0 || w.at >= len(line) {
				t.Errorf("%q: the word %q at %d", line, w.text, w.at)
			}
		}
		if open {
			return
		}
		for _, w := range words {
			again, open := splitLine(quoteWord(w.text))
			if open || len(again) != 1 || again[0].text != w.text {
				t.Errorf("%q is written %s and read as %v", w.text, quoteWord(w.text), again)
			}
		}
	})
}
