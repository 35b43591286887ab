package commands

import (
	"fmt"
	"strings"

	"capf/commands/internal/term"
	"capf/enroll/devices"
	"capf/enroll/settings"
	"capf/internal/apperr"
)

// askSecret asks for a secret. An empty answer neither sets nor removes one:
// pressing Enter means that the operator has changed their mind.
func (env *Env) askSecret(question string) (string, error) {
	answer, err := env.Prompt.Secret(question)
	if err == nil && answer == "" {
		err = fmt.Errorf("no secret was given: %w", term.ErrDeclined)
	}
	return answer, err
}

// askString asks for an authentication string until it can be one.
func askString(env *Env) (string, error) {
	for {
		answer, err := env.askSecret("Authentication string")
		if err != nil || devices.IsAuthString(answer) {
			return answer, err
		}
		env.say("An authentication string has %d to %d digits", settings.MinDigits, settings.MaxDigits)
	}
}

// askUntil asks for a line of text until it is acceptable: whoever has answered one
// question wrong should not have to answer the others again.
func askUntil(env *Env, question, suggestion string, check func(string) error) (string, error) {
	for {
		answer, err := env.Prompt.Ask(question, suggestion)
		if err != nil {
			return "", err
		}
		if err := check(strings.TrimSpace(answer)); err != nil {
			env.say("%s", err.Error())
			continue
		}
		return strings.TrimSpace(answer), nil
	}
}

// consent asks for confirmation before something irreversible. The format says
// what is about to happen, such as "delete device %s". Without a terminal the
// consent has to be on the command line, as --yes.
func (env *Env) consent(yes bool, format string, args ...any) error {
	return consentOr(env, "add --yes, or --dry-run to see what it would do", yes, format, args...)
}

// consentOr is consent with other advice, for a command that has no --dry-run.
func consentOr(env *Env, hint string, yes bool, format string, args ...any) error {
	if yes {
		return nil
	}
	what := fmt.Sprintf(format, args...)
	if env.Prompt == nil {
		return apperr.WithHint(apperr.Usage("consent to %s is missing", what), "%s", hint)
	}
	ok, err := env.Prompt.Confirm(term.OneLine(term.UpperFirst(what) + "?"))
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("declined: %w", term.ErrDeclined)
	}
	return nil
}
