package bulk

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"capf/enroll/devices"
	"capf/enroll/settings"
	"capf/internal/apperr"
	"capf/internal/document"
	"capf/internal/plural"
	"capf/store"
)

// DeviceChange is what applying does to one device.
type DeviceChange struct {
	Name       string
	Added      bool
	Removed    bool
	Attributes []AttributeChange
}

// AttributeChange is an attribute that becomes another. A secret has neither value.
type AttributeChange struct {
	Name     string // as in JSON
	From, To any
}

// Applied says what Apply did, or found.
type Applied struct {
	Changes  []DeviceChange // added and changed ones as in the file, then removed ones
	Kept     int            // devices that are not described and stay
	Same     int            // devices that are as described
	Impact   []string       // what phones lose
	Ignored  []string       // headings of columns that were left out
	Warnings []string
}

// ApplyOptions are the choices of Apply.
type ApplyOptions struct {
	Reading
	Prune bool // delete the devices that are not described
	// Agree is asked before anything is changed, and again when the devices have
	// changed meanwhile. Its error ends Apply.
	Agree func(Applied) error
	// Progress is called with the number of rows so far; may be nil.
	Progress func(done, all int)
}

// applyAttempts is how often Apply looks again when somebody else has changed devices
// in between.
const applyAttempts = 20

// Apply makes devices as a CSV file, a JSON list or a YAML document describes them, in
// one transaction. Attributes that are not named, or empty, stay as they are; "" in YAML removes a text. What an
// operation means is said at devices.Rules.Described. A document.Problems error lists
// what is wrong; apperr.ErrRefused: the header is, or nothing is described that should
// stay; store.ErrConflict: others change devices all the time.
func Apply(ctx context.Context, r *devices.Rules, actor store.Actor, data []byte, o ApplyOptions) (Applied, error) {
	s, err := r.Settings(ctx)
	if err != nil {
		return Applied{}, err
	}
	f, err := OpenFile(data, o.Reading)
	if err != nil {
		return Applied{}, err
	}
	rehearsing := *r
	rehearsing.Store = r.Store.Rehearsal()
	for range applyAttempts {
		var plan Applied
		if plan, err = applyOnce(ctx, &rehearsing, actor, f, s, o, nil); err != nil || len(plan.Changes) == 0 {
			return plan, err
		}
		if err := o.Agree(plan); err != nil || r.Store.Rehearsing() {
			return plan, err
		}
		var done Applied
		if done, err = applyOnce(ctx, r, actor, f, s, o, &plan); !errors.Is(err, store.ErrConflict) {
			return done, err
		}
	}
	return Applied{}, err
}

// applying is one attempt.
type applying struct {
	Applied
	inserting
	prune    bool
	agreed   *Applied // what must come out, nil for a rehearsal
	deletes  int      // phones that are to delete their LSCs
	holders  int      // devices that go and have an LSC
	pendings int      // devices that go and have an operation
}

func applyOnce(ctx context.Context, r *devices.Rules, actor store.Actor, f *File, s settings.Settings, o ApplyOptions, agreed *Applied) (Applied, error) {
	a := &applying{prune: o.Prune, agreed: agreed}
	a.inserting = *newInserting(r, s, f)
	if err := a.look(ctx); err != nil {
		return a.Applied, err
	}
	if a.Rows == 0 && o.Prune {
		return a.Applied, apperr.Refused("no device is described, and --prune would delete them all")
	}
	rows, err := f.Scan(r.Now(), func(name string) bool { return a.old[name] }, func(Problem) {})
	if err != nil {
		return a.Applied, err
	}
	tally, err := r.Store.UpsertDevices(ctx, actor, store.Upsert{
		Action: "device-apply", Detail: "as described in a file",
		Next: func() (string, bool) {
			var ok bool
			if a.row, ok = rows.Next(); ok && o.Progress != nil {
				o.Progress(rows.Rows, a.Rows)
			}
			return a.row.Name, ok
		},
		Want: a.want, Details: a.details, Remove: a.remove, Ready: a.ready,
	})
	a.Same = int(tally.Same)
	a.warnOfNames()
	a.Applied.Warnings, a.Applied.Ignored = a.inserting.Warnings, f.Ignored
	a.impact()
	if problems := a.problemsOf(); problems != nil {
		return a.Applied, problems
	}
	return a.Applied, err
}

