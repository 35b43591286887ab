package commands

import (
	"regexp"

	"capf/commands/internal/cmdline"
)

// namedCommand finds the commands that a text names, as a system shell takes them.
var namedCommand = regexp.MustCompile(`(utils )?\bcapf ([a-z-]+|COMMAND)`)

// typed is a text for a person, with its commands as they are typed where the person
// is: capf shell needs no word capf in front. What it does not have, such as capf serve,
// is for a system shell and stays as it is.
func typed(env *Env, text string) string {
	if env.confined == nil || !namedCommand.MatchString(text) {
		return text
	}
	here := map[string]bool{"--help": true, "COMMAND": true}
	for _, c := range tree(env).Commands {
		here[c.Name] = c.Privilege != cmdline.OutsideShell
	}
	return namedCommand.ReplaceAllStringFunc(text, func(found string) string {
		parts := namedCommand.FindStringSubmatch(found)
		if parts[1] != "" || !here[parts[2]] {
			return found
		}
		return parts[2]
	})
}
