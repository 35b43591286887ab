package approval

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"strconv"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/internal/apperr"
)

const (
	setAction    = "set"
	secretAction = "set secret"
)

// parameter sets a parameter.
type parameter struct {
	Name  string
	Value string

	change settings.Change
}

// Set is settings.Set. Whoever has changes wait for another operator must be known as
// one himself: else nothing could be proposed, not even the way back.
func (d Desk) Set(ctx context.Context, name, value string) (settings.Change, error) {
	op := &parameter{Name: name, Value: value}
	if p, _ := settings.FindParameter(name); p.Name == settings.Approve && !d.Person.Vouched && d.Bypass == "" {
		effects, err := op.carryOut(ctx, d.on(d.Store.Rehearsal()))
		if err == nil && len(effects) > 0 {
			err = apperr.WithHint(apperr.Refused("%s is about who approves whose changes, and nobody vouches for who you are: neither sshd nor sudo says who %s is", settings.Approve, d.Person.Name),
				"log in as yourself, or use sudo")
		}
		if err != nil {
			return op.change, err
		}
	}
	err := d.take(ctx, op)
	return op.change, err
}

func (*parameter) action() string { return setAction }

func (o *parameter) subject() string {
	p, _ := settings.FindParameter(o.Name)
	return p.Subject
}

func (o *parameter) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	if o.change, err = settings.Set(ctx, d.Store, d.Actor, o.Name, o.Value); err != nil || !o.change.Changed {
		return nil, err
	}
	effects = append(effects, fmt.Sprintf("~ %s: %s; was %s", o.change.Name, o.change.New, o.change.Old))
	for _, name := range o.change.Dropped {
		effects = append(effects, "- "+name)
	}
	return effects, nil
}

// secret sets a parameter that is never shown.
type secret struct {
	Name   string
	Sealed []byte // nil to remove it
	Mark   string // by which the same value is known again, by those who hold the master key

	value  []byte
	change settings.Change
}

// SetSecret is settings.SetSecret. While it waits, the value is sealed under the master
// key.
func (d Desk) SetSecret(ctx context.Context, name string, value []byte) (settings.Change, error) {
	op := &secret{Name: name, value: value}
	sealer, err := d.Keys(ctx)
	if err != nil {
		return op.change, err
	}
	if value != nil {
		if op.Sealed, err = sealer.Seal(op.label(), value); err != nil {
			return op.change, fmt.Errorf("sealing %s: %w", name, err)
		}
		op.Mark = hex.EncodeToString(sealer.MAC(op.label(), value))
	}
	err = d.take(ctx, op)
	return op.change, err
}

// label binds the sealed value to its use: in the place of the parameter it does not open.
func (o *secret) label() string { return "proposal of " + o.Name }

// mark is what does not change when the value is sealed anew.
func (o *secret) mark() []byte { return []byte(o.Name + " " + o.Mark) }

func (*secret) action() string { return secretAction }

func (o *secret) subject() string {
	p, _ := settings.FindParameter(o.Name)
	return p.Subject
}

func (o *secret) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	sealer, err := d.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if err := o.open(sealer); err != nil {
		return nil, err
	}
	if o.change, err = settings.SetSecret(ctx, d.Store, sealer, d.Actor, o.Name, o.value); err != nil || !o.change.Changed {
		return nil, err
	}
	s, err := settings.Read(ctx, d.Store.Reader)
	if err != nil {
		return nil, err
	}
	if o.value == nil {
		return []string{"- " + o.change.Name}, nil
	}
	// A secret goes to the server for which it was approved, and to no other.
	server := "no server yet"
	if s.Online.Host != "" {
		server = net.JoinHostPort(s.Online.Host, strconv.Itoa(s.Online.Port))
	}
	return []string{fmt.Sprintf("~ %s: a new value, for %s", o.change.Name, server)}, nil
}

// open opens the value of a proposal.
func (o *secret) open(sealer *crypto.Sealer) (err error) {
	if o.value != nil || o.Sealed == nil {
		return nil
	}
	o.value, err = sealer.Open(o.label(), o.Sealed)
	if errors.Is(err, crypto.ErrWrongKey) {
		return apperr.WithHint(apperr.Refused("the value of %s was sealed under another master key", o.Name), "propose it again")
	}
	return err
}
