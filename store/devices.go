package store

import (
	"bytes"
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
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
	// Schedule increases whenever an operation is scheduled, and begins above
	// the values of any earlier device of the name. A confirmation clears the
	// operation only when no newer one has been scheduled since.
	Schedule int64

	// StringUsed says that the string has been used to authenticate, and is not
	// valid for another operation.
	StringUsed   bool
	WrongStrings int // wrong authentication strings in a row
	// Unconfirmed is how many keys the phone has sent since it last confirmed an
	// LSC, not counting the newest.
	Unconfirmed  int
	LockedUntil  time.Time // after too many of either
	LockedFor    LockReason
	NoPossession bool // dropped the session at the possession step once
	CreatedAt    time.Time
	UpdatedAt    time.Time
	// SeenAt is when a session last named the device, to the hour.
	SeenAt time.Time
}

// DeviceFilter limits a list of devices; what is empty does not limit, and what is
// not is combined with AND. Name, Description, Pool and Model are patterns, as for package
// wildcard. The names in JSON are those of the documents of jobs, which outlive a
// version of capf.
type DeviceFilter struct {
	Name        string    `json:"name,omitempty"`
	Pool        string    `json:"pool,omitempty"`
	Model       string    `json:"model,omitempty"`
	Operation   Operation `json:"operation,omitempty"`
	Status      Status    `json:"status,omitempty"`
	AuthMode    AuthMode  `json:"auth_mode,omitempty"`
	Failed      bool      `json:"failed,omitempty"` // whose last operation failed
	Late        bool      `json:"late,omitempty"`   // whose operation should have been completed by now
	Names       []string  `json:"names,omitempty"`  // one of these, ignoring case; nil does not limit
	Description string    `json:"description,omitempty"`
	NoString    bool      `json:"no_auth_string,omitempty"` // that have no authentication string
	Locked      bool      `json:"locked,omitempty"`
	Waiting     bool      `json:"waiting,omitempty"` // whose request waits for a certificate
	// SeenBefore limits to devices that no session has named since; one that none
	// has ever named counts from when it was added.
	SeenBefore *time.Time `json:"last_seen_before,omitempty"`
	Scheduled  bool       `json:"-"` // that have an operation
	// StringFrom and StringBelow limit the bytes of the sealed authentication
	// string, which devices without one do not have.
	StringFrom  int `json:"-"`
	StringBelow int `json:"-"`
}

// deviceColumn is a column of the table of devices. The field is a pointer into
// the device that a row is read into.
type deviceColumn struct {
	name  string
	field func(*Device) any
	fixed bool // a difference does not count as a change
}

// deviceFacts are the columns, in the order in which they are read. A new one
// needs a migration, a field in Device and a line here.
var deviceFacts = []deviceColumn{
	{"id", func(d *Device) any { return &d.ID }, true},
	{"name", func(d *Device) any { return &d.Name }, true},
	{"description", func(d *Device) any { return &d.Description }, false},
	{"model", func(d *Device) any { return &d.Model }, false},
	{"pool", func(d *Device) any { return &d.Pool }, false},
	{"security_mode", func(d *Device) any { return (*string)(&d.SecurityMode) }, false},
	{"ip_mode", func(d *Device) any { return (*string)(&d.IPMode) }, false},
	{"operation", func(d *Device) any { return (*string)(&d.Operation) }, false},
	{"auth_mode", func(d *Device) any { return (*string)(&d.AuthMode) }, false},
	{"key_order", func(d *Device) any { return (*string)(&d.KeyOrder) }, false},
	{"rsa_bits", func(d *Device) any { return &d.RSABits }, false},
	{"ec_bits", func(d *Device) any { return &d.ECBits }, false},
	{"completes_by", func(d *Device) any { return (*instant)(&d.CompletesBy) }, false},
	{"status", func(d *Device) any { return (*string)(&d.Status) }, false},
	{"schedule", func(d *Device) any { return &d.Schedule }, false},
	{"string_used", func(d *Device) any { return &d.StringUsed }, false},
	{"wrong_strings", func(d *Device) any { return &d.WrongStrings }, false},
	{"unconfirmed", func(d *Device) any { return &d.Unconfirmed }, false},
	{"locked_until", func(d *Device) any { return (*instant)(&d.LockedUntil) }, false},
	{"locked_for", func(d *Device) any { return (*string)(&d.LockedFor) }, false},
	{"no_possession", func(d *Device) any { return &d.NoPossession }, false},
	{"created_at", func(d *Device) any { return (*instant)(&d.CreatedAt) }, true},
	{"updated_at", func(d *Device) any { return (*instant)(&d.UpdatedAt) }, true},
	{"seen_at", func(d *Device) any { return (*instant)(&d.SeenAt) }, true},
	{"sealed_string", func(d *Device) any { return &d.SealedString }, false},
}

// deviceChanges are the columns that a change of a device can affect.
var deviceChanges = slices.DeleteFunc(slices.Clone(deviceFacts), func(c deviceColumn) bool { return c.fixed })

// The statements for a device with all its columns. The database assigns the
// id.
var (
	deviceColumns  = strings.Join(columnNames(deviceFacts), ", ")
	selectDevice   = "SELECT " + deviceColumns + " FROM devices WHERE name = ?"
	insertOfDevice = "INSERT INTO devices (" + strings.Join(columnNames(deviceFacts[1:]), ", ") +
		") VALUES (?" + strings.Repeat(", ?", len(deviceFacts)-2) + ")"
	// The name is left out: it is in an index, which an UPDATE that names it
	// would rewrite.
	updateOfDevice = "UPDATE devices SET " + strings.Join(columnNames(deviceChanges), " = ?, ") + " = ?, updated_at = ? WHERE id = ?"
)

