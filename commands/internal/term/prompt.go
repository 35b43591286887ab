package term

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/AlecAivazis/survey/v2"
	"github.com/AlecAivazis/survey/v2/core"
	"github.com/AlecAivazis/survey/v2/terminal"

	"capf/commands/internal/host"
)

// Prompter asks the person at the terminal. Ctrl-C gives ErrDeclined.
type Prompter interface {
	Ask(question, suggestion string) (string, error)
	Secret(question string) (string, error)
	Confirm(question string) (bool, error)
}

// ErrDeclined ends a command whose question was answered with no, or interrupted
// with Ctrl-C. It means that nothing has been changed.
var ErrDeclined = errors.New("nothing was changed")

// surveyPrompter asks on a terminal that says where its cursor is; survey would
// hang or read an end of file anywhere else.
type surveyPrompter struct {
	in      File
	streams terminal.Stdio
}

// NewPrompter returns a prompter on a terminal. It also sets the package variable
// by which survey learns whether colors are wanted.
func NewPrompter(in, out File, stderr io.Writer) Prompter {
	if os.Getenv("TERM") == "dumb" {
		return plainPrompter{in, out}
	}
	core.DisableColor = os.Getenv("NO_COLOR") != ""
	return &adaptivePrompter{in: in, out: out, stderr: stderr, limit: cursorTime}
}

func (p surveyPrompter) ask(prompt survey.Prompt, answer any) error {
	// Once survey reads keys, Ctrl-C is one of them. Until then it would end the
	// program without a word and, in capf shell, the session.
	early := make(chan os.Signal, 1)
	host.Notify(early, os.Interrupt)
	defer signal.Stop(early)
	defer restoring(p.in)()
	err := survey.AskOne(prompt, answer, survey.WithStdio(p.streams.In, p.streams.Out, p.streams.Err))
	if errors.Is(err, terminal.InterruptErr) {
		return fmt.Errorf("interrupted: %w", ErrDeclined)
	}
	if err != nil {
		return fmt.Errorf("asking on the terminal: %w", err)
	}
	return nil
}

// Ask wants a line of text; an empty one is the suggestion.
func (p surveyPrompter) Ask(question, suggestion string) (answer string, err error) {
	err = p.ask(&survey.Input{Message: question, Default: suggestion}, &answer)
	return answer, err
}

// Secret wants a line of text and does not show it.
func (p surveyPrompter) Secret(question string) (answer string, err error) {
	err = p.ask(&survey.Password{Message: question}, &answer)
	return answer, err
}

// Confirm wants a yes; no is the suggestion.
func (p surveyPrompter) Confirm(question string) (answer bool, err error) {
	err = p.ask(&survey.Confirm{Message: question}, &answer)
	return answer, err
}
