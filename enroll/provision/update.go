package provision

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"

	"capf/enroll"
	"capf/enroll/secrets"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/store"
)

// maxReasons is how many refusals are kept by name; there may be 60,000 with
// the same reason.
const maxReasons = 1000

// Preview is what an update would do to one device.
type Preview struct {
	Before, After store.Device
	Refused       string // why nothing would change; "" when it would
}

// PreviewUpdate yields what an update would do, device by device. Strings that
// would be generated are not.
func PreviewUpdate(ctx context.Context, r *enroll.Rules, s Selection, e Edit) (iter.Seq2[Preview, error], error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.check(r, settings); err != nil {
		return nil, err
	}
	devices, err := Select(ctx, r, s)
	if err != nil {
		return nil, err
	}
	edit := e.DeviceEdit
	if e.Unique {
		example := "0000000000"
		edit.String = &example
	}
	return func(yield func(Preview, error) bool) {
		for v, err := range devices {
			p := Preview{Before: v.Device, After: v.Device}
			if err == nil {
				p.Refused, err = refusal(r.Edit(&p.After, edit, settings, v.Installed.Serial != ""))
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

// refusal tells the rules that a device does not obey from other errors.
func refusal(err error) (string, error) {
	if errors.Is(err, apperr.ErrRefused) || errors.Is(err, apperr.ErrValue) {
		return err.Error(), nil
	}
	return "", err
}

// Update is a change of many devices.
type Update struct {
	Selection   Selection
	Edit        Edit
	ApplyConfig bool // run apply_config_command for each device that changes
}

// Schedule makes a job of the update that runs at the time. Errors: ErrValue,
// such as a time that has passed; ErrRefused.
func Schedule(ctx context.Context, r *enroll.Rules, actor store.Actor, u Update, at time.Time) (store.Job, error) {
	now := r.Now()
	if !at.After(now) {
		return store.Job{}, apperr.BadValue("the time %s, at which the job is to run, has passed", at.Format(time.RFC3339))
	}
	if by := u.Edit.CompletesBy; by != nil && !by.From(at).After(at) {
		return store.Job{}, apperr.BadValue("the operation would have to be completed by %s, before the job runs", by)
	}
	j, err := u.job(ctx, r, actor)
	if err != nil {
		return j, err
	}
	j.RunAt = at
	return r.Store.AddJob(ctx, j)
}

// job checks the update and puts it into the words of the store.
func (u Update) job(ctx context.Context, r *enroll.Rules, actor store.Actor) (store.Job, error) {
	settings, err := r.Settings(ctx)
	if err != nil {
		return store.Job{}, err
	}
	if err := u.Edit.check(r, settings); err != nil {
		return store.Job{}, err
	}
	if _, err := resolve(ctx, r, u.Selection); err != nil {
		return store.Job{}, err
	}
	if u.ApplyConfig && settings.ApplyCommand == nil {
		return store.Job{}, apperr.WithHint(apperr.Refused("no apply_config_command is set"),
			"capf set apply_config_command '/path/of/program {device}'")
	}
	selection, err := json.Marshal(u.Selection)
	if err != nil {
		return store.Job{}, fmt.Errorf("keeping the selection: %w", err)
	}
	edit, sealed, err := u.Edit.save(r, secrets.JobStringLabel)
	return store.Job{
		Kind: store.BulkUpdate, Selection: string(selection), Edit: edit, SealedString: sealed,
		ApplyConfig: u.ApplyConfig, Actor: actor,
	}, err
}

// ReadJob is the update that a job carries out, without its string.
func ReadJob(j store.Job) (Update, error) {
	u := Update{ApplyConfig: j.ApplyConfig}
	if err := json.Unmarshal([]byte(j.Selection), &u.Selection); err != nil {
		return u, fmt.Errorf("reading the selection of job %d: %w", j.ID, err)
	}
	var err error
	u.Edit, err = showEdit(j.Edit)
	return u, err
}

// Strings takes the unique strings of an update.
type Strings interface {
	// Add takes one string. The database is locked meanwhile.
	Add(device, secret string) error
	// Keep is called before the change is committed: what was added must not
	// get lost from then on.
	Keep() error
}

// updating is one update under way.
type updating struct {
	rules     *enroll.Rules
	selection store.Selection
	edit      Edit
	settings  settings.Settings
	made      stringMaker
	strings   Strings // nil when nobody is waiting for them
	reasons   []store.JobDevice
	done      int64
	progress  func(done int64) // may be nil
}

func (x *Runner) newUpdating(ctx context.Context, j store.Job, out Strings) (*updating, error) {
	described, err := ReadJob(j)
	if err != nil {
		return nil, err
	}
	u := &updating{rules: x.Rules, strings: out, progress: x.Changing, made: stringMaker{x.Rules, map[string]struct{}{}}}
	if u.selection, err = resolve(ctx, x.Rules, described.Selection); err != nil {
		return nil, err
	}
	if u.settings, err = x.Rules.Settings(ctx); err != nil {
		return nil, err
	}
	u.edit, err = loadEdit(x.Rules, secrets.JobStringLabel, j.Edit, j.SealedString)
	return u, err
}

func (u *updating) bulkEdit(j store.Job) store.BulkEdit {
	return store.BulkEdit{
		Event:  store.EventText{Action: string(j.Kind), Detail: fmt.Sprintf("job %d: %s", j.ID, u.edit.Describe())},
		Change: u.change, Ready: u.ready,
	}
}

// change edits one device.
func (u *updating) change(v *store.Selected) error {
	if u.done++; u.progress != nil {
		u.progress(u.done)
	}
	edit := u.edit.DeviceEdit
	if u.edit.Unique {
		s, err := u.made.next()
		if err != nil {
			return err
		}
		edit.String = &s
	}
	reason, err := refusal(u.rules.Edit(&v.Device, edit, u.settings, v.Installed.Serial != ""))
	if err != nil {
		return err
	}
	if reason != "" {
		if len(u.reasons) < maxReasons {
			u.reasons = append(u.reasons, store.JobDevice{Device: v.Name, Reason: reason})
		}
		return store.Refusal{Reason: reason}
	}
	if u.edit.Unique && u.strings != nil {
		return u.strings.Add(v.Name, *edit.String)
	}
	return nil
}

// ready decides whether what was done may stay.
func (u *updating) ready(n store.BulkTally) error {
	if n.Refused > 0 && !u.edit.Partial {
		return apperr.WithHint(apperr.Refused("%s of %d refused, so nothing was changed; first %s", counted(n.Refused, "device"), n.Selected, u.reasons[0].Reason),
			"--partial changes the others")
	}
	if u.strings != nil {
		return u.strings.Keep()
	}
	return nil
}

// update changes the devices of a job.
func (x *Runner) update(ctx context.Context, j store.Job, out Strings) (store.BulkTally, []store.JobDevice, error) {
	u, err := x.newUpdating(ctx, j, out)
	if err != nil {
		return store.BulkTally{}, nil, err
	}
	edit := u.bulkEdit(j)
	if j.Kind == store.Renewal {
		edit.Rate = x.rate()
	}
	n, err := x.Rules.Store.UpdateByJob(ctx, j.Actor, j.ID, x.Owner, u.selection, edit)
	return n, u.reasons, err
}

// Rehearse finds what RunNow would come to: it makes the same checks and the
// same change, which is undone. The error is the one with which RunNow would
// refuse; when devices are the reason, the tally counts them.
func (x Runner) Rehearse(ctx context.Context, actor store.Actor, u Update) (store.BulkTally, error) {
	r := x.withDefaults()
	j, err := u.job(ctx, r.Rules, actor)
	if err != nil {
		return store.BulkTally{}, err
	}
	j.Owner = r.Owner
	n, err := r.newUpdating(ctx, j, nil)
	if err != nil {
		return store.BulkTally{}, err
	}
	return r.Rules.Store.RehearseUpdate(ctx, j, n.selection, n.bulkEdit(j))
}
