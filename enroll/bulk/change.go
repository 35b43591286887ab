package bulk

import (
	"context"
	"fmt"

	"capf/enroll/devices"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/plural"
	"capf/store"
)

// maxReasons is how many refusals are listed by name; there may be 60,000
// with the same reason.
const maxReasons = 1000

// What a job notes of a device, although it did not refuse it.
const (
	// StringLeft: it got no unique string, because the one that it has is in force.
	StringLeft = "its authentication string is in force, and was left alone"
	// NoLSC: it leaves for another cluster without an LSC.
	NoLSC = "it has no LSC of ours, so nothing has to be deleted from it"
)

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
	e := store.BulkEdit{
		Event:  store.EventText{Action: string(kind), Detail: fmt.Sprintf("job %d: %s", id, c.update.Describe())},
		Change: c.device, Ready: c.ready,
	}
	if c.update.Delete != nil {
		e.Delete = &store.Deletion{Revoke: c.update.Delete.Revoke}
	}
	return e
}

// device edits one device, unless it is deleted as it is.
func (c *Change) device(v *store.Selected) error {
	if c.done++; c.progress != nil {
		c.progress(c.done)
	}
	if c.update.Delete != nil {
		return nil
	}
	edit := c.editFor(v)
	if edit.Empty() {
		return nil
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

// editFor is what changes about one device. What is left alone is noted.
func (c *Change) editFor(v *store.Selected) devices.Edit {
	edit := c.update.Edit
	if c.update.Leave {
		hasLSC := v.Installed.Serial != "" || c.issued[v.ID]
		if !hasLSC {
			v.Note = NoLSC
		}
		edit, _ = devices.LeaveEdit(v.Device, hasLSC, c.rules.Now())
	}
	if edit.LeavesString(v.Device, c.settings) {
		edit.UniqueString, edit.KeepString, v.Note = false, false, StringLeft
	}
	return edit
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
