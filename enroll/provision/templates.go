package provision

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"capf/enroll"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

const maxObjectName = 128 // characters

// checkName refuses names of templates, groups and directories that could not
// be written on a command line or told apart in a table.
func checkName(what, name string) error {
	if !isObjectName(name) || utf8.RuneCountInString(name) > maxObjectName {
		return apperr.BadValue("%q is not the name of a %s; it has 1 to 128 letters, digits, blanks, dots, hyphens and underscores", name, what)
	}
	return nil
}

// isObjectName wants letters and digits of any alphabet, and between and behind
// them blanks, dots, hyphens and underscores too.
func isObjectName(name string) bool {
	for i, r := range name {
		if !unicode.IsLetter(r) && !unicode.IsNumber(r) && (i == 0 || !strings.ContainsRune(" ._-", r)) {
			return false
		}
	}
	return name != ""
}

// checkTemplate refuses settings that no new device can take.
func checkTemplate(r *enroll.Rules, e Edit, s settings.Settings) error {
	if err := e.check(r, s); err != nil {
		return err
	}
	edit := e.DeviceEdit
	if e.Unique {
		example := "0000000000"
		edit.String = &example
	}
	d, err := enroll.NewDevice("template")
	if err == nil {
		err = r.Edit(&d, edit, s, false)
	}
	if errors.Is(err, apperr.ErrRefused) {
		return apperr.WithHint(apperr.Refused("no new device could take these settings: %v", err),
			"--generate-string, --unique-strings and --auth-string-file give it one; --security-mode nonsecure needs no LSC")
	}
	return err
}

// AddTemplate adds a universal device template. A description of the settings
// is that of the template, not of its devices. One that is there as asked stays,
// and added is false; when its string was generated, any string is as asked.
// Errors: ErrValue, ErrRefused, store.ErrConflict when there is another one of
// that name.
func AddTemplate(ctx context.Context, r *enroll.Rules, actor store.Actor, name, description string, e Edit, generated bool) (t store.Template, added bool, err error) {
	if err := checkName("template", name); err != nil {
		return t, false, err
	}
	t = store.Template{Name: name, Description: description}
	if err := fillTemplate(ctx, r, &t, e); err != nil {
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
	was, err := loadEdit(r, secrets.TemplateStringLabel, have.Settings, have.SealedString)
	if err != nil {
		return t, false, err
	}
	settings, _, err := was.save(r, secrets.TemplateStringLabel) // as this version writes them
	if err != nil {
		return t, false, err
	}
	sameString := was.String == nil && e.String == nil || was.String != nil && e.String != nil && (generated || *was.String == *e.String)
	if settings != t.Settings || have.Description != t.Description || !sameString {
		return t, false, existsOtherwise("template", "template set", have.Name)
	}
	return have, false, nil
}

// existsOtherwise refuses to add what is there, but not as asked.
func existsOtherwise(what, change, name string) error {
	return apperr.WithHint(apperr.New(store.ErrConflict, "adding %s %q: it exists with other settings", what, name),
		"capf %s %s changes it", change, name)
}

// ChangeTemplate changes those settings of a template that the edit has; a
// string takes the place of unique ones, and the other way round. Devices that
// exist are not touched. Errors: ErrValue, ErrRefused, store.ErrNotFound.
func ChangeTemplate(ctx context.Context, r *enroll.Rules, actor store.Actor, name string, description *string, e Edit) (store.Template, error) {
	t, err := r.Store.Template(ctx, name)
	if err != nil {
		return t, err
	}
	was, err := loadEdit(r, secrets.TemplateStringLabel, t.Settings, t.SealedString)
	if err != nil {
		return t, err
	}
	if description != nil {
		t.Description = *description
	}
	if err := fillTemplate(ctx, r, &t, was.with(e)); err != nil {
		return t, err
	}
	return t, r.Store.ChangeTemplate(ctx, actor, t)
}

func fillTemplate(ctx context.Context, r *enroll.Rules, t *store.Template, e Edit) error {
	settings, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	if err := checkTemplate(r, e, settings); err != nil {
		return err
	}
	if err := enroll.CheckText("description", t.Description); err != nil {
		return err
	}
	t.Settings, t.SealedString, err = e.save(r, secrets.TemplateStringLabel)
	return err
}

// with is the edit with what another one has instead. What the other one takes
// away, a template leaves open.
func (e Edit) with(o Edit) Edit {
	overText(&e.Description, o.Description)
	overText(&e.Model, o.Model)
	overText(&e.Pool, o.Pool)
	over(&e.SecurityMode, o.SecurityMode)
	over(&e.IPMode, o.IPMode)
	over(&e.Operation, o.Operation)
	over(&e.AuthMode, o.AuthMode)
	over(&e.KeyOrder, o.KeyOrder)
	over(&e.RSABits, o.RSABits)
	over(&e.ECBits, o.ECBits)
	over(&e.CompletesBy, o.CompletesBy)
	switch {
	case o.NoString:
		e.Unique, e.String = false, nil
	case o.Unique:
		e.Unique, e.String = true, nil
	case o.String != nil:
		e.Unique, e.String = false, o.String
	}
	return e
}

func over[T any](field **T, value *T) {
	if value != nil {
		*field = value
	}
}

// overText is over for a text, of which the empty one is none.
func overText(field **string, value *string) {
	over(field, value)
	if value != nil && *value == "" {
		*field = nil
	}
}

// ReadTemplate is the settings of a template, without its string.
func ReadTemplate(t store.Template) (Edit, error) {
	e, err := showEdit(t.Settings)
	if err != nil {
		return e, fmt.Errorf("template %q: %w", t.Name, err)
	}
	return e, nil
}

// UpsertFeatureGroup adds a feature group template, or has the one of that name
// name another template; a nil description stays as it is. Errors: ErrValue;
// store.ErrNotFound when there is no such template.
func UpsertFeatureGroup(ctx context.Context, r *enroll.Rules, actor store.Actor, name, template string, description *string) error {
	if err := checkName("feature group template", name); err != nil {
		return err
	}
	g, err := r.Store.FeatureGroup(ctx, name)
	switch {
	case errors.Is(err, store.ErrNotFound):
		g.Name = name
	case err != nil:
		return err
	}
	g.Template = template
	if description != nil {
		g.Description = *description
	}
	if err := enroll.CheckText("description", g.Description); err != nil {
		return err
	}
	return r.Store.UpsertFeatureGroup(ctx, actor, g)
}
