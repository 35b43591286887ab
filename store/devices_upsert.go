package store

import (
	"context"
	"errors"
	"strings"

	"capf/internal/plural"
)

// Upsert adds and changes devices by name, in one transaction.
type Upsert struct {
	Action string // of the events
	Detail string
	// Details is called for the event of the device for which Want was called. What it
	// returns stands behind Detail; may be nil.
	Details func() string
	// Next returns the name of the next device, and false after the last one.
	Next func() (name string, more bool)
	// Want returns the device as it should be; have is nil for a new one. A
	// Refusal leaves the device as it is; any other error undoes everything.
	Want func(have *Selected) (Device, error)
	// Done is called with what became of the device for which Want was called; may be nil.
	Done func(UpsertOutcome)
	// Remove says of each device that Next has not named, in the order of their names,
	// whether it goes. When it is nil, all stay.
	Remove func(Selected) bool
	// Ready is called before the commit. Its error undoes everything and is
	// returned unchanged.
	Ready func(UpsertTally) error
}

// UpsertOutcome is what became of a device.
type UpsertOutcome string

// What becomes of a device: a refused one stays as it is.
const (
	UpsertAdded   UpsertOutcome = "added"
	UpsertChanged UpsertOutcome = "changed"
	UpsertSame    UpsertOutcome = "same"
	UpsertRefused UpsertOutcome = "refused"
)

// UpsertTally counts what became of the devices.
type UpsertTally struct{ Added, Changed, Same, Refused, Removed int64 }

// UpsertDevices carries out an Upsert, whose functions must not do slow I/O.
func (s *Store) UpsertDevices(ctx context.Context, a Actor, p Upsert) (n UpsertTally, err error) {
	var refusal error
	quiet := a
	quiet.Command = "" // the event of the whole operation has the detail
	err = s.changeOnce(ctx, func(t *tx) error {
		named := map[string]bool{}
		for name, more := p.Next(); more; name, more = p.Next() {
			if p.Remove != nil {
				named[strings.ToLower(name)] = true
			}
			what, err := upsertDevice(t, quiet, p, name)
			if err != nil {
				return err
			}
			n.count(what)
			if p.Done != nil {
				p.Done(what)
			}
		}
		if err := removeOthers(t, quiet, p, named, &n); err != nil {
			return err
		}
		if err := outdateRequests(t, 0); err != nil {
			return err
		}
		if refusal = p.Ready(n); refusal != nil {
			return refusal
		}
		if n.Added+n.Changed+n.Removed == 0 {
			return nil
		}
		detail := plural.Of(n.Added, "device") + " added, " + decimal(n.Changed) + " changed"
		if n.Removed > 0 {
			detail += ", " + decimal(n.Removed) + " deleted"
		}
		return t.event(a, "", EventText{Action: p.Action, Detail: detail})
	})
	if refusal != nil {
		return n, refusal
	}
	return n, failed(err, "putting devices into the database")
}

// removeOthers deletes the devices that are not named and are to go.
func removeOthers(t *tx, a Actor, p Upsert, named map[string]bool, n *UpsertTally) error {
	for after := ""; p.Remove != nil; {
		page, err := rowsOf(t, Selection{}.page(t.now, after), (*Selected).fields)
		if err != nil {
			return err
		}
		for _, d := range page {
			if named[strings.ToLower(d.Name)] || !p.Remove(d) {
				continue
			}
			if err := deleteDevice(t, a, d.Device, p.Detail); err != nil {
				return err
			}
			n.Removed++
		}
		if len(page) < pageSize {
			return nil
		}
		after = page[len(page)-1].Name
	}
	return nil
}

func (n *UpsertTally) count(what UpsertOutcome) {
	switch what {
	case UpsertAdded:
		n.Added++
	case UpsertChanged:
		n.Changed++
	case UpsertSame:
		n.Same++
	case UpsertRefused:
		n.Refused++
	}
}

// detail is that of the event of one device.
func (p Upsert) detail() string {
	if p.Details == nil || p.Details() == "" {
		return p.Detail
	}
	return p.Detail + ": " + p.Details()
}

func upsertDevice(t *tx, a Actor, p Upsert, name string) (UpsertOutcome, error) {
	var have *Selected
	var v Selected
	switch err := t.row(selectWithLSC+" WHERE name = ?", name).Scan(v.fields()...); {
	case err == nil:
		have = &v
	case !errors.Is(err, ErrNotFound):
		return "", err
	}
	want, err := p.Want(have)
	var r Refusal
	switch {
	case errors.As(err, &r):
		return UpsertRefused, nil
	case err != nil:
		return "", err
	case have == nil:
		want.Name = name
		if err := insertDevice(t, &want); err != nil {
			return "", err
		}
		return UpsertAdded, t.event(a, want.Name, EventText{Action: "device-add", Detail: p.detail()})
	}
	want.ID, want.Name, want.CreatedAt, want.UpdatedAt = v.ID, v.Name, v.CreatedAt, t.now
	want.CompletesBy, want.LockedUntil = wholeMillis(want.CompletesBy), wholeMillis(want.LockedUntil)
	if sameDevice(v.Device, want) {
		return UpsertSame, nil
	}
	if err := updateDevice(t, want); err != nil {
		return "", err
	}
	return UpsertChanged, t.event(a, want.Name, EventText{Action: "device-set", Detail: p.detail()})
}