// problemsOf is what is wrong in the rows, nil when nothing is.
func (a *applying) problemsOf() error {
	var all document.Problems
	for _, p := range a.Problems {
		text := p.Text
		if p.Field != "" {
			text = p.Field + ": " + text
		}
		if p.Device != "" && !strings.Contains(text, p.Device) {
			text = p.Device + ": " + text
		}
		all.Add(p.Line, "%s", text)
	}
	return all.Err()
}

// want is the device of the current row as it is described.
func (a *applying) want(have *store.Selected) (store.Device, error) {
	d, change, err := a.described(have)
	text, err := devices.Reason(err)
	if text != "" {
		a.problem(Problem{Line: a.row.Line, Device: a.row.Name, Text: text})
		return d, store.Refusal{Reason: text}
	}
	if err == nil && (change.Added || len(change.Attributes) > 0) {
		a.Changes = append(a.Changes, change)
	}
	return d, err
}

func (a *applying) described(have *store.Selected) (d store.Device, change DeviceChange, err error) {
	var lsc store.LSCFacts
	change.Name = a.row.Name
	if have != nil {
		d, lsc, change.Name = have.Device, have.Installed, have.Name
	} else if d, err = devices.New(a.row.Name); err != nil {
		return d, change, err
	}
	before := d
	if change.Added = have == nil; change.Added {
		a.doubt(d.Name)
	}
	edit, err := a.rules.Described(d, a.row.Edit, lsc, a.settings)
	a.edit = edit
	if err != nil || edit.Empty() {
		return d, change, err
	}
	if err := a.rules.Edit(&d, edit, a.settings, lsc.Serial != ""); err != nil {
		return d, change, err
	}
	if edit.Operation != nil && *edit.Operation == store.Delete {
		a.deletes++
	}
	change.Attributes = differing(before, d, edit)
	return d, change, nil
}

// differing are the attributes that an edit has changed.
func differing(before, after store.Device, e devices.Edit) (all []AttributeChange) {
	for _, attribute := range devices.Attributes() {
		from, to := attribute.Of(before), attribute.Of(after)
		switch {
		case attribute.Secret && e.String != nil:
			all = append(all, AttributeChange{Name: attribute.Name})
		case !attribute.Secret && from != to:
			all = append(all, AttributeChange{attribute.Name, from, to})
		}
	}
	return all
}

// remove says whether a device that is not described goes.
func (a *applying) remove(d store.Selected) bool {
	if !a.prune {
		a.Kept++
		return false
	}
	a.Changes = append(a.Changes, DeviceChange{Name: d.Name, Removed: true})
	if d.Installed.Serial != "" {
		a.holders++
	}
	if d.Operation != store.NoOperation {
		a.pendings++
	}
	return true
}

// ready undoes everything if a row was refused, or if the devices are no longer as
// they were when it was agreed.
func (a *applying) ready(store.UpsertTally) error {
	if a.Bad > 0 {
		return errBadRows
	}
	if a.agreed != nil && !slices.EqualFunc(a.Changes, a.agreed.Changes, sameChange) {
		return apperr.New(store.ErrConflict, "the devices have changed meanwhile")
	}
	return nil
}

// sameChange compares what is done, not the times that an operation gets.
func sameChange(a, b DeviceChange) bool {
	return a.Name == b.Name && a.Added == b.Added && a.Removed == b.Removed &&
		slices.EqualFunc(a.Attributes, b.Attributes, func(x, y AttributeChange) bool {
			return x.Name == y.Name && (x.Name == "completes_by" || cmp.Compare(fmt.Sprint(x.To), fmt.Sprint(y.To)) == 0)
		})
}

// impact says what phones lose.
func (a *applying) impact() {
	if a.holders > 0 {
		a.Impact = append(a.Impact, fmt.Sprintf("%s to be deleted with an installed LSC, which other systems accept until it expires or is revoked: capf lsc revoke --device NAME", plural.Of(a.holders, "device")))
	}
	if a.pendings > 0 {
		a.Impact = append(a.Impact, fmt.Sprintf("%s to be deleted with an operation scheduled, which will be declined", plural.Of(a.pendings, "device")))
	}
	if a.deletes > 0 {
		a.Impact = append(a.Impact, fmt.Sprintf("%s to delete the LSC of the phone", plural.Of(a.deletes, "device")))
	}
}
