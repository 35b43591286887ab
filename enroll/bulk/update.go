package bulk

import (
	"context"
	"iter"

	"capf/enroll/devices"
	"capf/internal/apperr"
	"capf/store"
)

// Update is a change of many devices.
type Update struct {
	Selection   Selection
	Edit        devices.Edit
	Partial     bool      // change the devices that may be changed even if others may not
	ApplyConfig bool      // run apply_config_command for each device that changes
	Delete      *Deletion // instead of editing them; nil does not
	Leave       bool      // schedule what devices need that move to another cluster
}

// Deletion is how devices are deleted. The names in JSON are those of the documents of
// jobs.
type Deletion struct {
	Revoke store.RevocationReason `json:"revoke,omitempty"` // "" leaves their certificates valid
}

// Kind is that of the job which carries the update out.
func (u Update) Kind() store.JobKind {
	if u.Delete != nil {
		return store.BulkDelete
	}
	if u.Leave {
		return store.BulkMigrate
	}
	return store.BulkUpdate
}

// Describe says in one line what happens to the devices.
func (u Update) Describe() string {
	switch {
	case u.Delete != nil && u.Delete.Revoke != "":
		return "delete, and revoke certificates (" + string(u.Delete.Revoke) + ")"
	case u.Delete != nil:
		return "delete"
	case u.Leave:
		return "schedule Delete for LSCs, before the devices move to another cluster"
	}
	return u.Edit.Describe()
}

// Check refuses an update that no device could accept, or that could not be
// carried out. Errors: ErrValue, ErrRefused.
func (u Update) Check(ctx context.Context, r *devices.Rules) error {
	settings, err := r.Settings(ctx)
	if err != nil {
		return err
	}
	if err := r.Check(u.Edit, settings); err != nil {
		return err
	}
	if _, err := resolve(ctx, r, u.Selection); err != nil {
		return err
	}
	if u.ApplyConfig && settings.ApplyCommand == nil {
		return apperr.WithHint(apperr.Refused("no apply_config_command is set"), "capf set apply_config_command '/path/of/program {device}'")
	}
	return nil
}

// Preview says what an update would do to one device.
type Preview struct {
	Before, After store.Device
	Refused       string // why nothing would change; "" when it would
	StringLeft    bool   // it has a string in force, which would stay
}

// PreviewUpdate yields what an update would do, device by device. It generates
// no strings.
func PreviewUpdate(ctx context.Context, r *devices.Rules, s Selection, e devices.Edit) (iter.Seq2[Preview, error], error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.Check(e, settings); err != nil {
		return nil, err
	}
	selected, err := Select(ctx, r, s)
	if err != nil {
		return nil, err
	}
	return func(yield func(Preview, error) bool) {
		for v, err := range selected {
			p := Preview{Before: v.Device, After: v.Device}
			edit := e
			if p.StringLeft = e.LeavesString(v.Device, settings); p.StringLeft {
				edit.UniqueString = false
			}
			if err == nil {
				p.Refused, err = devices.Reason(r.Edit(&p.After, edit.WithExample(), settings, v.Installed.Serial != ""))
			}
			if p.Refused != "" {
				p.After = p.Before
			}
			if !yield(p, err) || err != nil {
				return
			}
		}
	}, nil
}