func columnNames(columns []deviceColumn) []string {
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return names
}

const (
	// Word for word the condition of the index devices_failed.
	hasFailed = `instr(status, '-failed') > 0`
	// The first term says the same as the second, which is word for word the
	// condition of the index devices_scheduled.
	// The first term is word for word the condition of the index devices_locked.
	isLocked = `locked_until > 0 AND locked_until > ? AND locked_until <= ?`
	isLate   = `operation IN ('install', 'delete', 'troubleshoot') AND operation <> 'none' AND completes_by > 0 AND completes_by < ?`
)

// Late reports whether the deadline of the scheduled operation has passed; the
// device is then turned away.
func (d *Device) Late(now time.Time) bool {
	return d.Operation != NoOperation && !d.CompletesBy.IsZero() && d.CompletesBy.Before(now)
}

func (d *Device) fields() []any {
	fields := make([]any, len(deviceFacts))
	for i, c := range deviceFacts {
		fields[i] = c.field(d)
	}
	return fields
}

// values returns the device's values for the columns, as arguments of a
// statement.
func (d *Device) values(columns []deviceColumn) []any {
	values := make([]any, len(columns))
	for i, c := range columns {
		values[i] = columnValue(c.field(d))
	}
	return values
}

// columnValue returns the argument of a statement for a field of a row.
func columnValue(field any) any {
	switch v := field.(type) {
	case *string:
		return *v
	case *instant:
		return millis(time.Time(*v))
	case *int:
		return *v
	case *int64:
		return *v
	case *bool:
		return *v
	case *[]byte:
		return *v
	}
	panic(fmt.Sprintf("a column has a field of the type %T", field)) // found by any test that adds a device
}

// AddDevice adds a device; the store sets its id, schedule and times. It
// inherits nothing from a deleted device of that name, which may have been
// another phone. ErrConflict: the name is taken.
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
	d.ID, err = t.insert(insertOfDevice, d.values(deviceFacts[1:])...)
	return err
}

// ChangeDevice lets change edit the device and writes the result; it cannot
// change the id, the name or the times. The database is locked meanwhile, so
// change must do no I/O. When nothing differs, nothing is written, not even an
// event. With a new schedule, requests that wait under the previous one are
// superseded. An error of change is returned unchanged; ErrNotFound: there is
// no such device.
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
	_, err := t.exec(updateOfDevice, append(d.values(deviceChanges), millis(d.UpdatedAt), d.ID)...)
	return err
}

// sameDevice reports whether nothing would change.
func sameDevice(a, b Device) bool {
	return bytes.Equal(a.SealedString, b.SealedString) && !slices.ContainsFunc(deviceChanges, func(c deviceColumn) bool {
		field := c.field(&a)
		_, secret := field.(*[]byte)
		return !secret && columnValue(field) != columnValue(c.field(&b))
	})
}

func wholeMillis(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Truncate(time.Millisecond).UTC()
}

// DeleteDevice deletes a device. Its pending request is superseded and its
// unconfirmed LSC becomes stale; these and everything else that it had keep
// its name. ErrNotFound: there is no such device.
func (s *Store) DeleteDevice(ctx context.Context, a Actor, name string) error {
	err := s.change(ctx, func(t *tx) error {
		var d Device
		if err := t.row(selectDevice, name).Scan(d.fields()...); err != nil {
			return err
		}
		return deleteDevice(t, a, d, "")
	})
	return failed(err, "deleting device %q", name)
}

func deleteDevice(t *tx, a Actor, d Device, detail string) error {
	if _, err := overtakePending(t, d.ID); err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM devices WHERE id = ?", d.ID); err != nil {
		return err
	}
	return t.event(a, d.Name, EventText{Action: "device-delete", Detail: detail})
}

// Device returns the device of that name, ignoring case. ErrNotFound: there
// is none.
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
	q.listed("name", f.Names)
	q.like("description", f.Description)
	q.like("pool", f.Pool)
	q.like("model", f.Model)
	q.equal("operation", string(f.Operation))
	q.equal("status", string(f.Status))
	q.equal("auth_mode", string(f.AuthMode))
	if f.Scheduled || f.Operation != "" && f.Operation != NoOperation {
		q.where("operation <> 'none'") // word for word the condition of the index devices_scheduled
	}
	if f.StringFrom > 0 {
		q.where("length(sealed_string) >= ?", f.StringFrom)
	}
	if f.StringBelow > 0 {
		q.where("length(sealed_string) < ?", f.StringBelow)
	}
	if f.Failed || f.Status.IsFailure() {
		q.where(hasFailed)
	}
	if f.Late {
		q.where(isLate, millis(now))
	}
	if f.NoString {
		q.where("sealed_string IS NULL")
	}
	if f.Locked {
		q.where(isLocked, millis(now), millis(now.Add(LockTime)))
	}
	if f.Waiting {
		q.where("EXISTS (SELECT 1 FROM requests WHERE device_id = devices.id AND state = 'pending')")
	}
	if f.SeenBefore != nil {
		q.where("max(seen_at, devices.created_at) < ?", millis(*f.SeenBefore))
	}
	return q
}
