package enroll

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

// The labels bind a sealed secret to its use, so that it cannot be put in the
// place of another. Those that package provision seals stand here too, since
// Check opens them all.
const (
	TemplateStringLabel    = "template authentication string"
	JobStringLabel         = "job authentication string"
	DirectoryPasswordLabel = "directory password"

	// unboundStringLabel is of strings that were sealed before they were bound
	// to their devices.
	unboundStringLabel = "authentication string"
)

// stringLabel binds an authentication string to its device, whose name never
// changes.
func stringLabel(device string) string { return fmt.Sprintf("authentication string of %q", device) }

// AuthenticationString is the string of the device, "" when it has none.
func (r *Rules) AuthenticationString(d store.Device) (string, error) {
	if d.SealedString == nil {
		return "", nil
	}
	s, err := r.Sealer.Open(stringLabel(d.Name), d.SealedString)
	if errors.Is(err, crypto.ErrWrongKey) {
		if old, oldErr := r.Sealer.Open(unboundStringLabel, d.SealedString); oldErr == nil {
			return string(old), nil
		}
	}
	return string(s), err
}

// keptSecret is a secret in the database.
type keptSecret struct {
	object string // what has it, such as template phones
	open   func() error
}

// keptSecrets are all but the key of CAPF.
func (r *Rules) keptSecrets(ctx context.Context) iter.Seq2[keptSecret, error] {
	return func(yield func(keptSecret, error) bool) {
		for d, err := range r.Store.Devices(ctx, store.DeviceFilter{}) {
			s := keptSecret{"device " + d.Name, func() error { _, err := r.AuthenticationString(d); return err }}
			if !yield(s, err) {
				return
			}
		}
		for j, err := range r.Store.Jobs(ctx, store.JobFilter{}) {
			if !yield(r.kept(fmt.Sprintf("job %d", j.ID), JobStringLabel, j.SealedString), err) {
				return
			}
		}
		few, err := r.fewSecrets(ctx)
		if err != nil {
			yield(keptSecret{}, err)
			return
		}
		for _, s := range few {
			if !yield(s, nil) {
				return
			}
		}
	}
}

// fewSecrets are those of which there is no great number.
func (r *Rules) fewSecrets(ctx context.Context) ([]keptSecret, error) {
	var few []keptSecret
	templates, err := r.Store.Templates(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range templates {
		few = append(few, r.kept("template "+t.Name, TemplateStringLabel, t.SealedString))
	}
	directories, err := r.Store.Directories(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range directories {
		few = append(few, r.kept("directory "+d.Name, DirectoryPasswordLabel, d.SealedPassword))
	}
	for _, p := range settings.Parameters() {
		if p.Secret {
			few = append(few, keptSecret{"parameter " + p.Name, func() error { _, err := settings.OpenSecret(ctx, r.Store, r.Sealer, p.Name); return err }})
		}
	}
	return few, nil
}

func (r *Rules) kept(object, label string, sealed []byte) keptSecret {
	return keptSecret{object, func() error {
		if sealed == nil {
			return nil
		}
		_, err := r.Sealer.Open(label, sealed)
		return err
	}}
}
