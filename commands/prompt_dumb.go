package commands

import (
	"fmt"
	"strings"

	"golang.org/x/term"
)

// dumbPrompter asks on a terminal that knows no escapes, such as a shell in an
// editor or a script that plays the operator: survey would wait there for the
// terminal to say where its cursor is. Ctrl-C ends the program, by its signal.
type dumbPrompter struct{ in, out terminalFile }

// Ask wants a line of text; an empty one is the suggestion.
func (p dumbPrompter) Ask(question, suggestion string) (string, error) {
	if suggestion != "" {
		question += " (" + suggestion + ")"
	}
	answer, err := p.line(question)
	if answer == "" {
		answer = suggestion
	}
	return answer, err
}

// Secret wants a line of text and does not show it, not even to who types before
// the question has been read to its end.
func (p dumbPrompter) Secret(question string) (string, error) {
	defer withoutEcho(int(p.in.Fd()))()
	fmt.Fprintf(p.out, "? %s ", question)
	answer, err := term.ReadPassword(int(p.in.Fd()))
	fmt.Fprintln(p.out)
	if err != nil {
		return "", fmt.Errorf("asking on the terminal: %w", err)
	}
	return string(answer), nil
}

// Confirm wants a yes; no is the suggestion.
func (p dumbPrompter) Confirm(question string) (bool, error) {
	answer, err := p.line(question + " (y/N)")
	return strings.EqualFold(answer, "y") || strings.EqualFold(answer, "yes"), err
}

// line reads no further than the end of the line: the rest may be for the next
// question.
func (p dumbPrompter) line(question string) (string, error) {
	fmt.Fprintf(p.out, "? %s ", question)
	var b strings.Builder
	for key := make([]byte, 1); ; {
		if _, err := p.in.Read(key); err != nil {
			return "", fmt.Errorf("asking on the terminal: %w", err)
		}
		if key[0] == '\n' {
			return strings.TrimSpace(b.String()), nil
		}
		b.WriteByte(key[0])
	}
}
