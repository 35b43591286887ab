package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"unicode/utf8"

	"golang.org/x/term"
)

const shellPrompt = "admin:"

// converse takes lines from a person at a terminal.
func (s *session) converse(ctx context.Context) error {
	in, out := s.Stdin.(terminalFile), s.display
	keys := &keyboard{in: in, Writer: out}
	t := term.NewTerminal(keys, shellPrompt)
	t.History = &history{}
	t.AutoCompleteCallback = func(line string, pos int, key rune) (string, int, bool) {
		return s.key(ctx, t, line, pos, key)
	}
	resized := make(chan os.Signal, 1)
	signal.Notify(resized, syscall.SIGWINCH)
	defer signal.Stop(resized)
	go func() {
		for range resized {
			fit(t, out)
		}
	}()
	fmt.Fprintln(s.Stderr, "? says what may come next, help says more, quit ends.")
	for {
		text, err := readLine(t, in, out)
		if errors.Is(err, io.EOF) {
			fmt.Fprintln(s.Stderr)
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the terminal: %w", err)
		}
		if keys.tookForeign() {
			s.failed = s.report(errNotUTF8)
			continue
		}
		// Ctrl-C ends the line that runs, not the shell.
		running, stop := signal.NotifyContext(ctx, syscall.SIGINT)
		ended := s.carryOut(running, text)
		stop()
		if sig := s.asked(); sig != nil && sig != syscall.SIGINT {
			return endedBy(sig)
		}
		if ended {
			return nil
		}
	}
}

// readLine has the terminal raw only while a line is typed: commands and their
// questions find it as it was.
func readLine(t *term.Terminal, in, out terminalFile) (string, error) {
	defer restoring(in)()
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return "", err
	}
	defer term.Restore(int(in.Fd()), before)
	fit(t, out)
	text, err := t.ReadLine()
	if errors.Is(err, term.ErrPasteIndicator) {
		err = nil
	}
	return text, err
}

func fit(t *term.Terminal, out terminalFile) {
	if width, height, err := term.GetSize(int(out.Fd())); err == nil && width > 0 {
		t.SetSize(width, height)
	}
}

// keyboard makes of Ctrl-C, at which the line editor would end, the keys that
// throw the line away: to its end, and delete to its beginning. Bytes that are
// not UTF-8, which the line editor would drop without a word, it remembers.
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

// understand takes the characters that have come whole.
func (k *keyboard) understand() {
	for len(k.typed) > 0 && utf8.FullRune(k.typed) {
		r, size := utf8.DecodeRune(k.typed)
		switch {
		case r == utf8.RuneError: // the line editor takes none, well written or not
			k.foreign = true
		case r == 0x03:
			k.waiting = append(k.waiting, 0x05, 0x15)
		default:
			k.waiting = append(k.waiting, k.typed[:size]...)
		}
		k.typed = k.typed[size:]
	}
}

// tookForeign says whether the line that has ended was not UTF-8.
func (k *keyboard) tookForeign() bool {
	was := k.foreign
	k.foreign = false
	return was
}

// longestHistory is how many lines the arrows go back.
const longestHistory = 500

// history is in memory only.
type history struct{ lines []string }

// secretive is a line that might hold a secret. No command takes one on its
// line, but somebody may try.
var secretive = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`(?i)passw|secret|auth-string|authentication.?string|\bpin\b`)
})

// Add keeps a line that tells no secret and is not the one before again.
func (h *history) Add(line string) {
	if strings.TrimSpace(line) == "" || secretive().MatchString(line) || h.Len() > 0 && h.At(0) == line {
		return
	}
	h.lines = append(h.lines, line)
	h.lines = h.lines[max(0, len(h.lines)-longestHistory):]
}

// Len is how many lines there are.
func (h *history) Len() int { return len(h.lines) }

// At counts from the newest line, which is 0.
func (h *history) At(i int) string { return h.lines[len(h.lines)-1-i] }

// key completes at TAB and explains at ?. Between quotes the latter is itself:
// it stands for any letter in the pattern of a name.
func (s *session) key(ctx context.Context, t *term.Terminal, line string, pos int, key rune) (string, int, bool) {
	if key != '\t' && key != '?' {
		return "", 0, false
	}
	words, open := splitLine(line[:pos])
	if open && key == '?' {
		return "", 0, false
	}
	texts, start := typedWords(words, open || !strings.HasSuffix(line[:pos], " "), pos)
	last := texts[len(texts)-1]
	env := s.line()
	p := s.completer(env).complete(ctx, texts)
	env.close()
	if p.files {
		p.words = append(p.words, s.fileNames(last)...)
	}
	common, unique := commonStart(p.words)
	if key == '?' || len(common) <= len(last) && !unique {
		if key == '?' || len(p.words) > 0 {
			s.show(t, line, p)
		}
		return line, pos, true
	}
	text := quoteWord(common)
	switch {
	case unique && !strings.HasSuffix(common, "/"):
		text += " "
	case text != common:
		text = strings.TrimSuffix(text, "'") // more is to come
	}
	return line[:start] + text + line[pos:], start + len(text), true
}

// typedWords are the words of a line up to the cursor, the last one, where it
// begins, being the one that is typed.
func typedWords(words []word, within bool, pos int) (texts []string, start int) {
	for _, w := range words {
		texts, start = append(texts, w.text), w.at
	}
	if !within || len(words) == 0 {
		texts, start = append(texts, ""), pos
	}
	return texts, start
}

// show writes below the line that is being typed, which is drawn anew.
func (s *session) show(t *term.Terminal, line string, p proposal) {
	fmt.Fprintf(t, "%s%s\n%s", shellPrompt, visible(line), explanation(p))
}

// commonStart is how all words begin, and whether there is only one.
func commonStart(words []candidate) (start string, unique bool) {
	for i, c := range words {
		if i == 0 {
			start = c.word
			continue
		}
		for !strings.HasPrefix(c.word, start) {
			start = start[:len(start)-1]
		}
	}
	return start, len(words) == 1
}

// fileNames proposes the files of the folder of the shell.
func (s *session) fileNames(last string) (list []candidate) {
	dir, _ := filepath.Split(last)
	entries, err := readFolder(&s.confinement, filepath.Clean(dir))
	if err != nil {
		return nil
	}
	for _, e := range entries {
		name := dir + e.Name()
		if e.IsDir() {
			name += "/"
		}
		if !strings.HasPrefix(e.Name(), ".") && strings.HasPrefix(name, last) {
			list = append(list, candidate{word: name})
		}
	}
	return list
}
