package settings

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"capf/crypto"
	"capf/internal/document"
	"capf/store"
)

// Plan is what has to be done so that the parameters are as described.
type Plan struct {
	Changes []Change
	Same    int

	seen  map[string]string
	edits []store.ParameterEdit
}

// applyAttempts is how often Apply looks again when somebody else has set parameters
// in between.
const applyAttempts = 20

// Apply makes parameters as described, in one transaction. Whether values exclude each
// other is judged by what all of them are afterwards, so their order does not matter.
// The sealer is asked for when there are secrets. tell hears the plan before anything
// is changed. A document.Problems error says which values cannot be taken.
func Apply(ctx context.Context, s *store.Store, sealer func() (*crypto.Sealer, error), actor store.Actor, want []Described, tell func(Plan) error) (plan Plan, err error) {
	for range applyAttempts {
		if plan, err = newPlan(ctx, s.Reader, sealer, want); err != nil || len(plan.Changes) == 0 {
			return plan, err
		}
		if err = tell(plan); err != nil {
			return plan, err
		}
		err = s.ApplyParameters(ctx, actor, plan.seen, plan.edits)
		if !errors.Is(err, store.ErrConflict) {
			return plan, err
		}
	}
	return plan, err
}

func newPlan(ctx context.Context, s *store.Reader, sealer func() (*crypto.Sealer, error), want []Described) (plan Plan, err error) {
	if plan.seen, err = s.Parameters(ctx); err != nil {
		return plan, err
	}
	var problems document.Problems
	after := maps.Clone(plan.seen)
	for _, d := range want {
		if p, _ := FindParameter(d.Name); !p.Secret {
			after[p.Name] = d.Value
		}
	}
	for _, d := range want {
		p, _ := FindParameter(d.Name)
		if p.Secret {
			continue
		}
		if p.exclude != nil {
			if err := p.exclude(p.Name, d.Value, after); err != nil {
				problems.Add(d.Line, "%v", err)
				continue
			}
		}
		if err := p.placed(d.Value, s.Path()); err != nil {
			problems.Add(d.Line, "%v", err)
			continue
		}
		plan.value(p, d.Value)
	}
	if err := problems.Err(); err != nil {
		return plan, err
	}
	return plan, plan.secrets(ctx, s, sealer, want)
}

// value plans a parameter that is no secret.
func (p *Plan) value(of Parameter, value string) {
	c := Change{Name: of.Name, Old: of.Default, New: value, Changed: true, Effect: of.Effect}
	if old, isSet := p.seen[of.Name]; isSet {
		c.Old = old
	}
	if c.Old == c.New {
		p.Same++
		return
	}
	if of.warning != nil {
		c.Warning = of.warning(value)
	}
	if of.touched != nil {
		c.Touched = of.touched(c.Old, c.New)
	}
	p.Changes = append(p.Changes, c)
	p.edits = append(p.edits, store.ParameterEdit{Name: of.Name, Value: value})
}

// secrets plans the secrets: those that are described, and those that belong to a
// server which is no longer the one.
func (p *Plan) secrets(ctx context.Context, s *store.Reader, sealer func() (*crypto.Sealer, error), want []Described) error {
	dropped := map[string]bool{}
	for i := range p.Changes {
		for _, name := range stranded(p.Changes[i], p.seen) {
			is, err := HasSecret(ctx, s, name)
			if err != nil {
				return err
			}
			described := slices.ContainsFunc(want, func(d Described) bool { return d.Name == name })
			if is && !described && !dropped[name] {
				p.Changes[i].Dropped = append(p.Changes[i].Dropped, name)
				p.edits[i].Drops = append(p.edits[i].Drops, name)
			}
			dropped[name] = dropped[name] || is
		}
	}
	for _, d := range want {
		of, _ := FindParameter(d.Name)
		if !of.Secret {
			continue
		}
		if err := p.secret(ctx, s, sealer, of, d, dropped[of.Name]); err != nil {
			return err
		}
	}
	return nil
}

// secret plans one secret. Anew says that it has to be given again, even if it is the
// same.
func (p *Plan) secret(ctx context.Context, s *store.Reader, sealer func() (*crypto.Sealer, error), of Parameter, d Described, anew bool) error {
	c := Change{Name: of.Name, Old: notSet, New: notSet, Effect: of.Effect, Changed: true}
	is, err := HasSecret(ctx, s, of.Name)
	if err != nil {
		return err
	}
	if is {
		c.Old = shownSecret
	}
	e := store.ParameterEdit{Name: of.Name, Secret: true}
	if d.Secret == nil && !is {
		p.Same++
		return nil
	}
	if d.Secret != nil {
		c.New = shownSecret
		key, err := sealer()
		if err != nil {
			return err
		}
		present, err := OpenSecret(ctx, s, key, of.Name)
		if err != nil {
			return err
		}
		if !anew && bytes.Equal(present, d.Secret) {
			p.Same++
			return nil
		}
		if e.Sealed, err = key.Seal(of.Name, d.Secret); err != nil {
			return err
		}
		e.Certificate = certificateIn(of.Name, d.Secret)
	}
	p.Changes, p.edits = append(p.Changes, c), append(p.edits, e)
	return nil
}
