package settings

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"capf/internal/apperr"
)

// checkCommand checks the command line of a parameter. The program must be an absolute
// path, since a service does not have the PATH of the operator who tried the command.
func checkCommand(name, value string) (string, error) {
	if strings.EqualFold(value, notSet) {
		return notSet, nil
	}
	parts, err := splitWords(value)
	switch {
	case err != nil:
		return "", apperr.BadValue("%s: %v", name, err)
	case !filepath.IsAbs(parts[0]):
		return "", apperr.BadValue("%s: the program must be a whole path such as /usr/local/bin/apply-config, not %q", name, parts[0])
	}
	return value, nil
}

// checkNotifyCommand checks the command line that tells operators of findings.
func checkNotifyCommand(value string) (string, error) { return checkCommand(NotifyCommand, value) }

// commandWarning warns when the program is missing. That is not an error: it may be
// missing on this host only, or not be installed yet.
func commandWarning(value string) string {
	parts := words(value)
	if parts == nil {
		return ""
	}
	info, err := os.Stat(parts[0])
	switch {
	case err != nil:
		return fmt.Sprintf("there is no program %q on this host", parts[0])
	case !info.Mode().IsRegular() || info.Mode().Perm()&0o111 == 0:
		return fmt.Sprintf("%q is not a program that can be run", parts[0])
	}
	return ""
}

// words splits a command line that has passed checkCommand; nil for none.
func words(value string) []string {
	if value == notSet || value == "" {
		return nil
	}
	parts, _ := splitWords(value)
	return parts
}

// splitWords splits at blanks. Single or double quotes hold a word
// together; no other character is special.
func splitWords(s string) (all []string, err error) {
	var word strings.Builder
	var quote rune
	begun := false
	for _, c := range s {
		switch {
		case c < ' ' || c == 0x7f:
			return nil, errors.New("it has a control character")
		case quote != 0 && c == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(c)
		case c == '"' || c == '\'':
			quote, begun = c, true
		case c == ' ' && begun:
			all, begun = append(all, word.String()), false
			word.Reset()
		case c != ' ':
			begun = true
			word.WriteRune(c)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is not closed", quote)
	}
	if begun {
		all = append(all, word.String())
	}
	return all, nil
}
