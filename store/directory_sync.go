package store

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"capf/internal/plural"
)

// Found is an entry of a directory, with its device.
type Found struct {
	Device string
	Entry  string // the distinguished name
}

// SyncOutcome is what a sync did with one device.
type SyncOutcome string

// The outcomes. A sync does not change existing devices.
const (
	SyncAdded   SyncOutcome = "added"   // a new device, or one whose entry came back after the device was deleted
	SyncKnown   SyncOutcome = "known"   // named before
	SyncAdopted SyncOutcome = "adopted" // existed, but the directory had not named it
	SyncDeleted SyncOutcome = "deleted" // named before and since deleted by an operator: it stays deleted
	SyncBack    SyncOutcome = "back"    // was missing
	SyncMissing SyncOutcome = "missing" // no longer named
	SyncRefused SyncOutcome = "refused" // a rule forbids the new device
)

// Sync is what a directory has answered, to be written to the database.
type Sync struct {
	Directory Directory // as Directory returned it
	Found     []Found   // each device at most once
	// Unusable are the distinguished names of entries that name no device.
	// Devices that they named before do not count as missing.
	Unusable []string
	// New returns a device to be added. A Refusal leaves it out.
	New func(name, entry string) (Device, error)
	// Report is called for each device, missing ones last.
	Report func(Found, SyncOutcome)
	// Ready is called before the commit. Its error undoes everything and is
	// returned as it is.
	Ready func(SyncTally) error
}

// SyncTally says how many devices the directory had named before, and how many
// of those it no longer names.
type SyncTally struct{ Named, Missing int64 }

