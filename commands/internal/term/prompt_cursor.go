package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
	"time"

	"github.com/AlecAivazis/survey/v2/terminal"
	"golang.org/x/term"
)

// cursorTime is how long a terminal has to say where its cursor is. An answer by
// way of a satellite takes less.
const cursorTime = time.Second

// askCursor makes a terminal say where its cursor is (ECMA-48, DSR).
const askCursor = "\x1b[6n"

// cursorReport is the answer.
var cursorReport = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\x1b\[[0-9]+;[0-9]+R`) })

// adaptivePrompter asks with survey where the terminal allows it, otherwise plainly.
// Before each question survey asks where the cursor is, and waits for the answer
// forever, ignoring every key. Terminals of automation call themselves vt100, but
// never answer.
type adaptivePrompter struct {
	in, out File
	stderr  io.Writer
	limit   time.Duration
	chosen  Prompter // nil before the first question
}

// choose finds out at the first question what the terminal can do.
func (p *adaptivePrompter) choose() (Prompter, error) {
	if p.chosen != nil {
		return p.chosen, nil
	}
	typed, told, err := cursorTold(p.in, p.out, p.limit)
	if err != nil {
		return nil, err
	}
	in := &typedAhead{p.in, typed}
	if p.chosen = (plainPrompter{in, p.out}); told {
		p.chosen = surveyPrompter{in, terminal.Stdio{In: in, Out: p.out, Err: p.stderr}}
	}
	return p.chosen, nil
}

// Ask wants a line of text; an empty one is the suggestion.
func (p *adaptivePrompter) Ask(question, suggestion string) (string, error) {
	chosen, err := p.choose()
	if err != nil {
		return "", err
	}
	return chosen.Ask(question, suggestion)
}

// Secret wants a line of text and does not show it.
func (p *adaptivePrompter) Secret(question string) (string, error) {
	chosen, err := p.choose()
	if err != nil {
		return "", err
	}
	return chosen.Secret(question)
}

// Confirm wants a yes; no is the suggestion.
func (p *adaptivePrompter) Confirm(question string) (bool, error) {
	chosen, err := p.choose()
	if err != nil {
		return false, err
	}
	return chosen.Confirm(question)
}

// cursorTold asks the terminal where its cursor is, and says whether it answered
// in time. What somebody typed meanwhile is returned.
func cursorTold(in, out File, limit time.Duration) (typed []byte, told bool, err error) {
	defer restoring(in)()
	before, err := term.MakeRaw(int(in.Fd()))
	if err != nil {
		return nil, false, fmt.Errorf("asking on the terminal: %w", err)
	}
	defer term.Restore(int(in.Fd()), before)
	fmt.Fprint(out, askCursor)
	keys := make([]byte, 256)
	for end := time.Now().Add(limit); ; {
		_, err := ready(in, nil, int(max(0, time.Until(end).Milliseconds())))
		if errors.Is(err, os.ErrDeadlineExceeded) {
			return typed, false, nil
		}
		var n int
		if err == nil {
			n, err = in.Read(keys)
		}
		if err != nil {
			return typed, false, fmt.Errorf("asking on the terminal: %w", err)
		}
		for _, key := range keys[:n] {
			if key == 0x03 { // Ctrl-C, which is no signal now
				return typed, false, fmt.Errorf("interrupted: %w", ErrDeclined)
			}
			typed = append(typed, key)
		}
		if at := cursorReport().FindIndex(typed); at != nil {
			return append(typed[:at[0]:at[0]], typed[at[1]:]...), true, nil
		}
	}
}

// typedAhead is a terminal from which something has been read already.
type typedAhead struct {
	File
	typed []byte
}

func (t *typedAhead) Read(p []byte) (int, error) {
	if len(t.typed) == 0 {
		return t.File.Read(p)
	}
	n := copy(p, t.typed)
	t.typed = t.typed[n:]
	return n, nil
}
