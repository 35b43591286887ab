package settings

import (
	"context"
	"fmt"

	"capf/internal/apperr"
	"capf/store"
)

// Change says what setting a parameter did.
type Change struct {
	Name, Old, New string
	Changed        bool
	Effect         string
	Warning        string   // "" when there is nothing to warn of
	Dropped        []string // secrets that belonged to the old value and were removed with it
	Touched        *Touched // nil when the parameter concerns no particular devices
}

// Removes says whether a parameter has no value any more.
func (c Change) Removes() bool { return c.New == notSet }

// Set sets a parameter. The error is store.ErrNotFound for an unknown name, apperr.ErrValue
// with the range for a value outside it, and apperr.ErrRefused for a secret or a value that
// another parameter excludes.
func Set(ctx context.Context, s *store.Store, actor store.Actor, name, value string) (Change, error) {
	p, err := known(name)
	if err != nil {
		return Change{}, err
	}
	if p.Secret {
		return Change{}, apperr.WithHint(apperr.Refused("%s is a secret, which never comes as an argument", p.Name), "%s", SecretHint(p.Name))
	}
	if value, err = p.normalize(value); err != nil {
		return Change{}, err
	}
	set, err := s.Parameters(ctx)
	if err != nil {
		return Change{}, err
	}
	if p.exclude != nil {
		if err := p.exclude(p.Name, value, set); err != nil {
			return Change{}, err
		}
	}
	if err := p.placed(value, s.Path()); err != nil {
		return Change{}, err
	}
	c := Change{Name: p.Name, Old: p.Default, New: value, Effect: p.Effect}
	old, isSet := set[p.Name]
	if isSet {
		c.Old = old
	}
	c.Changed = c.Old != c.New
	if p.warning != nil {
		c.Warning = p.warning(value)
	}
	if c.Changed && p.touched != nil {
		c.Touched = p.touched(c.Old, c.New)
	}
	if isSet && !c.Changed {
		return c, nil
	}
	drop := stranded(c, set)
	for _, name := range drop {
		is, err := HasSecret(ctx, s.Reader, name)
		if err != nil {
			return Change{}, err
		}
		if is {
			c.Dropped = append(c.Dropped, name)
		}
	}
	return c, s.SetParameter(ctx, actor, p.Name, value, drop...)
}

// known finds a parameter, or returns store.ErrNotFound.
func known(name string) (Parameter, error) {
	p, ok := FindParameter(name)
	if !ok {
		return p, apperr.WithHint(fmt.Errorf("parameter %q: %w", name, store.ErrNotFound), "capf show lists all parameters")
	}
	return p, nil
}
