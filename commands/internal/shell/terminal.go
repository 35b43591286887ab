package shell

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
	"capf/commands/internal/files"
	"capf/commands/internal/term"
)

const prompt = "admin:"

// Converse takes lines from a person at a terminal until one says quit or Ctrl-D
// ends the input. The exit code is 0, or that for the signal that ended the session.
func (s *Session) Converse(ctx context.Context, in, out term.File) (code int, err error) {
	var e *term.Editor
	e = term.NewEditor(in, out, prompt, func(line string, pos int, key rune) (string, int, bool) {
		return s.key(ctx, e, line, pos, key)
	})
	defer e.FollowSize()()
	fmt.Fprintln(s.Stderr, "? shows what may come next, help explains more, quit ends the session.")
	for {
		text, err := e.ReadLine()
		switch {
		case errors.Is(err, io.EOF):
			fmt.Fprintln(s.Stderr)
			return 0, nil
		case errors.Is(err, term.ErrNotUTF8):
			s.Commands.Report(err)
			continue
		case err != nil:
			return 0, fmt.Errorf("reading the terminal: %w", err)
		}
		// Ctrl-C ends the running line, not the shell.
		running, stop := signal.NotifyContext(ctx, syscall.SIGINT)
		ended := s.carryOut(running, text)
		stop()
		if sig := s.lastSignal(); sig != nil && sig != syscall.SIGINT {
			return codeOf(sig), nil
		}
		if ended {
			return 0, nil
		}
	}
}

// key completes at TAB and explains at ?. Between quotes, ? is an ordinary
// character: it stands for any letter in the pattern of a name.
func (s *Session) key(ctx context.Context, e *term.Editor, line string, pos int, key rune) (string, int, bool) {
	if key != '\t' && key != '?' {
		return "", 0, false
	}
	words, open := splitLine(line[:pos])
	if open && key == '?' {
		return "", 0, false
	}
	texts, start := typedWords(words, open || !strings.HasSuffix(line[:pos], " "), pos)
	last := texts[len(texts)-1]
	p := s.Commands.Propose(ctx, texts)
	if p.Files {
		p.Words = append(p.Words, s.fileNames(last)...)
	}
	common, unique := commonStart(p.Words)
	if key == '?' || len(common) <= len(last) && !unique {
		if key == '?' || len(p.Words) > 0 {
			show(e, line, p)
		}
		return line, pos, true
	}
	text := completion(common, unique)
	return line[:start] + text + line[pos:], start + len(text), true
}

// completion is what stands on the line once a word is completed. A blank follows
// a word that is finished, and no closing quote one that is not.
func completion(common string, unique bool) string {
	text := quoteWord(common)
	switch {
	case unique && !strings.HasSuffix(common, "/"):
		return text + " "
	case text != common:
		return strings.TrimSuffix(text, "'")
	}
	return text
}

// typedWords are the words of a line up to the cursor. The last one, which begins
// at start, is being typed.
func typedWords(words []word, within bool, pos int) (texts []string, start int) {
	for _, w := range words {
		texts, start = append(texts, w.text), w.at
	}
	if !within || len(words) == 0 {
		texts, start = append(texts, ""), pos
	}
	return texts, start
}

// show writes below the line that is being typed, and draws that anew.
func show(e *term.Editor, line string, p cmdline.Proposal) {
	fmt.Fprintf(e, "%s%s\n%s", prompt, term.Visible(line), explanation(p))
}

// commonStart is the common prefix of the words, and whether there is only one word.
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

// fileNames proposes the files of the session's folder.
func (s *Session) fileNames(last string) (list []cmdline.Candidate) {
	dir, _ := filepath.Split(last)
	entries, err := files.ReadFolder(s.Files, filepath.Clean(dir))
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
