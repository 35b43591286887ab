package settings

import (
	"strings"

	"capf/internal/apperr"
	"capf/internal/input"
)

// devicePlace is the placeholder for the device's name in a command.
const devicePlace = "{device}"

// checkApplyCommand checks the command line that applies a configuration.
func checkApplyCommand(value string) (string, error) {
	value, err := checkCommand(ApplyCommand, value)
	parts := words(value)
	switch {
	case err != nil || parts == nil:
		return value, err
	case strings.Contains(parts[0], devicePlace):
		return "", apperr.BadValue("%s: a device cannot choose the program", ApplyCommand)
	case !strings.Contains(strings.Join(parts[1:], " "), devicePlace):
		return "", apperr.BadValue("%s: an argument must have %s, which the device's name replaces", ApplyCommand, devicePlace)
	}
	return value, nil
}

// CommandFor returns the command line for one device: its name replaces {device} in
// each argument, and no shell interprets it. The error is apperr.ErrRefused for a
// name, accepted by an earlier capf, that a program could take for an option or a
// folder.
func (s Settings) CommandFor(device string) ([]string, error) {
	if device == "" || !input.IsAlphanumeric(device[0]) {
		return nil, apperr.Refused("the device's name does not begin with a letter or a digit, so that a program could take it for an option or a folder; add the device under another name")
	}
	line := make([]string, len(s.ApplyCommand))
	for i, word := range s.ApplyCommand {
		line[i] = strings.ReplaceAll(word, devicePlace, device)
	}
	return line, nil
}
