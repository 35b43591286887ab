package devices

import (
	"strings"
	"unicode/utf8"

	"capf/internal/apperr"
	"capf/store"
)

func checkTexts(d store.Device) error {
	for _, a := range attributes {
		if a.Text {
			if err := CheckText(a.Short, a.of(&d).(string)); err != nil {
				return err
			}
		}
	}
	return nil
}

// MaxText is the largest number of characters in a description, a model or a
// pool.
const MaxText = 128

// CheckText refuses, with ErrValue, anything but a one-line text.
func CheckText(what, text string) error {
	control := func(c rune) bool { return c < ' ' || c == 0x7f }
	switch {
	case !utf8.ValidString(text):
		return apperr.BadValue("the %s is not UTF-8", what)
	case utf8.RuneCountInString(text) > MaxText || strings.ContainsFunc(text, control):
		return apperr.BadValue("the %s has at most %d characters and no control characters", what, MaxText)
	}
	return nil
}
