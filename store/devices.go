package store

import (
	"bytes"
	"context"
	"iter"
	"time"
)

// Device is a phone or softphone with its CAPF settings. Times are zero when
// they are not set.
type Device struct {
	ID           int64
	Name         string
	Description  string
	Model        string
	Pool         string
	SecurityMode SecurityMode
	IPMode       IPMode

	Operation    Operation
	AuthMode     AuthMode
	SealedString []byte // authentication string, sealed; nil when there is none
	KeyOrder     KeyOrder
	RSABits      int
	ECBits       int
	CompletesBy  time.Time
	Status       Status
	// Schedule grows whenever an operation is scheduled, and begins where no
	// earlier device of the name has been. A confirmation clears the operation
	// only when no newer one has been scheduled since.
	Schedule int64

	// StringUsed says that the string has authenticated, and is good for no
	// other operation.
	StringUsed   bool
	WrongStrings int // wrong authentication strings in a row
	// Unconfirmed is how many keys the phone has sent since it last confirmed an
	// LSC, but for the newest.
	Unconfirmed  int
	LockedUntil  time.Time // after too many of either
	LockedFor    LockReason
	NoPossession bool // dropped the session at the possession step once
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// DeviceFilter limits a list of devices; what is empty does not limit. Name, Pool
// and Model are patterns, as for package wildcard.
type DeviceFilter struct {
	Name       string
	Pool       string
	Model      string
	Operation  Operation
	Status     Status
	AuthMode   AuthMode
	FailedOnly bool // whose last operation failed
	LateOnly   bool // whose operation is scheduled still, though its time is over
	Scheduled  bool // that have an operation
	// StringFrom and StringBelow limit the bytes of the sealed authentication
	// string, which devices without one do not have.
	StringFrom, StringBelow int
}

const (
	deviceColumns = `id, name, description, model, pool, security_mode, ip_mode, operation, auth_mode,
	key_order, rsa_bits, ec_bits, completes_by, status, schedule, string_used, wrong_strings, unconfirmed, locked_until, locked_for,
	no_possession, created_at, updated_at, sealed_string`
	selectDevice = "SELECT " + deviceColumns + " FROM devices WHERE name = ?"

	// Word for word the condition of the index devices_failed.
	hasFailed = `instr(status, '-failed') > 0`
	// The first term says the same as the second, which is word for word the
	// condition of the index devices_scheduled.
	isLate = `operation IN ('install', 'delete', 'troubleshoot') AND operation <> 'none' AND completes_by > 0 AND completes_by < ?`
)

// Late says whether the time has passed by which the operation that is scheduled
// had to be completed; the device is turned away then.
func (d *Device) Late(now time.Time) bool {
	return d.Operation != NoOperation && !d.CompletesBy.IsZero() && d.CompletesBy.Before(now)
}

func (d *Device) fields() []any {
	return []any{&d.ID, &d.Name, &d.Description, &d.Model, &d.Pool, (*string)(&d.SecurityMode), (*string)(&d.IPMode),
		(*string)(&d.Operation), (*string)(&d.AuthMode), (*string)(&d.KeyOrder), &d.RSABits, &d.ECBits,
		(*instant)(&d.CompletesBy), (*string)(&d.Status), &d.Schedule, &d.StringUsed, &d.WrongStrings, &d.Unconfirmed, (*instant)(&d.LockedUntil), (*string)(&d.LockedFor),
		&d.NoPossession, (*instant)(&d.CreatedAt), (*instant)(&d.UpdatedAt), &d.SealedString}
}

// AddDevice adds a device; its id, schedule and times are the store's. Nothing
// of a deleted device of that name becomes its own: it may be another phone.
// ErrConflict: the name is taken.
func (s *Store) AddDevice(ctx context.Context, a Actor, d Device) (Device, error) {
	err := s.change(ctx, func(t *tx) error {
		if err := insertDevice(t, &d); err != nil {
			return err
		}
		return t.event(a, d.Name, EventText{Action: "device-add"})
	})
	if err != nil {
		return Device{}, failed(err, "adding device %q", d.Name)
	}
	return d, nil
}

// insertDevice gives the device its id, its times and a schedule that no
// deleted device of its name had: the session of a phone may still hold one.
// Each change of a schedule adds one to it and an event to the record, so no
// schedule is ahead of the record.
func insertDevice(t *tx, d *Device) (err error) {
	if err := t.readHead(); err != nil {
		return err
	}
	d.Schedule = t.head.id + 1
	d.CreatedAt, d.UpdatedAt = t.now, t.now
	d.ID, err = t.insert(`INSERT INTO devices (name, description, model, pool, security_mode, ip_mode, operation,
		auth_mode, key_order, rsa_bits, ec_bits, completes_by, status, schedule, string_used, wrong_strings, unconfirmed, locked_until,
		locked_for, no_possession, created_at, updated_at, sealed_string)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
		d.Name, d.Description, d.Model, d.Pool, string(d.SecurityMode), string(d.IPMode), string(d.Operation),
		string(d.AuthMode), string(d.KeyOrder), d.RSABits, d.ECBits, millis(d.CompletesBy), string(d.Status),
		d.Schedule, d.StringUsed, d.WrongStrings, d.Unconfirmed, millis(d.LockedUntil), string(d.LockedFor), d.NoPossession,
		millis(t.now), millis(t.now), d.SealedString)
	return err
}

// ChangeDevice lets change edit the device and writes what it made of it; the
// id, the name and the times are the store's and stay. The device is locked
// meanwhile, so change does no I/O. Nothing is written, and no event, when
// nothing differs. With another schedule, what waits for the one before is
// superseded. An error of change ends it and is returned as it is; ErrNotFound:
// there is no such device.
func (s *Store) ChangeDevice(ctx context.Context, a Actor, name string, event EventText, change func(*Device) error) (Device, error) {
	var d Device
	var refused error
	err := s.changeOnce(ctx, func(t *tx) error {
		d = Device{}
		if err := t.row(selectDevice, name).Scan(d.fields()...); err != nil {
			return err
		}
		was := d
		was.SealedString = bytes.Clone(d.SealedString)
		if refused = change(&d); refused != nil {
			return refused
		}
		d.ID, d.Name, d.CreatedAt, d.UpdatedAt = was.ID, was.Name, was.CreatedAt, was.UpdatedAt
		d.CompletesBy, d.LockedUntil = wholeMillis(d.CompletesBy), wholeMillis(d.LockedUntil)
		if sameDevice(was, d) {
			return nil
		}
		d.UpdatedAt = t.now
		if err := updateDevice(t, d); err != nil {
			return err
		}
		if err := outdateRequests(t, d.ID); err != nil {
			return err
		}
		return t.event(a, d.Name, event)
	})
	switch {
	case err == nil:
		return d, nil
	case refused != nil:
		return Device{}, refused
	}
	return Device{}, failed(err, "changing device %q", name)
}

func updateDevice(t *tx, d Device) error {
	_, err := t.exec(`UPDATE devices SET description = ?, model = ?, pool = ?, security_mode = ?, ip_mode = ?,
		operation = ?, auth_mode = ?, key_order = ?, rsa_bits = ?, ec_bits = ?, completes_by = ?, status = ?,
		schedule = ?, string_used = ?, wrong_strings = ?, unconfirmed = ?, locked_until = ?, locked_for = ?, no_possession = ?, updated_at = ?, sealed_string = ?
		WHERE id = ?`,
		d.Description, d.Model, d.Pool, string(d.SecurityMode), string(d.IPMode), string(d.Operation),
		string(d.AuthMode), string(d.KeyOrder), d.RSABits, d.ECBits, millis(d.CompletesBy), string(d.Status),
		d.Schedule, d.StringUsed, d.WrongStrings, d.Unconfirmed, millis(d.LockedUntil), string(d.LockedFor), d.NoPossession,
		millis(d.UpdatedAt), d.SealedString, d.ID)
	return err
}

func sameDevice(a, b Device) bool {
	same := bytes.Equal(a.SealedString, b.SealedString) && a.CompletesBy.Equal(b.CompletesBy) && a.LockedUntil.Equal(b.LockedUntil)
	return same && a.Description == b.Description && a.Model == b.Model && a.Pool == b.Pool &&
		a.SecurityMode == b.SecurityMode && a.IPMode == b.IPMode && a.Operation == b.Operation &&
		a.AuthMode == b.AuthMode && a.KeyOrder == b.KeyOrder && a.RSABits == b.RSABits && a.ECBits == b.ECBits &&
		a.Status == b.Status && a.Schedule == b.Schedule && a.WrongStrings == b.WrongStrings && a.Unconfirmed == b.Unconfirmed &&
		a.LockedFor == b.LockedFor && a.StringUsed == b.StringUsed && a.NoPossession == b.NoPossession
}

func wholeMillis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Truncate(time.Millisecond).UTC()
}

// DeleteDevice deletes a device. Its pending request is superseded and its
// unconfirmed LSC stale; both, like all that it had, keep its name.
// ErrNotFound: there is no such device.
func (s *Store) DeleteDevice(ctx context.Context, a Actor, name string) error {
	err := s.change(ctx, func(t *tx) error {
		var d Device
		if err := t.row(selectDevice, name).Scan(d.fields()...); err != nil {
			return err
		}
		if _, err := overtakePending(t, d.ID); err != nil {
			return err
		}
		if _, err := t.exec("DELETE FROM devices WHERE id = ?", d.ID); err != nil {
			return err
		}
		return t.event(a, d.Name, EventText{Action: "device-delete"})
	})
	return failed(err, "deleting device %q", name)
}

// Device returns the device of that name, whatever the case. ErrNotFound:
// there is none.
func (s *Reader) Device(ctx context.Context, name string) (Device, error) {
	var d Device
	if err := s.point(ctx, selectDevice, []any{name}, d.fields()...); err != nil {
		return Device{}, failed(err, "reading device %q", name)
	}
	return d, nil
}

// Devices yields the devices in the order of their names.
func (s *Reader) Devices(ctx context.Context, f DeviceFilter) iter.Seq2[Device, error] {
	return stream(ctx, s, "reading devices", f.query(s.options.Now()), (*Device).fields)
}

func (f DeviceFilter) query(now time.Time) query {
	q := query{selection: "SELECT " + deviceColumns + " FROM devices", order: "name"}
	q.named("name", f.Name)
	q.like("pool", f.Pool)
	q.like("model", f.Model)
	for column, value := range map[string]string{"status": string(f.Status), "auth_mode": string(f.AuthMode)} {
		if value != "" {
			q.where(column+" = ?", value)
		}
	}
	if f.Operation != "" {
		q.where("operation = ?", string(f.Operation))
	}
	if f.Operation != "" && f.Operation != NoOperation {
		q.where("operation <> 'none'") // for the index of the scheduled ones
	}
	if f.Scheduled {
		q.where("operation <> 'none'")
	}
	if f.StringFrom > 0 {
		q.where("length(sealed_string) >= ?", f.StringFrom)
	}
	if f.StringBelow > 0 {
		q.where("length(sealed_string) < ?", f.StringBelow)
	}
	if f.FailedOnly || f.Status.IsFailure() {
		q.where(hasFailed)
	}
	if f.LateOnly {
		q.where(isLate, millis(now))
	}
	return q
}
