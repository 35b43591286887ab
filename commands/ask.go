package commands

import (
	"fmt"

	"capf/commands/internal/term"
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
