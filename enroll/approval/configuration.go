package approval

import (
	"context"
	"fmt"
	"strconv"

	"capf/crypto"
	"capf/enroll/settings"
)

const setFromAction = "set --from"

// configuration makes parameters as somebody has described them. If one of those that
// change needs approval, all wait for it.
type configuration struct {
	Want []keptParameter

	plan settings.Plan
	done bool // there is a plan
	tell func(settings.Plan) error
}

// keptParameter is a settings.Described that can be kept.
type keptParameter struct {
	Name   string
	Line   int
	Value  string
	Sealed []byte // of a secret; nil to remove it
	Mark   string // by which the same secret is known again, by those who hold the master key
}

// SetAll is settings.Apply.
func (p Parameters) SetAll(ctx context.Context, want []settings.Described, tell func(settings.Plan) error) (settings.Plan, error) {
	op := &configuration{tell: tell}
	for _, w := range want {
		one := keptParameter{Name: w.Name, Line: w.Line, Value: w.Value}
		if w.Secret != nil {
			sealer, err := p.desk.Keys(ctx)
			if err == nil {
				one.Sealed, one.Mark, err = sealedFor(sealer, w.Name, w.Secret)
			}
			if err != nil {
				return op.plan, err
			}
		}
		op.Want = append(op.Want, one)
	}
	err := p.desk.take(ctx, op)
	return op.plan, err
}

func (*configuration) action() string { return setFromAction }

func (o *configuration) subjects() (all []string) {
	if !o.done {
		for _, w := range o.Want {
			all = append(all, subjectsOf(w.Name)...)
		}
	}
	for _, c := range o.plan.Changes {
		all = append(all, subjectsOf(c.Name)...)
	}
	return all
}

// mark is the description without what is sealed anew each time.
func (o *configuration) mark() any {
	all := make([]keptParameter, len(o.Want))
	for i, w := range o.Want {
		w.Sealed = nil
		all[i] = w
	}
	return all
}

func (o *configuration) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	sealer := func() (*crypto.Sealer, error) { return d.Keys(ctx) }
	var want []settings.Described
	for _, w := range o.Want {
		one := settings.Described{Name: w.Name, Line: w.Line, Value: w.Value}
		if w.Sealed != nil {
			key, err := sealer()
			if err != nil {
				return nil, err
			}
			if one.Secret, err = openedFrom(key, w.Name, w.Sealed); err != nil {
				return nil, err
			}
		}
		want = append(want, one)
	}
	s, err := settings.Read(ctx, d.Store.Reader)
	if err != nil {
		return nil, err
	}
	o.plan, err = settings.Apply(ctx, d.Store, sealer, d.Actor, want, func(plan settings.Plan) error {
		if o.tell == nil || o.done {
			return nil
		}
		return o.tell(plan)
	})
	if err != nil {
		return nil, err
	}
	o.done = true
	host, port := o.server(s)
	for _, c := range o.plan.Changes {
		effects = append(effects, effectOf(c, host, port)...)
	}
	return effects, nil
}

// server is where a secret goes once the parameters are as described.
func (o *configuration) server(s settings.Settings) (host string, port int) {
	host, port = s.Online.Host, s.Online.Port
	for _, c := range o.plan.Changes {
		switch c.Name {
		case settings.OnlineHost:
			host = c.New
		case settings.OnlinePort:
			port, _ = strconv.Atoi(c.New) // it was checked
		}
	}
	return host, port
}

// effectOf says what a change of a parameter does.
func effectOf(c settings.Change, host string, port int) (effects []string) {
	p, _ := settings.FindParameter(c.Name)
	switch {
	case p.Secret && !c.Removes():
		effects = append(effects, newSecret(c.Name, host, port))
	case p.Secret:
		effects = append(effects, "- "+c.Name)
	default:
		effects = append(effects, fmt.Sprintf("~ %s: %s; was %s", c.Name, c.New, c.Old))
	}
	for _, name := range c.Dropped {
		effects = append(effects, "- "+name)
	}
	return effects
}