// SyncDevices writes a Sync in one transaction. An error of New is returned
// unchanged. ErrConflict: the directory was changed, deleted or synced since
// it was read.
func (s *Store) SyncDevices(ctx context.Context, a Actor, v Sync) error {
	var refusal error
	err := s.changeOnce(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE directories SET last_sync_at = ?, first_sync_at = CASE first_sync_at WHEN 0 THEN ? ELSE first_sync_at END,
			held_at = 0, held_missing = 0, held_of = 0 WHERE id = ? AND updated_at = ? AND last_sync_at = ?`, millis(t.now), millis(t.now),
			v.Directory.ID, millis(v.Directory.UpdatedAt), millis(v.Directory.LastSyncAt))
		if err != nil {
			return err
		}
		if n == 0 {
			return conflict("the directory was changed meanwhile")
		}
		added, tally, err := syncDirectory(t, a, v, &refusal)
		if err != nil {
			return err
		}
		if refusal = v.Ready(tally); refusal != nil {
			return refusal
		}
		return t.event(a, "", EventText{Action: "ldap-sync", Detail: v.Directory.Name + ": " + decimal(int64(len(v.Found))) +
			" entries, " + plural.Of(added, "device") + " added, " + decimal(tally.Missing) + " missing"})
	})
	if refusal != nil {
		return refusal
	}
	return failed(err, "putting the entries of directory %q into the database", v.Directory.Name)
}

// HoldSync records that a sync was stopped, until one is carried out.
func (s *Store) HoldSync(ctx context.Context, a Actor, d Directory, n SyncTally) error {
	err := s.change(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE directories SET held_at = ?, held_missing = ?, held_of = ? WHERE id = ?", millis(t.now), n.Missing, n.Named, d.ID)
		if err != nil {
			return err
		}
		return t.event(a, "", EventText{Action: "ldap-sync", Outcome: "refused",
			Detail: d.Name + ": " + decimal(n.Missing) + " of " + plural.Of(n.Named, "device") + " would be missing"})
	})
	return failed(err, "keeping that the sync of directory %q was stopped", d.Name)
}

// syncDirectory processes the entries, then marks what is missing among them.
func syncDirectory(t *tx, a Actor, v Sync, refusal *error) (added int64, n SyncTally, err error) {
	known, err := knownDevices(t, v.Directory.ID)
	if err != nil {
		return 0, n, err
	}
	for _, missing := range known {
		if !missing {
			n.Named++
		}
	}
	a.Command = "" // the event of the whole has it
	for _, f := range v.Found {
		o, err := syncFound(t, a, v, f, known, refusal)
		if err != nil {
			return 0, n, err
		}
		if o == SyncAdded {
			added++
		}
		v.Report(f, o)
	}
	n.Missing, err = markMissing(t, v)
	return added, n, err
}

// knownDevices returns the devices that the directory has named, by lower-case
// name, with their missing marks.
func knownDevices(t *tx, directory int64) (map[string]bool, error) {
	type row struct {
		device  string
		missing bool
	}
	rows, err := rowsOf(t, query{selection: "SELECT lower(device), missing_since > 0 FROM directory_devices WHERE directory_id = ?", args: []any{directory}},
		func(r *row) []any { return []any{&r.device, &r.missing} })
	known := make(map[string]bool, len(rows))
	for _, r := range rows {
		known[r.device] = r.missing
	}
	return known, err
}

func syncFound(t *tx, a Actor, v Sync, f Found, known map[string]bool, refusal *error) (SyncOutcome, error) {
	missing, named := known[lowerASCII(f.Device)]
	var exists bool
	if err := t.row("SELECT EXISTS (SELECT 1 FROM devices WHERE name = ?)", f.Device).Scan(&exists); err != nil {
		return "", err
	}
	returns := named && missing && !exists // the device was deleted while no directory named it
	if !exists && (!named || returns) {
		return syncNewDevice(t, a, v, f, refusal)
	}
	if err := syncName(t, v, f); err != nil {
		return "", err
	}
	switch {
	case !named:
		return SyncAdopted, nil
	case missing:
		return SyncBack, nil
	case !exists:
		return SyncDeleted, nil
	}
	return SyncKnown, nil
}

// syncName records that the directory names the device.
func syncName(t *tx, v Sync, f Found) error {
	_, err := t.exec(`INSERT INTO directory_devices (directory_id, device, entry, added_at) VALUES (?, ?, ?, ?)
		ON CONFLICT (directory_id, device) DO UPDATE SET entry = excluded.entry, missing_since = 0 WHERE entry <> excluded.entry OR missing_since <> 0`,
		v.Directory.ID, f.Device, f.Entry, millis(t.now))
	return err
}

// syncNewDevice adds the device of an entry. If a rule forbids that, the next sync
// tries again.
func syncNewDevice(t *tx, a Actor, v Sync, f Found, refusal *error) (SyncOutcome, error) {
	d, err := v.New(f.Device, f.Entry)
	if errors.As(err, new(Refusal)) {
		return SyncRefused, nil
	}
	if err != nil {
		*refusal = err
		return "", err
	}
	if err := syncName(t, v, f); err != nil {
		return "", err
	}
	if err := insertDevice(t, &d); err != nil {
		return "", err
	}
	return SyncAdded, t.event(a, d.Name, EventText{Action: "device-add", Detail: "by directory " + v.Directory.Name})
}

// markMissing marks the devices that the directory no longer names.
func markMissing(t *tx, v Sync) (int64, error) {
	found, err := table(v.Found, func(f Found) []any { return []any{f.Device} })
	if err != nil {
		return 0, err
	}
	unusable, err := json.Marshal(append([]string{}, v.Unusable...)) // nil would become NULL, and NOT IN would match nothing
	if err != nil {
		return 0, err
	}
	gone, err := rowsOf(t, query{
		selection: `UPDATE directory_devices SET missing_since = ? WHERE directory_id = ? AND missing_since = 0
			AND device NOT IN (SELECT value ->> 0 FROM json_each(?)) AND entry NOT IN (SELECT value FROM json_each(?)) RETURNING device, entry`,
		args: []any{millis(t.now), v.Directory.ID, found, string(unusable)},
	}, func(f *Found) []any { return []any{&f.Device, &f.Entry} })
	for _, f := range gone {
		v.Report(f, SyncMissing)
	}
	return int64(len(gone)), err
}

// lowerASCII lower-cases as the database does when it compares names.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
