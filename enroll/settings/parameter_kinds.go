package settings

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"capf/internal/apperr"
	"capf/internal/input"
)

// When a change of a parameter takes effect.
const (
	atOnce       = "at once"
	nextSession  = "for the next session"
	afterRestart = "after service restart"
)

// notSet is shown for a parameter without a value, shownSecret in place of a secret.
const (
	notSet      = "none"
	shownSecret = "(set)"
)

// Parameter is one service parameter: a row of the table.
type Parameter struct {
	Name     string
	Range    string // in words
	Default  string
	Effect   string // when a change takes effect
	Help     string
	Values   []string // the values of a choice; nil for any other kind
	Secret   bool     // never shown, and set by SetSecret
	Everyday bool     // whoever works with capf day by day may set it; any other may open a door
	Subject  string   // what parameter approve calls a change of it; "" if it never waits for another operator

	parse   func(value string) (string, error)                       // checks a value and returns the form in which it is stored
	into    func(s *Settings, value string)                          // puts the result of parse into the settings; nil for a secret
	warning func(value string) string                                // the warning about a value, or ""; nil when no value needs one
	touched func(old, value string) *Touched                         // the devices that a change affects; nil when it affects none in particular
	place   func(value, database string) error                       // refuses a path because of where the database is
	exclude func(name, value string, others map[string]string) error // refuses a value that the other parameters exclude
}

func number(name string, low, high int, def, unit, effect, help string, into func(*Settings, int)) Parameter {
	return Parameter{
		Name: name, Default: def, Effect: effect, Help: help, Range: strings.TrimSpace(fmt.Sprintf("%d to %d %s", low, high, unit)),
		parse: func(value string) (string, error) {
			value = strings.ToLower(value) // as the error shows it
			n, err := input.Number(value, low, high)
			if err != nil {
				return "", apperr.BadValue("%s must be a number from %d to %d, not %q", name, low, high, value)
			}
			return strconv.Itoa(n), nil
		},
		into: func(s *Settings, value string) {
			n, _ := strconv.Atoi(value) // parse has checked it
			into(s, n)
		},
	}
}

func choice(name, def, effect, help string, into func(*Settings, string), values ...string) Parameter {
	return Parameter{
		Name: name, Default: def, Effect: effect, Help: help, Values: values, Range: strings.Join(values, ", "), into: into,
		parse: func(value string) (string, error) {
			if value = strings.ToLower(value); slices.Contains(values, value) {
				return value, nil
			}
			return "", apperr.BadValue("%s must be %s, not %q", name, orList(values), value)
		},
	}
}

func flag(name, def, effect, help string, into func(*Settings, bool)) Parameter {
	return choice(name, def, effect, help, func(s *Settings, value string) { into(s, value == "true") }, "true", "false")
}

// custom returns a parameter with a notation of its own, in force at once.
func custom(name, def, values, help string, parse func(string) (string, error), into func(*Settings, string)) Parameter {
	return Parameter{Name: name, Default: def, Effect: atOnce, Range: values, Help: help, parse: parse, into: into}
}

// text returns a parameter whose value may be none, which is "" in the
// settings.
func text(name, values, help string, check func(string) (string, error), into func(*Settings, string)) Parameter {
	orNone := func(value string) (string, error) {
		if strings.EqualFold(value, notSet) {
			return notSet, nil
		}
		value, err := check(value)
		if err != nil {
			return "", apperr.BadValue("%s: %v", name, err)
		}
		return value, nil
	}
	return custom(name, notSet, values, help, orNone, func(s *Settings, value string) { into(s, unset(value)) })
}

func secret(name, values, help string) Parameter {
	return Parameter{Name: name, Default: notSet, Effect: atOnce, Range: values, Help: help, Secret: true}
}

func (p Parameter) approvedAs(subject string) Parameter {
	p.Subject = subject
	return p
}

func (p Parameter) everyday() Parameter {
	p.Everyday = true
	return p
}

func (p Parameter) warns(warning func(value string) string) Parameter {
	p.warning = warning
	return p
}

func (p Parameter) effective(when string) Parameter {
	p.Effect = when
	return p
}

func (p Parameter) warnsIf(value, warning string) Parameter {
	return p.warns(func(v string) string {
		if v == value {
			return warning
		}
		return ""
	})
}

func (p Parameter) touches(touched func(old, value string) *Touched) Parameter {
	p.touched = touched
	return p
}

func (p Parameter) keeps(place func(path, database string) error) Parameter {
	p.place = place
	return p
}

// placed refuses a path because of where the database is.
func (p Parameter) placed(value, database string) error {
	if p.place == nil || unset(value) == "" {
		return nil
	}
	return p.place(value, database)
}

func (p Parameter) excludes(exclude func(name, value string, others map[string]string) error) Parameter {
	p.exclude = exclude
	return p
}

// normalize checks a value and returns the form in which it is stored.
// Check says why a value is not acceptable, whatever the other parameters are.
func (p Parameter) Check(value string) error {
	_, err := p.normalize(value)
	return err
}

func (p Parameter) normalize(value string) (string, error) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
		return "", apperr.BadValue("the value of %s is empty; it takes %s", p.Name, p.Range)
	case !utf8.ValidString(value):
		return "", apperr.BadValue("the value of %s is not UTF-8", p.Name)
	}
	return p.parse(value)
}

// unset turns the value none into an empty text.
func unset(value string) string {
	if value == notSet {
		return ""
	}
	return value
}

func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
}
