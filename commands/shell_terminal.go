package commands

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/term"
)

const shellPrompt = "admin:"

// converse takes lines from a person at a terminal.
func (s *session) converse(ctx context.Context) error {
	var e *term.Editor
	e = term.NewEditor(s.Stdin.(term.File), s.display, shellPrompt, func(line string, pos int, key rune) (string, int, bool) {
		return s.key(ctx, e, line, pos, key)
	})
	defer e.FollowSize()()
	fmt.Fprintln(s.Stderr, "? says what may come next, help says more, quit ends.")
	for {
		text, err := e.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(s.Stderr)
			return nil
		case errors.Is(err, term.ErrNotUTF8):
			s.failed = s.report(err)
			continue
		case err != nil:
			return fmt.Errorf("reading the terminal: %w", err)
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

// key completes at TAB and explains at ?. Between quotes the latter is itself:
// it stands for any letter in the pattern of a name.
func (s *session) key(ctx context.Context, e *term.Editor, line string, pos int, key rune) (string, int, bool) {
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
	p := s.completer(env).Complete(ctx, texts)
	env.close()
	if p.Files {
		p.Words = append(p.Words, s.fileNames(last)...)
	}
	common, unique := commonStart(p.Words)
	if key == '?' || len(common) <= len(last) && !unique {
		if key == '?' || len(p.Words) > 0 {
			s.show(e, line, p)
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
func (s *session) show(e *term.Editor, line string, p cmdline.Proposal) {
	fmt.Fprintf(e, "%s%s\n%s", shellPrompt, term.Visible(line), explanation(p))
}

// commonStart is how all words begin, and whether there is only one.
func commonStart(words []cmdline.Candidate) (start string, unique bool) {
	for i, c := range words {
		if i == 0 {
			start = c.Word
			continue
		}
		for !strings.HasPrefix(c.Word, start) {
			start = start[:len(start)-1]
		}
	}
	return start, len(words) == 1
}

// fileNames proposes the files of the folder of the shell.
func (s *session) fileNames(last string) (list []cmdline.Candidate) {
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
			list = append(list, cmdline.Candidate{Word: name})
		}
	}
	return list
}
