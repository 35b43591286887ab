// Package templates holds universal device templates, which are the initial
// settings of devices, and feature group templates, which name one for a
// directory. It does not know who uses a template.
package templates

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"capf/enroll/devices"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

const maxObjectName = 128 // characters

// CheckName refuses names of templates, groups and directories that could not
// be typed on a command line or told apart in a table.
func CheckName(what, name string) error {
	if !isObjectName(name) || utf8.RuneCountInString(name) > maxObjectName {
		return apperr.BadValue("%q is not the name of a %s; it has 1 to 128 letters, digits, blanks, dots, hyphens and underscores", name, what)
	}
	return nil
}

// isObjectName accepts letters and digits of any alphabet and, after the first,
// also blanks, dots, hyphens and underscores.
func isObjectName(name string) bool {
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && (i == 0 || !strings.ContainsRune(" ._-", r)) {
			return false
		}
	}
	return name != ""
}

// check refuses settings that no new device can have.
func check(r *devices.Rules, e devices.Edit, s settings.Settings) error {
	if err := r.Check(e, s); err != nil {
		return err
	}
	d, err := devices.New("template")
	if err == nil {
		err = r.Edit(&d, e.WithExample(), s, false)
	}
	if errors.Is(err, apperr.ErrRefused) {
		return apperr.WithHint(apperr.Refused("no new device could take these settings: %v", err), "--generate-string, --unique-strings and --auth-string-file give it one; --security-mode nonsecure needs no LSC")
	}
	return err
}

// Add adds a universal device template. A description in the settings is the
// template's, not its devices'. When the same template exists already, nothing
// changes and added is false; a generated string counts as the same as any.
// Errors: ErrValue, ErrRefused, store.ErrConflict when a different template has
// that name.
func Add(ctx context.Context, r *devices.Rules, actor store.Actor, name, description string, e devices.Edit, generated bool) (t store.Template, added bool, err error) {
	if err := CheckName("template", name); err != nil {
		return t, false, err
	}
	t = store.Template{Name: name, Description: description}
	if err := fill(ctx, r, &t, e); err != nil {
		return t, false, err
	}
	have, err := r.Store.Template(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		t, err = r.Store.AddTemplate(ctx, actor, t)
		return t, err == nil, err
	case err != nil:
		return t, false, err
	}
	was, err := r.Load(secrets.TemplateStringLabel, have.Settings, have.SealedString)
	if err != nil {
		return t, false, err
	}
	settings, _, err := r.Save(was, false, secrets.TemplateStringLabel) // in the form that this version writes
	if err != nil {
		return t, false, err
	}
	sameString := was.String == nil && e.String == nil || was.String != nil && e.String != nil && (generated || *was.String == *e.String)
	if settings != t.Settings || have.Description != t.Description || !sameString {
		return t, false, ExistsOtherwise("template", "template set", have.Name)
	}
	return have, false, nil
}

// ExistsOtherwise is the refusal to add an object that exists with other
// settings.
func ExistsOtherwise(what, change, name string) error {
	return apperr.WithHint(apperr.New(store.ErrConflict, "adding %s %q: it exists with other settings", what, name), "capf %s %s changes it", change, name)
}

// Change changes the settings of a template that the edit has; a string
// replaces unique ones, and vice versa. Existing devices are not changed.
// Errors: ErrValue, ErrRefused, store.ErrNotFound.
func Change(ctx context.Context, r *devices.Rules, actor store.Actor, name string, description *string, e devices.Edit) (store.Template, error) {
	t, err := r.Store.Template(ctx, name)
	if err != nil {
		return t, err
	}
	was, err := r.Load(secrets.TemplateStringLabel, t.Settings, t.SealedString)
	if err != nil {
		return t, err
	}
	if description != nil {
		t.Description = *description
	}
	if err := fill(ctx, r, &t, was.With(e)); err != nil {
		return t, err
	}
	return t, r.Store.ChangeTemplate(ctx, actor, t)
}

func fill(ctx context.Context, r *devices.Rules, t *store.Template, e devices.Edit) error {
	settings, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	if err := check(r, e, settings); err != nil {
		return err
	}
	if err := devices.CheckText("description", t.Description); err != nil {
		return err
	}
	t.Settings, t.SealedString, err = r.Save(e, false, secrets.TemplateStringLabel)
	return err
}

// Read returns the settings of a template, without its string.
func Read(t store.Template) (devices.Edit, error) {
	e, _, err := devices.Read(t.Settings)
	if err != nil {
		return e, fmt.Errorf("template %q: %w", t.Name, err)
	}
	return e, nil
}
