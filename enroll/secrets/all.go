package secrets

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"capf/crypto"
	"capf/enroll/settings"
	"capf/store"
)

// Secret is a sealed secret in the database.
type Secret struct {
	Object string       // its owner, such as "template phones"
	Open   func() error // tries the master key on it; nil for an object without one
}

// All yields every secret in the database but the CAPF keys, with its owner. It
// streams devices and jobs, since there may be very many.
func All(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) iter.Seq2[Secret, error] {
	return func(yield func(Secret, error) bool) {
		for d, err := range s.Devices(ctx, store.DeviceFilter{}) {
			one := Secret{"device " + d.Name, func() error { _, err := AuthenticationString(sealer, d); return err }}
			if !yield(one, err) {
				return
			}
		}
		for j, err := range s.Jobs(ctx, store.JobFilter{}) {
			if !yield(labelled(sealer, fmt.Sprintf("job %d", j.ID), JobStringLabel, j.SealedString), err) {
				return
			}
		}
		configured, err := configured(ctx, s, sealer)
		if err != nil {
			yield(Secret{}, err)
			return
		}
		for _, one := range configured {
			if !yield(one, nil) {
				return
			}
		}
	}
}

// configured returns the secrets of templates, directories, TVS, trust lists and
// parameters: a handful.
func configured(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) ([]Secret, error) {
	var all []Secret
	templates, err := s.Templates(ctx)
	if err != nil {
		return nil, err
	}
	for _, t := range templates {
		all = append(all, labelled(sealer, "template "+t.Name, TemplateStringLabel, t.SealedString))
	}
	directories, err := s.Directories(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range directories {
		all = append(all, labelled(sealer, "directory "+d.Name, DirectoryPasswordLabel, d.SealedPassword))
	}
	tvs, err := s.TVSCertificate(ctx)
	switch {
	case err == nil:
		all = append(all, Secret{"TVS key", func() error { _, err := TVSKey(sealer, tvs); return err }})
	case !errors.Is(err, store.ErrNotFound):
		return nil, err
	}
	members, err := s.ListMembers(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		all = append(all, labelled(sealer, fmt.Sprintf("trust list member %d (%s)", m.ID, m.Subject), listMemberLabel(m.Fingerprint), m.SealedKey))
	}
	listKeys, err := listKeys(ctx, s, sealer)
	if err != nil {
		return nil, err
	}
	all = append(all, listKeys...)
	for _, p := range settings.Parameters() {
		if p.Secret {
			open := func() error { _, err := settings.OpenSecret(ctx, s, sealer, p.Name); return err }
			all = append(all, Secret{"parameter " + p.Name, open})
		}
	}
	return all, nil
}

func labelled(sealer *crypto.Sealer, object, label string, sealed []byte) Secret {
	return Secret{object, func() error {
		if sealed == nil {
			return nil
		}
		_, err := sealer.Open(label, sealed)
		return err
	}}
}

// Verify opens every secret, and the CAPF keys, with the master key. The error names
// the first that does not open.
func Verify(ctx context.Context, s *store.Reader, sealer *crypto.Sealer) error {
	if _, _, err := CAPFKey(ctx, s, sealer); err != nil && !errors.Is(err, ErrNotReady) {
		return err
	}
	if _, _, err := PreparedKey(ctx, s, sealer); err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	for one, err := range All(ctx, s, sealer) {
		if err != nil {
			return err
		}
		if err := one.Open(); err != nil {
			return fmt.Errorf("%s: %w", one.Object, err)
		}
	}
	return nil
}
