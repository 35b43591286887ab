package term

import (
	"errors"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"

	"capf/internal/apperr"
)

// Editor reads lines that a person types. It has a history, and the caller may act on
// keys.
type Editor struct {
	in, out File
	keys    *keyboard
	typed   *term.Terminal
}

// NewEditor returns an editor on a terminal. Key is asked at every key that is
// not a letter of the line: it may return another line and position.
func NewEditor(in, out File, prompt string, key func(line string, pos int, key rune) (string, int, bool)) *Editor {
	keys := &keyboard{in: in, Writer: out}
	e := &Editor{in: in, out: out, keys: keys, typed: term.NewTerminal(keys, prompt)}
	e.typed.History = &history{}
	e.typed.AutoCompleteCallback = key
	return e
}

// FollowSize lays the line out again when the size of the terminal changes, until stop
// is called.
func (e *Editor) FollowSize() (stop func()) {
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	go func() {
		for range resized {
			e.fit()
		}
	}()
	return func() { signal.Stop(resized) }
}

func (e *Editor) fit() {
	if width, height, err := term.GetSize(int(e.out.Fd())); err == nil && width > 0 {
		e.typed.SetSize(width, height)
	}
}

// ErrNotUTF8 refuses a line: what its bytes were meant to be cannot be known, and
// something else would be stored.
var ErrNotUTF8 = apperr.WithHint(apperr.Usage("the line is not UTF-8"), "set the terminal, or what wrote the line, to UTF-8")

// ReadLine reads one line. The terminal is raw only while it is typed, so that commands
// and their questions find it unchanged. It returns io.EOF at the end and ErrNotUTF8 for
// a line that cannot be read.
func (e *Editor) ReadLine() (string, error) {
	defer restoring(e.in)()
	before, err := term.MakeRaw(int(e.in.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(e.in.Fd()), before)
	e.fit()
	text, err := e.typed.ReadLine()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	if err == nil && e.keys.tookForeign() {
		return "", ErrNotUTF8
	}
	return text, err
}

// Write shows text above the line that is being typed, which is drawn anew.
func (e *Editor) Write(text []byte) (int, error) { return e.typed.Write(text) }

// keyboard turns Ctrl-C, which would end the line editor, into the keys that throw
// the line away: to its end, and delete to its beginning. It remembers whether
// there were bytes that are not UTF-8, which the line editor drops silently.
type keyboard struct {
	in io.Reader
	io.Writer
	typed   []byte // the beginning of a character whose rest has not come yet
	waiting []byte
	foreign bool
}

func (k *keyboard) Read(p []byte) (int, error) {
	for len(k.waiting) == 0 {
		typed := make([]byte, len(p))
		n, err := k.in.Read(typed)
		if n == 0 {
			return 0, err
		}
		k.typed = append(k.typed, typed[:n]...)
		k.understand()
	}
	n := copy(p, k.waiting)
	k.waiting = k.waiting[n:]
	return n, nil
}

// understand takes the characters that have arrived completely.
func (k *keyboard) understand() {
	for len(k.typed) > 0 && utf8.FullRune(k.typed) {
		r, size := utf8.DecodeRune(k.typed)
		switch {
		case r == utf8.RuneError: // the line editor drops U+FFFD even where it was typed
			k.foreign = true
		case r == 0x03:
			k.waiting = append(k.waiting, 0x05, 0x15)
		default:
			k.waiting = append(k.waiting, k.typed[:size]...)
		}
		k.typed = k.typed[size:]
	}
}

// tookForeign says whether the line that has ended had bytes that are not UTF-8.
func (k *keyboard) tookForeign() bool {
	was := k.foreign
	k.foreign = false
	return was
}

// longestHistory is how many lines the arrow keys go back.
const longestHistory = 500

// history is kept in memory only.
type history struct{ lines []string }

// secretive matches a line that might hold a secret. No command takes one on its line,
// but somebody may try.
var secretive = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)passw|secret|auth-string|authentication.?string|\bpin\b`)
})

// Add keeps a line unless it may hold a secret or repeats the one before.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || secretive().MatchString(line) || h.Len() > 0 && h.At(0) == line {
		return
	}
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-longestHistory):]
}

// Len returns the number of lines.
func (h *history) Len() int { return len(h.lines) }

// At returns a line, counted from the newest, which is 0.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }
