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

// Parameters takes the changes of parameters.
type Parameters struct{ desk Desk }

// Parameters is the part of the desk for changes of parameters.
func (d Desk) Parameters() Parameters { return Parameters{d} }

// parameter sets a parameter.
type parameter struct {
	Name  string
	Value string

	change settings.Change
}

// Set is settings.Set.
func (p Parameters) Set(ctx context.Context, name, value string) (settings.Change, error) {
	op := &parameter{Name: name, Value: value}
	err := p.desk.take(ctx, op)
	return op.change, err
}

// subjectsOf is what parameter approve calls a change of a parameter, if it does.
func subjectsOf(name string) []string {
	if p, _ := settings.FindParameter(name); p.Subject != "" {
		return []string{p.Subject}
	}
	return nil
}

func (*parameter) action() string { return setAction }

func (o *parameter) subjects() []string { return subjectsOf(o.Name) }

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
func (p Parameters) SetSecret(ctx context.Context, name string, value []byte) (settings.Change, error) {
	op := &secret{Name: name, value: value}
	sealer, err := p.desk.Keys(ctx)
	if err == nil {
		op.Sealed, op.Mark, err = sealedFor(sealer, name, value)
	}
	if err != nil {
		return op.change, err
	}
	err = p.desk.take(ctx, op)
	return op.change, err
}

// secretLabel binds the sealed value to its use: in the place of the parameter it does not
// open.
func secretLabel(name string) string { return "proposal of " + name }

// sealedFor is a secret for a proposal, and the mark by which it is known again.
func sealedFor(sealer *crypto.Sealer, name string, value []byte) (sealed []byte, mark string, err error) {
	if value == nil {
		return nil, "", nil
	}
	if sealed, err = sealer.Seal(secretLabel(name), value); err != nil {
		return nil, "", fmt.Errorf("sealing %s: %w", name, err)
	}
	return sealed, hex.EncodeToString(sealer.MAC(secretLabel(name), value)), nil
}

// openedFrom is the secret of a proposal, nil for one that is to be removed.
func openedFrom(sealer *crypto.Sealer, name string, sealed []byte) ([]byte, error) {
	if sealed == nil {
		return nil, nil
	}
	value, err := sealer.Open(secretLabel(name), sealed)
	if errors.Is(err, crypto.ErrWrongKey) {
		return nil, apperr.WithHint(apperr.Refused("the value of %s was sealed under another master key", name), "propose it again")
	}
	return value, err
}

// mark is what does not change when the value is sealed anew.
func (o *secret) mark() any { return []string{o.Name, o.Mark} }

func (*secret) action() string { return secretAction }

func (o *secret) subjects() []string { return subjectsOf(o.Name) }

func (o *secret) carryOut(ctx context.Context, d Desk) (effects []string, err error) {
	sealer, err := d.Keys(ctx)
	if err != nil {
		return nil, err
	}
	if o.value == nil {
		if o.value, err = openedFrom(sealer, o.Name, o.Sealed); err != nil {
			return nil, err
		}
	}
	if o.change, err = settings.SetSecret(ctx, d.Store, sealer, d.Actor, o.Name, o.value); err != nil || !o.change.Changed {
		return nil, err
	}
	if o.value == nil {
		return []string{"- " + o.change.Name}, nil
	}
	s, err := settings.Read(ctx, d.Store.Reader)
	return []string{newSecret(o.Name, s.Online.Host, s.Online.Port)}, err
}

// newSecret says for whom a secret is: it goes to the server for which it was approved,
// and to no other.
func newSecret(name, host string, port int) string {
	server := "no server yet"
	if host != "" {
		server = net.JoinHostPort(host, strconv.Itoa(port))
	}
	return fmt.Sprintf("~ %s: a new value, for %s", name, server)
}
