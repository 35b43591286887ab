package bulk

import (
	"context"
	"fmt"
	"iter"

	"capf/enroll/devices"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// maxReasons is how many refusals are listed by name; there may be 60,000
// with the same reason.
const maxReasons = 1000

// Update is a change of many devices.
type Update struct {
	Selection   Selection
	Edit        devices.Edit
	Partial     bool      // change the devices that may be changed even if others may not
	ApplyConfig bool      // run apply_config_command for each device that changes
	Delete      *Deletion // instead of editing them; nil does not
	Leave       bool      // schedule what devices need that move to another cluster
}

// NoLSC is what a job notes of a device that leaves for another cluster without an LSC.
const NoLSC = "it has no LSC of ours, so nothing has to be deleted from it"

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

// StringLeft is what a job notes of a device that got no unique string, because the one
// that it has is in force.
const StringLeft = "its authentication string is in force, and was left alone"

// Change is an update under way.
type Change struct {
	Selection store.Selection
	Refused   []store.JobDevice // the first 1000, with their reasons
	rules     *devices.Rules
	update    Update
	settings  settings.Settings
	made      *devices.StringMaker
	issued    map[int64]bool  // devices with an unconfirmed LSC; only for those that leave
	strings   devices.Strings // nil when no caller wants them
	done      int64
	progress  func(done int64) // may be nil
}

// Begin reads what the update needs before the database is locked. The strings
// and the progress may be nil. Errors: as for Select.
func (u Update) Begin(ctx context.Context, r *devices.Rules, out devices.Strings, progress func(done int64)) (*Change, error) {
	c := &Change{rules: r, update: u, strings: out, progress: progress, made: r.NewStringMaker()}
	var err error
	if c.Selection, err = resolve(ctx, r, u.Selection); err != nil {
		return nil, err
	}
	if c.settings, err = r.Settings(ctx); err == nil && u.Leave {
		c.issued, err = devices.WithIssuedLSC(ctx, r.Store.Reader)
	}
	return c, err
}

// BulkEdit returns the change for the store, made by job id of that kind.
func (c *Change) BulkEdit(kind store.JobKind, id int64) store.BulkEdit {
	if c.update.Delete != nil {
		return store.BulkEdit{
			Event:  store.EventText{Action: string(kind), Detail: fmt.Sprintf("job %d: %s", id, c.update.Describe())},
			Delete: &store.Deletion{Revoke: c.update.Delete.Revoke}, Change: c.pass, Ready: c.ready,
		}
	}
	return store.BulkEdit{
		Event:  store.EventText{Action: string(kind), Detail: fmt.Sprintf("job %d: %s", id, c.update.Describe())},
		Change: c.device, Ready: c.ready,
	}
}

// pass lets a device through to what the store does with it.
func (c *Change) pass(*store.Selected) error {
	if c.done++; c.progress != nil {
		c.progress(c.done)
	}
	return nil
}

// device edits one device.
func (c *Change) device(v *store.Selected) error {
	_ = c.pass(v)
	edit := c.update.Edit
	if c.update.Leave {
		hasLSC := v.Installed.Serial != "" || c.issued[v.ID]
		leave, needed := devices.LeaveEdit(v.Device, hasLSC, c.rules.Now())
		if !hasLSC {
			v.Note = NoLSC
		}
		if !needed {
			return nil
		}
		edit = leave
	}
	if edit.LeavesString(v.Device, c.settings) {
		edit.UniqueString, v.Note = false, StringLeft
	}
	if edit.UniqueString {
		s, err := c.made.Next()
		if err != nil {
			return err
		}
		edit.String = &s
	}
	reason, err := devices.Reason(c.rules.Edit(&v.Device, edit, c.settings, v.Installed.Serial != ""))
	if err != nil {
		return err
	}
	if reason != "" {
		if len(c.Refused) < maxReasons {
			c.Refused = append(c.Refused, store.JobDevice{Device: v.Name, Reason: reason})
		}
		return store.Refusal{Reason: reason}
	}
	if edit.UniqueString && c.strings != nil {
		return c.strings.Add(v.Device, *edit.String)
	}
	return nil
}

// ready decides whether the change is committed.
func (c *Change) ready(n store.BulkTally) error {
	if n.Refused > 0 && !c.update.Partial {
		return apperr.WithHint(apperr.Refused("%s of %d refused, so nothing was changed; first %s",
			plural.Of(n.Refused, "device"), n.Selected, c.Refused[0].Reason), "--partial changes the others")
	}
	if c.strings != nil {
		return c.strings.Keep()
	}
	return nil
}
