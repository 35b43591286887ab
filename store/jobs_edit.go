package store

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"
)

// Refusal is the error by which a change of many devices leaves one of them
// as it is; it says why.
type Refusal struct{ Reason string }

func (r Refusal) Error() string { return r.Reason }

// BulkEdit changes the devices of a selection. Its functions must not do
// slow I/O, since no other change can be made meanwhile.
type BulkEdit struct {
	// Event is written for each device that changes; all have the same Detail.
	Event EventText
	// Change edits one device, as for ChangeDevice. A Refusal leaves that
	// device as it is; any other error undoes everything.
	Change func(*Selected) error
	// Ready is called when all have been changed, before the commit. Its
	// error undoes everything and is returned as it is.
	Ready func(BulkTally) error
	// Delete deletes the devices that Change does not refuse; nil changes them.
	Delete *Deletion
	// Rate reduces the limit of a selection by what others have renewed; nil
	// for anything but a renewal.
	Rate *Rate
}

// Deletion is how the devices of a selection are deleted.
type Deletion struct {
	// Revoke is why their certificates are revoked, with those that deleted devices of
	// their names have left; "" leaves them valid.
	Revoke RevocationReason
}

// BulkTally counts the selected devices and what became of them.
type BulkTally struct{ Selected, Changed, Refused int64 }

// deviceOutcome is what a bulk change did to one device.
type deviceOutcome struct{ device, change, reason string }

// edited is a device of a bulk change, with its state before.
type edited struct {
	was Device
	now Device
	deviceOutcome
}

// changeSelected changes the devices of the selection. While it writes one page
// of them, the next page is read and edited: since nobody else can write
// meanwhile, a reader sees what this transaction found at its beginning. After
// each page it reports the outcomes.
func changeSelected(t *tx, s *Store, a Actor, f Selection, e BulkEdit, report func([]deviceOutcome) error) (n BulkTally, err error) {
	a.Command = "" // the event of the whole has it
	ctx, stop := context.WithCancel(context.Background())
	pages := make(chan []edited, 1)
	var readErr error // of the reader, until pages is closed
	go func() {
		defer close(pages)
		readErr = s.editPages(ctx, f, e, t.now, pages)
	}()
	defer func() { // the reader must not outlive the transaction
		stop()
		for range pages {
		}
	}()
	for page := range pages {
		if err := e.write(t, a, page); err != nil {
			return n, err
		}
		done := make([]deviceOutcome, len(page))
		for i, d := range page {
			done[i] = d.deviceOutcome
			n.count(d.deviceOutcome)
		}
		if err := report(done); err != nil {
			return n, err
		}
	}
	if readErr != nil {
		return n, readErr
	}
	return n, outdateRequests(t, 0)
}

// editPages reads the devices page by page and edits them.
func (s *Reader) editPages(ctx context.Context, f Selection, e BulkEdit, now time.Time, pages chan<- []edited) error {
	for after := ""; ; {
		page, err := collect(stream(ctx, s, "selecting devices", f.page(now, after), (*Selected).fields))
		if err != nil {
			return err
		}
		out := make([]edited, len(page))
		for i := range page {
			if out[i], err = e.editDevice(&page[i]); err != nil {
				return err
			}
		}
		select {
		case pages <- out:
		case <-ctx.Done():
			return ctx.Err()
		}
		if len(page) < pageSize || f.Limit > 0 {
			return nil
		}
		after = page[len(page)-1].Name
	}
}

func (e BulkEdit) editDevice(v *Selected) (edited, error) {
	d := edited{was: v.Device, deviceOutcome: deviceOutcome{v.Name, changed, ""}}
	err := e.Change(v)
	var r Refusal
	if errors.As(err, &r) {
		d.now, d.change, d.reason = d.was, refused, r.Reason
		return d, nil
	}
	d.now, d.reason = v.Device, v.Note
	d.now.ID, d.now.Name, d.now.CreatedAt, d.now.UpdatedAt = d.was.ID, d.was.Name, d.was.CreatedAt, d.was.UpdatedAt
	d.now.CompletesBy, d.now.LockedUntil = wholeMillis(d.now.CompletesBy), wholeMillis(d.now.LockedUntil)
	if e.Delete == nil && sameDevice(d.was, d.now) {
		d.change = same
	}
	return d, err
}

func (e BulkEdit) write(t *tx, a Actor, page []edited) error {
	if e.Delete != nil {
		return e.Delete.deleteAll(t, a, page, e.Event.Detail)
	}
	return writeEdited(t, a, page, e.Event)
}

// deleteAll deletes the devices that were not refused, with an event for each, and first
// revokes their certificates if that is wanted.
func (b Deletion) deleteAll(t *tx, a Actor, page []edited, detail string) error {
	for _, d := range page {
		if d.change != changed {
			continue
		}
		if b.Revoke != "" {
			if err := revokeAllOf(t, a, d.was, b.Revoke); err != nil {
				return err
			}
		}
		if err := deleteDevice(t, a, d.was, detail); err != nil {
			return err
		}
	}
	return nil
}

// writeEdited writes what has changed, with an event for each device.
func writeEdited(t *tx, a Actor, page []edited, e EventText) error {
	names := make([]string, 0, len(page))
	for _, d := range page {
		if d.change != changed {
			continue
		}
		d.now.UpdatedAt = t.now
		if err := updateDevice(t, d.now); err != nil {
			return err
		}
		names = append(names, d.was.Name)
	}
	return t.events(a, names, e)
}

// eventRows is how many events one statement writes.
const eventRows = 25

var insertEvents = "INSERT INTO events (" + eventColumns + ", hash) VALUES " +
	strings.TrimSuffix(strings.Repeat("(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?), ", eventRows), ", ")

// events is event for many devices.
func (t *tx) events(a Actor, devices []string, text EventText) error {
	for len(devices) >= eventRows {
		if err := t.readHead(); err != nil {
			return err
		}
		head := t.head
		args := make([]any, 0, eventRows*13)
		for _, device := range devices[:eventRows] {
			e := Event{ID: head.id + 1, At: t.now, Actor: a, Device: device, Action: text.Action, Step: text.Step,
				Outcome: cmp.Or(text.Outcome, "ok"), Detail: text.Detail}
			hash, scratch := e.link(head.hash, t.scratch)
			t.scratch = scratch
			args = append(args, e.ID, millis(e.At), string(a.Kind), a.Name, a.Address, a.Terminal, a.Command,
				e.Device, e.Action, e.Step, e.Outcome, e.Detail, hash[:])
			head = chainHead{known: true, moved: true, id: e.ID, hash: hash}
		}
		if _, err := t.exec(insertEvents, args...); err != nil {
			return err
		}
		t.head, devices = head, devices[eventRows:]
	}
	for _, device := range devices {
		if err := t.event(a, device, text); err != nil {
			return err
		}
	}
	return nil
}

func (n *BulkTally) count(o deviceOutcome) {
	n.Selected++
	switch o.change {
	case changed:
		n.Changed++
	case refused:
		n.Refused++
	}
}

// What a bulk change did to a device, as the table of results holds it.
const (
	changed = "changed"
	same    = "same"
	refused = "refused"
)
