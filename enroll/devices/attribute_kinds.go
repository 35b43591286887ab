package devices

import (
	"fmt"
	"strings"
	"time"

	"capf/internal/input"
	"capf/store"
)

// Attribute is an attribute of a device that an operator can set, with its
// names wherever it is given or shown: flags, lists, CSV files, templates
// and jobs.
type Attribute struct {
	Name    string // in JSON, and with hyphens as a flag
	Usage   string // of the flag
	Clears  bool   // can be taken away
	Label   string // where one device is shown
	Column  string // in lists; "" where only wide ones, JSON and CSV have it
	Short   string // in a list of changes
	Heading string // in CSV files, as the vendor has it where that is known
	Also    []string
	Secret  bool // the authentication string, which is never shown, and stored only sealed
	Text    bool // any one-line text

	scheduled bool // set by Rules.schedule, with all its consequences
	of        func(*store.Device) any
	at        func(*Edit) any // the field of an edit: a pointer to a pointer
	given     func(*Edit) any // its value; nil when the edit does not set it
	read      func(e *Edit, text string, now time.Time) error
	assign    func(*store.Device, *Edit)
	drop      func(*Edit, *store.Device)
	over      func(e, other *Edit)
}

// oneOf returns the usage of a flag that takes one of several words.
func oneOf(what string, words []string) string { return what + ": " + strings.Join(words, ", ") }

// bits reads the size of a key. Rules.Edit checks which sizes exist.
func bits(text string) (int, error) {
	n, err := input.Number(text, 1, 1<<16)
	if err != nil {
		return 0, fmt.Errorf("%q is not a number of bits", text)
	}
	return n, nil
}

// word returns an attribute whose values are read by parse.
func word[T comparable](a Attribute, at func(*Edit) **T, of func(*store.Device) *T, parse func(string) (T, error)) Attribute {
	if a.Short == "" {
		a.Short = strings.ReplaceAll(a.Name, "_", " ")
	}
	a.at = func(e *Edit) any { return at(e) }
	a.of = func(d *store.Device) any { return *of(d) }
	a.given = func(e *Edit) any {
		if v := *at(e); v != nil {
			return *v
		}
		return nil
	}
	a.read = func(e *Edit, text string, _ time.Time) error {
		v, err := parse(text)
		if err == nil {
			*at(e) = &v
		}
		return err
	}
	a.assign = func(d *store.Device, e *Edit) { set(of(d), *at(e)) }
	a.drop = func(e *Edit, d *store.Device) { drop(at(e), *of(d)) }
	a.over = func(e, other *Edit) { over(at(e), *at(other)) }
	return a
}

// text returns an attribute that takes any one-line text. Surrounding blanks do
// not count, and the empty text means none.
func text(a Attribute, at func(*Edit) **string, of func(*store.Device) *string) Attribute {
	a.Text, a.Clears = true, true
	a = word(a, at, of, func(s string) (string, error) { return s, nil })
	a.assign = func(d *store.Device, e *Edit) { setText(of(d), *at(e)) }
	a.drop = func(e *Edit, d *store.Device) { dropText(at(e), *of(d)) }
	a.over = func(e, other *Edit) { overText(at(e), *at(other)) }
	return a
}

// completesBy is a moment in a device, and a moment or a span in an edit.
func completesBy() Attribute {
	return Attribute{
		Name: "completes_by", Usage: "`TIME` until which the operation is valid: 2027:01:31:18:00, 2027-01-31 (its end), RFC 3339, +10d",
		Label: "Operation completes by", Column: "Completes by", Heading: "Operation Completes By", scheduled: true,
		at: func(e *Edit) any { return &e.CompletesBy },
		of: func(d *store.Device) any { return d.CompletesBy },
		given: func(e *Edit) any {
			if e.CompletesBy == nil {
				return nil
			}
			if t, ok := e.CompletesBy.Moment(); ok {
				return t
			}
			return e.CompletesBy.String()
		},
		read: func(e *Edit, text string, now time.Time) error {
			by, err := ParseDeadline(text, now)
			if err == nil {
				e.CompletesBy = &by
			}
			return err
		},
		over: func(e, other *Edit) { over(&e.CompletesBy, other.CompletesBy) },
	}
}

// Flag returns the name of the flag, which is also the attribute's name in
// events.
func (a Attribute) Flag() string { return strings.ReplaceAll(a.Name, "_", "-") }

// Read puts a value into the edit. Spans of time begin now.
func (a Attribute) Read(e *Edit, text string, now time.Time) error { return a.read(e, text, now) }

// Of returns the device's value. For a secret it says whether there is one.
func (a Attribute) Of(d store.Device) any {
	if a.Secret {
		return d.SealedString != nil
	}
	return a.of(&d)
}

// Given returns the value in the edit, nil when the edit does not set it.
func (a Attribute) Given(e Edit) any { return a.given(&e) }

// Clear removes the attribute's value.
func (a Attribute) Clear(e *Edit) {
	if a.Secret {
		e.NoString = true
		return
	}
	_ = a.read(e, "", time.Time{}) // only a text is cleared, and the empty one is one
}
