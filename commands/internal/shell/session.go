// Package shell is a session of capf shell: it takes lines apart into words, completes
// and explains them, and holds what a session may do. It must not know the commands:
// the one that starts the session carries out its lines.
package shell

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"capf/commands/internal/cmdline"
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/internal/apperr"
)

// commands are what a session has commands for.
type commands interface {
	// Run carries out one line. It reports what went wrong and returns the exit code.
	Run(ctx context.Context, words []string) int
	// Propose says which words may stand in the place of the last one.
	Propose(ctx context.Context, words []string) cmdline.Proposal
	// Print prints a text as the result of a line. It reports what went wrong and
	// returns the exit code.
	Print(text string) int
	// Report reports what went wrong and returns the exit code.
	Report(err error) int
}

// Session is one run of capf shell.
type Session struct {
	Commands commands
	Files    *files.Folder
	Stderr   io.Writer
	Signals  <-chan os.Signal // with the one that has ended a line

	failed int // the exit code of the last line that failed
}

// longestLine is how long a line of a script may be, in bytes.
const longestLine = 64 << 10

// Script carries out lines until their end or until one says quit. The exit code is
// that of the last line that failed, or that for the signal that ended one.
func (s *Session) Script(ctx context.Context, in io.Reader) (code int, err error) {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	before := files.ByteOrderMark // of the first line only
	for lines.Scan() {
		ended := s.carryOut(ctx, strings.TrimPrefix(lines.Text(), before))
		if ctx.Err() != nil {
			return 0, ctx.Err()
		}
		if sig := s.lastSignal(); sig != nil {
			return codeOf(sig), nil
		}
		if ended {
			return s.failed, nil
		}
		before = ""
	}
	if err := lines.Err(); errors.Is(err, bufio.ErrTooLong) {
		return 0, apperr.Usage("a line has more than %d bytes", longestLine)
	} else if err != nil {
		return 0, fmt.Errorf("reading lines: %w", err)
	}
	return s.failed, nil
}

// lastSignal is the signal that has ended a line, nil when none has.
func (s *Session) lastSignal() os.Signal {
	select {
	case sig := <-s.Signals:
		return sig
	default:
		return nil
	}
}

// codeOf is the exit code of a shell that a signal has ended.
func codeOf(sig os.Signal) int { return 128 + int(sig.(syscall.Signal)) }

// carryOut carries out one line and says whether it is the last.
func (s *Session) carryOut(ctx context.Context, text string) (ended bool) {
	words, err := lineWords(strings.TrimSuffix(text, "\r"))
	if err != nil {
		s.note(s.Commands.Report(err))
		return false
	}
	if len(words) == 0 || strings.HasPrefix(words[0].text, "#") && !words[0].quoted {
		return false
	}
	if words[0].is("capf") { // as documents write commands, for a system shell
		words = words[1:]
	}
	if len(words) == 0 {
		s.note(s.Commands.Run(ctx, nil))
		return false
	}
	if words[0].is("quit", "exit", "logout") {
		return true
	}
	if n := len(words) - 1; words[n].is("?") {
		p := s.Commands.Propose(ctx, append(plainWords(words[:n]), ""))
		s.note(s.Commands.Print(explanation(p)))
		return false
	}
	s.note(s.Commands.Run(ctx, plainWords(words)))
	return false
}

func (s *Session) note(code int) {
	if code != 0 {
		s.failed = code
	}
}

// explanation is a proposal in words.
func explanation(p cmdline.Proposal) string {
	var b strings.Builder
	width := 0
	for _, c := range p.Words {
		width = max(width, term.Width(c.Word))
	}
	for _, c := range p.Words {
		fmt.Fprintln(&b, strings.TrimRight(fmt.Sprintf("  %-*s  %s", width, term.Visible(c.Word), term.OneLine(c.About)), " "))
	}
	if p.Files {
		fmt.Fprintln(&b, "  the name of a file")
	}
	if b.Len() == 0 {
		return "  nothing more is needed\n"
	}
	return b.String()
}
