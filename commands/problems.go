package commands

import (
	"capf/commands/internal/files"
	"capf/commands/internal/term"
	"capf/internal/apperr"
	"capf/internal/document"
)

// sayProblems names everything that is wrong in a file, as compilers do, and returns
// the refusal of the whole. It returns other errors as they are.
func sayProblems(env *Env, file string, err error) error {
	problems, ok := err.(document.Problems)
	if !ok {
		return err
	}
	name := file
	if file == "-" {
		name = files.InputName(file)
	}
	for _, p := range problems {
		switch {
		case env.Format == term.JSON:
		case p.Line == 0:
			env.say("%s", p.Text)
		default:
			env.say("%s:%d: %s", name, p.Line, p.Text)
		}
	}
	if env.Format == term.JSON {
		if err := printJSON(env, struct {
			Problems document.Problems `json:"problems"`
		}{problems}); err != nil {
			return err
		}
	}
	return apperr.Refused("%s in %s, so nothing was changed", counted(len(problems), "problem"), files.InputName(file))
}
